// The log of a host: lines on standard error, for people (`12:34:56.789 INFO  [shop-till] sold count=3`) or for programs
// (JSON). What guests and peers say is escaped, so that nobody writes lines, or a terminal's commands, that are not
// ours. Writing never makes the host wait, see `line_writer.ts`.

import type { Log } from "../model/ports.ts";
import { LineWriter } from "./line_writer.ts";

export const LOG_LEVELS = ["debug", "info", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = "text" | "json";

export interface LogOptions {
  /** Lines below it are left out. */
  level: LogLevel;
  format: LogFormat;
  /** Whether journald reads us: it keeps the time itself, and takes the priority from the head of each line. */
  toJournal: boolean;
  /** Milliseconds since the epoch. */
  nowMs: () => number;
  /** Takes one line with its newline. */
  write: (line: string) => void;
}

/** syslog's priorities, which journald reads as `<6>`. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, error: 3 };
const LABELS: Readonly<Record<LogLevel, string>> = { debug: "DEBUG", info: "INFO ", error: "ERROR" };
/** A field's text beyond this is cut: a line is for reading, and a guest chooses what it says. */
const TEXT_LENGTH_MAX = 16_384;
/** Keys of a JSON line that are ours; a field of that name gets a `_` behind it. */
const RESERVED = new Set(["time", "level", "message"]);

/** A log that writes lines. */
export function createLog(options: LogOptions): Log {
  return new LineLog(options, {});
}

/** The log of this process, on its standard error; `flush` before the process ends. */
export function openLog(
  options: Pick<LogOptions, "level" | "format">,
  environment: Readonly<Record<string, string>>,
): { log: Log; flush: () => Promise<void> } {
  const whole = { ...options, toJournal: isJournal(environment), nowMs: Date.now };
  // Only a log of our own can word it: the writer knows bytes, not formats.
  const describeDropped = (lines: number) => {
    let text = "";
    createLog({ ...whole, write: (line) => text = line })
      .error(`${lines} log lines dropped: nobody read them in time`);
    return text;
  };
  const writer = new LineWriter(Deno.stderr, describeDropped);
  addEventListener("unload", () => writer.flushSync());
  return {
    log: createLog({ ...whole, write: (line) => writer.write(line) }),
    flush: () => writer.flush(),
  };
}

/**
 * Whether standard error is the journal's own socket. systemd says which it is, because the variable is inherited by
 * children whose output goes elsewhere.
 */
function isJournal(environment: Readonly<Record<string, string>>): boolean {
  const stream = environment.JOURNAL_STREAM;
  if (!stream) return false;
  try {
    const { dev, ino } = Deno.statSync("/dev/stderr");
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

class LineLog implements Log {
  readonly #options: LogOptions;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(options: LogOptions, fields: Readonly<Record<string, unknown>>) {
    this.#options = options;
    this.#fields = fields;
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#add("debug", message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#add("info", message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#add("error", message, fields);
  }

  with(fields: Record<string, unknown>): Log {
    return new LineLog(this.#options, { ...this.#fields, ...fields });
  }

  #add(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    const { level: least, format, toJournal, nowMs, write } = this.#options;
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const all = { ...this.#fields, ...fields };
    const line = format === "json"
      ? formatJson({ level, message, fields: all, timeMs: nowMs() })
      : formatText({ level, message, fields: all, timeMs: toJournal ? undefined : nowMs() });
    write(`${toJournal ? `<${PRIORITIES[level]}>` : ""}${line}\n`);
  }
}

interface LogEntry {
  level: LogLevel;
  message: string;
  fields: Readonly<Record<string, unknown>>;
  timeMs?: number;
}

function formatText({ level, message, fields, timeMs }: LogEntry): string {
  const parts = timeMs === undefined ? [] : [formatTimeOfDay(timeMs)];
  parts.push(LABELS[level]);
  const { component, ...others } = fields;
  if (component !== undefined) parts.push(`[${escapeControls(describe(component))}]`);
  parts.push(escapeControls(cut(message)));
  return [...parts, ...formatFields(others)].join(" ");
}

/** Fields as `key=value`, each on one line and unable to look like another. */
export function formatFields(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${escapeControls(key)}=${formatField(value)}`);
}

function formatJson({ level, message, fields, timeMs = 0 }: LogEntry): string {
  const line: Record<string, unknown> = {
    time: new Date(timeMs).toISOString(),
    level,
    message: cut(message),
  };
  for (const [key, value] of Object.entries(fields)) {
    line[RESERVED.has(key) ? `${key}_` : key] = toPlain(value);
  }
  // JSON escapes what is below U+0020; the others are escaped for whoever reads the lines on a terminal.
  return escapeControls(JSON.stringify(line));
}

/** A value that a reader can tell from the next field: in quotes where it holds spaces, quotes or `=`. */
function formatField(value: unknown): string {
  const text = describe(value);
  return /^[^\s"=]+$/.test(text) ? escapeControls(text) : escapeControls(JSON.stringify(text));
}

function describe(value: unknown): string {
  if (typeof value === "string") return cut(value);
  const plain = toPlain(value);
  return typeof plain === "string" ? plain : cut(JSON.stringify(plain) ?? String(plain));
}

/** A value as JSON has it: errors are their message, big integers their digits, bytes their length. */
function toPlain(value: unknown): unknown {
  if (typeof value === "string") return cut(value);
  if (value instanceof Error) return cut(value.stack ?? value.message);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") {
    return String(value);
  }
  if (value === null || typeof value !== "object") return value;
  try {
    return JSON.parse(JSON.stringify(value, (_, inner) => {
      if (typeof inner === "bigint") return String(inner);
      if (inner instanceof Error) return inner.message;
      return inner instanceof Uint8Array ? `${inner.length} bytes` : inner;
    }));
  } catch {
    // A cycle, or a `toJSON` that throws: the line matters more than this field.
    return String(value);
  }
}

function cut(text: string): string {
  if (text.length <= TEXT_LENGTH_MAX) return text;
  return `${text.slice(0, TEXT_LENGTH_MAX)}… (${text.length - TEXT_LENGTH_MAX} more characters)`;
}

/**
 * Escapes what would end the line, command a terminal (C0, C1) or reorder what is shown (bidirectional controls), as
 * JSON does: `\n`, `\u001b`.
 */
export function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (one) => {
    const short = JSON.stringify(one).slice(1, -1);
    return short !== one ? short : `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** `12:34:56.789` in this machine's time zone. */
export function formatTimeOfDay(timeMs: number): string {
  const at = new Date(timeMs);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${
    pad(at.getMilliseconds(), 3)
  }`;
}
