// The write-ahead log as a file: how commits reach the disk. SQLite runs with `synchronous=NORMAL`, so a COMMIT only
// writes into the page cache and never waits for the disk; here the log is then synced on the thread pool, once for
// all who wait. That is the guarantee of `synchronous=FULL`, for these reasons (wal.c of 3.49 to 3.53):
//
// - FULL differs from NORMAL in one thing that matters here: one sync of the log after the frames of a commit are
//   written (`walFrames`, under `WAL_SYNC_FLAGS`). fdatasync works on the file, whoever wrote to it and through which
//   descriptor, and it begins after COMMIT returned.
// - What must be ordered is still ordered by SQLite under NORMAL: it syncs the header of a log begun anew before any
//   frame follows, the log before a checkpoint copies from it, and the database before the log may begin anew.
// - If the log does begin anew between a commit and our sync, that commit was checkpointed: it is in the synced database.
// - Nobody removes the log while a connection is open; it is opened after our own connection made it, and its directory
//   entry is synced once.
// - Closing a descriptor drops all POSIX locks a process holds on that file. SQLite locks the database and the -shm
//   file, never the log, so descriptors of the log are ours to open and close.

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** The log of one open database. */
export class WalFile {
  readonly #forSync: Deno.FsFile;
  readonly #forRead: Deno.FsFile;

  constructor(path: string) {
    this.#forSync = Deno.openSync(path, { read: true, write: true });
    // A second descriptor: the runtime lets no one else use one while it is being synced.
    this.#forRead = Deno.openSync(path, { read: true });
  }

  /** Resolves when all that was written to the log before this call is on the disk. */
  sync(): Promise<void> {
    return this.#forSync.syncData();
  }

  /**
   * Frames written since the log last began anew, told from the file alone (other processes write too): frames of this
   * round carry the salts of the header, those left over from the round before do not. An estimate: frames of an undone
   * transaction count.
   */
  frames(pageBytes: number): { round: string; count: number } {
    const header = this.#read(0, HEADER_BYTES);
    if (!header) return { round: "", count: 0 };
    const salts = header.subarray(16, 24);
    const isCurrent = (frame: number): boolean => {
      const at = HEADER_BYTES + (frame - 1) * (FRAME_HEADER_BYTES + pageBytes);
      const found = this.#read(at + 8, 8);
      return found !== undefined && found.every((byte, i) => byte === salts[i]);
    };
    let low = 0; // this one is current, or there is none
    let high = 1; // this one is not
    while (isCurrent(high)) [low, high] = [high, high * 2];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (isCurrent(middle)) low = middle;
      else high = middle;
    }
    return { round: salts.join("."), count: low };
  }

  close(): void {
    this.#forSync.close();
    this.#forRead.close();
  }

  #read(at: number, length: number): Uint8Array | undefined {
    this.#forRead.seekSync(at, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    return this.#forRead.readSync(bytes) === length ? bytes : undefined;
  }
}

/** Makes the names in a folder durable: a new file may be gone after a power cut until this resolves. */
export async function syncFolder(folder: string): Promise<void> {
  using file = await Deno.open(folder, { read: true });
  await file.sync();
}
