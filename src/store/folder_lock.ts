// A data folder belongs to one host. Whoever starts on it takes this lock first and keeps it until it ends, however it
// ends. Who holds it stands beside, in `lock.json`, for whoever is refused and for commands that look for the host.

import { Fault } from "../model/fault.ts";
import { LockFile } from "./lock_file.ts";
import { isBusy, toOpenFault } from "./sqlite_fault.ts";

/** What the holder of a folder says of itself. */
export interface LockHolder {
  pid: number;
  /** The host's name. */
  name: string;
  /** Where the host takes commands. */
  socket: string;
}

/** A folder that is ours until {@linkcode FolderLock.release} or the end of this process. */
export class FolderLock {
  readonly folder: string;
  readonly #lock: LockFile;
  #isReleased = false;

  /** Takes the folder, made when it is not there; `conflict` names the host that has it. */
  static async acquire(folder: string, holder: LockHolder): Promise<FolderLock> {
    let lock: LockFile | undefined;
    try {
      await Deno.mkdir(folder, { recursive: true });
      lock = new LockFile(`${folder}/lock.db`);
      lock.takeExclusive();
      await writeWhole(`${folder}/lock.json`, JSON.stringify(holder));
      return new FolderLock(folder, lock);
    } catch (error) {
      lock?.release();
      if (isBusy(error)) throw await refusal(folder);
      throw await toOpenFault(error, `lock the data folder ${folder}`, folder);
    }
  }

  private constructor(folder: string, lock: LockFile) {
    this.folder = folder;
    this.#lock = lock;
  }

  /** Gives the folder back. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await Deno.remove(`${this.folder}/lock.json`).catch(() => {});
    this.#lock.release();
  }
}

/** Who holds the folder, as far as it said; undefined if nobody ever did. Whether it still lives is not looked at. */
export async function readLockHolder(folder: string): Promise<LockHolder | undefined> {
  try {
    const found = JSON.parse(await Deno.readTextFile(`${folder}/lock.json`));
    if (typeof found?.pid !== "number") return undefined;
    return { pid: found.pid, name: String(found.name), socket: String(found.socket) };
  } catch {
    return undefined;
  }
}

async function refusal(folder: string): Promise<Fault> {
  const holder = await readLockHolder(folder);
  const who = holder
    ? `host "${holder.name}" (process ${holder.pid})`
    : "another host, which is just starting,";
  return new Fault(
    "conflict",
    `start on the data folder ${folder}: ${who} has it; stop that one, or give this host a folder of its own (--data)`,
    { detail: { folder, ...holder } },
  );
}

/** A reader sees the old text or the new one, never a part; on a full disk what a killed host left is written over. */
async function writeWhole(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  try {
    await Deno.writeTextFile(fresh, text, { mode: 0o600 });
    await Deno.rename(fresh, path);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
    await Deno.remove(fresh).catch(() => {});
    await writeOver(path, text);
  }
}

/** Takes no new space. Where even that fails, commands do not find the host, but it serves. */
async function writeOver(path: string, text: string): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true });
    const bytes = new TextEncoder().encode(text);
    await file.write(bytes);
    await file.truncate(bytes.length);
  } catch {
    await Deno.remove(path).catch(() => {}); // it names a host that is gone
  }
}
