// All that logic asks of the world, on one page. Adapters implement these; `src/cli` picks which.

import type { Event, EventBody } from "./event.ts";

/** Time. The wall clock may jump and may start at 1970; only `monotonicMs` measures durations. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds since some fixed moment of this process, with fractions. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Randomness. */
export interface Random {
  /** `length` bytes fit for keys. */
  bytes(length: number): Uint8Array;
}

/** Structured log lines. ERROR: a developer or operator must look; INFO: state changed; DEBUG: the rest. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** The same log with fields added to every line. */
  with(fields: Record<string, unknown>): Log;
}

/** Where facts go. */
export interface EventSink {
  publish(event: EventBody): void;
}

/** The last events of this host, oldest first. */
export interface EventSource {
  recent(after?: number): Event[];
}

/** What a transaction may do. Calls are synchronous: a transaction never waits for anything but the disk. */
export interface StoreTransaction {
  get(bucket: string, key: string): Uint8Array | undefined;
  set(bucket: string, key: string, value: Uint8Array): void;
  delete(bucket: string, key: string): boolean;
  /** Every key of the bucket in byte order from `after` (exclusive), at most `limit`. */
  keys(bucket: string, after: string | undefined, limit: number): string[];
  /** Host records (applications, artifacts …), by table name; the JSON-able value as given. */
  getRecord<T>(table: RecordTable, id: string): T | undefined;
  setRecord(table: RecordTable, id: string, value: unknown): void;
  deleteRecord(table: RecordTable, id: string): boolean;
  listRecords<T>(table: RecordTable): [id: string, value: T][];
}

/** Kinds of host record the store keeps. */
export type RecordTable = "application" | "artifact" | "host" | "job";

/**
 * Local durable state, shared by all processes on the same folder. Contract: `tests/suites/store_suite.ts`.
 *
 * What a reader sees: every write acknowledged before the read began, by whichever process, and whole transactions
 * only. It may also see a write that is committed but not yet synced, milliseconds before its writer is told; a power
 * cut in that time takes it back, as with InnoDB or JetStream (PostgreSQL shows a commit only after its sync). Whoever
 * sends what it read to where a power cut does not reach (the hub, another site) reads inside `transact`: that resolves
 * when all it saw is on the disk.
 *
 * Keys are text and compare by their UTF-8 bytes. Values come back byte for byte, and are the caller's own copies.
 */
export interface Store {
  /** Current value of a key. */
  get(bucket: string, key: string): Uint8Array | undefined;
  /** Values of several keys from one snapshot, in order; throws `over_limit` when they exceed `bytesMax` together. */
  getMany(bucket: string, keys: readonly string[], bytesMax?: number): (Uint8Array | undefined)[];
  /** Every key of the bucket in byte order from `after` (exclusive), at most `limit`. */
  keys(bucket: string, after: string | undefined, limit: number): string[];
  /**
   * Runs `work` in a transaction and resolves with its result once that, and all it read, is on the disk (full sync);
   * transactions that wait at the same time share one sync. `work` may run later than this call, sees a consistent
   * state, and must be synchronous; what it throws undoes its own writes only and rejects. Transactions of one process
   * run in the order they were asked for. Rejects with `over_limit` when the disk or the queue is full (nothing was
   * written), `unavailable` when the disk refuses: then, and after a crash, the writes may or may not be there.
   */
  transact<T>(work: (transaction: StoreTransaction) => T): Promise<T>;
  /** Host records, as in a transaction. */
  getRecord<T>(table: RecordTable, id: string): T | undefined;
  listRecords<T>(table: RecordTable): [id: string, value: T][];
  /** Waits for running transactions, then frees the files. */
  close(): Promise<void>;
}
