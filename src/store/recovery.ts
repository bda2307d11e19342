// What the owner of a data folder does before it opens the database: finds damage, has every readable row salvaged into
// a new database and sets the damaged files aside. Never silently empty, and safe to interrupt: until the new database
// is whole and named, the damaged one stays in place and the next start begins again.

import { DatabaseSync } from "node:sqlite";
import { Fault, isFault } from "../model/fault.ts";
import { openConnection } from "./connection.ts";
import { readLog } from "./log_frames.ts";
import { salvage, type Salvaged } from "./salvage.ts";
import { checkVersion, migrate } from "./schema.ts";
import { isCorrupt } from "./sqlite_fault.ts";
import { syncFolder } from "./wal_file.ts";

/** What was wrong and what became of it: an ERROR for the log, and an event. */
export interface Recovery {
  /** What was found, for people. */
  reason: string;
  kept: Salvaged;
  /** Where the damaged files are now. */
  setAside: string[];
}

/**
 * A database up to this size is read whole after an unclean stop: 10 ms a megabyte from a cold disk here, some 30 on a
 * card, so half a second at most. Beyond it only host records are, without which nothing starts; damage elsewhere is
 * met when it is read, and then the next start reads everything.
 */
const CHECK_BYTES_MAX = 16 * 1024 * 1024;

/** Left in the folder when damage was met while serving: the next start reads everything. */
const SUSPECT_SUFFIX = ".suspect";
/** A new database, not yet whole. */
const NEW_SUFFIX = ".new";
/** A salvaged database, whole, that only has to take its place. */
const SALVAGED_SUFFIX = ".salvaged";

/** Makes sure that a sound database is at `path`; tells if that took more than looking. */
export async function recover(path: string, nowMs: number): Promise<Recovery | undefined> {
  await takePlace(path);
  await removeUnfinished(path);
  const reason = findDamage(path);
  let recovery: Recovery | undefined;
  if (reason !== undefined) recovery = await replace(path, reason, nowMs);
  await remove(`${path}${SUSPECT_SUFFIX}`);
  return recovery;
}

/** Creates a database at `path` if there is none; a power cut leaves a whole one or none. */
export async function createDatabase(path: string): Promise<void> {
  if (sizeOf(path) !== undefined) return;
  const fresh = `${path}${NEW_SUFFIX}-${Deno.pid}`;
  await removeDatabase(fresh);
  const database = openConnection(fresh);
  try {
    migrate(database, fresh);
  } finally {
    database.close();
  }
  await syncFile(fresh);
  // Fails if another process was first, whose database is as good.
  await Deno.link(fresh, path).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) return Deno.rename(fresh, path);
  });
  await remove(fresh);
  await syncFolder(folderOf(path));
}

/** Notes that damage was met at run time. */
export function markSuspect(path: string): void {
  try {
    Deno.writeTextFileSync(
      `${path}${SUSPECT_SUFFIX}`,
      "Damage was met while reading; the next start checks it all.\n",
    );
  } catch {
    // A full or read-only disk: the reader was told of the damage anyway.
  }
}

/** What is wrong with the database at `path`, as far as this start looks; undefined if nothing is. */
function findDamage(path: string): string | undefined {
  const size = sizeOf(path);
  const logSize = sizeOf(`${path}-wal`) ?? 0;
  const isSuspect = sizeOf(`${path}${SUSPECT_SUFFIX}`) !== undefined;
  if (size === undefined) {
    return logSize > 0 ? "the database file is gone, though its log is there" : undefined;
  }
  if (size === 0) return "the database file is empty";
  // SQLite deletes the log when the last process closes the database.
  const isUnclean = logSize > 0;
  const damagedLog = isUnclean ? findLogDamage(`${path}-wal`) : undefined;
  if (damagedLog) return damagedLog;
  const whole = isSuspect || (isUnclean && size + logSize <= CHECK_BYTES_MAX);
  return findPageDamage(
    path,
    whole ? "quick_check(1)" : isUnclean ? "quick_check(record)" : "schema_version",
  );
}

/**
 * Tells a damaged log from one that a power cut tore. A process syncs each commit before it makes the next, so of
 * commits that a cut took the sync from there is one for each process (and one more for its checkpointer): more of them
 * behind a torn place means that something tore it that had been on the disk.
 */
function findLogDamage(path: string): string | undefined {
  using file = Deno.openSync(path, { read: true });
  const { isHeaderDamaged, commits, commitsBehindBreak } = readLog(file);
  if (isHeaderDamaged) return "the start of the log is damaged";
  if (commitsBehindBreak <= Math.max(8, 2 * navigator.hardwareConcurrency)) return undefined;
  return `the log is damaged behind commit ${commits}; ${commitsBehindBreak} more follow`;
}

function findPageDamage(path: string, check: string): string | undefined {
  // Read-only, because the last to close a database otherwise folds its log into it: it is to be set aside as it is.
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    checkVersion(database, path);
    const rows = database.prepare(`PRAGMA ${check}`).all();
    const found = String(Object.values(rows[0] ?? {})[0]);
    return check === "schema_version" || found === "ok" ? undefined : found;
  } catch (error) {
    if (isCorrupt(error)) return (error as Error).message;
    throw error;
  } finally {
    database?.close();
  }
}

async function replace(path: string, reason: string, nowMs: number): Promise<Recovery> {
  const aside = freeName(`${path}.damaged-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "")}`);
  const setAside: string[] = [];
  for (const suffix of ["", "-wal"]) {
    if (sizeOf(path + suffix) === undefined) continue;
    await linkOrCopy(path + suffix, aside + suffix);
    setAside.push(aside + suffix);
  }
  if (sizeOf(path) === undefined) await Deno.writeFile(aside, new Uint8Array(0));
  const kept = await salvageInto(aside, `${path}${NEW_SUFFIX}`);
  await syncFile(`${path}${NEW_SUFFIX}`);
  await Deno.rename(`${path}${NEW_SUFFIX}`, `${path}${SALVAGED_SUFFIX}`);
  await syncFolder(folderOf(path));
  await takePlace(path);
  return { reason, kept, setAside };
}

function salvageInto(damagedPath: string, newPath: string): Salvaged {
  try {
    return salvage(damagedPath, newPath);
  } catch (error) {
    if (isFault(error) || !isCorrupt(error)) throw error;
    throw new Fault(
      "corrupt",
      `salvage ${damagedPath}: what was read does not fit together; keep the file and ask us`,
      {
        cause: error,
      },
    );
  }
}

/** Puts a salvaged database where it belongs; what is in its way has been set aside before. */
async function takePlace(path: string): Promise<void> {
  if (sizeOf(`${path}${SALVAGED_SUFFIX}`) === undefined) return;
  // A log beside the new database would be taken for its own.
  await removeLog(path);
  await syncFolder(folderOf(path));
  await Deno.rename(`${path}${SALVAGED_SUFFIX}`, path);
  await syncFolder(folderOf(path));
}

/** Removes new databases that a crash left half made. */
async function removeUnfinished(path: string): Promise<void> {
  const folder = folderOf(path);
  const prefix = `${path}${NEW_SUFFIX}`.slice(folder.length + 1);
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(prefix)) await remove(`${folder}/${name}`);
  }
}

async function removeDatabase(path: string): Promise<void> {
  await removeLog(path);
  await remove(path);
}

async function removeLog(path: string): Promise<void> {
  for (const suffix of ["-wal", "-shm", "-journal"]) await remove(path + suffix);
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Both names for one file where the file system can, so that setting aside costs no space. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await Deno.link(from, to).catch(() => Deno.copyFile(from, to));
  await syncFile(to);
}

async function syncFile(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.sync();
}

/** `name`, or with a number behind it where that is taken (a clock that begins anew at each start). */
function freeName(name: string): string {
  for (let number = 1;; number++) {
    const free = number === 1 ? name : `${name}-${number}`;
    if (sizeOf(free) === undefined && sizeOf(`${free}-wal`) === undefined) return free;
  }
}

/** The size of a file; undefined if it is not there. */
function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
