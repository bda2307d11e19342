// Files of a store with known content, to be damaged: 3,000 small keys in two buckets, some values of many pages, records,
// and deleted keys that must not come back.

import assert from "node:assert/strict";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { randomWords } from "./random_words.ts";

export const KEYS = 3_000;
const DELETED = 500;
/** A database and, where it was not closed, its log. */
export interface StoreFiles {
  database: Uint8Array;
  log: Uint8Array | undefined;
}

export const valueOf = (i: number) =>
  new TextEncoder().encode(i % 97 === 0 ? `${i} `.repeat(3_000) : `value ${i} ${"x".repeat(i % 50)}`);
export const keyOf = (i: number) => `key-${String(i).padStart(6, "0")}`;
export const bucketOf = (i: number) => i % 3 ? "orders" : "stock";

/** Files of a store that was closed (`clean`), or as `kill -9` leaves them, with commits in the log only. */
export async function makeStoreFiles(kind: "clean" | "killed"): Promise<StoreFiles> {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_recovery_" });
  const store = await SqliteStore.open({ folder, isOwner: true });
  for (let start = 0; start < KEYS; start += 50) {
    await store.transact((t) => {
      for (let i = start; i < start + 50; i++) t.set(bucketOf(i), keyOf(i), valueOf(i));
      t.setRecord("application", `app-${start}`, { start });
    });
    if (start === KEYS / 2) await store.checkpoint();
  }
  await store.transact((t) => {
    for (let i = 0; i < DELETED; i++) t.set("gone", keyOf(i), valueOf(i));
  });
  await store.transact((t) => {
    for (let i = 0; i < DELETED; i++) t.delete("gone", keyOf(i));
  });
  const copy = `${folder}/copy`;
  await Deno.mkdir(copy);
  if (kind === "clean") await store.close();
  // A process of its own: closing the database file in this one would drop the store's locks on it.
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `cp "${folder}"/holdfast.db* "${copy}"/`],
  }).output();
  assert.ok(success);
  if (kind === "killed") await store.close();
  const database = await Deno.readFile(`${copy}/holdfast.db`);
  const log = kind === "killed" ? await Deno.readFile(`${copy}/holdfast.db-wal`) : undefined;
  await Deno.remove(folder, { recursive: true });
  return { database, log };
}

/** A copy with random bytes in one place. */
export function damage(bytes: Uint8Array, from: number, to: number, seed = 1): Uint8Array {
  const damaged = bytes.slice();
  const random = randomWords(seed);
  for (let at = from; at < to; at++) damaged[at] = random(256);
  return damaged;
}
