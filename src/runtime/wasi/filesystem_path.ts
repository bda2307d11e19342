// How a guest's path is walked: step by step from a base folder, each step looked up in the folder that is held by an
// anchor. The system never sees `..`, an absolute path or a symlink to follow: `..` gives up the last step, symlinks
// are read and walked here, and what would lead above the base is `not-permitted`. So neither the path, nor a symlink,
// nor a folder moved meanwhile leads out of the base.

import { type Anchor, openAnchor } from "./filesystem_anchor.ts";
import { toFsCode } from "./filesystem_errors.ts";

/** Where a path ends. */
export interface Place {
  /** The folder that holds the last step. */
  readonly directory: Anchor;
  /** The last step; empty where the path ends at `directory` itself (`.`, `a/..`). */
  readonly name: string;
  /** What to hand to Deno: the place itself, never followed. */
  readonly path: string;
  /** The path ended in a slash, so only a folder will do. */
  readonly mustBeDirectory: boolean;
  /** Folders between the base and `directory`. */
  readonly depth: number;
  /** What the walk saw there a moment ago; null: nothing; undefined: it did not look. */
  readonly seen?: Deno.FileInfo | null;
}

/**
 * What to do with a symlink as last step. `always`: walk on through it. `slash`: only where a slash behind it asks for a
 * folder (as `lstat` does). `never`: what removes, renames or makes the entry itself.
 */
export type FollowLast = "always" | "slash" | "never";

/** As Linux has them: PATH_MAX, and the symlinks one walk follows. */
const PATH_LENGTH_MAX = 4_096;
const SYMLINKS_MAX = 40;
/** Folders held at once during one walk: each is a descriptor of the process. */
const DEPTH_MAX = 128;

class Walk {
  readonly #stack: Anchor[];
  /** Steps still to go, the next one last. */
  readonly #steps: string[] = [];
  #symlinks = 0;
  #mustBeDirectory = false;

  constructor(base: Anchor, path: string) {
    this.#stack = [base];
    this.#add(path);
  }

  go(followLast: FollowLast): Place {
    for (let name = this.#steps.pop(); name !== undefined; name = this.#steps.pop()) {
      if (name === "..") {
        this.#leave();
        continue;
      }
      const path = `${this.#stack.at(-1)!.path}/${name}`;
      if (this.#steps.length) {
        this.#enter(path);
        continue;
      }
      const follows = followLast === "always" || (followLast === "slash" && this.#mustBeDirectory);
      const seen = follows ? lstatOrNothing(path) ?? null : undefined;
      if (!seen?.isSymlink) return this.#place(name, path, seen);
      this.#expand(path);
    }
    return this.#place("", `${this.#stack.at(-1)!.path}/.`);
  }

  close(): void {
    while (this.#stack.length > 1) this.#stack.pop()!.close();
  }

  #place(name: string, path: string, seen?: Deno.FileInfo | null): Place {
    return {
      seen,
      directory: this.#stack.at(-1)!,
      name,
      path,
      mustBeDirectory: this.#mustBeDirectory,
      depth: this.#stack.length - 1,
    };
  }

  /** Puts the steps of `path` before those still to go. */
  #add(path: string): void {
    if (path === "") throw "no-entry";
    if (path.length > PATH_LENGTH_MAX) throw "name-too-long";
    if (path.includes("\0")) throw "invalid";
    if (path.startsWith("/")) throw "not-permitted";
    if (Deno.build.os === "windows" && /[\\:]/.test(path)) throw "not-permitted";
    const steps = path.split("/");
    if (!this.#steps.length && ["", "."].includes(steps.at(-1)!)) this.#mustBeDirectory = true;
    for (const step of steps.reverse()) {
      if (step !== "" && step !== ".") this.#steps.push(step);
    }
  }

  #enter(path: string): void {
    const next = openAnchor(path, true);
    if (typeof next !== "string") {
      this.#stack.push(next);
      if (this.#stack.length > DEPTH_MAX) throw "name-too-long";
    } else if (next === "ENOTDIR" || next === "ELOOP") {
      if (!lstatOrNothing(path)?.isSymlink) throw "not-directory";
      this.#expand(path);
    } else {
      throw toFsCode(next);
    }
  }

  #leave(): void {
    if (this.#stack.length === 1) throw "not-permitted";
    this.#stack.pop()!.close();
  }

  #expand(path: string): void {
    if (++this.#symlinks > SYMLINKS_MAX) throw "loop";
    this.#add(Deno.readLinkSync(path));
  }
}

/** What is at `path`, not followed; undefined where there is nothing. */
export function lstatOrNothing(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Walks `path` from `base` and does `work` where it ends; what was held on the way is let go afterwards. */
export function atPlace<T>(
  base: Anchor,
  path: string,
  followLast: FollowLast,
  work: (place: Place) => T,
): T {
  const walk = new Walk(base, path);
  try {
    return work(walk.go(followLast));
  } finally {
    walk.close();
  }
}

/**
 * Whether a symlink with this content, `depth` folders below the base, stays under it for everyone who may follow it:
 * `..` only at the front, where what it leads to does not depend on other symlinks.
 */
export function staysBelow(target: string, depth: number): boolean {
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const ups = steps.findIndex((step) => step !== "..");
  return ups < 0 ? steps.length <= depth : ups <= depth && !steps.includes("..", ups);
}
