// What one instance has open of its preopens, counted and bounded: files, folders and listings; and how `open-at`
// gets from a place on the disk to one of them without ever opening anything but a regular file or a folder.

import type { HeldDescriptors } from "./descriptors.ts";
import { type Anchor, openAnchor } from "./filesystem_anchor.ts";
import { toFsCode } from "./filesystem_errors.ts";
import { type DiskTurn, OpenFile } from "./filesystem_file.ts";
import { lstatOrNothing, type Place } from "./filesystem_path.ts";
import type { DescriptorFlags, DirectoryEntry, OpenFlags } from "./filesystem_types.ts";

/** What all descriptors of one instance share. */
export interface InstanceFiles {
  readonly held: HeldDescriptors;
  readonly turn: DiskTurn;
  nowMs(): number;
  /** Entries its open listings may still hold. */
  listedEntriesLeft: number;
}

/** What a descriptor stands for. */
export type Target =
  | { kind: "file"; file: OpenFile; flags: DescriptorFlags }
  | { kind: "directory"; anchor: Anchor; free: () => void };

/** Holds a folder's anchor as a descriptor of the instance. */
export function holdFolder(files: InstanceFiles, anchor: Anchor): Target {
  return { kind: "directory", anchor, free: files.held.hold(() => anchor.close()) };
}

/** `wasi:filesystem/types.directory-entry-stream`. */
export class DirectoryEntryStream {
  #entries: DirectoryEntry[];
  #next = 0;
  readonly #free: () => void;

  constructor(files: InstanceFiles, entries: DirectoryEntry[]) {
    if (entries.length > files.listedEntriesLeft) throw "insufficient-memory";
    files.listedEntriesLeft -= entries.length;
    this.#entries = entries;
    this.#free = files.held.hold(() => {
      files.listedEntriesLeft += entries.length;
    });
  }

  readDirectoryEntry(): DirectoryEntry | undefined {
    return this.#entries[this.#next++];
  }

  [Symbol.dispose](): void {
    this.#entries = [];
    this.#free();
  }
}

/** How `open-at` was asked to open. */
export interface OpenWish {
  openFlags: OpenFlags;
  flags: DescriptorFlags;
}

/** How often `open-at` looks again when what it found was replaced in that very moment. */
const OPEN_TRIES = 4;

/** Opens, makes or refuses what is at `place`. */
export function openPlace(files: InstanceFiles, place: Place, wish: OpenWish): Target {
  const { openFlags, flags } = wish;
  let isMadeHere = false;
  for (let tries = 0; tries < OPEN_TRIES; tries++) {
    const info = tries || place.seen === undefined ? lstatOrNothing(place.path) : place.seen;
    if (!info) {
      if (!openFlags.create) throw "no-entry";
      if (place.mustBeDirectory) throw "is-directory";
      isMadeHere = makeFile(place.path);
      continue;
    }
    if (openFlags.create && openFlags.exclusive && !isMadeHere) throw "exist";
    checkOpenable(info, place, wish);
    const anchor = openAnchor(place.path, info.isDirectory);
    if (anchor === "ENOENT" || anchor === "ENOTDIR") continue; // replaced meanwhile
    if (typeof anchor === "string") throw toFsCode(anchor);
    if (info.isDirectory) return holdFolder(files, anchor);
    const file = openFile(files, anchor, wish);
    if (file) return { kind: "file", file, flags: { ...flags, mutateDirectory: false } };
  }
  throw "busy";
}

function checkOpenable(info: Deno.FileInfo, place: Place, { openFlags, flags }: OpenWish): void {
  if (info.isSymlink) throw "loop";
  if (info.isDirectory) {
    if (flags.write || openFlags.create || openFlags.truncate) throw "is-directory";
    return;
  }
  if (openFlags.directory || place.mustBeDirectory) throw "not-directory";
  // Pipes and devices could block the whole cell, or worse.
  if (!info.isFile) throw "not-permitted";
}

/** Opens the regular file that `anchor` holds; takes it over. Undefined when it is none (any more). */
function openFile(
  files: InstanceFiles,
  anchor: Anchor,
  { openFlags, flags }: OpenWish,
): OpenFile | undefined {
  let file: Deno.FsFile | undefined;
  try {
    if (!anchor.stat().isFile) {
      anchor.close();
      return undefined;
    }
    const write = !!(flags.write || openFlags.truncate);
    file = anchor.openFile({ read: flags.read || !write, write });
    if (openFlags.truncate) file.truncateSync(0);
  } catch (error) {
    file?.close();
    anchor.close();
    throw error;
  }
  const syncs = !!(flags.fileIntegritySync || flags.dataIntegritySync);
  return new OpenFile({ file, anchor, syncs }, (close) => files.held.hold(close));
}

/** Makes an empty file at `path`, which must be free; false when someone else was faster. */
function makeFile(path: string): boolean {
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}
