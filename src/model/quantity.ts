// Durations and sizes as people write them (`10s`, `64MiB`) and as code holds them: milliseconds and bytes. Read by the
// manifest's traits, link settings and flags; printed in messages and by `holdfast app status`.

import { Fault } from "./fault.ts";

const DURATION_UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  // Kubernetes' spelling.
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** Longest text that can be a quantity; what is longer is not one. */
const TEXT_LENGTH_MAX = 64;

/**
 * Reads a duration into milliseconds: a plain number is milliseconds; `250ms`, `10s`, `1.5h`, `1m30s`, `2d`, `500us`.
 * Throws a {@linkcode Fault} `bad_request` for anything else, negative ones included.
 */
export function parseDuration(text: string | number): number {
  if (typeof text === "number") return checkPlain(text, "duration");
  const trimmed = text.trim();
  if (trimmed.length > TEXT_LENGTH_MAX) throw refuse("duration", text);
  if (/^\d+$/.test(trimmed)) return checkPlain(Number(trimmed), "duration");
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)/gy)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== trimmed) throw refuse("duration", text);
  let ms = 0;
  let unitBefore = Infinity;
  for (const [, amount, name] of parts) {
    const unit = DURATION_UNITS[name];
    if (unit >= unitBefore) throw refuse("duration", text);
    unitBefore = unit;
    ms += Number(amount) * unit;
  }
  return checkPlain(Math.round(ms * 1_000) / 1_000, "duration");
}

/**
 * Reads a size into whole bytes: a plain number is bytes; `64MiB`, `64 Mi`, `1.5GB`, `512 KiB`. KB is 1,000 bytes,
 * KiB is 1,024. Throws a {@linkcode Fault} `bad_request` for anything else.
 */
export function parseSize(text: string | number): number {
  if (typeof text === "number") return Math.ceil(checkPlain(text, "size"));
  const found = text.length <= TEXT_LENGTH_MAX && text.trim().match(/^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/);
  const name = found ? found[2].toLowerCase() || "b" : "";
  if (!found || !Object.hasOwn(SIZE_UNITS, name)) throw refuse("size", text);
  return Math.ceil(checkPlain(Number(found[1]) * SIZE_UNITS[name], "size"));
}

/** Prints milliseconds so that {@linkcode parseDuration} reads the same back, in the largest units that fit. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "none";
  if (ms < 1) return ms === 0 ? "0ms" : `${Math.round(ms * 1_000)}us`;
  const parts: string[] = [];
  let rest = Math.round(ms * 1_000) / 1_000;
  for (const name of ["d", "h", "m", "s"]) {
    const unit = DURATION_UNITS[name];
    const amount = Math.floor(rest / unit);
    if (amount === 0) continue;
    parts.push(`${amount}${name}`);
    rest -= amount * unit;
  }
  const whole = Math.floor(rest);
  if (whole > 0) parts.push(`${whole}ms`);
  const us = Math.round((rest - whole) * 1_000);
  if (us > 0) parts.push(`${us}us`);
  return parts.join("");
}

/** Prints bytes so that {@linkcode parseSize} reads the same back: `64MiB` where it is exact, else `1500B`. */
export function formatSize(bytes: number): string {
  for (const name of ["TiB", "GiB", "MiB", "KiB"]) {
    const unit = SIZE_UNITS[name.toLowerCase()];
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${name}`;
  }
  return `${bytes}B`;
}

function checkPlain(value: number, what: "duration" | "size"): number {
  if (!Number.isFinite(value) || value < 0 || value > Number.MAX_SAFE_INTEGER) throw refuse(what, value);
  return value;
}

function refuse(what: "duration" | "size", text: string | number): Fault {
  const mend = what === "duration"
    ? 'write a number with a unit, like "250ms", "10s", "5m" or "1m30s"'
    : 'write a number with a unit, like "512KiB", "64MiB" or "1GB"';
  return new Fault(
    "bad_request",
    `${JSON.stringify(String(text).slice(0, TEXT_LENGTH_MAX))} is not a ${what}; ${mend}`,
  );
}
