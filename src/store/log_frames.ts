// Reads a write-ahead log by itself, without SQLite: which frames are sound, and whether what follows an unsound one was
// lost by a power cut or by damage. SQLite stops at the first unsound frame and says nothing; here is who notices.
// Format: https://sqlite.org/fileformat2.html#the_write_ahead_log

import { PAGE_BYTES } from "./connection.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
const MAGIC = 0x377f0682;

/** What a log holds. */
export interface LogContent {
  /** Page number -> where its newest committed content begins in the file. */
  pages: Map<number, number>;
  /** Pages of the database after the last commit; 0 if there is none. */
  databasePages: number;
  /** Commits that SQLite will find. */
  commits: number;
  /** Commits of the same round that stand behind an unsound frame: SQLite will not find them. */
  commitsBehindBreak: number;
  /** The header is neither sound nor empty: SQLite will find nothing. */
  isHeaderDamaged: boolean;
}

/**
 * Reads the log in `file`. With `pastBreak`, pages of commits behind an unsound frame count too, and the salts of a
 * damaged header are taken from the first frame.
 */
export function readLog(file: Deno.FsFile, pastBreak = false): LogContent {
  const content: LogContent = {
    pages: new Map(),
    databasePages: 0,
    commits: 0,
    commitsBehindBreak: 0,
    isHeaderDamaged: false,
  };
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const frame = new DataView(new ArrayBuffer(FRAME_BYTES));
  if (!readAt(file, header, 0)) return content;
  const sums = new Checksum();
  if (!isSoundHeader(header, sums)) {
    // A log whose first write a power cut took may be there with nothing in it.
    if (new Uint8Array(header.buffer).every((byte) => byte === 0)) return content;
    content.isHeaderDamaged = true;
    if (!readAt(file, frame, HEADER_BYTES)) return content;
    header.setBigUint64(16, frame.getBigUint64(8));
  }
  let isBroken = content.isHeaderDamaged;
  let open: [page: number, at: number][] = [];
  for (let at = HEADER_BYTES; readAt(file, frame, at); at += FRAME_BYTES) {
    // Behind the last frame of this round stand those of the round before, and none of this one.
    const isOfThisRound = frame.getBigUint64(8) === header.getBigUint64(16) && frame.getUint32(0) > 0;
    isBroken ||= !isOfThisRound || !sums.matches(frame);
    if (!isOfThisRound) continue;
    open.push([frame.getUint32(0), at + FRAME_HEADER_BYTES]);
    const pagesAfter = frame.getUint32(4);
    if (pagesAfter === 0) continue;
    if (isBroken) content.commitsBehindBreak++;
    else content.commits++;
    if (!isBroken || pastBreak) {
      for (const [page, where] of open) content.pages.set(page, where);
      content.databasePages = pagesAfter;
    }
    open = [];
  }
  return content;
}

function isSoundHeader(header: DataView, sums: Checksum): boolean {
  if (((header.getUint32(0) ^ MAGIC) >>> 1) !== 0) return false;
  if (header.getUint32(8) !== PAGE_BYTES) return false;
  sums.isLittleEndian = (header.getUint32(0) & 1) === 0;
  sums.add(header, 0, 24);
  return sums.first === header.getUint32(24) && sums.second === header.getUint32(28);
}

/** SQLite's running checksum over pairs of words. */
class Checksum {
  first = 0;
  second = 0;
  isLittleEndian = true;

  add(bytes: DataView, from: number, to: number): void {
    let { first, second } = this;
    for (let at = from; at < to; at += 8) {
      first = (first + bytes.getUint32(at, this.isLittleEndian) + second) >>> 0;
      second = (second + bytes.getUint32(at + 4, this.isLittleEndian) + first) >>> 0;
    }
    this.first = first;
    this.second = second;
  }

  /** Whether the frame goes on from what was added so far. */
  matches(frame: DataView): boolean {
    this.add(frame, 0, 8);
    this.add(frame, FRAME_HEADER_BYTES, FRAME_BYTES);
    return this.first === frame.getUint32(16) && this.second === frame.getUint32(20);
  }
}

/** Fills `view` from `at`; false if the file ends before. */
export function readAt(file: Deno.FsFile, view: DataView, at: number): boolean {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  file.seekSync(at, Deno.SeekMode.Start);
  for (let filled = 0; filled < bytes.length;) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return true;
}
