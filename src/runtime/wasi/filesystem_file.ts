// One open regular file of a guest: positioned reads and writes, and the streams over it. A stream lives on when its
// descriptor is dropped, so uses are counted. All synchronous: from the page cache that takes a tenth of what the way
// through a thread costs; a stream that has used up its slice lets others run before it goes on.

import { nextTurn } from "../fair_share.ts";
import type { Anchor } from "./filesystem_anchor.ts";
import { withStreamErrors } from "./filesystem_errors.ts";
import { type ByteSink, InputStream, OutputStream } from "./io.ts";

/** Longest piece one read gives: bounds what a guest's `read(u64::MAX)` makes us allocate. */
export const READ_MAX = 256 * 1024;
/** Piece of a stream. */
const STREAM_READ_MAX = 64 * 1024;

/** Time the streams of one instance spend in the system before others get their turn. */
export class DiskTurn {
  #spentMs = 0;

  constructor(readonly sliceMs: number) {}

  /** Does `work` and notes how long it took. */
  spend<T>(work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.#spentMs += performance.now() - start;
    }
  }

  /** A promise for the next turn where the slice is used up. */
  pause(): Promise<void> | undefined {
    if (this.#spentMs < this.sliceMs) return undefined;
    this.#spentMs = 0;
    return nextTurn();
  }
}

/** Reads go here first and are copied out in their true length: a small file does not cost a large allocation. */
const scratch = new Uint8Array(STREAM_READ_MAX);

/** One open file. */
export class OpenFile {
  readonly #file: Deno.FsFile;
  readonly #anchor: Anchor;
  readonly #free: () => void;
  #appending: Deno.FsFile | undefined;
  #uses = 1;
  #isClosed = false;
  readonly #syncs: boolean;

  /**
   * Takes over `file` and `anchor`. With `syncs` each write goes to the disk at once. `hold` registers what closes them
   * with the instance and gives what to call when the last use ends.
   */
  constructor(
    { file, anchor, syncs }: { file: Deno.FsFile; anchor: Anchor; syncs: boolean },
    hold: (close: () => void) => () => void,
  ) {
    this.#file = file;
    this.#anchor = anchor;
    this.#syncs = syncs;
    this.#free = hold(() => {
      this.#isClosed = true;
      this.#file.close();
      this.#appending?.close();
      this.#anchor.close();
    });
  }

  use(): this {
    this.#uses++;
    return this;
  }

  release(): void {
    if (--this.#uses === 0) this.#free();
  }

  stat(): Deno.FileInfo {
    return this.#open().statSync();
  }

  /** Up to `length` bytes at `offset`; fewer only at the end of the file. */
  read(length: number, offset: number): Uint8Array {
    const file = this.#open();
    const buffer = length <= scratch.length ? scratch : new Uint8Array(length);
    file.seekSync(offset, Deno.SeekMode.Start);
    let got = 0;
    while (got < length) {
      const more = file.readSync(buffer.subarray(got, length));
      if (!more) break;
      got += more;
    }
    return buffer === scratch ? scratch.slice(0, got) : buffer.subarray(0, got);
  }

  write(bytes: Uint8Array, offset: number): void {
    const file = this.#open();
    file.seekSync(offset, Deno.SeekMode.Start);
    writeAll(file, bytes);
    if (this.#syncs) file.syncDataSync();
  }

  /** Writes at the end, wherever that is by then: the system decides, so writers in other cells do not collide. */
  append(bytes: Uint8Array): void {
    this.#open();
    this.#appending ??= this.#anchor.openFile({ append: true });
    writeAll(this.#appending, bytes);
    if (this.#syncs) this.#appending.syncDataSync();
  }

  setSize(size: number): void {
    this.#open().truncateSync(size);
  }

  setTimes(accessSeconds: number, modificationSeconds: number): void {
    this.#open().utimeSync(accessSeconds, modificationSeconds);
  }

  sync(): void {
    this.#open().syncSync();
  }

  syncData(): void {
    this.#open().syncDataSync();
  }

  #open(): Deno.FsFile {
    if (this.#isClosed) throw "bad-descriptor";
    return this.#file;
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** A stream of the file's bytes from `offset` to its end. */
export function fileInputStream(file: OpenFile, offset: number, turn: DiskTurn): InputStream {
  file.use();
  let isOver = false;
  const end = () => {
    if (!isOver) file.release();
    isOver = true;
  };
  const readNow = (max: number): Uint8Array | null => {
    try {
      const bytes = withStreamErrors(() =>
        turn.spend(() => file.read(Math.min(max, STREAM_READ_MAX), offset))
      );
      offset += bytes.length;
      if (bytes.length) return bytes;
    } catch (error) {
      end(); // a failed stream is closed, and nobody cancels it any more
      throw error;
    }
    end();
    return null;
  };
  return new InputStream({
    read(max) {
      const pause = turn.pause();
      return pause ? pause.then(() => isOver ? null : readNow(max)) : readNow(max);
    },
    cancel: end,
  });
}

/** An output stream that keeps its file open until the guest drops it. */
class FileOutputStream extends OutputStream {
  readonly #file: OpenFile;

  constructor(file: OpenFile, sink: ByteSink) {
    super(sink);
    this.#file = file.use();
  }

  [Symbol.dispose](): void {
    this.#file.release();
  }
}

/** A stream into the file from `offset` on, or at its end, wherever that is by then. */
export function fileOutputStream(file: OpenFile, offset: number | "end", turn: DiskTurn): OutputStream {
  return new FileOutputStream(file, {
    write(bytes) {
      withStreamErrors(() =>
        turn.spend(() => {
          if (offset === "end") return file.append(bytes);
          file.write(bytes, offset);
          offset += bytes.length;
        })
      );
      return turn.pause();
    },
  });
}
