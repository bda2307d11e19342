// Group commit: the transactions that wait in this process go to the disk together, one COMMIT and one sync for all.
// While a sync is on its way further ones queue up, so the slower the disk, the more share its next sync.

import { Fault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import type { StoreTransaction } from "../model/ports.ts";
import { DatabaseFailure, type Outcome, runInSavepoint } from "./open_transaction.ts";
import type { Rows } from "./rows.ts";
import { isBusy, toStoreFault } from "./sqlite_fault.ts";

/** The statements of one COMMIT may hold the event loop this long; what is left goes with the next. */
const COMMIT_MS_MAX = 10;
/** Another process that holds the write lock longer than this hangs: a commit takes 10 ms, and death frees the lock. */
const LOCK_WAIT_MS_MAX = 15_000;
/** Longest pause between two tries for the write lock. */
const LOCK_PAUSE_MS_MAX = 16;

/** What group commit needs of the database it commits to. */
export interface CommitTarget {
  readonly folder: string;
  readonly rows: Rows;
  /** Resolves when every commit made before the call is on the disk. */
  sync(): Promise<void>;
  /** A sync was refused, so the disk may miss what it was asked to keep; must lead to {@linkcode GroupCommit.refuse}. */
  syncFailed(error: unknown): void;
  sleep(ms: number): Promise<void>;
}

interface Waiting {
  work: (transaction: StoreTransaction) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** The queue of transactions and the loop that empties it. */
export class GroupCommit {
  readonly #target: CommitTarget;
  readonly #attempted: string;
  readonly #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #refusal: Fault | undefined;
  #isAbandoned = false;

  constructor(target: CommitTarget) {
    this.#target = target;
    this.#attempted = `write to ${target.folder}`;
  }

  /** As `Store.transact`. */
  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    if (this.#queue.length >= LIMITS.writesWaitingMax) {
      const message =
        `${this.#attempted}: ${this.#queue.length} writes wait for the disk already; try again later`;
      return Promise.reject(new Fault("over_limit", message, { detail: { waiting: this.#queue.length } }));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Refuses every write that is not yet in a commit, now and later. */
  refuse(fault: Fault): void {
    this.#refusal ??= fault;
    for (const waiting of this.#queue.splice(0)) waiting.reject(this.#refusal);
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Forgets all who wait and tells them nothing, as the death of the process would. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#queue.length = 0;
  }

  async #run(): Promise<void> {
    // Lets all who ask in this turn of the event loop share the first commit.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      if (!await this.#begin()) continue;
      const { taken, outcomes, failure } = this.#commit();
      this.#queue.splice(0, taken.length);
      if (failure === undefined) await this.#acknowledge(taken, outcomes);
      else rejectAll(taken, toStoreFault(failure, this.#attempted, this.#target.folder));
    }
    this.#running = undefined;
  }

  /** Takes the write lock, which another process may hold; false if all who wait had to be refused. */
  async #begin(): Promise<boolean> {
    const startMs = performance.now();
    for (let pauseMs = 1;; pauseMs = Math.min(2 * pauseMs, LOCK_PAUSE_MS_MAX)) {
      try {
        this.#target.rows.begin();
        return true;
      } catch (error) {
        if (!isBusy(error) || performance.now() - startMs > LOCK_WAIT_MS_MAX) {
          rejectAll(this.#queue.splice(0), toStoreFault(error, this.#attempted, this.#target.folder));
          return false;
        }
      }
      await this.#target.sleep(pauseMs);
    }
  }

  /** Runs and commits what waits, as much as fits; nothing of it stands if `failure` is set. Never waits. */
  #commit(): { taken: Waiting[]; outcomes: Outcome[]; failure?: unknown } {
    const { rows } = this.#target;
    const taken: Waiting[] = [];
    const outcomes: Outcome[] = [];
    const endMs = performance.now() + COMMIT_MS_MAX;
    try {
      for (const waiting of this.#queue) {
        taken.push(waiting);
        outcomes.push(runInSavepoint(waiting.work, rows));
        if (taken.length >= LIMITS.writesPerCommitMax || performance.now() > endMs) break;
      }
      rows.commit();
      return { taken, outcomes };
    } catch (error) {
      rows.rollback();
      return { taken, outcomes, failure: error instanceof DatabaseFailure ? error.cause : error };
    }
  }

  async #acknowledge(taken: readonly Waiting[], outcomes: readonly Outcome[]): Promise<void> {
    const { folder } = this.#target;
    try {
      await this.#target.sync();
    } catch (error) {
      rejectAll(taken, toStoreFault(error, this.#attempted, folder));
      this.#target.syncFailed(error);
      return;
    }
    if (this.#isAbandoned) return;
    taken.forEach(({ resolve, reject }, i) => {
      const outcome = outcomes[i];
      if ("value" in outcome) resolve(outcome.value as never);
      else reject(toStoreFault(outcome.error, this.#attempted, folder));
    });
  }
}

function rejectAll(waiting: readonly Waiting[], error: unknown): void {
  for (const { reject } of waiting) reject(error);
}
