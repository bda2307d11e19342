// The functions of wasi:keyvalue, one by one, for both drafts in the wild: 0.2.0-draft (wasmCloud 1.x; cursors and
// counters are u64) and 0.2.0-draft2 (cursors are text, counters s64, and there is `cas`).
//
// Counters are decimal ASCII, readable with any client, as wasmCloud's Redis and NATS providers store them. `swap`
// succeeds if the value is the one last read through that handle. A batch is one transaction: all of it or nothing.
// Faults of the store reach the guest as `other`, with their message.

import { createHash } from "node:crypto";
import { type Call, WitError } from "../../src/model/call.ts";
import { Fault, isFault } from "../../src/model/fault.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Store, StoreTransaction } from "../../src/model/ports.ts";
import type { ListingCursors } from "./cursors.ts";

/** An open bucket, as a guest holds it. */
export class Bucket {
  constructor(readonly name: string) {}
}

/** A compare-and-swap under way, as a guest holds it. */
export class Cas {
  /** Tells the value last read through this handle from any other. */
  seen = "";

  constructor(readonly bucket: string, readonly key: string) {}
}

/** What a function works on. */
export interface KeyvalueScope {
  resolveBucket(name: string): string | undefined;
  readonly version: string | undefined;
  readonly store: Store;
  readonly cursors: ListingCursors;
  /** As `Store.transact`, counted as running work. */
  write<T>(work: (transaction: StoreTransaction) => T): Promise<T>;
}

type KeyvalueFunction = (scope: KeyvalueScope, args: readonly unknown[]) => unknown;

/** Carries out a Call. */
export function runFunction(scope: KeyvalueScope, call: Call): unknown {
  const name = `${call.interface.slice(call.interface.indexOf("/") + 1)}.${call.function}`;
  if (!Object.hasOwn(FUNCTIONS, name)) {
    throw new Fault(
      "not_found",
      `call ${call.interface}: the keyvalue provider has no function ${call.function}`,
    );
  }
  try {
    const result = FUNCTIONS[name](scope, call.args);
    return result instanceof Promise ? result.catch(refuse) : result;
  } catch (error) {
    refuse(error);
  }
}

const FUNCTIONS: Readonly<Record<string, KeyvalueFunction>> = {
  "store.open": openBucket,
  "store.[method]bucket.get": (scope, [bucket, key]) => scope.store.get(nameOf(bucket), checkKey(key)),
  "store.[method]bucket.set": (scope, [bucket, key, value]) => {
    const [name, at, bytes] = [nameOf(bucket), checkKey(key), checkValue(value)];
    return scope.write((transaction) => transaction.set(name, at, bytes));
  },
  "store.[method]bucket.delete": (scope, [bucket, key]) => {
    const [name, at] = [nameOf(bucket), checkKey(key)];
    return scope.write((transaction) => void transaction.delete(name, at));
  },
  "store.[method]bucket.exists": (scope, [bucket, key]) =>
    scope.store.get(nameOf(bucket), checkKey(key)) !== undefined,
  "store.[method]bucket.list-keys": listKeys,
  "atomics.increment": increment,
  "atomics.[static]cas.new": (scope, [bucket, key]) => {
    const cas = new Cas(nameOf(bucket), checkKey(key));
    cas.seen = fingerprint(scope.store.get(cas.bucket, cas.key));
    return cas;
  },
  "atomics.[method]cas.current": (scope, [given]) => {
    const cas = checkCas(given);
    const value = scope.store.get(cas.bucket, cas.key);
    cas.seen = fingerprint(value);
    return value;
  },
  "atomics.swap": swap,
  "batch.get-many": (scope, [bucket, keys]) => {
    const names = checkBatch(keys).map(checkKey);
    const values = scope.store.getMany(nameOf(bucket), names, LIMITS.batchBytesMax);
    return values.map((value, i) => value && [names[i], value]);
  },
  "batch.set-many": setMany,
  "batch.delete-many": (scope, [bucket, keys]) => {
    const [name, names] = [nameOf(bucket), checkBatch(keys).map(checkKey)];
    return scope.write((transaction) => names.forEach((key) => transaction.delete(name, key)));
  },
};

function openBucket(scope: KeyvalueScope, [identifier]: readonly unknown[]): Bucket {
  const name = checkText(identifier, "bucket name", LIMITS.bucketBytesMax);
  const resolved = scope.resolveBucket(name);
  if (resolved === undefined) throw new WitError({ tag: "access-denied" });
  return new Bucket(resolved);
}

function listKeys(scope: KeyvalueScope, [bucket, cursor]: readonly unknown[]): unknown {
  const name = nameOf(bucket);
  let after: string | undefined;
  if (typeof cursor === "string") after = cursor;
  else if (cursor !== undefined) {
    after = scope.cursors.find(name, BigInt(cursor as bigint));
    if (after === undefined) {
      throw other(`list-keys: cursor ${cursor} is not of this bucket or too old; begin again`);
    }
  }
  // One more than is given tells whether anything follows.
  const keys = scope.store.keys(name, after, LIMITS.listKeysPage + 1);
  if (keys.length <= LIMITS.listKeysPage) return { keys, cursor: undefined };
  keys.pop();
  const last = keys[keys.length - 1];
  const isText = typeof cursor === "string" || scope.version === "0.2.0-draft2";
  return { keys, cursor: isText ? last : scope.cursors.give(name, last) };
}

/** What a counter may come to, by draft; where the draft is not known, what both can carry. */
const COUNTER_RANGES: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  "0.2.0-draft": [0n, 2n ** 64n - 1n],
  "": [-(2n ** 63n), 2n ** 63n - 1n],
};

function increment(scope: KeyvalueScope, [bucket, key, delta]: readonly unknown[]): Promise<bigint> {
  const [name, at] = [nameOf(bucket), checkKey(key)];
  if (typeof delta !== "bigint") throw badArgument("delta", "a 64-bit number");
  const [min, max] = COUNTER_RANGES[scope.version ?? ""] ?? COUNTER_RANGES[""];
  return scope.write((transaction) => {
    const next = parseCounter(transaction.get(name, at), at) + delta;
    if (next < min || next > max) {
      throw other(`increment "${at}": ${next} is outside ${min} to ${max}; the counter is left as it was`);
    }
    transaction.set(name, at, new TextEncoder().encode(`${next}`));
    return next;
  });
}

function parseCounter(value: Uint8Array | undefined, key: string): bigint {
  if (value === undefined) return 0n;
  const text = new TextDecoder().decode(value.subarray(0, 32));
  if (value.length <= 32 && /^-?\d+$/.test(text)) return BigInt(text);
  throw other(`increment "${key}": its value is not a decimal number; set it to one, or use another key`);
}

async function swap(scope: KeyvalueScope, [given, value]: readonly unknown[]): Promise<void> {
  try {
    const [cas, bytes] = [checkCas(given), checkValue(value)];
    await scope.write((transaction) => {
      const now = fingerprint(transaction.get(cas.bucket, cas.key));
      if (now === cas.seen) return transaction.set(cas.bucket, cas.key, bytes);
      const fresh = new Cas(cas.bucket, cas.key);
      fresh.seen = now;
      throw new WitError({ tag: "cas-failed", val: fresh });
    });
  } catch (error) {
    const payload = error instanceof WitError ? error.payload as { tag: string } : undefined;
    if (payload?.tag === "cas-failed") throw error;
    if (payload) throw new WitError({ tag: "store-error", val: payload });
    if (isFault(error)) throw new WitError({ tag: "store-error", val: { tag: "other", val: error.message } });
    throw error;
  }
}

function setMany(scope: KeyvalueScope, [bucket, entries]: readonly unknown[]): Promise<void> {
  const name = nameOf(bucket);
  let bytes = 0;
  const checked = checkBatch(entries).map((entry) => {
    const [key, value] = entry as [unknown, unknown];
    const pair = [checkKey(key), checkValue(value)] as const;
    bytes += pair[1].length;
    return pair;
  });
  if (bytes > LIMITS.batchBytesMax) {
    throw other(
      `set-many: ${bytes} bytes of values; at most ${LIMITS.batchBytesMax} go in one batch; send fewer`,
    );
  }
  return scope.write((transaction) => checked.forEach(([key, value]) => transaction.set(name, key, value)));
}

/** Tells one value from another without keeping it: a handle may live long and a value may be large. */
function fingerprint(value: Uint8Array | undefined): string {
  return value === undefined ? "absent" : createHash("sha256").update(value).digest("base64");
}

function nameOf(bucket: unknown): string {
  if (bucket instanceof Bucket) return bucket.name;
  throw badArgument("bucket", "an open bucket");
}

function checkCas(cas: unknown): Cas {
  if (cas instanceof Cas) return cas;
  throw badArgument("cas", "a compare-and-swap handle");
}

function checkKey(key: unknown): string {
  return checkText(key, "key", LIMITS.keyBytesMax);
}

function checkText(text: unknown, what: string, bytesMax: number): string {
  if (typeof text !== "string") throw badArgument(what, "text");
  // A character takes 3 bytes of UTF-8 at most, so most texts need no counting.
  if (text.length * 3 <= bytesMax || new TextEncoder().encode(text).length <= bytesMax) return text;
  throw other(`${what} "${text.slice(0, 40)}…": longer than ${bytesMax} bytes; use a shorter one`);
}

function checkValue(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw badArgument("value", "bytes");
  if (value.length <= LIMITS.valueBytesMax) return value;
  throw other(
    `value of ${value.length} bytes: at most ${LIMITS.valueBytesMax} fit; split it, or keep it in a blob store`,
  );
}

function checkBatch(list: unknown): readonly unknown[] {
  if (!Array.isArray(list)) throw badArgument("batch", "a list");
  if (list.length <= LIMITS.batchKeysMax) return list;
  throw other(`batch of ${list.length} keys: at most ${LIMITS.batchKeysMax} go in one; send several`);
}

function other(message: string): WitError {
  return new WitError({ tag: "other", val: message });
}

function badArgument(name: string, expected: string): Fault {
  return new Fault("bad_request", `wasi:keyvalue: the argument ${name} is not ${expected}`);
}

/** What the store refuses is the guest's to handle; anything else is not its doing. */
function refuse(error: unknown): never {
  throw isFault(error) && error.code !== "bad_request" ? other(error.message) : error;
}
