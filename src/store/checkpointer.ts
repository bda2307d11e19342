// Folds the write-ahead log into the database. One process of a host does it (the supervisor, which serves no
// requests), and in such a way that neither its event loop nor anyone's writes wait for a slow disk:
//
// 1. A reader is pinned at the newest commit, one commit is added behind it, and the log is synced on the thread pool.
// 2. SQLite's checkpoint then copies up to the pin. That is not the whole log, so it does not sync the database (it
//    syncs that only when the log may begin anew); the pages go to the page cache in milliseconds.
// 3. The database is synced on the thread pool; this is the long part, and writes and reads go on beside it.
// 4. What came meanwhile is little: SQLite copies it, syncs what little is left to sync, and may begin the log anew.
//
// Nothing here is needed for safety: at every instant SQLite's own order of syncs holds; step 3 only makes the last sync
// short. Steps 2 and 4 hold the write lock, for ms: SQLite before 3.51.3 (Deno 2.6 has 3.50.2) could damage a database
// when a commit began the log anew while a second checkpoint was starting ("WAL-reset bug"). Only a writer begins it
// anew, so with the lock held it cannot happen; and no other process checkpoints.

import type { DatabaseSync } from "node:sqlite";
import { openConnection, PAGE_BYTES } from "./connection.ts";
import type { HeldFile } from "./held_file.ts";
import { isBusy, SQLITE, sqliteCode } from "./sqlite_fault.ts";
import type { WalFile } from "./wal_file.ts";

/** Frames in the log that start a checkpoint: 4 MB, SQLite's own default; each page is then written twice, not more. */
const FRAMES_TO_START = 1_000;
/** Frames that step 4 takes at most: 1 MB is copied in a few ms and synced in well under a second on a poor card. */
const FRAMES_TO_FINISH = 256;
/** Rounds of steps 1 to 3 while too much comes meanwhile. */
const ROUNDS_MAX = 4;
/** Log beyond which step 4 is taken whatever it costs: 64 MB, what a small box can spare and recovers in a second. */
const FRAMES_MAX = 16_000;
/** How often the log's length is looked at while it grows; 20,000 writes a second come to some 20 MB in that time. */
const LOOK_EVERY_MS = 250;
/** The same while nobody writes: an idle box should sleep. */
const LOOK_IDLE_MS = 1_000;
/** The same after a checkpoint failed, on a full disk for example. */
const LOOK_AFTER_FAILURE_MS = 5_000;
/** Pause between two tries for the write lock. */
const LOCK_PAUSE_MS = 2;

/** What the checkpointer works on. */
export interface CheckpointTarget {
  readonly path: string;
  /** The store's own connection; never inside a transaction when the event loop turns. */
  readonly database: DatabaseSync;
  readonly log: WalFile;
  readonly file: HeldFile;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A sync failed: what the database file holds is not known, and only the log still has it. Told once. */
  syncFailed(error: unknown): void;
}

/** The checkpoints of one host. */
export class Checkpointer {
  readonly #target: CheckpointTarget;
  readonly #pin: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  #running: Promise<void> | undefined;
  #isBroken = false;
  /** How far the log is in the database. */
  #folded = { round: "", count: 0 };

  constructor(target: CheckpointTarget) {
    this.#target = target;
    this.#pin = openConnection(target.path);
    this.#lock = openConnection(target.path);
    this.#looking = this.#look();
  }

  /** Checkpoints now, all that readers at work let it. */
  run(): Promise<void> {
    return this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** Ends a checkpoint under way and frees the connections. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the store is closing"));
    await this.#looking;
    await this.#running?.catch(() => {});
    this.#pin.close();
    this.#lock.close();
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    let pauseMs = LOOK_EVERY_MS;
    let seen = 0;
    while (!this.#isBroken) {
      await this.#target.sleep(pauseMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        const left = this.#framesLeft();
        pauseMs = left === seen ? LOOK_IDLE_MS : LOOK_EVERY_MS;
        seen = left;
        if (left >= FRAMES_TO_START) await this.run();
      } catch {
        // Told where it matters: a full disk by the next write, a failed sync by `syncFailed`.
        pauseMs = LOOK_AFTER_FAILURE_MS;
      }
    }
  }

  async #run(): Promise<void> {
    try {
      for (let round = 1; round <= ROUNDS_MAX; round++) {
        await this.#foldUpToPin();
        if (await this.#foldRest()) return;
      }
    } catch (error) {
      const code = sqliteCode(error);
      const mayPass = code === SQLITE.full || code === SQLITE.noMemory || isBusy(error);
      if (!mayPass && !this.#stop.signal.aborted) {
        this.#isBroken = true;
        this.#target.syncFailed(error);
      }
      throw error;
    }
  }

  /** Steps 1 to 3. */
  async #foldUpToPin(): Promise<void> {
    this.#pin.prepare("BEGIN").run();
    try {
      await this.#whenFree(() =>
        this.#pin.prepare("SELECT value FROM number WHERE name = 'checkpoints'").get()
      );
      await this.#whenFree(() =>
        this.#lock.prepare("UPDATE number SET value = value + 1 WHERE name = 'checkpoints'").run()
      );
      await this.#target.log.sync();
      await this.#locked(() => this.#checkpoint());
      await this.#target.file.sync();
    } finally {
      this.#pin.prepare("COMMIT").run();
    }
  }

  /** Step 4; false if too much is left for that and another round of steps 1 to 3 is better. */
  async #foldRest(): Promise<boolean> {
    await this.#target.log.sync();
    return await this.#locked(() => {
      const left = this.#framesLeft();
      if (left > FRAMES_TO_FINISH && this.#target.log.frames(PAGE_BYTES).count < FRAMES_MAX) return false;
      this.#checkpoint();
      return true;
    });
  }

  #checkpoint(): void {
    const { round } = this.#target.log.frames(PAGE_BYTES);
    const row = this.#target.database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get()!;
    this.#folded = { round, count: Math.max(0, Number(row.checkpointed)) };
  }

  #framesLeft(): number {
    const { round, count } = this.#target.log.frames(PAGE_BYTES);
    return round === this.#folded.round ? Math.max(0, count - this.#folded.count) : count;
  }

  /** Runs `step` while no one can write. */
  async #locked<T>(step: () => T): Promise<T> {
    await this.#whenFree(() => this.#lock.prepare("BEGIN IMMEDIATE").run());
    try {
      return step();
    } finally {
      this.#lock.prepare("ROLLBACK").run();
    }
  }

  /** Runs `step` again until no one else's lock is in its way. */
  async #whenFree(step: () => unknown): Promise<void> {
    for (;;) {
      try {
        step();
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      await this.#target.sleep(LOCK_PAUSE_MS, this.#stop.signal);
    }
  }
}
