// The store without a disk, for simulation and tests: the contract of the SQLite store, including what a power cut or a
// `kill -9` leaves. Commits go through the same group commit; the "disk" is a MemoryFolder, which forgets on request
// whatever had not been synced.

import { Fault } from "../model/fault.ts";
import type { RecordTable, Store, StoreTransaction } from "../model/ports.ts";
import { GroupCommit } from "./group_commit.ts";
import { MemoryFolder, MemoryRows } from "./memory_folder.ts";

/** How a store in memory is opened. */
export interface MemoryStoreOptions {
  /** What the store is on; its own and empty one where none is given. */
  folder?: MemoryFolder;
  /** How long a sync takes; simulation brings its own time. */
  sync?: () => Promise<void>;
}

/** {@linkcode Store} in memory. */
export class MemoryStore implements Store {
  readonly #folder: MemoryFolder;
  readonly #rows: MemoryRows;
  readonly #commits: GroupCommit;
  #isClosing = false;

  constructor(options: MemoryStoreOptions = {}) {
    this.#folder = options.folder ?? new MemoryFolder();
    this.#rows = new MemoryRows(this.#folder);
    const sync = options.sync ?? (() => Promise.resolve());
    this.#commits = new GroupCommit({
      folder: "memory",
      rows: this.#rows,
      sync: () => this.#folder.sync(sync),
      syncFailed: (cause) => {
        this.#commits.refuse(
          new Fault("unavailable", "write to memory: a sync failed; reopen it", { cause }),
        );
      },
      sleep: () => Promise.resolve(),
    });
  }

  get(bucket: string, key: string): Uint8Array | undefined {
    this.#checkOpen();
    return this.#rows.get(bucket, key);
  }

  getMany(bucket: string, keys: readonly string[], bytesMax?: number): (Uint8Array | undefined)[] {
    this.#checkOpen();
    return this.#rows.getMany(bucket, keys, bytesMax);
  }

  keys(bucket: string, after: string | undefined, limit: number): string[] {
    this.#checkOpen();
    return this.#rows.keys(bucket, after, limit);
  }

  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T> {
    if (this.#isClosing) return Promise.reject(closed());
    return this.#commits.transact(work);
  }

  getRecord<T>(table: RecordTable, id: string): T | undefined {
    this.#checkOpen();
    return this.#rows.getRecord<T>(table, id);
  }

  listRecords<T>(table: RecordTable): [id: string, value: T][] {
    this.#checkOpen();
    return this.#rows.listRecords<T>(table);
  }

  close(): Promise<void> {
    this.#isClosing = true;
    return this.#commits.settled();
  }

  /** What `kill -9` does to the process that holds this handle: what it waits for never comes. */
  kill(): void {
    this.#isClosing = true;
    this.#commits.abandon();
  }

  #checkOpen(): void {
    if (this.#isClosing) throw closed();
  }
}

function closed(): Fault {
  return new Fault("unavailable", "use the store in memory: it is closed; this process is stopping");
}
