// Turns what SQLite and the file system say into faults, once. Called by every file here that runs a statement; the
// message names the folder and the mend, because the reader of it is an operator in front of a full or dying disk.

import { Fault, type FaultCode, isFault } from "../model/fault.ts";

/** SQLite's primary result codes that this folder tells apart. */
export const SQLITE = {
  permission: 3,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  tooBig: 18,
  notADatabase: 26,
} as const;

// Deno gives no result code for what fails while opening or preparing, only SQLite's own fixed text.
const TEXTS: readonly [text: string, code: number][] = [
  ["database is locked", SQLITE.busy],
  ["database table is locked", SQLITE.locked],
  ["out of memory", SQLITE.noMemory],
  ["attempt to write a readonly database", SQLITE.readOnly],
  ["disk I/O error", SQLITE.ioError],
  ["database disk image is malformed", SQLITE.corrupt],
  ["malformed database schema", SQLITE.corrupt],
  ["database or disk is full", SQLITE.full],
  ["unable to open database file", SQLITE.cannotOpen],
  ["string or blob too big", SQLITE.tooBig],
  ["file is not a database", SQLITE.notADatabase],
];

/** The primary result code of an error that SQLite gave; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const given = error as Error & { code?: unknown; errcode?: unknown };
  if (given.code !== "ERR_SQLITE_ERROR") return undefined;
  if (typeof given.errcode === "number") return given.errcode & 0xff;
  return TEXTS.find(([text]) => error.message.includes(text))?.[1] ?? 1;
}

/** Whether another connection holds the lock that was asked for: try again later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.busy || code === SQLITE.locked;
}

/** Whether the file's bytes are not what SQLite wrote. */
export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

/**
 * The fault for an error from SQLite or from a file of the data folder; anything else comes back as it is (a bug, or
 * what a transaction's own work threw).
 */
export function toStoreFault(error: unknown, attempted: string, folder: string): unknown {
  if (isFault(error)) return error;
  const code = sqliteCode(error) ?? codeOfFile(error);
  if (code === undefined) return error;
  const [fault, says] = SAYS[code] ?? ["unavailable", OTHER];
  return new Fault(fault, `${attempted}: ${says.replaceAll("FOLDER", folder)}`, {
    detail: { folder, sqlite: code, text: (error as Error).message },
    cause: error,
  });
}

/**
 * The same for an error of opening: SQLite says only that it could not, so a file of our own finds out why.
 */
export async function toOpenFault(error: unknown, attempted: string, folder: string): Promise<unknown> {
  const code = sqliteCode(error);
  if (code !== SQLITE.cannotOpen && code !== SQLITE.readOnly) return toStoreFault(error, attempted, folder);
  const probe = `${folder}/write-probe-${Deno.pid}`;
  try {
    await Deno.writeTextFile(probe, "");
    await Deno.remove(probe);
  } catch (reason) {
    return toStoreFault(reason, attempted, folder);
  }
  return toStoreFault(error, attempted, folder);
}

const OTHER = "the database in FOLDER refused; see the cause in the log";

const SAYS: Readonly<Record<number, readonly [FaultCode, string]>> = {
  [SQLITE.permission]: [
    "denied",
    "this user may not write to FOLDER; give it the folder (chown), or choose another",
  ],
  [SQLITE.busy]: ["unavailable", "another process holds the database in FOLDER; try again"],
  [SQLITE.locked]: ["unavailable", "another process holds the database in FOLDER; try again"],
  [SQLITE.noMemory]: ["unavailable", "the box is out of memory; free some and try again"],
  [SQLITE.readOnly]: [
    "unavailable",
    "the disk under FOLDER is mounted read-only (a worn-out card turns itself so); mount it writable or replace it",
  ],
  [SQLITE.ioError]: [
    "unavailable",
    "the disk under FOLDER fails; check it (dmesg, SMART) and its free space",
  ],
  [SQLITE.corrupt]: [
    "corrupt",
    "the database in FOLDER is damaged; restart the host, which saves every readable row and sets the damaged file aside",
  ],
  [SQLITE.full]: [
    "over_limit",
    "the disk under FOLDER is full; free some space there (nothing was written; reads go on, and writes work again at once)",
  ],
  [SQLITE.cannotOpen]: [
    "unavailable",
    "the database in FOLDER cannot be opened; check that the folder is there",
  ],
  [SQLITE.tooBig]: ["over_limit", "the value is larger than the database in FOLDER can hold"],
  [SQLITE.notADatabase]: [
    "corrupt",
    "the database in FOLDER is damaged at its start; restart the host, which saves every readable row",
  ],
};

/** The nearest SQLite code for an error of a file operation. */
function codeOfFile(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const name = (error as Error & { code?: unknown }).code;
  if (name === "ENOSPC" || name === "EDQUOT" || name === "EFBIG") return SQLITE.full;
  if (name === "EROFS") return SQLITE.readOnly;
  if (error instanceof Deno.errors.PermissionDenied) return SQLITE.permission;
  if (error instanceof Deno.errors.NotFound) return SQLITE.cannotOpen;
  return typeof name === "string" && /^E[A-Z0-9]+$/.test(name) ? SQLITE.ioError : undefined;
}
