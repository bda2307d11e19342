// Anchors: a firm hold on one file or folder, so that what was checked is what is then used, whatever others rename in
// between. On Linux an anchor is an open descriptor (O_PATH), and Deno's own functions work on it and on its entries
// through `/proc/self/fd/N` and `/proc/self/fd/N/name`; a name is always one step, looked up without following.
//
// Deno 2.9 gives real descriptors through node:fs; where it gives its own resource numbers instead (2.6), two
// functions of libc do the same. Where neither works (no Linux, no /proc, permissions withheld) an anchor is just a
// path: everything is still checked, but someone else on the box who swaps a folder for a symlink between check and
// use is then not excluded. `anchorKind` says which.

import * as fs from "node:fs";

/** A hold on one file or folder. */
export interface Anchor {
  /** A path that means this very object, for Deno's functions; with `/name` behind, an entry of it. */
  readonly path: string;
  stat(): Deno.FileInfo;
  /** Opens the file it holds. Never truncates: that may only happen after the check inside. */
  openFile(options: { read?: boolean; write?: boolean; append?: boolean }): Deno.FsFile;
  close(): void;
}

/** Opens an anchor on the last step of `path`, never through a symlink there; gives the errno's name where it cannot. */
type AnchorOpener = (path: string, mustBeDirectory: boolean) => Anchor | string;

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
// Two of the few flags whose bits differ by processor. `node:fs` constants are x86's everywhere on some versions; a
// wrong bit here would follow symlinks, so `holdsStill` tries them before they are trusted.
const [O_DIRECTORY, O_NOFOLLOW] = Deno.build.arch === "aarch64" ? [0o40000, 0o100000] : [0o200000, 0o400000];

function flagsFor(mustBeDirectory: boolean): number {
  return O_PATH | O_NOFOLLOW | O_CLOEXEC | (mustBeDirectory ? O_DIRECTORY : 0);
}

class DescriptorAnchor implements Anchor {
  readonly #path: string;
  readonly #free: () => void;
  #isClosed = false;

  constructor(fd: number, free: () => void) {
    this.#path = `/proc/self/fd/${fd}`;
    this.#free = free;
  }

  /** Once closed, the number may stand for something of someone else. */
  get path(): string {
    if (this.#isClosed) throw "bad-descriptor";
    return this.#path;
  }

  stat(): Deno.FileInfo {
    return Deno.statSync(this.path);
  }

  openFile(options: Deno.OpenOptions): Deno.FsFile {
    return Deno.openSync(this.path, options);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#free();
  }
}

/** Real descriptors through node:fs. */
function nodeOpener(): AnchorOpener {
  return (path, mustBeDirectory) => {
    try {
      const fd = fs.openSync(path, flagsFor(mustBeDirectory));
      return new DescriptorAnchor(fd, () => fs.closeSync(fd));
    } catch (error) {
      const { code } = error as { code?: string };
      if (!code) throw error;
      return code;
    }
  };
}

/** Those that opening an existing name can give; the same numbers on all of Linux. */
const ERRNO: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  5: "EIO",
  12: "ENOMEM",
  13: "EACCES",
  20: "ENOTDIR",
  23: "ENFILE",
  24: "EMFILE",
  36: "ENAMETOOLONG",
  40: "ELOOP",
  116: "ESTALE",
};

/** Real descriptors through libc. */
function libcOpener(): AnchorOpener {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  });
  const encoder = new TextEncoder();
  return (path, mustBeDirectory) => {
    const fd = libc.open(encoder.encode(`${path}\0`), flagsFor(mustBeDirectory), 0);
    if (fd >= 0) return new DescriptorAnchor(fd, () => void libc.close(fd));
    return ERRNO[new Deno.UnsafePointerView(libc.__errno_location()!).getInt32()] ?? "EIO";
  };
}

class PathAnchor implements Anchor {
  constructor(readonly path: string) {}

  stat(): Deno.FileInfo {
    return Deno.lstatSync(this.path);
  }

  openFile(options: Deno.OpenOptions): Deno.FsFile {
    const wanted = this.stat();
    const file = Deno.openSync(this.path, options);
    const got = file.statSync();
    if (got.dev === wanted.dev && got.ino === wanted.ino) return file;
    file.close();
    throw "busy";
  }

  close(): void {}
}

/** Checked paths, where descriptors are not to be had. */
const pathOpener: AnchorOpener = (path, mustBeDirectory) => {
  try {
    if (mustBeDirectory && !Deno.lstatSync(path).isDirectory) return "ENOTDIR";
    return new PathAnchor(path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (!code) throw error;
    return code;
  }
};

/** Whether anchors made by `open` are what they should be: the object itself, and never through a symlink. */
function holdsStill(open: AnchorOpener): boolean {
  for (const path of ["/", "/proc"]) {
    const anchor = open(path, true);
    if (typeof anchor === "string") return false;
    const [held, meant] = [anchor.stat(), Deno.statSync(path)];
    anchor.close();
    if (held.dev !== meant.dev || held.ino !== meant.ino) return false;
  }
  // A symlink to a folder, and a file.
  return typeof open("/proc/self", true) === "string" && typeof open("/proc/version", true) === "string";
}

/** `descriptor`: firm. `path`: checked, but not proof against others who rename at the same time. */
export type AnchorKind = "descriptor" | "path";

function pickOpener(): { kind: AnchorKind; open: AnchorOpener } {
  for (const make of Deno.build.os === "linux" ? [nodeOpener, libcOpener] : []) {
    try {
      const open = make();
      if (holdsStill(open)) return { kind: "descriptor", open };
    } catch { /* not to be had here; the next one */ }
  }
  return { kind: "path", open: pathOpener };
}

let picked: ReturnType<typeof pickOpener> | undefined;
let isPathForced = false;

function opener(): ReturnType<typeof pickOpener> {
  picked ??= pickOpener(); // once in a process: it may load libc
  return isPathForced ? { kind: "path", open: pathOpener } : picked;
}

/** How firm anchors are on this machine. */
export function anchorKind(): AnchorKind {
  return opener().kind;
}

/** Lets tests try the weaker kind where the firm one is to be had. */
export function forcePathAnchors(isForced: boolean): void {
  isPathForced = isForced;
}

/**
 * Opens an anchor on `path`, whose last step must not be a symlink if it must be a directory. Gives the errno's name
 * where that fails, because failing is common while walking and exceptions are dear.
 */
export function openAnchor(path: string, mustBeDirectory: boolean): Anchor | string {
  return opener().open(path, mustBeDirectory);
}
