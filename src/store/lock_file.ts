// Locks between processes, kept by the kernel: SQLite's own locks on an empty database, which are POSIX locks. They end
// with the process however it ends, children do not inherit them, and they are right on every Deno (`FsFile.tryLock` is
// missing in 2.6). Nothing else may open a lock file: closing any descriptor of it would free this process's lock.

import { DatabaseSync } from "node:sqlite";

/** A lock that is held until {@linkcode LockFile.release} or the end of this process. */
export class LockFile {
  readonly #database: DatabaseSync;

  /** Opens the lock file without taking the lock, made when it is not there; throws what `isBusy` knows. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    try {
      this.#database.prepare("PRAGMA busy_timeout = 0").get();
      // A journal file would need space, and on a full disk there would be no lock.
      this.#database.prepare("PRAGMA journal_mode = MEMORY").get();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Takes the lock for this holder alone; throws what `isBusy` knows while anyone has it. */
  takeExclusive(): void {
    this.#database.prepare("BEGIN EXCLUSIVE").run();
  }

  /** Takes the lock beside other shared holders; throws what `isBusy` knows while someone has it exclusively. */
  takeShared(): void {
    this.#database.prepare("BEGIN").run();
    try {
      this.#database.prepare("SELECT count(*) FROM sqlite_schema").get();
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Gives the lock back; it may be taken again. */
  drop(): void {
    if (this.#database.isTransaction) this.#database.prepare("ROLLBACK").run();
  }

  /** Gives the lock back for good. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
