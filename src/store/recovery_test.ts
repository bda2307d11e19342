import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { randomWords } from "../../tests/support/random_words.ts";
import {
  bucketOf,
  damage,
  keyOf,
  KEYS,
  makeStoreFiles,
  type StoreFiles,
  valueOf,
} from "../../tests/support/store_files.ts";
import { isFault } from "../model/fault.ts";
import { PAGE_BYTES } from "./connection.ts";
import { SqliteStore } from "./sqlite_store.ts";

// Each test damages a copy of one store's files and opens that.

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const SET_ASIDE = "holdfast.db.damaged-20260102T030405Z";

const clean = await makeStoreFiles("clean");
const killed = await makeStoreFiles("killed");

/** Opens damaged files, hands the store over, and cleans up. */
async function withFiles(
  files: StoreFiles,
  run: (store: SqliteStore, folder: string) => Promise<void> | void,
) {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_recovery_" });
  try {
    await Deno.writeFile(`${folder}/holdfast.db`, files.database);
    if (files.log) await Deno.writeFile(`${folder}/holdfast.db-wal`, files.log);
    const store = await SqliteStore.open({ folder, isOwner: true, nowMs: () => NOW_MS });
    try {
      await run(store, folder);
    } finally {
      await store.close();
    }
    // What was repaired stays so.
    const again = await SqliteStore.open({ folder, isOwner: true, nowMs: () => NOW_MS });
    assert.equal(again.recovery, undefined);
    await again.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How many keys are there, each with its own value; `damaged` counts those that the store says are not what they were. */
function countKeys(store: SqliteStore, damaged = { count: 0 }): number {
  let count = 0;
  for (let i = 0; i < KEYS; i++) {
    let value: Uint8Array | undefined;
    try {
      value = store.get(bucketOf(i), keyOf(i));
    } catch (error) {
      assert.ok(isFault(error) && error.code === "corrupt", `${error}`);
      damaged.count++;
    }
    if (value === undefined) continue;
    assert.deepEqual(value, valueOf(i), keyOf(i));
    count++;
  }
  return count;
}

function countRecords(store: SqliteStore): number {
  const records = store.listRecords<{ start: number }>("application");
  for (const [id, { start }] of records) assert.equal(id, `app-${start}`);
  return records.length;
}

function checkWhole(store: SqliteStore): void {
  assert.equal(countKeys(store), KEYS);
  assert.equal(countRecords(store), KEYS / 50);
  assert.deepEqual(store.keys("gone", undefined, 10), [], "deleted keys stay deleted");
}

/** The page number of the root of a table, from a sound file. */
async function findRoot(table: string): Promise<number> {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/a.db`, clean.database);
  const database = new DatabaseSync(`${folder}/a.db`, { readOnly: true });
  const row = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table)!;
  database.close();
  await Deno.remove(folder, { recursive: true });
  return Number(row.rootpage);
}

Deno.test("open() finds nothing wrong with sound files, closed or killed", async () => {
  for (const files of [clean, killed]) {
    await withFiles(files, (store) => {
      assert.equal(store.recovery, undefined);
      checkWhole(store);
    });
  }
});

Deno.test("open() saves everything behind a damaged header, and sets the files aside as they were", async () => {
  const database = damage(clean.database, 0, 100);
  await withFiles({ database, log: undefined }, async (store, folder) => {
    checkWhole(store);
    const { kept, setAside, reason } = store.recovery!;
    assert.match(reason, /not a database/);
    assert.deepEqual(kept, { keys: KEYS, records: KEYS / 50, damagedPages: 0, damagedRows: 0, doubtful: 0 });
    assert.deepEqual(setAside, [`${folder}/${SET_ASIDE}`]);
    assert.deepEqual(await Deno.readFile(setAside[0]), database);
    await store.transact((t) => t.set("orders", "new", new Uint8Array([1])));
  });
});

Deno.test("open() saves everything behind a damaged first page", async () => {
  const database = damage(clean.database, 0, PAGE_BYTES);
  await withFiles({ database, log: undefined }, (store) => {
    assert.ok(store.recovery);
    checkWhole(store);
  });
  // Where the log has a newer first page, SQLite needs no help.
  await withFiles({ ...killed, database: damage(killed.database, 0, PAGE_BYTES) }, checkWhole);
});

Deno.test("open() saves what a damaged inner page hides", async () => {
  const root = await findRoot("keyvalue");
  const database = damage(clean.database, (root - 1) * PAGE_BYTES, root * PAGE_BYTES);
  database[0] = 0; // and the header, so that a clean stop does not hide it
  await withFiles({ database, log: undefined }, (store) => {
    const keys = countKeys(store);
    assert.ok(keys > KEYS * 0.97 && keys < KEYS, `${keys} of ${KEYS} keys`);
    assert.equal(countRecords(store), KEYS / 50);
    assert.equal(store.recovery!.kept.damagedPages, 1);
    assert.ok(store.recovery!.kept.doubtful > 0);
  });
});

Deno.test("damage in the middle that a clean stop hides is a `corrupt` fault, and the next start saves the rest", async () => {
  const database = clean.database.slice();
  // The three leaves (type 10) in the middle of the file.
  const leaves = Array.from({ length: database.length / PAGE_BYTES }, (_, i) => i)
    .filter((page) => database[page * PAGE_BYTES] === 10);
  for (const page of leaves.slice(leaves.length / 2, leaves.length / 2 + 3)) {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    database.set(damage(database, from, to).subarray(from, to), from);
  }
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/holdfast.db`, database);
  const first = await SqliteStore.open({ folder, isOwner: true });
  assert.equal(first.recovery, undefined);
  const isCorrupt = (e: unknown) => isFault(e) && e.code === "corrupt" && e.message.includes(folder);
  const damaged = { count: 0 };
  countKeys(first, damaged);
  assert.ok(damaged.count > 0);
  await assert.rejects(
    first.transact((t) => Array.from({ length: KEYS }, (_, i) => t.get(bucketOf(i), keyOf(i)))),
    isCorrupt,
  );
  await first.transact((t) => t.set("elsewhere", "k", new Uint8Array([1])));
  await first.close();
  const second = await SqliteStore.open({ folder, isOwner: true });
  const keys = countKeys(second);
  assert.ok(keys > KEYS * 0.9 && keys < KEYS, `${keys} of ${KEYS} keys`);
  assert.ok(second.recovery!.kept.damagedPages > 0);
  assert.deepEqual(second.get("elsewhere", "k"), new Uint8Array([1]));
  await second.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("open() of a truncated database saves what is left of it", async () => {
  for (const part of [0.9, 0.5, 0.1]) {
    const length = Math.floor(clean.database.length * part);
    await withFiles({ database: clean.database.slice(0, length), log: undefined }, (store) => {
      const keys = countKeys(store);
      assert.ok(keys > KEYS * (part - 0.2) && keys <= KEYS, `${keys} of ${KEYS} keys at ${part}`);
      assert.ok(store.recovery);
    });
  }
  for (const length of [0, 10, 99, 511]) {
    await withFiles({ database: clean.database.slice(0, length), log: undefined }, async (store) => {
      assert.ok(store.recovery, `${length} bytes are not taken for a new database`);
      assert.equal(countKeys(store), 0);
      assert.equal((await Deno.stat(store.recovery.setAside[0])).size, length);
    });
  }
});

Deno.test("open() loses nothing when only the start of the log is damaged", async () => {
  const log = damage(killed.log!, 0, 32);
  await withFiles({ ...killed, log }, (store) => {
    assert.match(store.recovery!.reason, /start of the log/);
    assert.equal(store.recovery!.setAside.length, 2);
    checkWhole(store);
  });
});

Deno.test("open() saves the commits behind a damaged place in the log", async () => {
  const log = killed.log!.slice();
  log[32 + 3 * (24 + PAGE_BYTES) + 16] ^= 0x10; // one bit of a frame's checksum
  await withFiles({ ...killed, log }, (store) => {
    assert.match(store.recovery!.reason, /the log is damaged behind commit/);
    checkWhole(store);
  });
});

Deno.test("open() takes a log that a power cut tore for what it is", async () => {
  for (const bytes of [1, 2_000, 5_000]) {
    await withFiles({ ...killed, log: killed.log!.slice(0, -bytes) }, (store) => {
      assert.equal(store.recovery, undefined);
      assert.ok(countKeys(store) > KEYS / 2);
    });
  }
  await withFiles(
    { ...killed, log: new Uint8Array(10_000) },
    (store) => assert.equal(store.recovery, undefined),
  );
});

Deno.test("open() of a log whose database is gone keeps both what it can and the log", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/holdfast.db-wal`, killed.log!);
  const store = await SqliteStore.open({ folder, isOwner: true });
  assert.match(store.recovery!.reason, /the database file is gone/);
  assert.ok(countKeys(store) > 0);
  await store.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a salvage that was interrupted is finished, or begun again", async () => {
  const folder = await Deno.makeTempDir();
  // Before the new database was whole: it counts for nothing.
  await Deno.writeFile(`${folder}/holdfast.db`, clean.database);
  await Deno.writeFile(`${folder}/holdfast.db.new`, new Uint8Array(5_000));
  const first = await SqliteStore.open({ folder, isOwner: true });
  checkWhole(first);
  await first.close();
  // After: it takes its place, and the damaged one's log does not touch it.
  await Deno.rename(`${folder}/holdfast.db`, `${folder}/holdfast.db.salvaged`);
  await Deno.writeFile(`${folder}/holdfast.db`, damage(killed.database, 0, PAGE_BYTES));
  await Deno.writeFile(`${folder}/holdfast.db-wal`, killed.log!);
  const second = await SqliteStore.open({ folder, isOwner: true });
  checkWhole(second);
  await second.close();
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "holdfast.db",
    "holdfast.db.users",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a database from a newer version is refused, damaged or not", async () => {
  const folder = await Deno.makeTempDir();
  const database = clean.database.slice();
  new DataView(database.buffer).setUint32(60, 99);
  await Deno.writeFile(`${folder}/holdfast.db`, database);
  for (const isOwner of [true, false]) {
    await assert.rejects(SqliteStore.open({ folder, isOwner }), (e) => {
      return isFault(e) && e.code === "conflict" && /format 99/.test(e.message) && /newer/.test(e.message);
    });
  }
  assert.deepEqual(await Deno.readFile(`${folder}/holdfast.db`), database);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("whatever is damaged, opening and reading never crash and never lose rows in silence", async () => {
  const rounds = Number(Deno.env.get("HOLDFAST_TEST_ROUNDS") ?? 30);
  for (let round = 0; round < rounds; round++) {
    const random = randomWords(round);
    const files = random(2) ? clean : killed;
    let { database, log } = files;
    const target = log && random(2) ? log : database;
    const from = random(target.length);
    let damaged = damage(target, from, Math.min(target.length, from + 1 + random(3 * PAGE_BYTES)), round);
    if (random(4) === 0) damaged = damaged.slice(0, random(damaged.length));
    if (target === database) database = damaged;
    else log = damaged;
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/holdfast.db`, database);
    if (log) await Deno.writeFile(`${folder}/holdfast.db-wal`, log);
    await Deno.writeTextFile(`${folder}/holdfast.db.suspect`, "");
    let store: SqliteStore | undefined;
    try {
      store = await SqliteStore.open({ folder, isOwner: true });
      let missing = 0;
      for (let i = 0; i < KEYS; i++) if (!store.get(bucketOf(i), keyOf(i))) missing++;
      await store.transact((t) => t.set("b", "k", new Uint8Array(1)));
      // Damage behind the last few commits of a log looks as a power cut does; that much may go unsaid.
      const isTornLog = target === files.log;
      assert.ok(
        missing === 0 || store.recovery || isTornLog,
        `round ${round}: ${missing} keys are gone in silence`,
      );
    } catch (error) {
      if (!isFault(error)) throw new Error(`round ${round}`, { cause: error });
      assert.ok(error.code === "corrupt" || error.code === "conflict", `round ${round}: ${error.message}`);
    } finally {
      await store?.close();
    }
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a value whose bytes changed on the disk is a `corrupt` fault until it is set again", async () => {
  const database = clean.database.slice();
  const needle = new TextEncoder().encode("value 1001 x");
  for (let at = 0; at < database.length; at++) {
    // Former pages hold copies of it.
    if (needle.every((byte, i) => database[at + i] === byte)) database[at] ^= 1;
  }
  await withFiles({ database, log: undefined }, async (store) => {
    const isCorrupt = (e: unknown) => isFault(e) && e.code === "corrupt" && e.message.includes(keyOf(1001));
    assert.equal(store.recovery, undefined);
    assert.throws(() => store.get(bucketOf(1001), keyOf(1001)), isCorrupt);
    assert.throws(() => store.getMany(bucketOf(1001), [keyOf(1), keyOf(1001)]), isCorrupt);
    await assert.rejects(store.transact((t) => t.get(bucketOf(1001), keyOf(1001))), isCorrupt);
    await store.transact((t) => t.set(bucketOf(1001), keyOf(1001), valueOf(1001)));
    checkWhole(store);
  });
});
