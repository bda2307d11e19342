// `wasi:filesystem/types.descriptor`: one file or folder that a guest has open, below one of its preopens. Here is what
// a guest may do with it (rights, read-only preopens, bounds); how paths are walked and entries changed is next door in
// `filesystem_path.ts` and `filesystem_directory.ts`.
//
// What a guest may change below a preopen is a property of the preopen, not of the flags a folder was opened with:
// that is how other hosts do it, and libc opens folders without `mutate-directory`.

import type { Anchor } from "./filesystem_anchor.ts";
import * as directory from "./filesystem_directory.ts";
import { withFsCodes } from "./filesystem_errors.ts";
import { fileInputStream, fileOutputStream, type OpenFile, READ_MAX } from "./filesystem_file.ts";
import {
  DirectoryEntryStream,
  holdFolder,
  type InstanceFiles,
  openPlace,
  type Target,
} from "./filesystem_open.ts";
import { atPlace } from "./filesystem_path.ts";
import {
  type DescriptorFlags,
  type DescriptorStat,
  descriptorStat,
  type DescriptorType,
  descriptorType,
  type MetadataHash,
  metadataHash,
  newTimes,
  type NewTimestamp,
  type OpenFlags,
  type PathFlags,
  safeNumber,
} from "./filesystem_types.ts";
import type { InputStream, OutputStream } from "./io.ts";

/** The preopen a descriptor came from; two descriptors belong together when theirs is the same object. */
export interface Root {
  readonly isReadOnly: boolean;
}

/** `wasi:filesystem/types.descriptor`. */
export class Descriptor {
  readonly #files: InstanceFiles;
  readonly #root: Root;
  readonly #target: Target;

  private constructor(files: InstanceFiles, root: Root, target: Target) {
    this.#files = files;
    this.#root = root;
    this.#target = target;
  }

  /** The descriptor of a preopened folder; takes over `anchor`. */
  static ofPreopen(files: InstanceFiles, root: Root, anchor: Anchor): Descriptor {
    return new Descriptor(files, root, holdFolder(files, anchor));
  }

  readViaStream(offset: bigint): InputStream {
    return fileInputStream(this.#readable(), safeNumber(offset), this.#files.turn);
  }

  writeViaStream(offset: bigint): OutputStream {
    return fileOutputStream(this.#writable(), safeNumber(offset), this.#files.turn);
  }

  appendViaStream(): OutputStream {
    return fileOutputStream(this.#writable(), "end", this.#files.turn);
  }

  advise(_offset: bigint, _length: bigint, _advice: string): void {
    this.#file(); // advice may be ignored, but not on a folder
  }

  syncData(): void {
    withFsCodes(() => {
      if (this.#target.kind === "directory") syncFolder(this.#target.anchor);
      else if (this.#target.flags.write) this.#target.file.syncData();
    });
  }

  sync(): void {
    withFsCodes(() => {
      if (this.#target.kind === "directory") syncFolder(this.#target.anchor);
      else if (this.#target.flags.write) this.#target.file.sync();
    });
  }

  getFlags(): DescriptorFlags {
    if (this.#target.kind === "file") return { ...this.#target.flags };
    return { read: true, mutateDirectory: !this.#root.isReadOnly };
  }

  getType(): DescriptorType {
    return withFsCodes(() => descriptorType(this.#info()));
  }

  setSize(size: bigint): void {
    withFsCodes(() => this.#writable().setSize(safeNumber(size)));
  }

  setTimes(access: NewTimestamp, modification: NewTimestamp): void {
    withFsCodes(() => {
      this.#checkMutable();
      const times = this.#times(access, modification, () => this.#info());
      if (this.#target.kind === "file") this.#target.file.setTimes(...times);
      else Deno.utimeSync(this.#target.anchor.path, ...times);
    });
  }

  read(length: bigint, offset: bigint): [bytes: Uint8Array, isAtEnd: boolean] {
    return withFsCodes(() => {
      const wanted = length > BigInt(READ_MAX) ? READ_MAX : Number(length);
      const bytes = this.#readable().read(wanted, safeNumber(offset));
      return [bytes, bytes.length < wanted];
    });
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    return withFsCodes(() => {
      this.#writable().write(bytes, safeNumber(offset));
      return BigInt(bytes.length);
    });
  }

  readDirectory(): DirectoryEntryStream {
    return withFsCodes(() => {
      if (this.#files.held.isFull()) throw "insufficient-memory";
      return new DirectoryEntryStream(this.#files, directory.listFolder(this.#folder()));
    });
  }

  createDirectoryAt(path: string): void {
    withFsCodes(() => directory.createDirectory(this.#mutableFolder(), path));
  }

  stat(): DescriptorStat {
    return withFsCodes(() => descriptorStat(this.#info()));
  }

  statAt(pathFlags: PathFlags, path: string): DescriptorStat {
    return withFsCodes(() => descriptorStat(this.#infoAt(pathFlags, path)));
  }

  setTimesAt(pathFlags: PathFlags, path: string, access: NewTimestamp, modification: NewTimestamp): void {
    withFsCodes(() =>
      directory.setTimes(
        { base: this.#mutableFolder(), path, follow: !!pathFlags.symlinkFollow },
        (info) => this.#times(access, modification, info),
      )
    );
  }

  linkAt(oldPathFlags: PathFlags, oldPath: string, newDescriptor: Descriptor, newPath: string): void {
    withFsCodes(() => {
      const base = this.#mutableFolder();
      directory.link(
        { base, path: oldPath, follow: !!oldPathFlags.symlinkFollow },
        { base: this.#sameRoot(newDescriptor), path: newPath },
      );
    });
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    return withFsCodes(() => {
      const base = this.#folder();
      if (openFlags.directory && openFlags.create) throw "invalid";
      if (flags.write || flags.mutateDirectory || openFlags.create || openFlags.truncate) {
        this.#checkMutable();
      }
      if (this.#files.held.isFull()) throw "insufficient-memory";
      const target = atPlace(
        base,
        path,
        pathFlags.symlinkFollow ? "always" : "slash",
        (place) => openPlace(this.#files, place, { openFlags, flags }),
      );
      return new Descriptor(this.#files, this.#root, target);
    });
  }

  readlinkAt(path: string): string {
    return withFsCodes(() => directory.readLink(this.#folder(), path));
  }

  removeDirectoryAt(path: string): void {
    withFsCodes(() => directory.removeDirectory(this.#mutableFolder(), path));
  }

  renameAt(oldPath: string, newDescriptor: Descriptor, newPath: string): void {
    withFsCodes(() => {
      const from = this.#mutableFolder();
      directory.rename(from, oldPath, this.#sameRoot(newDescriptor), newPath);
    });
  }

  symlinkAt(target: string, path: string): void {
    withFsCodes(() => directory.symlink(this.#mutableFolder(), target, path));
  }

  unlinkFileAt(path: string): void {
    withFsCodes(() => directory.unlinkFile(this.#mutableFolder(), path));
  }

  isSameObject(other: Descriptor): boolean {
    const [mine, its] = [this.#info(), other.#info()];
    return mine.dev === its.dev && mine.ino === its.ino;
  }

  metadataHash(): MetadataHash {
    return withFsCodes(() => metadataHash(this.#info()));
  }

  metadataHashAt(pathFlags: PathFlags, path: string): MetadataHash {
    return withFsCodes(() => metadataHash(this.#infoAt(pathFlags, path)));
  }

  [Symbol.dispose](): void {
    if (this.#target.kind === "file") this.#target.file.release();
    else this.#target.free();
  }

  #info(): Deno.FileInfo {
    return this.#target.kind === "file" ? this.#target.file.stat() : this.#target.anchor.stat();
  }

  #infoAt(pathFlags: PathFlags, path: string): Deno.FileInfo {
    return atPlace(this.#folder(), path, pathFlags.symlinkFollow ? "always" : "slash", directory.lstatPlace);
  }

  #times(access: NewTimestamp, modification: NewTimestamp, info: () => Deno.FileInfo) {
    return newTimes(access, modification, { nowMs: this.#files.nowMs(), info });
  }

  #file(): OpenFile {
    if (this.#target.kind === "directory") throw "is-directory";
    return this.#target.file;
  }

  #readable(): OpenFile {
    const file = this.#file();
    if (this.#target.kind === "file" && this.#target.flags.read) return file;
    throw "bad-descriptor";
  }

  #writable(): OpenFile {
    const file = this.#file();
    this.#checkMutable();
    if (this.#target.kind === "file" && this.#target.flags.write) return file;
    throw "bad-descriptor";
  }

  #folder(): Anchor {
    if (this.#target.kind === "file") throw "not-directory";
    return this.#target.anchor;
  }

  #mutableFolder(): Anchor {
    const folder = this.#folder();
    this.#checkMutable();
    return folder;
  }

  #checkMutable(): void {
    if (this.#root.isReadOnly) throw "read-only";
  }

  /** The folder of `other`, for moving or linking there: preopens are as mounts are to one another. */
  #sameRoot(other: Descriptor): Anchor {
    const folder = other.#mutableFolder();
    if (other.#root !== this.#root) throw "cross-device";
    return folder;
  }
}

/** What was renamed or removed in a folder is on the disk only after this. */
function syncFolder(folder: Anchor): void {
  const open = Deno.openSync(folder.path);
  try {
    open.syncSync();
  } finally {
    open.close();
  }
}
