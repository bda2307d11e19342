import assert from "node:assert/strict";
import {
  KeyvalueGuest,
  makeKeyvalueCall,
  makeKeyvalueLink,
  rejectsWith,
} from "../tests/support/keyvalue_guest.ts";
import { fakeProviderContext } from "../tests/support/provider_context.ts";
import { testProvider } from "../tests/suites/provider_suite.ts";
import { WitError } from "../src/model/call.ts";
import { LIMITS } from "../src/model/limits.ts";
import { MemoryFolder } from "../src/store/memory_folder.ts";
import { MemoryStore } from "../src/store/memory_store.ts";
import { KEYVALUE } from "./keyvalue.ts";
import { Bucket, Cas } from "./keyvalue/functions.ts";

testProvider({
  name: "keyvalue",
  kind: KEYVALUE,
  makeContext: (config) => {
    const store = new MemoryStore();
    const context = fakeProviderContext({ id: "kv", kind: "keyvalue", config, store });
    return Promise.resolve({ context, free: () => store.close() });
  },
  link: makeKeyvalueLink(),
  badLinks: [
    { target: { bucket: "" }, names: "bucket" },
    { target: { bucket: "holdfast/cursors" }, names: "bucket" },
    { target: { buckets: "a,,b" }, names: "buckets" },
    { target: { buckets: `a,${"x".repeat(LIMITS.bucketBytesMax + 1)}` }, names: "buckets" },
  ],
  badConfigs: [{ config: { buckets: "," }, names: "buckets" }, {
    config: { bucket: "holdfast/x" },
    names: "bucket",
  }],
  call: {
    call: makeKeyvalueCall("atomics.increment", [new Bucket("b"), "n", 1n]),
    check: (result) => assert.equal(typeof result, "bigint"),
  },
});

Deno.test("keyvalue: set, get, exists, delete", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("default");
  assert.equal(guest.get(bucket, "k"), undefined);
  await guest.set(bucket, "k", "v");
  assert.equal(guest.get(bucket, "k"), "v");
  assert.equal(guest.call("store.[method]bucket.exists", bucket, "k"), true);
  assert.equal(await guest.call("store.[method]bucket.delete", bucket, "k"), undefined);
  assert.equal(await guest.call("store.[method]bucket.delete", bucket, "k"), undefined);
  assert.equal(guest.call("store.[method]bucket.exists", bucket, "k"), false);
  await guest.set(bucket, "", "the empty key");
  assert.equal(guest.get(bucket, ""), "the empty key");
});

Deno.test("keyvalue: `buckets` allows, `bucket` pins, and the host's own names are out of reach", async () => {
  const folder = new MemoryFolder();
  const listed = new KeyvalueGuest(folder, { buckets: "orders, stock" });
  await listed.set(listed.open("orders"), "k", "from orders");
  await listed.set(listed.open("stock"), "k", "from stock");
  for (const name of ["other", "", "Orders", "holdfast/cursors"]) {
    await rejectsWith(() => listed.open(name), "access-denied");
  }
  const pinned = new KeyvalueGuest(folder, { bucket: "orders" });
  assert.equal(pinned.get(pinned.open("whatever"), "k"), "from orders");
  const both = new KeyvalueGuest(folder, { buckets: "mine", bucket: "stock", url: "nats://elsewhere" });
  assert.equal(both.get(both.open("mine"), "k"), "from stock");
  await rejectsWith(() => both.open("stock"), "access-denied");
  const free = new KeyvalueGuest(folder);
  assert.equal(free.get(free.open("orders"), "k"), "from orders");
  await rejectsWith(() => free.open("holdfast/cursors"), "access-denied");
});

Deno.test("keyvalue: increment counts from nothing, in decimal, and refuses what is no number", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("b");
  const add = (key: string, delta: bigint) => guest.call("atomics.increment", bucket, key, delta);
  assert.equal(await add("n", 5n), 5n);
  assert.equal(await add("n", 37n), 42n);
  assert.equal(guest.get(bucket, "n"), "42");
  assert.equal(await add("n", -50n), -8n);
  assert.equal(guest.get(bucket, "n"), "-8");
  for (const text of ["", "4x", " 4", "4.0", "1e3", "0x10", "9".repeat(40), "-"]) {
    await guest.set(bucket, "bad", text);
    await rejectsWith(() => add("bad", 1n), "other", /increment "bad": its value is not a decimal number/);
    assert.equal(guest.get(bucket, "bad"), text);
  }
  await Promise.all(Array.from({ length: 200 }, () => add("many", 1n)));
  assert.equal(guest.get(bucket, "many"), "200");
});

Deno.test("keyvalue: increment stays within what the draft can carry", async () => {
  const [maxSigned, maxUnsigned] = [2n ** 63n - 1n, 2n ** 64n - 1n];
  for (
    const [version, max] of [["0.2.0-draft", maxUnsigned], ["0.2.0-draft2", maxSigned], [
      undefined,
      maxSigned,
    ]] as const
  ) {
    const guest = new KeyvalueGuest();
    guest.version = version;
    const bucket = guest.open("b");
    await guest.set(bucket, "n", `${max - 1n}`);
    assert.equal(await guest.call("atomics.increment", bucket, "n", 1n), max);
    await rejectsWith(() => guest.call("atomics.increment", bucket, "n", 1n), "other", /is outside/);
    assert.equal(guest.get(bucket, "n"), `${max}`);
  }
});

Deno.test("keyvalue: swap succeeds once for each value seen, and hands back a fresh handle otherwise", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("b");
  const make = () => guest.call("atomics.[static]cas.new", bucket, "k") as Cas;
  const swap = (cas: Cas, text: string) => guest.call("atomics.swap", cas, new TextEncoder().encode(text));
  const [first, second] = [make(), make()];
  assert.equal(guest.call("atomics.[method]cas.current", first), undefined);
  await swap(first, "1");
  const failure = await Promise.resolve(swap(second, "2")).catch((e) => e) as {
    payload: { tag: string; val: Cas };
  };
  assert.equal(failure.payload.tag, "cas-failed");
  const fresh = failure.payload.val;
  assert.ok(fresh instanceof Cas);
  await guest.set(bucket, "k", "3");
  assert.deepEqual(guest.call("atomics.[method]cas.current", fresh), new TextEncoder().encode("3"));
  await swap(fresh, "4");
  assert.equal(guest.get(bucket, "k"), "4");
  await assert.rejects(
    async () => await guest.call("atomics.swap", make(), new Uint8Array(LIMITS.valueBytesMax + 1)),
    (e) => {
      return e instanceof WitError && (e.payload as { tag: string }).tag === "store-error";
    },
  );
});

Deno.test("keyvalue: of many swaps that race, each success is one change", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("b");
  const raise = async () => {
    for (let tries = 0; tries < 1_000; tries++) {
      const cas = guest.call("atomics.[static]cas.new", bucket, "n") as Cas;
      const now = guest.call("atomics.[method]cas.current", cas) as Uint8Array | undefined;
      const next = Number(now ? new TextDecoder().decode(now) : 0) + 1;
      try {
        return await guest.call("atomics.swap", cas, new TextEncoder().encode(`${next}`));
      } catch (e) {
        assert.equal((e as WitError & { payload: { tag: string } }).payload.tag, "cas-failed");
      }
    }
    throw new Error("no progress");
  };
  await Promise.all(Array.from({ length: 30 }, raise));
  assert.equal(guest.get(bucket, "n"), "30");
});

Deno.test("keyvalue: a batch is all or nothing, and answers in order", async () => {
  const folder = new MemoryFolder();
  const guest = new KeyvalueGuest(folder);
  const bucket = guest.open("b");
  const entry = (key: string, length = 1): [string, Uint8Array] => [key, new Uint8Array(length)];
  await guest.call("batch.set-many", bucket, [entry("a"), entry("c", 3), entry("c", 5)]);
  assert.deepEqual(guest.call("batch.get-many", bucket, ["c", "b", "a", "c"]), [
    entry("c", 5),
    undefined,
    entry("a"),
    entry("c", 5),
  ]);
  await rejectsWith(
    () => guest.call("batch.set-many", bucket, [entry("d"), entry("e".repeat(2_000))]),
    "other",
    /key/,
  );
  folder.isFull = true;
  await rejectsWith(() => guest.call("batch.set-many", bucket, [entry("d"), entry("e")]), "other", /full/);
  await rejectsWith(() => guest.call("batch.delete-many", bucket, ["a", "c"]), "other", /full/);
  folder.isFull = false;
  assert.deepEqual(guest.listPage(bucket, undefined).keys, ["a", "c"]);
  await guest.call("batch.delete-many", bucket, ["a", "none", "c"]);
  assert.deepEqual(guest.listPage(bucket, undefined).keys, []);
});

Deno.test("keyvalue: what exceeds a bound is refused by the bound's number", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("b");
  const big = new Uint8Array(LIMITS.valueBytesMax);
  await rejectsWith(() => guest.open("x".repeat(LIMITS.bucketBytesMax + 1)), "other", /256 bytes/);
  await rejectsWith(() => guest.get(bucket, "é".repeat(LIMITS.keyBytesMax / 2 + 1)), "other", /1024 bytes/);
  await guest.set(bucket, "é".repeat(LIMITS.keyBytesMax / 2), "fits");
  await guest.call("store.[method]bucket.set", bucket, "k", big);
  await rejectsWith(
    () => guest.call("store.[method]bucket.set", bucket, "k", new Uint8Array(big.length + 1)),
    "other",
    new RegExp(`at most ${LIMITS.valueBytesMax} fit`),
  );
  const keys = Array.from({ length: LIMITS.batchKeysMax + 1 }, (_, i) => `${i}`);
  await rejectsWith(() => guest.call("batch.get-many", bucket, keys), "other", /at most 10000/);
  await rejectsWith(() => guest.call("batch.delete-many", bucket, keys), "other", /at most 10000/);
  const entries = Array.from({ length: 17 }, (_, i) => [`big${i}`, big]);
  await rejectsWith(() => guest.call("batch.set-many", bucket, entries), "other", /bytes of values/);
  await guest.call("batch.set-many", bucket, entries.slice(0, 16));
  await rejectsWith(
    () => guest.call("batch.get-many", bucket, entries.map(([key]) => key).concat("k")),
    "other",
    /exceed/,
  );
});

Deno.test("keyvalue: a listing gives each key once, whatever is set and deleted meanwhile", async () => {
  const guest = new KeyvalueGuest();
  const bucket = guest.open("b");
  const staying = Array.from({ length: 3_500 }, (_, i) => `stay${String(i).padStart(5, "0")}`);
  const passing = Array.from({ length: 500 }, (_, i) => `pass${i}`);
  await guest.call("batch.set-many", bucket, [...staying, ...passing].map((key) => [key, new Uint8Array(1)]));
  const seen: string[] = [];
  let cursor: unknown;
  for (let page = 0; page === 0 || cursor !== undefined; page++) {
    const answer = guest.listPage(bucket, cursor);
    assert.ok(answer.keys.length <= LIMITS.listKeysPage);
    seen.push(...answer.keys);
    cursor = answer.cursor;
    assert.equal(typeof cursor, cursor === undefined ? "undefined" : "bigint");
    // The very key the cursor stands behind goes, others come before and behind it.
    await guest.call("batch.delete-many", bucket, [...passing.slice(100 * page, 100 * page + 100)]);
    await guest.call("batch.set-many", bucket, [[`a${page}`, new Uint8Array(1)], [
      `zz${page}`,
      new Uint8Array(1),
    ]]);
  }
  assert.equal(new Set(seen).size, seen.length, "no key twice");
  const set = new Set(seen);
  assert.ok(staying.every((key) => set.has(key)), "no key left out");
});

Deno.test("keyvalue: a listing goes on in another cell, after a restart, and where its last key was deleted", async () => {
  const folder = new MemoryFolder();
  const first = new KeyvalueGuest(folder);
  const bucket = first.open("b");
  const keys = Array.from({ length: 1_500 }, (_, i) => `k${String(i).padStart(5, "0")}`);
  await first.call("batch.set-many", bucket, keys.map((key) => [key, new Uint8Array(1)]));
  const { cursor } = first.listPage(bucket, undefined);
  await first.call("store.[method]bucket.delete", bucket, keys[999]);
  const second = new KeyvalueGuest(folder);
  const rest = second.listPage(second.open("b"), cursor);
  assert.deepEqual(rest, { keys: keys.slice(1_000), cursor: undefined });
  await rejectsWith(() => second.listPage(second.open("other"), cursor), "other", /begin again/);
  await rejectsWith(() => second.listPage(second.open("b"), 12_345n), "other", /begin again/);
});

Deno.test("keyvalue: the second draft's cursors are text", async () => {
  const guest = new KeyvalueGuest();
  guest.version = "0.2.0-draft2";
  const bucket = guest.open("b");
  const keys = Array.from({ length: 1_001 }, (_, i) => `k${String(i).padStart(5, "0")}`);
  await guest.call("batch.set-many", bucket, keys.map((key) => [key, new Uint8Array(1)]));
  const first = guest.listPage(bucket, undefined);
  assert.equal(typeof first.cursor, "string");
  assert.deepEqual(guest.listPage(bucket, first.cursor), { keys: [keys[1_000]], cursor: undefined });
});
