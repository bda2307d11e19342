import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { isFault } from "../model/fault.ts";
import type { Store } from "../model/ports.ts";
import { testStore } from "../../tests/suites/store_suite.ts";
import { SqliteStore } from "./sqlite_store.ts";

testStore("sqlite store", async () => {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_store_" });
  const opened: Store[] = [];
  return {
    async open() {
      const store = await SqliteStore.open({ folder, isOwner: opened.length === 0 });
      opened.push(store);
      return store;
    },
    async remove() {
      for (const store of opened) await store.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
});

/** A folder and what was opened on it, closed and removed at the end. */
async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_store_" });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const value = new Uint8Array([1, 2, 3]);

Deno.test("sqlite store: no write is acknowledged before its sync, and those who wait share one", async () => {
  await withFolder(async (folder) => {
    let syncs = 0;
    let letGo = () => {};
    const syncLog = async (sync: () => Promise<void>) => {
      syncs++;
      await new Promise<void>((resolve) => (letGo = resolve));
      await sync();
    };
    const store = await SqliteStore.open({ folder, isOwner: true, syncLog });
    const acknowledged: string[] = [];
    const write = (key: string) =>
      store.transact((t) => t.set("b", key, value)).then(() => acknowledged.push(key));
    const first = write("first");
    await Promise.resolve();
    await Promise.resolve();
    const others = Array.from({ length: 100 }, (_, i) => write(`k${i}`));
    assert.deepEqual([syncs, acknowledged], [1, []]);
    assert.deepEqual(store.get("b", "first"), value, "reads go on beside the sync");
    letGo();
    await first;
    assert.deepEqual(acknowledged, ["first"]);
    while (syncs < 2) await Promise.resolve();
    letGo();
    await Promise.all(others);
    assert.deepEqual([syncs, acknowledged.length], [2, 101]);
    await store.close();
  });
});

// It keeps its database open on purpose.
Deno.test("sqlite store: a failed sync refuses all writes until it is opened anew; reads go on", {
  sanitizeResources: false,
}, async () => {
  await withFolder(async (folder) => {
    let isFailing = false;
    const syncLog = (sync: () => Promise<void>) =>
      isFailing ? Promise.reject(Object.assign(new Error("Input/output error"), { code: "EIO" })) : sync();
    const store = await SqliteStore.open({ folder, isOwner: true, syncLog });
    await store.transact((t) => t.set("b", "kept", value));
    isFailing = true;
    const isRefused = (e: unknown) => isFault(e) && e.code === "unavailable" && e.message.includes(folder);
    await assert.rejects(store.transact((t) => t.set("b", "doubtful", value)), isRefused);
    isFailing = false;
    await assert.rejects(store.transact((t) => t.set("b", "later", value)), isRefused);
    assert.deepEqual(store.get("b", "kept"), value);
    await store.close();
    assert.ok(Deno.statSync(`${folder}/holdfast.db-wal`).size > 0, "the log stays");
    const again = await SqliteStore.open({ folder, isOwner: false });
    assert.deepEqual(again.get("b", "kept"), value);
    assert.equal(again.get("b", "later"), undefined);
    await again.transact((t) => t.set("b", "later", value));
    await again.close();
  });
});

// It keeps its database open on purpose.
Deno.test("sqlite store: a full disk at the sync is `over_limit`", { sanitizeResources: false }, async () => {
  await withFolder(async (folder) => {
    const syncLog = () =>
      Promise.reject(Object.assign(new Error("No space left on device"), { code: "ENOSPC" }));
    const store = await SqliteStore.open({ folder, isOwner: true, syncLog });
    await assert.rejects(store.transact((t) => t.set("b", "k", value)), (e) => {
      return isFault(e) && e.code === "over_limit" && e.message.includes(`the disk under ${folder} is full`);
    });
    await store.close();
  });
});

Deno.test("sqlite store: a write waits for another process's lock without holding the event loop", async () => {
  await withFolder(async (folder) => {
    const pauses: number[] = [];
    let free = () => {};
    const store = await SqliteStore.open({
      folder,
      isOwner: false,
      sleep: (ms) => {
        pauses.push(ms);
        if (pauses.length === 8) free();
        return Promise.resolve();
      },
    });
    const other = new DatabaseSync(`${folder}/holdfast.db`);
    other.prepare("BEGIN IMMEDIATE").run();
    free = () => other.prepare("ROLLBACK").run();
    await store.transact((t) => t.set("b", "k", value));
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 16, 16, 16]);
    other.close();
    await store.close();
  });
});

Deno.test("sqlite store: checkpoint() empties the log into the database while others read and write", async () => {
  await withFolder(async (folder) => {
    const store = await SqliteStore.open({ folder, isOwner: true });
    const other = await SqliteStore.open({ folder, isOwner: false });
    const sizes: number[] = [];
    for (let round = 0; round < 12; round++) {
      const writing = Array.from(
        { length: 300 },
        (_, i) =>
          (i % 2 ? store : other).transact((t) =>
            t.set(`b${i % 5}`, `k${round}.${i}`, new Uint8Array(2_000))
          ),
      );
      await Promise.all([store.checkpoint(), ...writing]);
      await store.checkpoint();
      sizes.push(Deno.statSync(`${folder}/holdfast.db-wal`).size);
    }
    assert.ok(sizes.at(-1)! < 3 * sizes[0], `the log begins anew instead of growing: ${sizes}`);
    await other.close();
    // As after a power cut: what is in the database file alone.
    await new Deno.Command("cp", { args: [`${folder}/holdfast.db`, `${folder}/copy.db`] }).output();
    await store.close();
    const copy = new DatabaseSync(`${folder}/copy.db`);
    assert.equal(copy.prepare("PRAGMA integrity_check").get()!.integrity_check, "ok");
    assert.equal(copy.prepare("SELECT count(*) AS n FROM keyvalue").get()!.n, 12 * 300);
    copy.close();
  });
});

Deno.test("sqlite store: close() leaves one file, and nothing to recover", async () => {
  await withFolder(async (folder) => {
    const store = await SqliteStore.open({ folder, isOwner: true });
    await store.transact((t) => t.set("b", "k", value));
    await store.close();
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "holdfast.db",
      "holdfast.db.users",
    ]);
  });
});
