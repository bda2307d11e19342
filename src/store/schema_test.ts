import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { isFault } from "../model/fault.ts";
import { migrate, MIGRATIONS, readVersion, SCHEMA_VERSION } from "./schema.ts";

const NEXT = {
  reason: "A column more.",
  statements: ["ALTER TABLE record ADD COLUMN more TEXT NOT NULL DEFAULT 'x'"],
};

function tables(database: DatabaseSync): unknown[] {
  return database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
    .map(({ name }) => name);
}

Deno.test("migrate() takes a new database to the newest format, and does nothing to one that is there", () => {
  const database = new DatabaseSync(":memory:");
  migrate(database, "here");
  assert.equal(readVersion(database), SCHEMA_VERSION);
  assert.deepEqual(tables(database), ["bucket", "keyvalue", "number", "record"]);
  database.exec("INSERT INTO bucket VALUES (1, 'kept')");
  migrate(database, "here");
  assert.equal(database.prepare("SELECT name FROM bucket").get()!.name, "kept");
  database.close();
});

Deno.test("migrate() takes an older database through what is missing, rows and all", () => {
  const database = new DatabaseSync(":memory:");
  migrate(database, "here");
  database.exec("INSERT INTO record VALUES ('host', 'a', '{}', 0)");
  migrate(database, "here", [...MIGRATIONS, NEXT]);
  assert.equal(readVersion(database), SCHEMA_VERSION + 1);
  assert.deepEqual({ ...database.prepare("SELECT id, more FROM record").get() }, { id: "a", more: "x" });
  database.close();
});

Deno.test("migrate() undoes everything when a step fails", () => {
  const database = new DatabaseSync(":memory:");
  const bad = { reason: "Wrong.", statements: ["CREATE TABLE half (a)", "CREATE TABLE half (a)"] };
  assert.throws(() => migrate(database, "here", [...MIGRATIONS, bad]));
  assert.equal(readVersion(database), 0);
  assert.deepEqual(tables(database), []);
  migrate(database, "here");
  database.close();
});

Deno.test("migrate() refuses a newer format by name and leaves it alone", () => {
  const database = new DatabaseSync(":memory:");
  migrate(database, "here", [...MIGRATIONS, NEXT]);
  assert.throws(() => migrate(database, "/data/holdfast.db"), (e) => {
    return isFault(e) && e.code === "conflict" &&
      e.message.includes("open /data/holdfast.db: it has format 2") &&
      e.detail.version === SCHEMA_VERSION + 1;
  });
  assert.equal(readVersion(database), SCHEMA_VERSION + 1);
  database.close();
});
