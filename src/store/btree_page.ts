// Decodes one page of a SQLite b-tree into its rows and children, believing nothing: whatever does not fit is left out
// and counted. For the salvager, which reads files that SQLite refuses.
// Format: https://sqlite.org/fileformat2.html#b_tree_pages

import { PAGE_BYTES } from "./connection.ts";

/** A column's value. */
export type Column = null | bigint | string | Uint8Array;

/** What stands on a page. */
export interface BtreePage {
  kind: "table" | "index";
  /** Pages below this one, as far as they are possible page numbers. */
  children: number[];
  /** Rows, each as its columns; on a table's leaf the row id comes first. */
  rows: Column[][];
  /** Cells that make no sense. */
  badCells: number;
}

/** Gives the bytes of a page, or undefined if there are none. */
export type ReadPage = (page: number) => DataView | undefined;

const INTERIOR_INDEX = 0x02;
const INTERIOR_TABLE = 0x05;
const LEAF_INDEX = 0x0a;
const LEAF_TABLE = 0x0d;

/** Longest payload followed: the largest value and key that the store takes, with room. */
const PAYLOAD_BYTES_MAX = 4 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes a page; undefined if it is none of a b-tree. */
export function decodePage(number: number, readPage: ReadPage, pagesMax: number): BtreePage | undefined {
  const view = readPage(number);
  if (!view) return undefined;
  const start = number === 1 ? 100 : 0;
  const type = view.getUint8(start);
  if (![INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE].includes(type)) return undefined;
  const isInterior = type === INTERIOR_INDEX || type === INTERIOR_TABLE;
  const isIndex = type === INTERIOR_INDEX || type === LEAF_INDEX;
  const page: BtreePage = { kind: isIndex ? "index" : "table", children: [], rows: [], badCells: 0 };
  const cells = view.getUint16(start + 3);
  const pointers = start + (isInterior ? 12 : 8);
  if (pointers + 2 * cells > PAGE_BYTES) return undefined;
  const addChild = (child: number): void => {
    if (child > 1 && child <= pagesMax) page.children.push(child);
    else page.badCells++;
  };
  for (let i = 0; i < cells; i++) {
    try {
      let at = view.getUint16(pointers + 2 * i);
      if (at < pointers + 2 * cells) throw new RangeError("a cell among the pointers");
      if (isInterior) addChild(view.getUint32(at));
      if (isInterior) at += 4;
      if (type === INTERIOR_TABLE) continue;
      page.rows.push(decodeCell(view, at, isIndex, readPage));
    } catch {
      page.badCells++;
    }
  }
  if (isInterior) addChild(view.getUint32(start + 8));
  return page;
}

function decodeCell(view: DataView, start: number, isIndex: boolean, readPage: ReadPage): Column[] {
  const [size, afterSize] = readVarint(view, start);
  let at = afterSize;
  let rowId: bigint | undefined;
  if (!isIndex) [rowId, at] = readVarint(view, at);
  if (size > PAYLOAD_BYTES_MAX) throw new RangeError("a payload larger than any of ours");
  const columns = decodeRecord(readPayload(view, at, Number(size), isIndex, readPage));
  return rowId === undefined ? columns : [BigInt.asIntN(64, rowId), ...columns];
}

/** The bytes of a payload, followed over its overflow pages. */
function readPayload(
  view: DataView,
  at: number,
  size: number,
  isIndex: boolean,
  readPage: ReadPage,
): DataView {
  const usable = PAGE_BYTES;
  const localMax = isIndex ? Math.floor((usable - 12) * 64 / 255) - 23 : usable - 35;
  const localMin = Math.floor((usable - 12) * 32 / 255) - 23;
  const spread = localMin + (size - localMin) % (usable - 4);
  const local = size <= localMax ? size : spread <= localMax ? spread : localMin;
  const payload = new Uint8Array(size);
  payload.set(bytesOf(view, at, local));
  let next = local < size ? view.getUint32(at + local) : 0;
  for (let filled = local; filled < size;) {
    const overflow = readPage(next);
    if (!overflow) throw new RangeError("an overflow page that is not there");
    const count = Math.min(size - filled, usable - 4);
    payload.set(bytesOf(overflow, 4, count), filled);
    filled += count;
    next = overflow.getUint32(0);
  }
  return new DataView(payload.buffer);
}

function decodeRecord(payload: DataView): Column[] {
  const [headerBytes, afterSize] = readVarint(payload, 0);
  const columns: Column[] = [];
  let at = Number(headerBytes);
  for (let header = afterSize; header < headerBytes;) {
    const [type, next] = readVarint(payload, header);
    const [value, size] = decodeColumn(payload, at, Number(type));
    columns.push(value);
    at += size;
    header = next;
  }
  if (at !== payload.byteLength) throw new RangeError("a record that does not fill its payload");
  return columns;
}

function decodeColumn(payload: DataView, at: number, type: number): [Column, bytes: number] {
  if (type === 0) return [null, 0];
  if (type === 8 || type === 9) return [BigInt(type - 8), 0];
  if (type >= 12) {
    const size = Math.floor((type - 12) / 2);
    const bytes = bytesOf(payload, at, size);
    return [type % 2 ? decoder.decode(bytes) : bytes.slice(), size];
  }
  const size = [0, 1, 2, 3, 4, 6, 8][type];
  if (size === undefined) throw new RangeError("a type that our tables do not have");
  let value = 0n;
  for (const byte of bytesOf(payload, at, size)) value = value << 8n | BigInt(byte);
  return [BigInt.asIntN(8 * size, value), size];
}

function readVarint(view: DataView, start: number): [value: bigint, next: number] {
  let value = 0n;
  for (let i = 0; i < 9; i++) {
    const byte = view.getUint8(start + i);
    if (i === 8) return [value << 8n | BigInt(byte), start + 9];
    value = value << 7n | BigInt(byte & 0x7f);
    if (byte < 0x80) return [value, start + i + 1];
  }
  throw new RangeError("not reached");
}

function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  if (at + length > view.byteLength) throw new RangeError("beyond the end of the page");
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}
