// The statements of one connection: every read and write of rows, and what begins and ends transactions, prepared once.
// The store reads through it directly, group commit writes through it. `Rows` is what group commit needs of any store.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { Fault } from "../model/fault.ts";
import type { RecordTable, StoreTransaction } from "../model/ports.ts";

/** Bucket ids remembered per connection; a bucket's id never changes, so this only bounds memory. */
const BUCKET_IDS_MAX = 10_000;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Rows of an open store, with transactions and, inside one, a savepoint for each piece of work. */
export interface Rows extends StoreTransaction {
  readonly isTransaction: boolean;
  /** Takes the write lock; throws what {@linkcode isBusy} knows when another has it. */
  begin(): void;
  commit(): void;
  rollback(): void;
  save(): void;
  /** Undoes what was written since `save`. */
  undo(): void;
  /** Ends the part that `save` began, undone or not. */
  release(): void;
}

/** All rows through one connection. */
export class SqliteRows implements Rows {
  readonly #bucketIds = new Map<string, number>();
  // Ids given out by a transaction that has not committed; forgotten if it does not.
  readonly #newBuckets: string[] = [];
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(bucket: string, key: string): Uint8Array | undefined {
    checkText(key);
    const id = this.#bucketId(bucket);
    if (id === undefined) return undefined;
    const row = this.#prepared("SELECT value, crc FROM keyvalue WHERE bucket = ? AND key = ?").get(id, key);
    if (row === undefined) return undefined;
    const value = row.value as Uint8Array;
    if (row.crc === checksum(key, value)) return value;
    throw new Fault(
      "corrupt",
      `read key "${key}" of bucket "${bucket}": its bytes fail their checksum; set it again`,
      {
        detail: { bucket, key },
      },
    );
  }

  /** Several values; the caller sees to it that they are from one snapshot. */
  getMany(bucket: string, keys: readonly string[], bytesMax = Infinity): (Uint8Array | undefined)[] {
    let bytes = 0;
    return keys.map((key) => {
      const value = this.get(bucket, key);
      bytes += value?.length ?? 0;
      if (bytes <= bytesMax) return value;
      throw new Fault(
        "over_limit",
        `read ${keys.length} keys: their values exceed ${bytesMax} bytes; ask for fewer`,
      );
    });
  }

  set(bucket: string, key: string, value: Uint8Array): void {
    const id = this.#bucketId(bucket) ?? this.#addBucket(bucket);
    this.#prepared(
      "INSERT INTO keyvalue VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, crc = excluded.crc",
    ).run(id, checkText(key), value, checksum(key, value));
  }

  delete(bucket: string, key: string): boolean {
    const id = this.#bucketId(bucket);
    if (id === undefined) return false;
    return this.#prepared("DELETE FROM keyvalue WHERE bucket = ? AND key = ?").run(id, checkText(key))
      .changes >
      0;
  }

  keys(bucket: string, after: string | undefined, limit: number): string[] {
    const id = this.#bucketId(bucket);
    if (id === undefined) return [];
    // As bytes: the runtime's way of reading text stops at a NUL, which a key may hold.
    const select = "SELECT CAST(key AS BLOB) AS bytes FROM keyvalue WHERE bucket = ?";
    const rows = after === undefined
      ? this.#prepared(`${select} ORDER BY key LIMIT ?`).all(id, limit)
      : this.#prepared(`${select} AND key > ? ORDER BY key LIMIT ?`).all(id, checkText(after), limit);
    return rows.map((row) => decoder.decode(row.bytes as Uint8Array));
  }

  getRecord<T>(table: RecordTable, id: string): T | undefined {
    const row = this.#prepared(
      "SELECT CAST(json AS BLOB) AS bytes, crc FROM record WHERE kind = ? AND id = ?",
    )
      .get(table, checkText(id));
    return row === undefined ? undefined : parse<T>(row, table, id);
  }

  setRecord(table: RecordTable, id: string, value: unknown): void {
    const json = JSON.stringify(value);
    this.#prepared(
      "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json, crc = excluded.crc",
    ).run(table, checkText(id), json, checksum(id, encoder.encode(json)));
  }

  deleteRecord(table: RecordTable, id: string): boolean {
    return this.#prepared("DELETE FROM record WHERE kind = ? AND id = ?").run(table, checkText(id)).changes >
      0;
  }

  listRecords<T>(table: RecordTable): [id: string, value: T][] {
    return this.#prepared(
      "SELECT CAST(id AS BLOB) AS name, CAST(json AS BLOB) AS bytes, crc FROM record WHERE kind = ? ORDER BY id",
    ).all(table).map((row) => {
      const id = decoder.decode(row.name as Uint8Array);
      return [id, parse<T>(row, table, id)];
    });
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  begin(): void {
    this.#prepared("BEGIN IMMEDIATE").run();
  }

  /** As `begin`, for a snapshot to read from. */
  beginReading(): void {
    this.#prepared("BEGIN").run();
  }

  commit(): void {
    this.#prepared("COMMIT").run();
    this.#newBuckets.length = 0;
  }

  rollback(): void {
    // Some errors of SQLite have ended the transaction by themselves.
    if (this.isTransaction) this.#prepared("ROLLBACK").run();
    this.#forgetNewBuckets();
  }

  save(): void {
    this.#prepared("SAVEPOINT work").run();
  }

  undo(): void {
    this.#prepared("ROLLBACK TO work").run();
    this.#forgetNewBuckets();
  }

  release(): void {
    this.#prepared("RELEASE work").run();
  }

  #forgetNewBuckets(): void {
    for (const name of this.#newBuckets) this.#bucketIds.delete(name);
    this.#newBuckets.length = 0;
  }

  #prepared(statement: string): StatementSync {
    let prepared = this.#statements.get(statement);
    if (!prepared) this.#statements.set(statement, prepared = this.#database.prepare(statement));
    return prepared;
  }

  #bucketId(name: string): number | undefined {
    const known = this.#bucketIds.get(name);
    if (known !== undefined) return known;
    const row = this.#prepared("SELECT id FROM bucket WHERE name = ?").get(checkText(name));
    return row === undefined ? undefined : this.#remember(name, row.id as number);
  }

  #addBucket(name: string): number {
    const row = this.#prepared("INSERT INTO bucket (name) VALUES (?) RETURNING id").get(name)!;
    this.#newBuckets.push(name);
    return this.#remember(name, row.id as number);
  }

  #remember(name: string, id: number): number {
    if (this.#bucketIds.size >= BUCKET_IDS_MAX) this.#bucketIds.clear();
    this.#bucketIds.set(name, id);
    return id;
  }
}

/** The name, unless it holds half a surrogate pair: that has no UTF-8 form, and two such keys would become one. */
export function checkText(name: string): string {
  if (name.isWellFormed()) return name;
  throw new Fault(
    "bad_request",
    "use a key: it holds half a surrogate pair, which is not text; send valid Unicode",
  );
}

/** What tells that a value, or its key, is not what was stored. */
export function checksum(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

function parse<T>(row: Record<string, unknown>, table: string, id: string): T {
  const bytes = row.bytes as Uint8Array;
  if (row.crc === checksum(id, bytes)) return JSON.parse(decoder.decode(bytes)) as T;
  throw new Fault(
    "corrupt",
    `read the ${table} record "${id}": its bytes fail their checksum; delete or re-apply it`,
    {
      detail: { table, id },
    },
  );
}
