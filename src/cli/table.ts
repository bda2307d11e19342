// Text for people: aligned tables, sizes and ages rounded to what a reader needs. Pure. Nothing a guest or a manifest
// named can command the terminal: cells are escaped here.

import { formatDuration } from "../model/quantity.ts";
import { escapeControls } from "./log.ts";

/** What colour says beyond the words, which say it too. */
export type Tone = "good" | "bad" | "dim";

/** One cell: plain text, or text in a tone. */
export type Cell = string | number | { text: string; tone: Tone };

const TONES: Readonly<Record<Tone, string>> = { good: "32", bad: "31", dim: "2" };
const GAP = "  ";

/**
 * Lines of a table: a header in capitals, columns as wide as their widest cell, numbers to the right. The last column is
 * left ragged, so that long reasons do not pad the others' lines.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: { colour: boolean },
): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => textOf(row[column]).length)));
  const isNumeric = header.map((_, column) =>
    rows.length > 0 && rows.every((row) => typeof row[column] === "number")
  );
  return all.map((row, index) =>
    row.map((cell, column) => {
      const text = textOf(cell);
      const fill = " ".repeat(widths[column] - text.length);
      const tone = index === 0 ? "dim" : typeof cell === "object" ? cell.tone : undefined;
      const shown = tone ? paint(text, tone, options.colour) : text;
      if (isNumeric[column]) return fill + shown;
      return column === row.length - 1 ? shown : shown + fill;
    }).join(GAP).trimEnd()
  );
}

/** Lines of `name  value`, names aligned. */
export function formatPairs(
  pairs: readonly (readonly [string, string])[],
  options: { colour: boolean },
): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) =>
    `${paint(name.padEnd(width), "dim", options.colour)}${GAP}${escapeControls(value)}`.trimEnd()
  );
}

/** Text in a tone, where colour is wanted. */
export function paint(text: string, tone: Tone, colour: boolean): string {
  return colour && text !== "" ? `\x1b[${TONES[tone]}m${text}\x1b[0m` : text;
}

/** `12.3 MiB`: three digits are what a reader takes in. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
}

/** `3d4h`, `5m12s`, `12s`: the two largest units. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const text = formatDuration(seconds * 1000).match(/\d+[a-z]+/g) ?? [];
  return seconds === 0 ? "0s" : text.slice(0, 2).join("");
}

/** `2026-01-31 12:34:56` in this machine's time zone. */
export function formatTime(timeMs: number): string {
  const at = new Date(timeMs);
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function textOf(cell: Cell): string {
  return escapeControls(typeof cell === "object" ? cell.text : String(cell));
}
