// Copies every readable row of a damaged database into a new one, reading its pages directly: SQLite stops at the first
// page it does not like, and a damaged inner page hides all that stands below it. First what can be reached from the
// roots, in the log's newest version; if the trees are broken somewhere, then what is left on pages that nobody points
// to. Called by recovery.ts.

import type { DatabaseSync } from "node:sqlite";
import { type BtreePage, type Column, decodePage } from "./btree_page.ts";
import { openConnection, PAGE_BYTES } from "./connection.ts";
import { readAt, readLog } from "./log_frames.ts";
import { checksum } from "./rows.ts";
import { migrate } from "./schema.ts";

/** What came of a salvage. */
export interface Salvaged {
  /** Rows carried over. */
  keys: number;
  records: number;
  /** Pages that could not be read whole; rows on them are lost. */
  damagedPages: number;
  /** Of the rows carried over, those whose bytes fail their checksum: reading one is a `corrupt` fault. */
  damagedRows: number;
  /** Rows found on pages that nothing points to: they may be older than they should, or deleted. */
  doubtful: number;
}

/** Rows go over in portions, so that memory stays small. */
const ROWS_PER_COMMIT = 5_000;
/** Columns of `sqlite_schema` on page 1, after the row id. */
const SCHEMA_COLUMNS = 5;
/** Where the header keeps the freelist's first page. */
const FREELIST_OFFSET = 32;

type Table = "bucket" | "keyvalue" | "record";

/** Reads the database at `damagedPath` (with the log beside it) into a new one at `newPath`. */
export function salvage(damagedPath: string, newPath: string): Salvaged {
  const target = openConnection(newPath);
  try {
    migrate(target, newPath);
    using source = new DamagedDatabase(damagedPath);
    const copy = new RowCopy(target);
    const visited = walkTrees(source, readRoots(source) ?? rootsOf(target), copy);
    if (copy.damagedPages > 0) readOrphans(source, visited, copy);
    copy.finish();
    const { keys, records, damagedPages, damagedRows, doubtful } = copy;
    return { keys, records, damagedPages, damagedRows, doubtful };
  } finally {
    target.close();
  }
}

/** The pages of a database file with those of its log laid over them. */
class DamagedDatabase implements Disposable {
  readonly pages: number;
  readonly isHeaderSound: boolean;
  readonly #file: Deno.FsFile;
  readonly #log: Deno.FsFile | undefined;
  readonly #inLog: ReadonlyMap<number, number> = new Map();

  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true });
    let databasePages = 0;
    try {
      this.#log = Deno.openSync(`${path}-wal`, { read: true });
      const content = readLog(this.#log, true);
      this.#inLog = content.pages;
      databasePages = content.databasePages;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.pages = Math.max(databasePages, Math.ceil(this.#file.statSync().size / PAGE_BYTES));
    const first = this.read(1);
    const magic = first && new TextDecoder().decode(new Uint8Array(first.buffer, 0, 15));
    this.isHeaderSound = magic === "SQLite format 3" && first!.getUint16(16) === PAGE_BYTES;
  }

  readonly read = (page: number): DataView | undefined => {
    if (page < 1 || page > this.pages) return undefined;
    const view = new DataView(new ArrayBuffer(PAGE_BYTES));
    const inLog = this.#inLog.get(page);
    const isThere = inLog === undefined
      ? readAt(this.#file, view, (page - 1) * PAGE_BYTES)
      : readAt(this.#log!, view, inLog);
    return isThere ? view : undefined;
  };

  decode(page: number): BtreePage | undefined {
    return decodePage(page, this.read, this.pages);
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#log?.close();
  }
}

/** Root pages by table, from the schema on page 1; undefined if that is gone. */
function readRoots(source: DamagedDatabase): Map<Table, number> | undefined {
  const page = source.decode(1);
  const roots = new Map<Table, number>();
  for (const row of page?.rows ?? []) {
    const [, type, name, , root] = row;
    if (row.length !== SCHEMA_COLUMNS + 1 || type !== "table" || typeof root !== "bigint") continue;
    if (name === "bucket" || name === "keyvalue" || name === "record") roots.set(name, Number(root));
  }
  return roots.size === 3 ? roots : undefined;
}

/** Root pages of a new database: ours are made in the same order each time, so an old one has them in the same places. */
function rootsOf(database: DatabaseSync): Map<Table, number> {
  const rows = database.prepare("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'").all();
  return new Map(rows.map((row) => [row.name as Table, Number(row.rootpage)]));
}

/** Copies what can be reached from the roots; the pages seen, free ones included. */
function walkTrees(source: DamagedDatabase, roots: ReadonlyMap<Table, number>, copy: RowCopy): Set<number> {
  const visited = source.isHeaderSound ? readFreelist(source) : new Set<number>();
  visited.add(1);
  for (const table of ["bucket", "keyvalue", "record"] as const) {
    const kind = table === "bucket" ? "table" : "index";
    const pending = [roots.get(table) ?? 0];
    for (let number = pending.pop(); number !== undefined; number = pending.pop()) {
      if (visited.has(number)) continue;
      const page = source.decode(number);
      if (page?.kind !== kind) {
        copy.damagedPages++;
        continue;
      }
      visited.add(number);
      pending.push(...page.children);
      const misfits = page.rows.filter((row) => !copy.add(row, table));
      if (page.badCells + misfits.length > 0) copy.damagedPages++;
    }
  }
  return visited;
}

/** Pages in nobody's use: what stands on them was deleted. */
function readFreelist(source: DamagedDatabase): Set<number> {
  const free = new Set<number>();
  let trunk = source.read(1)!.getUint32(FREELIST_OFFSET);
  while (trunk > 0 && !free.has(trunk)) {
    const view = source.read(trunk);
    if (!view) break;
    free.add(trunk);
    const count = Math.min(view.getUint32(4), PAGE_BYTES / 4 - 2);
    for (let i = 0; i < count; i++) free.add(view.getUint32(8 + 4 * i));
    trunk = view.getUint32(0);
  }
  return free;
}

/** Copies what stands on pages that nothing points to, wherever no such row is there yet. */
function readOrphans(source: DamagedDatabase, visited: ReadonlySet<number>, copy: RowCopy): void {
  for (let number = 2; number <= source.pages; number++) {
    if (visited.has(number)) continue;
    for (const row of source.decode(number)?.rows ?? []) copy.add(row, undefined);
  }
}

/** Takes rows into the new database; the first of each key stays. */
class RowCopy implements Salvaged {
  keys = 0;
  records = 0;
  damagedPages = 0;
  damagedRows = 0;
  doubtful = 0;
  readonly #database: DatabaseSync;
  readonly #insert: Record<Table, (...columns: (bigint | string | Uint8Array)[]) => number>;
  #pending = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const prepare = (sql: string) => {
      const statement = database.prepare(sql);
      return (...columns: (bigint | string | Uint8Array)[]) => Number(statement.run(...columns).changes);
    };
    this.#insert = {
      bucket: prepare("INSERT OR IGNORE INTO bucket VALUES (?, ?)"),
      keyvalue: prepare("INSERT OR IGNORE INTO keyvalue VALUES (?, ?, ?, ?)"),
      record: prepare("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?)"),
    };
    database.prepare("BEGIN IMMEDIATE").run();
  }

  /** Takes a row of `table`, or of whichever table its shape tells; false if it fits none. */
  add(row: readonly Column[], table: Table | undefined): boolean {
    const shape = shapeOf(row);
    if (shape === undefined || (table ?? shape) !== shape) return false;
    const isSound = isSoundRow(row, shape);
    // A reader should learn that a row was damaged and not that it never was; of an orphan even that is not known.
    if (!isSound && table === undefined) return false;
    const columns = row.filter((column) => column !== null);
    const added = this.#insert[shape](...columns);
    if (shape === "keyvalue") this.keys += added;
    if (shape === "record") this.records += added;
    if (!isSound) this.damagedRows += added;
    if (table === undefined && shape !== "bucket") this.doubtful += added;
    if (++this.#pending >= ROWS_PER_COMMIT) this.#commit();
    return true;
  }

  finish(): void {
    // Keys whose bucket lost its name are kept under one that says so.
    this.#database.prepare(
      `INSERT OR IGNORE INTO bucket SELECT DISTINCT bucket, 'salvaged-' || bucket FROM keyvalue
         WHERE bucket NOT IN (SELECT id FROM bucket)`,
    ).run();
    this.#database.prepare("COMMIT").run();
  }

  #commit(): void {
    this.#pending = 0;
    this.#database.prepare("COMMIT").run();
    this.#database.prepare("BEGIN IMMEDIATE").run();
  }
}

/** The table whose rows look so. */
function shapeOf(row: readonly Column[]): Table | undefined {
  const shape = row.map((column) =>
    column === null ? "null" : column instanceof Uint8Array ? "bytes" : typeof column
  );
  return SHAPES[shape.join(" ")];
}

const SHAPES: Readonly<Record<string, Table>> = {
  // The id of a bucket is the row's own; in the record stands NULL for it.
  "bigint null string": "bucket",
  "bigint string bytes bigint": "keyvalue",
  "string string string bigint": "record",
};

function isSoundRow(row: readonly Column[], shape: Table): boolean {
  if (shape === "bucket") return true;
  const [, name, content, crc] = row as [unknown, string, string | Uint8Array, bigint];
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return BigInt(checksum(name, bytes)) === crc;
}
