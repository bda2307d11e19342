// The contract of the Store port as tests, run by every store. A place is what survives its handles: a data folder, or a
// folder in memory.

import assert from "node:assert/strict";
import { isFault } from "../../src/model/fault.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Store, StoreTransaction } from "../../src/model/ports.ts";
import { randomWords } from "../support/random_words.ts";

/** Somewhere to open stores on; empty at first. */
export interface StorePlace {
  /** Opens a handle, as a process of the host does. */
  open(): Promise<Store>;
  /** Closes what the test left open and removes everything. */
  remove(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = (value: Uint8Array | undefined) => value && decoder.decode(value);
const bytes = (value: string) => encoder.encode(value);

/** Declares the whole suite for the stores that `makePlace` makes. */
export function testStore(kind: string, makePlace: () => Promise<StorePlace>): void {
  const test = (name: string, run: (store: Store, place: StorePlace) => Promise<void>) =>
    Deno.test(`${kind}: ${name}`, async () => {
      const place = await makePlace();
      try {
        await run(await place.open(), place);
      } finally {
        await place.remove();
      }
    });
  testValues(test);
  testKeys(test);
  testTransactions(test);
  testRefusals(test);
  testHistories(test);
  testRecords(test);
  testHandles(test);
}

type Test = (name: string, run: (store: Store, place: StorePlace) => Promise<void>) => void;

function testValues(test: Test): void {
  test("get() gives back exactly the bytes that were set", async (store) => {
    const values = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      new Uint8Array(LIMITS.valueBytesMax).fill(0xa5),
      new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4),
    ];
    await store.transact((t) => values.forEach((value, i) => t.set("b", `k${i}`, value)));
    values.forEach((value, i) => assert.deepEqual(store.get("b", `k${i}`), new Uint8Array(value)));
    assert.equal(store.get("b", "other"), undefined);
    assert.equal(store.get("other", "k0"), undefined);
  });

  test("values are copies: changing one changes nothing stored", async (store) => {
    const given = bytes("one");
    await store.transact((t) => t.set("b", "k", given));
    given.fill(0);
    store.get("b", "k")!.fill(0);
    store.getMany("b", ["k"])[0]!.fill(0);
    await store.transact((t) => void t.get("b", "k")!.fill(0));
    assert.equal(text(store.get("b", "k")), "one");
  });

  test("getMany() keeps the order asked for and refuses more bytes than allowed", async (store) => {
    await store.transact((t) => ["a", "b", "c"].forEach((key) => t.set("b", key, bytes(key.repeat(10)))));
    assert.deepEqual(store.getMany("b", ["c", "no", "a", "c"]).map(text), [
      "cccccccccc",
      undefined,
      "aaaaaaaaaa",
      "cccccccccc",
    ]);
    assert.equal(store.getMany("b", ["a", "b"], 20).length, 2);
    assert.throws(
      () => store.getMany("b", ["a", "b", "c"], 20),
      (e) => isFault(e) && e.code === "over_limit",
    );
    assert.equal(text(store.get("b", "a")), "aaaaaaaaaa", "the store still reads");
  });
}

function testKeys(test: Test): void {
  // In the order of their UTF-8 bytes, which is not that of JS strings.
  const NAMES = ["", "\0", "\0b", "A", "a", "a\0", "a\0b", "a b", "aa", "é", "\u{ffff}", "\u{10000}", "😀"];

  test("keys() lists in byte order, from after a key, up to a limit", async (store) => {
    await store.transact((t) => NAMES.toReversed().forEach((name) => t.set("b", name, bytes(name))));
    assert.deepEqual(store.keys("b", undefined, 100), NAMES);
    assert.deepEqual(store.keys("b", undefined, 3), NAMES.slice(0, 3));
    NAMES.forEach((name, i) => assert.deepEqual(store.keys("b", name, 2), NAMES.slice(i + 1, i + 3)));
    assert.deepEqual(store.keys("b", "a\0a", 1), ["a\0b"], "a key that is not there");
    assert.deepEqual(store.keys("other", undefined, 100), []);
    NAMES.forEach((name) => assert.equal(text(store.get("b", name)), name));
  });

  test("a bucket name may be any text, and buckets do not mix", async (store) => {
    await store.transact((t) => NAMES.forEach((name) => t.set(name, "k", bytes(name))));
    NAMES.forEach((name) => assert.equal(text(store.get(name, "k")), name));
  });

  test("half a surrogate pair is refused as a key", async (store) => {
    const isRefused = (e: unknown) => isFault(e) && e.code === "bad_request";
    await assert.rejects(store.transact((t) => t.set("b", "\ud800", bytes("x"))), isRefused);
    assert.throws(() => store.get("b", "\udc00"), isRefused);
  });
}

function testTransactions(test: Test): void {
  test("transact() resolves with what the work gave, which sees its own writes", async (store) => {
    const result = await store.transact((t) => {
      t.set("b", "k", bytes("1"));
      t.set("b", "l", bytes("2"));
      const removed = [t.delete("b", "k"), t.delete("b", "k"), t.delete("none", "k")];
      return { removed, k: t.get("b", "k"), l: text(t.get("b", "l")), keys: t.keys("b", undefined, 9) };
    });
    assert.deepEqual(result, { removed: [true, false, false], k: undefined, l: "2", keys: ["l"] });
    assert.deepEqual(store.keys("b", undefined, 9), ["l"]);
  });

  test("transact() undoes what failing work wrote, and only that", async (store) => {
    const boom = new Error("boom");
    const outcomes = await Promise.allSettled([
      store.transact((t) => t.set("b", "before", bytes("1"))),
      store.transact((t) => {
        t.set("fresh", "k", bytes("2"));
        t.set("b", "before", bytes("2"));
        t.delete("b", "before");
        t.setRecord("host", "r", 2);
        throw boom;
      }),
      store.transact((t) => t.set("fresh", "after", bytes("3"))),
    ]);
    assert.deepEqual(outcomes.map((o) => o.status), ["fulfilled", "rejected", "fulfilled"]);
    assert.equal((outcomes[1] as PromiseRejectedResult).reason, boom);
    assert.equal(text(store.get("b", "before")), "1");
    assert.deepEqual(store.keys("fresh", undefined, 9), ["after"]);
    assert.equal(store.getRecord("host", "r"), undefined);
  });

  test("transact() runs in the order asked for", async (store) => {
    const acknowledged: number[] = [];
    await Promise.all(
      Array.from(
        { length: 200 },
        (_, i) =>
          store.transact((t) => t.set("b", "log", bytes(`${text(t.get("b", "log")) ?? ""}${i};`)))
            .then(() => acknowledged.push(i)),
      ),
    );
    const inOrder = Array.from({ length: 200 }, (_, i) => i);
    assert.equal(text(store.get("b", "log")), inOrder.map((i) => `${i};`).join(""));
    assert.deepEqual(acknowledged, inOrder);
  });
}

function testRefusals(test: Test): void {
  test("transact() refuses work that is asynchronous, or goes on after its end", async (store) => {
    await assert.rejects(
      store.transact((t) => {
        t.set("b", "k", bytes("1"));
        return Promise.reject(new Error("not looked at"));
      }),
      /must be synchronous/,
    );
    assert.equal(store.get("b", "k"), undefined);
    let kept: StoreTransaction | undefined;
    await store.transact((t) => void (kept = t));
    assert.throws(() => kept!.set("b", "k", bytes("1")), /is over/);
    assert.throws(() => kept!.get("b", "k"), /is over/);
  });

  test("transact() refuses one more than may wait, and works again after", async (store) => {
    const waiting = Array.from({ length: LIMITS.writesWaitingMax }, () => store.transact(() => 1));
    await assert.rejects(store.transact(() => 2), (e) => isFault(e) && e.code === "over_limit");
    await Promise.all(waiting);
    assert.equal(await store.transact(() => 3), 3);
  });
}

function testHistories(test: Test): void {
  test("a long random history leaves what a plain map holds", async (store) => {
    const random = randomWords(7);
    const model = new Map<string, string>();
    for (let round = 0; round < 60; round++) {
      const mirror = new Map(model);
      await store.transact((t) => {
        for (let i = 0; i < 20; i++) {
          const key = `k${random(40)}`;
          if (random(3) === 0) assert.equal(t.delete("b", key), mirror.delete(key));
          else t.set("b", key, bytes(`${round}.${i}`)), mirror.set(key, `${round}.${i}`);
        }
        if (random(4) === 0) throw new Error("undone");
      }).then(() => {
        model.clear();
        mirror.forEach((value, key) => model.set(key, value));
      }, (e) => assert.equal(e.message, "undone"));
      assert.deepEqual(store.keys("b", undefined, 100), [...model.keys()].sort());
      model.forEach((value, key) => assert.equal(text(store.get("b", key)), value));
    }
  });
}

function testRecords(test: Test): void {
  test("records keep their value and stand apart by table", async (store) => {
    const value = { list: [1, "zwei\0", null, { nested: true }], text: "ünï" };
    await store.transact((t) => {
      t.setRecord("application", "shop", value);
      t.setRecord("application", "a\0b", 1);
      t.setRecord("job", "shop", "other");
      assert.deepEqual(t.getRecord("application", "shop"), value);
      assert.equal(t.listRecords("application").length, 2);
    });
    assert.deepEqual(store.getRecord("application", "shop"), value);
    assert.deepEqual(store.listRecords("application"), [["a\0b", 1], ["shop", value]]);
    assert.deepEqual(store.listRecords("artifact"), []);
    assert.deepEqual(
      await store.transact((t) => [t.deleteRecord("job", "shop"), t.deleteRecord("job", "shop")]),
      [true, false],
    );
    assert.equal(store.getRecord("job", "shop"), undefined);
  });
}

function testHandles(test: Test): void {
  test("a second handle sees each write when it is acknowledged", async (store, place) => {
    const other = await place.open();
    for (let i = 0; i < 20; i++) {
      const [writer, reader] = i % 2 ? [store, other] : [other, store];
      await writer.transact((t) => t.set(`bucket${i % 3}`, "k", bytes(`${i}`)));
      assert.equal(text(reader.get(`bucket${i % 3}`, "k")), `${i}`);
    }
  });

  test("increments through two handles are all counted", async (store, place) => {
    const other = await place.open();
    const add = (through: Store) =>
      through.transact((t) => t.set("b", "n", bytes(`${Number(text(t.get("b", "n")) ?? 0) + 1}`)));
    await Promise.all(Array.from({ length: 200 }, (_, i) => add(i % 2 ? store : other)));
    assert.equal(text(store.get("b", "n")), "200");
  });

  test("a bucket that another handle made is found", async (store, place) => {
    const other = await place.open();
    assert.equal(store.get("late", "k"), undefined);
    await other.transact((t) => t.set("late", "k", bytes("1")));
    await store.transact((t) => t.set("late", "l", bytes("2")));
    assert.deepEqual(other.keys("late", undefined, 9), ["k", "l"]);
  });

  test("what was written is there after the place is opened again", async (store, place) => {
    await store.transact((t) => t.set("b", "k", bytes("1")));
    await store.close();
    const again = await place.open();
    assert.equal(text(again.get("b", "k")), "1");
    await again.transact((t) => t.set("b", "k", bytes("2")));
    assert.equal(text(again.get("b", "k")), "2");
  });

  test("close() lets running writes end, may be called twice, and refuses what comes later", async (store) => {
    const writing = store.transact((t) => t.set("b", "k", bytes("1")));
    const closing = Promise.all([store.close(), store.close()]);
    const isRefused = (e: unknown) => isFault(e) && e.code === "unavailable";
    await assert.rejects(store.transact(() => 1), isRefused);
    await Promise.all([writing, closing]);
    assert.throws(() => store.get("b", "k"), isRefused);
    assert.throws(() => store.listRecords("host"), isRefused);
  });
}
