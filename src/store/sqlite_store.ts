// The store on a disk: one SQLite database in WAL mode that the supervisor and every cell open, each for itself. What
// makes a write durable is in wal_file.ts, how writes share a sync in group_commit.ts, when the log is folded into the
// database in checkpointer.ts. Started by `src/cli` and by each cell.

import type { DatabaseSync } from "node:sqlite";
import { Fault, isFault } from "../model/fault.ts";
import type { RecordTable, Store, StoreTransaction } from "../model/ports.ts";
import { Checkpointer } from "./checkpointer.ts";
import { DATABASE_NAME, openConnection } from "./connection.ts";
import { GroupCommit } from "./group_commit.ts";
import { type HeldFile, holdFile } from "./held_file.ts";
import { LockFile } from "./lock_file.ts";
import { createDatabase, markSuspect, recover, type Recovery } from "./recovery.ts";
import { SqliteRows } from "./rows.ts";
import { migrate } from "./schema.ts";
import { isBusy, isCorrupt, toOpenFault, toStoreFault } from "./sqlite_fault.ts";
import { syncFolder, WalFile } from "./wal_file.ts";

/** How a store is opened. */
export interface SqliteStoreOptions {
  /** The data folder; made when it is not there. */
  folder: string;
  /**
   * Whether this process folds the log into the database and looks after damage: true for the process that holds the
   * folder's lock, and for no other.
   */
  isOwner: boolean;
  /** Waits; real time unless a test brings its own. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Wall clock, for the names of files set aside. */
  nowMs?: () => number;
  /** Syncs the log; the disk's unless a test brings its own. */
  syncLog?: (sync: () => Promise<void>) => Promise<void>;
}

/** Tries of a read that meets a lock; only another process that recovers or closes the database holds one, for ms. */
const READ_TRIES_MAX = 200;

/** {@linkcode Store} on SQLite. */
export class SqliteStore implements Store {
  readonly folder: string;
  /** What the opening had to repair; to be logged as ERROR and published. */
  readonly recovery: Recovery | undefined;
  readonly #database: DatabaseSync;
  readonly #rows: SqliteRows;
  readonly #log: WalFile;
  readonly #file: HeldFile;
  readonly #users: LockFile;
  readonly #commits: GroupCommit;
  readonly #checkpointer: Checkpointer | undefined;
  #closing: Promise<void> | undefined;
  #isBroken = false;
  #isSuspect = false;

  /** Opens or creates the database of `folder`. */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    const path = `${options.folder}/${DATABASE_NAME}`;
    const wait = options.sleep ?? sleep;
    let users: LockFile | undefined;
    let database: DatabaseSync | undefined;
    try {
      await Deno.mkdir(options.folder, { recursive: true });
      // Even to open it is refused while an owner looks for damage.
      users = await whenFree(wait, () => new LockFile(`${path}.users`));
      const recovery = options.isOwner
        ? await recoverAlone(users, path, options.nowMs ?? Date.now)
        : undefined;
      await whenFree(wait, () => users!.takeShared());
      await createDatabase(path);
      database = await openMigrated(path, wait);
      const log = new WalFile(`${path}-wal`);
      await log.sync();
      await syncFolder(options.folder);
      return new SqliteStore(options, { path, wait, users, database, log, recovery });
    } catch (error) {
      database?.close();
      users?.release();
      throw await toOpenFault(error, `open ${path}`, options.folder);
    }
  }

  private constructor(options: SqliteStoreOptions, parts: Parts) {
    const { path, wait, database, log } = parts;
    this.folder = options.folder;
    this.recovery = parts.recovery;
    this.#users = parts.users;
    this.#database = database;
    this.#rows = new SqliteRows(database);
    this.#log = log;
    this.#file = holdFile(path);
    const sync = () => log.sync();
    const { syncLog } = options;
    const syncFailed = (error: unknown) => this.#refuse(error);
    this.#commits = new GroupCommit({
      folder: options.folder,
      rows: this.#rows,
      sync: syncLog ? () => syncLog(sync) : sync,
      syncFailed,
      sleep: wait,
    });
    if (options.isOwner) {
      this.#checkpointer = new Checkpointer({
        path,
        database,
        log,
        file: this.#file,
        sleep: wait,
        syncFailed,
      });
    }
  }

  get(bucket: string, key: string): Uint8Array | undefined {
    return this.#read(() => this.#rows.get(bucket, key));
  }

  getMany(bucket: string, keys: readonly string[], bytesMax?: number): (Uint8Array | undefined)[] {
    return this.#read(() => {
      // Called from a transaction's work there is one snapshot already.
      if (this.#rows.isTransaction) return this.#rows.getMany(bucket, keys, bytesMax);
      this.#rows.beginReading();
      try {
        return this.#rows.getMany(bucket, keys, bytesMax);
      } finally {
        this.#rows.rollback();
      }
    });
  }

  keys(bucket: string, after: string | undefined, limit: number): string[] {
    return this.#read(() => this.#rows.keys(bucket, after, limit));
  }

  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T> {
    if (this.#closing) return Promise.reject(this.#closed());
    const done = this.#commits.transact(work);
    done.catch((error) => isFault(error) && isCorrupt(error.cause) && this.#suspect());
    return done;
  }

  getRecord<T>(table: RecordTable, id: string): T | undefined {
    return this.#read(() => this.#rows.getRecord<T>(table, id));
  }

  listRecords<T>(table: RecordTable): [id: string, value: T][] {
    return this.#read(() => this.#rows.listRecords<T>(table));
  }

  /** Folds the log into the database now; resolves when that is on the disk. The owner also does so by itself. */
  async checkpoint(): Promise<void> {
    try {
      await this.#checkpointer?.run();
    } catch (error) {
      throw toStoreFault(error, `checkpoint ${this.folder}`, this.folder);
    }
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#commits.settled();
    await this.#checkpointer?.close();
    this.#log.close();
    if (this.#isBroken) {
      // After a failed sync only the log has everything, and the last to close a database folds the log into it and
      // deletes it. So this connection stays open until the process ends.
      neverClosed.push(this.#database, this.#file);
    } else {
      this.#database.close();
      this.#file.release();
    }
    this.#users.release();
  }

  /**
   * After a failed sync: the kernel counts the lost pages as written, so a second sync would succeed and mean nothing.
   * Reads go on from what memory holds.
   */
  #refuse(cause: unknown): void {
    this.#isBroken = true;
    const message = `write to ${this.folder}: a sync failed, so what the disk holds is not known ` +
      `(${(cause as Error).message}); check the disk and restart the host`;
    this.#commits.refuse(new Fault("unavailable", message, { detail: { folder: this.folder }, cause }));
  }

  #read<T>(read: () => T): T {
    for (let tries = 1;; tries++) {
      try {
        return read();
      } catch (error) {
        if (this.#closing) throw this.#closed();
        if (isCorrupt(error)) this.#suspect();
        if (!isBusy(error) || tries >= READ_TRIES_MAX) {
          throw toStoreFault(error, `read from ${this.folder}`, this.folder);
        }
      }
    }
  }

  /** Damage was met: the next start looks at everything. */
  #suspect(): void {
    if (!this.#isSuspect) markSuspect(`${this.folder}/${DATABASE_NAME}`);
    this.#isSuspect = true;
  }

  #closed(): Fault {
    return new Fault(
      "unavailable",
      `use the store in ${this.folder}: it is closed; this process is stopping`,
    );
  }
}

/** Kept from the garbage collector, which would close them. */
const neverClosed: unknown[] = [];

/** What {@linkcode SqliteStore.open} made ready. */
interface Parts {
  path: string;
  wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Held shared by every process that has the database open, so that nobody repairs what another is using. */
  users: LockFile;
  database: DatabaseSync;
  log: WalFile;
  recovery: Recovery | undefined;
}

/** Looks after damage, unless cells of a former supervisor are still at work: they opened a database that was sound. */
async function recoverAlone(
  users: LockFile,
  path: string,
  nowMs: () => number,
): Promise<Recovery | undefined> {
  try {
    users.takeExclusive();
  } catch (error) {
    if (isBusy(error)) return undefined;
    throw error;
  }
  try {
    return await recover(path, nowMs());
  } finally {
    users.drop();
  }
}

/** Opens the database and brings it to our format. */
function openMigrated(path: string, wait: (ms: number) => Promise<void>): Promise<DatabaseSync> {
  return whenFree(wait, () => {
    const database = openConnection(path);
    try {
      migrate(database, path);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Two minutes: another process may be recovering a large log, or salvaging a damaged database, on a slow card. */
const OPEN_TRIES_MAX = 12_000;
const OPEN_PAUSE_MS = 10;

/** Runs `step` again until no other process's lock is in its way. */
async function whenFree<T>(wait: (ms: number) => Promise<void>, step: () => T): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return step();
    } catch (error) {
      if (!isBusy(error) || tries >= OPEN_TRIES_MAX) throw error;
    }
    await wait(OPEN_PAUSE_MS);
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
