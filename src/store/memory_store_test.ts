import assert from "node:assert/strict";
import { isFault } from "../model/fault.ts";
import { testStore } from "../../tests/suites/store_suite.ts";
import { MemoryFolder } from "./memory_folder.ts";
import { MemoryStore } from "./memory_store.ts";

testStore("memory store", () => {
  const folder = new MemoryFolder();
  return Promise.resolve({
    open: () => Promise.resolve(new MemoryStore({ folder })),
    remove: () => Promise.resolve(),
  });
});

Deno.test("memory store: a power cut keeps what was acknowledged and drops what was not synced", async () => {
  const folder = new MemoryFolder();
  let finishSync = () => {};
  const store = new MemoryStore({ folder, sync: () => new Promise((resolve) => (finishSync = resolve)) });
  const first = store.transact((t) => t.set("b", "k", new Uint8Array([1])));
  await Promise.resolve();
  await Promise.resolve();
  finishSync();
  await first;
  let isAcknowledged = false;
  store.transact((t) => {
    t.set("b", "k", new Uint8Array([2]));
    t.set("b", "l", new Uint8Array([2]));
    t.setRecord("host", "r", 2);
  }).then(() => (isAcknowledged = true));
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(store.get("b", "k"), new Uint8Array([2]), "committed, not yet synced");
  folder.cutPower();
  finishSync();
  const again = new MemoryStore({ folder });
  await again.transact(() => {});
  assert.equal(isAcknowledged, false);
  assert.deepEqual(again.get("b", "k"), new Uint8Array([1]));
  assert.deepEqual(again.keys("b", undefined, 9), ["k"]);
  assert.equal(again.getRecord("host", "r"), undefined);
});

Deno.test("memory store: a killed handle acknowledges nothing more, and its commit may stand", async () => {
  const folder = new MemoryFolder();
  const store = new MemoryStore({ folder });
  let isAcknowledged = false;
  store.transact((t) => t.set("b", "k", new Uint8Array([1]))).then(() => (isAcknowledged = true));
  await Promise.resolve();
  store.kill();
  const other = new MemoryStore({ folder });
  await other.transact(() => {});
  assert.equal(isAcknowledged, false);
  assert.throws(() => store.get("b", "k"), (e) => isFault(e) && e.code === "unavailable");
});

Deno.test("memory store: a full disk refuses writes until there is space; a failed sync until it is reopened", async () => {
  const folder = new MemoryFolder();
  const store = new MemoryStore({ folder });
  folder.isFull = true;
  await assert.rejects(store.transact((t) => t.set("b", "k", new Uint8Array(1))), (e) => {
    return isFault(e) && e.code === "over_limit";
  });
  folder.isFull = false;
  await store.transact((t) => t.set("b", "k", new Uint8Array(1)));
  folder.syncError = new Error("EIO");
  await assert.rejects(store.transact((t) => t.set("b", "l", new Uint8Array(1))));
  folder.syncError = undefined;
  await assert.rejects(store.transact(() => {}), (e) => isFault(e) && e.code === "unavailable");
  assert.deepEqual(store.get("b", "k"), new Uint8Array(1), "reads go on");
});
