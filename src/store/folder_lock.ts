// A data folder belongs to one host. Whoever starts on it takes this lock first and keeps it until it ends, however it
// ends: the lock is SQLite's exclusive lock on an empty database, which is a POSIX lock, so the kernel frees it with the
// process, children do not inherit it, and it is right on every Deno (`FsFile.tryLock` is missing in 2.6). Nothing else
// may open `lock.db`: closing any descriptor of it would free the lock. Who holds it stands beside, in `lock.json`.

import { DatabaseSync } from "node:sqlite";
import { Fault } from "../model/fault.ts";
import { isBusy, toStoreFault } from "./sqlite_fault.ts";

/** What the holder of a folder says of itself. */
export interface LockHolder {
  pid: number;
  /** The host's name. */
  name: string;
  /** Where the host takes commands. */
  socket: string;
}

/** A folder that is ours until {@linkcode FolderLock.release} or the end of this process. */
export class FolderLock {
  readonly folder: string;
  readonly #database: DatabaseSync;

  /** Takes the folder, made when it is not there; `conflict` names the host that has it. */
  static async acquire(folder: string, holder: LockHolder): Promise<FolderLock> {
    let database: DatabaseSync | undefined;
    try {
      await Deno.mkdir(folder, { recursive: true });
      database = new DatabaseSync(`${folder}/lock.db`);
      // Nothing is ever written, so there is nothing to keep a journal for.
      for (const pragma of ["busy_timeout = 0", "journal_mode = MEMORY", "locking_mode = EXCLUSIVE"]) {
        database.prepare(`PRAGMA ${pragma}`).get();
      }
      database.prepare("BEGIN EXCLUSIVE").run();
      await writeWhole(`${folder}/lock.json`, JSON.stringify(holder));
      return new FolderLock(folder, database);
    } catch (error) {
      database?.close();
      if (isBusy(error)) throw await refusal(folder);
      throw toStoreFault(error, `lock the data folder ${folder}`, folder);
    }
  }

  private constructor(folder: string, database: DatabaseSync) {
    this.folder = folder;
    this.#database = database;
  }

  /** Gives the folder back. */
  async release(): Promise<void> {
    if (!this.#database.isOpen) return;
    await Deno.remove(`${this.folder}/lock.json`).catch(() => {});
    this.#database.close();
  }
}

/** Who holds the folder, as far as it said; undefined if nobody ever did. Whether it still lives is not looked at. */
export async function readLockHolder(folder: string): Promise<LockHolder | undefined> {
  try {
    const found = JSON.parse(await Deno.readTextFile(`${folder}/lock.json`));
    if (typeof found?.pid !== "number") return undefined;
    return { pid: found.pid, name: String(found.name), socket: String(found.socket) };
  } catch {
    return undefined;
  }
}

async function refusal(folder: string): Promise<Fault> {
  const holder = await readLockHolder(folder);
  const who = holder
    ? `host "${holder.name}" (process ${holder.pid})`
    : "another host, which is just starting,";
  return new Fault(
    "conflict",
    `start on the data folder ${folder}: ${who} has it; stop that one, or give this host a folder of its own (--data)`,
    { detail: { folder, ...holder } },
  );
}

/** A reader sees the old text or the new one, never a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}
