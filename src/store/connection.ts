// Opens one connection to a database of the data folder, with the settings that every connection here needs. Used by
// the store, its checkpointer and the salvager.

import { DatabaseSync } from "node:sqlite";

/** The database of a data folder. */
export const DATABASE_NAME = "holdfast.db";

/** SQLite's default, and what its file systems and cards like best; the salvager relies on it. */
export const PAGE_BYTES = 4096;

/** A log that begins anew is cut to this size; below, its blocks are kept, since writing over them syncs faster. */
export const LOG_BYTES_KEPT = 16 * 1024 * 1024;

/** Opens `path` for reading and writing; creates it when it is not there. */
export function openConnection(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    for (const pragma of PRAGMAS) database.prepare(`PRAGMA ${pragma}`).get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const PRAGMAS = [
  // Whoever waits for a lock waits in turns of the event loop, not inside SQLite; 1 ms spares most the turn.
  "busy_timeout = 1",
  `page_size = ${PAGE_BYTES}`,
  "journal_mode = WAL",
  // The reasons stand in wal_file.ts.
  "synchronous = NORMAL",
  // Checkpoints are the checkpointer's alone.
  "wal_autocheckpoint = 0",
  `journal_size_limit = ${LOG_BYTES_KEPT}`,
  // Damage is found where it is read, not when it has spread.
  "cell_size_check = ON",
  "temp_store = MEMORY",
];
