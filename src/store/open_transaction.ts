// One transaction inside a group commit: what its work reads and writes through. Its writes stand in a SAVEPOINT of
// their own, so that work which throws undoes itself and nothing else.

import { Bug } from "../model/assert.ts";
import type { RecordTable, StoreTransaction } from "../model/ports.ts";
import type { Rows } from "./rows.ts";
import { SQLITE, sqliteCode } from "./sqlite_fault.ts";

/** Errors of one statement; after any other the whole transaction is lost (SQLite may have ended it by itself). */
const CODES_OF_A_STATEMENT: readonly (number | undefined)[] = [
  undefined,
  1, // in the statement itself
  SQLITE.corrupt, // of the page it met; neighbours' pages may be sound
  SQLITE.tooBig,
  19, // a constraint
  20, // a wrong type
  25, // a wrong binding
];

/** Thrown by {@linkcode runInSavepoint} when the database failed under the work, and with it all that waits to commit. */
export class DatabaseFailure extends Error {}

/** What one piece of work came to. */
export type Outcome = { value: unknown } | { error: unknown };

/** Runs `work` in the open transaction of `rows`; what it throws undoes its own writes only. */
export function runInSavepoint(work: (transaction: StoreTransaction) => unknown, rows: Rows): Outcome {
  const transaction = new OpenTransaction(rows);
  let outcome: Outcome;
  try {
    const value = work(transaction);
    if (value instanceof Promise) {
      value.catch(() => {});
      throw new Bug("the work of a transaction must be synchronous");
    }
    outcome = { value };
  } catch (error) {
    outcome = { error };
  }
  transaction.end("value" in outcome);
  return outcome;
}

class OpenTransaction implements StoreTransaction {
  readonly #rows: Rows;
  #open = true;
  #isSaved = false;
  #failure: unknown;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get(bucket: string, key: string): Uint8Array | undefined {
    return this.#attempt(() => this.#rows.get(bucket, key));
  }

  set(bucket: string, key: string, value: Uint8Array): void {
    this.#attempt(() => this.#savedRows().set(bucket, key, value));
  }

  delete(bucket: string, key: string): boolean {
    return this.#attempt(() => this.#savedRows().delete(bucket, key));
  }

  keys(bucket: string, after: string | undefined, limit: number): string[] {
    return this.#attempt(() => this.#rows.keys(bucket, after, limit));
  }

  getRecord<T>(table: RecordTable, id: string): T | undefined {
    return this.#attempt(() => this.#rows.getRecord<T>(table, id));
  }

  setRecord(table: RecordTable, id: string, value: unknown): void {
    this.#attempt(() => this.#savedRows().setRecord(table, id, value));
  }

  deleteRecord(table: RecordTable, id: string): boolean {
    return this.#attempt(() => this.#savedRows().deleteRecord(table, id));
  }

  listRecords<T>(table: RecordTable): [id: string, value: T][] {
    return this.#attempt(() => this.#rows.listRecords<T>(table));
  }

  /** Keeps or undoes what was written; nothing may be done through this afterwards. */
  end(keep: boolean): void {
    this.#open = false;
    if (this.#failure) throw new DatabaseFailure("the database failed", { cause: this.#failure });
    if (!this.#isSaved) return;
    if (!keep) this.#rows.undo();
    this.#rows.release();
  }

  /** The rows, to be written to: work that only reads costs no savepoint. */
  #savedRows(): Rows {
    if (!this.#isSaved) this.#rows.save();
    this.#isSaved = true;
    return this.#rows;
  }

  #attempt<T>(step: () => T): T {
    if (!this.#open) throw new Bug("a transaction is over when its work returns");
    if (this.#failure) throw this.#failure;
    try {
      return step();
    } catch (error) {
      // Kept even if the work catches it: what follows would be written without what came before.
      if (!CODES_OF_A_STATEMENT.includes(sqliteCode(error))) this.#failure = error;
      throw error;
    }
  }
}
