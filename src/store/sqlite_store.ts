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
import { createDatabase, markSuspect, recover, type Recovery } from "./recovery.ts";
import { SqliteRows } from "./rows.ts";
import { migrate } from "./schema.ts";
import { isBusy, isCorrupt, toStoreFault } from "./sqlite_fault.ts";
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
  readonly #commits: GroupCommit;
  readonly #checkpointer: Checkpointer | undefined;
  #closing: Promise<void> | undefined;
  #isBroken = false;
  #isSuspect = false;

  /** Opens or creates the database of `folder`. */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    const { folder } = options;
    const path = `${folder}/${DATABASE_NAME}`;
    try {
      await Deno.mkdir(folder, { recursive: true });
      const recovery = options.isOwner ? await recover(path, (options.nowMs ?? Date.now)()) : undefined;
      await createDatabase(path);
      const database = await openMigrated(path, options.sleep ?? sleep);
      const log = new WalFile(`${path}-wal`);
      await log.sync();
      await syncFolder(folder);
      return new SqliteStore(options, database, log, recovery);
    } catch (error) {
      throw toStoreFault(error, `open ${path}`, folder);
    }
  }

  private constructor(
    options: SqliteStoreOptions,
    database: DatabaseSync,
    log: WalFile,
    recovery: Recovery | undefined,
  ) {
    this.recovery = recovery;
    const wait = options.sleep ?? sleep;
    const path = `${options.folder}/${DATABASE_NAME}`;
    this.folder = options.folder;
    this.#database = database;
    this.#rows = new SqliteRows(database);
    this.#log = log;
    this.#file = holdFile(path);
    const sync = () => log.sync();
    const { syncLog } = options;
    this.#commits = new GroupCommit({
      folder: options.folder,
      rows: this.#rows,
      sync: syncLog ? () => syncLog(sync) : sync,
      syncFailed: (error) => this.#refuse(error),
      sleep: wait,
    });
    if (options.isOwner) {
      this.#checkpointer = new Checkpointer({
        path,
        database,
        log,
        file: this.#file,
        sleep: wait,
        syncFailed: (error) => this.#refuse(error),
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
    await this.#checkpointer?.run();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.#commits.settled();
    await this.#checkpointer?.close();
    // After a failed sync only the log has everything, and the last to close a database deletes the log: then this
    // connection stays open until the process ends, which deletes nothing.
    if (!this.#isBroken) this.#database.close();
    this.#log.close();
    if (!this.#isBroken) this.#file.release();
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

/** Opens the database and brings it to our format, while other processes may be doing the same. */
async function openMigrated(path: string, wait: (ms: number) => Promise<void>): Promise<DatabaseSync> {
  for (let tries = 1;; tries++) {
    let database: DatabaseSync | undefined;
    try {
      database = openConnection(path);
      migrate(database, path);
      return database;
    } catch (error) {
      database?.close();
      if (!isBusy(error) || tries >= OPEN_TRIES_MAX) throw error;
      await wait(OPEN_PAUSE_MS);
    }
  }
}

/** Ten seconds: a process that recovers a large log on a slow card. */
const OPEN_TRIES_MAX = 1_000;
const OPEN_PAUSE_MS = 10;

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
