import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Child } from "../../tests/support/child.ts";
import { randomWords } from "../../tests/support/random_words.ts";
import { Ledger } from "../../tests/support/store_ledger.ts";
import { SqliteStore } from "./sqlite_store.ts";

const WRITER = new URL("../../tests/support/store_writer.ts", import.meta.url);
const ROUNDS = Number(Deno.env.get("HOLDFAST_TEST_ROUNDS") ?? 8);
const CELLS = 3;

Deno.test("kill -9 of any process at any instant loses no acknowledged write and doubles none", async () => {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_kill_" });
  const random = randomWords(ROUNDS);
  const ledger = new Ledger();
  const start = (place: number, round: number) => {
    const name = `p${place}r${round}`;
    return { name, child: new Child(WRITER, [folder, name, place === 0 ? "owner" : "cell", "sync"]) };
  };
  const running = Array.from({ length: 1 + CELLS }, (_, place) => start(place, 0));
  for (let round = 1; round <= ROUNDS; round++) {
    const place = random(running.length);
    const { name, child } = running[place];
    const lines = 1 + random(400);
    await child.until(() => child.lines.length > lines);
    await child.kill();
    ledger.add(name, child.lines);
    assert.ok(!child.lines.some((line) => line.startsWith("recovery")), child.lines.join("\n"));
    running[place] = start(place, round);
  }
  for (const { name, child } of running) {
    await child.until(() => child.lines.length > 10);
    assert.equal(await child.end(), 0);
    ledger.add(name, child.lines);
  }
  const store = await SqliteStore.open({ folder, isOwner: true });
  assert.equal(store.recovery, undefined);
  assert.equal(ledger.countLost(store).lost, 0);
  await store.close();
  const database = new DatabaseSync(`${folder}/holdfast.db`);
  assert.equal(database.prepare("PRAGMA integrity_check").get()!.integrity_check, "ok");
  database.close();
  console.log(`${ROUNDS} kills, ${ledger.size} acknowledged writes`);
  await Deno.remove(folder, { recursive: true });
});
