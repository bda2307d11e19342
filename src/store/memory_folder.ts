// A data folder in memory: rows that all handles on it share, as processes share a page cache, and what has reached the
// imagined disk. `cutPower` takes back whatever no sync has covered. Used by the memory store.

import { Fault } from "../model/fault.ts";
import type { RecordTable } from "../model/ports.ts";
import { checkText, type Rows } from "./rows.ts";

type Undo = () => void;

interface MemoryBucket {
  values: Map<string, Uint8Array>;
  /** The keys in byte order; undefined when they changed. */
  sorted: string[] | undefined;
}

/** What several memory stores may share, and what outlives them. */
export class MemoryFolder {
  /** Refuses writes as a full disk does. */
  isFull = false;
  /** What a sync fails with, when it is to fail. */
  syncError: unknown;
  readonly buckets = new Map<string, MemoryBucket>();
  readonly records = new Map<string, string>();
  /** Committed and not yet synced, oldest first. */
  #unsynced: Undo[] = [];
  #synced = 0;
  #powerCuts = 0;

  /** Every handle is dead from now on; the next one finds what had been synced. */
  cutPower(): void {
    this.#powerCuts++;
    for (const undo of this.#unsynced.splice(0).reverse()) undo();
  }

  /** Resolves when all commits made before this call are kept through a power cut; never, if that comes first. */
  async sync(wait: () => Promise<void>): Promise<void> {
    const upTo = this.#synced + this.#unsynced.length;
    const powerCuts = this.#powerCuts;
    await wait();
    if (powerCuts !== this.#powerCuts) return await new Promise(() => {});
    if (this.syncError !== undefined) throw this.syncError;
    this.#unsynced.splice(0, upTo - this.#synced);
    this.#synced = Math.max(this.#synced, upTo);
  }

  /** Takes over what a transaction did. */
  commit(undos: readonly Undo[]): void {
    this.#unsynced.push(...undos);
  }
}

/** The rows of a folder through one handle. */
export class MemoryRows implements Rows {
  isTransaction = false;
  readonly #folder: MemoryFolder;
  #undos: Undo[] = [];
  #saved = 0;

  constructor(folder: MemoryFolder) {
    this.#folder = folder;
  }

  get(bucket: string, key: string): Uint8Array | undefined {
    checkText(key);
    return this.#folder.buckets.get(bucket)?.values.get(key)?.slice();
  }

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
    this.#put(bucket, checkText(key), value.slice());
  }

  delete(bucket: string, key: string): boolean {
    return this.#put(bucket, checkText(key), undefined);
  }

  keys(bucket: string, after: string | undefined, limit: number): string[] {
    const found = this.#folder.buckets.get(bucket);
    if (!found) return [];
    const sorted = found.sorted ??= [...found.values.keys()].sort(compareText);
    const start = after === undefined ? 0 : countUpTo(sorted, after);
    return sorted.slice(start, start + limit);
  }

  getRecord<T>(table: RecordTable, id: string): T | undefined {
    const json = this.#folder.records.get(recordKey(table, id));
    return json === undefined ? undefined : JSON.parse(json) as T;
  }

  setRecord(table: RecordTable, id: string, value: unknown): void {
    this.#putRecord(recordKey(table, id), JSON.stringify(value));
  }

  deleteRecord(table: RecordTable, id: string): boolean {
    return this.#putRecord(recordKey(table, id), undefined);
  }

  listRecords<T>(table: RecordTable): [id: string, value: T][] {
    const prefix = recordKey(table, "");
    return [...this.#folder.records.entries()].filter(([key]) => key.startsWith(prefix))
      .map(([key, json]): [string, T] => [key.slice(prefix.length), JSON.parse(json) as T])
      .sort(([a], [b]) => compareText(a, b));
  }

  begin(): void {
    this.isTransaction = true;
  }

  commit(): void {
    this.#folder.commit(this.#undos.splice(0));
    this.isTransaction = false;
  }

  rollback(): void {
    for (const undo of this.#undos.splice(0).reverse()) undo();
    this.isTransaction = false;
  }

  save(): void {
    this.#saved = this.#undos.length;
  }

  undo(): void {
    for (const undo of this.#undos.splice(this.#saved).reverse()) undo();
  }

  release(): void {}

  #put(bucket: string, key: string, value: Uint8Array | undefined): boolean {
    this.#checkSpace();
    const { buckets } = this.#folder;
    const found = buckets.get(bucket) ?? { values: new Map<string, Uint8Array>(), sorted: undefined };
    buckets.set(bucket, found);
    const before = found.values.get(key);
    const write = (next: Uint8Array | undefined): void => {
      if ((next === undefined) === found.values.has(key)) found.sorted = undefined;
      if (next === undefined) found.values.delete(key);
      else found.values.set(key, next);
    };
    write(value);
    this.#undos.push(() => write(before));
    return before !== undefined;
  }

  #putRecord(key: string, json: string | undefined): boolean {
    this.#checkSpace();
    const { records } = this.#folder;
    const before = records.get(key);
    const write = (next: string | undefined): void => {
      if (next === undefined) records.delete(key);
      else records.set(key, next);
    };
    write(json);
    this.#undos.push(() => write(before));
    return before !== undefined;
  }

  #checkSpace(): void {
    if (this.#folder.isFull) {
      throw new Fault("over_limit", "write to memory: its disk is full; free some space");
    }
  }
}

function recordKey(table: RecordTable, id: string): string {
  return `${table}\0${checkText(id)}`;
}

/** How many of `sorted` come up to and including `last`. */
function countUpTo(sorted: readonly string[], last: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareText(sorted[middle], last) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order of UTF-8 bytes. It differs from that of JS strings only where a character needs two code units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Code units of characters beyond 0xFFFF sort behind all others. */
function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
