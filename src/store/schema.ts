// Home of the tables, the format version and every migration. The version stands in SQLite's `user_version`. A new
// database takes the same steps as an old one, so there is one way to get to a version. A database from a newer
// holdfast is refused by name: guessing at its tables could destroy what an operator only wanted to look at.

import type { DatabaseSync } from "node:sqlite";
import { Fault } from "../model/fault.ts";

/**
 * One entry per format version: what the bump is for, and the statements that get there from the one before. Entries
 * are never edited once released; a change is a new entry.
 */
export const MIGRATIONS: readonly { reason: string; statements: readonly string[] }[] = [
  {
    reason:
      "The first format: buckets and their keys, host records, and a few numbers about the file itself.",
    statements: [
      // Names stand once, so that a row of a bucket with a long name costs no more than any other.
      `CREATE TABLE bucket (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT`,
      // SQLite checks no bytes; `crc` is the CRC-32 of key and value, so that a worn-out card cannot change a value unseen.
      // Clustered by (bucket, key): a read is one descent, a listing one scan, and text compares by its UTF-8 bytes.
      `CREATE TABLE keyvalue (
         bucket INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,
         PRIMARY KEY (bucket, key)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE record (
         kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, crc INTEGER NOT NULL,
         PRIMARY KEY (kind, id)
       ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
      `INSERT INTO number VALUES ('checkpoints', 0)`,
    ],
  },
];

/** The format this build reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The format version of an open database; 0 for a new one. */
export function readVersion(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()!.user_version);
}

/** Refuses a database that a newer holdfast wrote. */
export function checkVersion(database: DatabaseSync, path: string, supported = SCHEMA_VERSION): number {
  const version = readVersion(database);
  if (version <= supported) return version;
  throw new Fault(
    "conflict",
    `open ${path}: it has format ${version}, written by a newer holdfast, and this one reads up to ` +
      `${supported}; start the newer version, or point --data at another folder`,
    { detail: { path, version, supported } },
  );
}

/**
 * Brings an open database to {@linkcode SCHEMA_VERSION}, all steps in one transaction. Several processes may try at
 * once: the first does it, the others find it done.
 */
export function migrate(database: DatabaseSync, path: string, migrations = MIGRATIONS): void {
  if (checkVersion(database, path, migrations.length) === migrations.length) return;
  database.prepare("BEGIN IMMEDIATE").run();
  try {
    for (const migration of migrations.slice(readVersion(database))) {
      for (const statement of migration.statements) database.prepare(statement).run();
    }
    database.prepare(`PRAGMA user_version = ${migrations.length}`).run();
    database.prepare("COMMIT").run();
  } catch (error) {
    if (database.isTransaction) database.prepare("ROLLBACK").run();
    throw error;
  }
}
