// What a guest does to the entries of a folder it holds: making, removing, renaming, linking, listing. Each walks the
// path with `filesystem_path.ts` and then does one thing to one entry, which is never followed.

import * as fs from "node:fs";
import type { Anchor } from "./filesystem_anchor.ts";
import { atPlace, lstatOrNothing, type Place, staysBelow } from "./filesystem_path.ts";
import { descriptorType, type DirectoryEntry } from "./filesystem_types.ts";

/** What is at `place`; throws `no-entry` where there is nothing, `not-directory` where a folder was asked for. */
export function lstatPlace(place: Place): Deno.FileInfo {
  const info = place.seen === undefined ? lstatOrNothing(place.path) : place.seen;
  if (!info) throw "no-entry";
  if (place.mustBeDirectory && !info.isDirectory) throw "not-directory";
  return info;
}

/** The place of an entry that is to be made or removed: it needs a name of its own. */
function atEntry<T>(base: Anchor, path: string, work: (place: Place) => T): T {
  return atPlace(base, path, "never", (place) => {
    if (!place.name) throw "invalid";
    return work(place);
  });
}

export function createDirectory(base: Anchor, path: string): void {
  atPlace(base, path, "never", (place) => {
    if (!place.name) throw "exist";
    Deno.mkdirSync(place.path);
  });
}

export function removeDirectory(base: Anchor, path: string): void {
  atEntry(base, path, (place) => {
    if (!lstatPlace(place).isDirectory) throw "not-directory";
    Deno.removeSync(place.path);
  });
}

export function unlinkFile(base: Anchor, path: string): void {
  atEntry(base, path, (place) => {
    if (lstatPlace(place).isDirectory) throw "is-directory";
    Deno.removeSync(place.path);
  });
}

export function rename(from: Anchor, oldPath: string, to: Anchor, newPath: string): void {
  atEntry(from, oldPath, (oldPlace) => {
    const { isDirectory } = lstatPlace(oldPlace);
    atEntry(to, newPath, (newPlace) => {
      if (newPlace.mustBeDirectory && !isDirectory) throw "not-directory";
      Deno.renameSync(oldPlace.path, newPlace.path);
    });
  });
}

export function link(
  from: { base: Anchor; path: string; follow: boolean },
  to: { base: Anchor; path: string },
): void {
  atPlace(from.base, from.path, from.follow ? "always" : "slash", (oldPlace) => {
    const { isDirectory } = lstatPlace(oldPlace);
    if (isDirectory) throw "not-permitted";
    atEntry(to.base, to.path, (newPlace) => {
      if (newPlace.mustBeDirectory) throw "no-entry";
      Deno.linkSync(oldPlace.path, newPlace.path);
    });
  });
}

export function symlink(base: Anchor, target: string, path: string): void {
  if (target === "") throw "no-entry";
  if (target.includes("\0")) throw "invalid";
  if (target.startsWith("/")) throw "not-permitted";
  atEntry(base, path, (place) => {
    if (place.mustBeDirectory) throw lstatOrNothing(place.path) ? "exist" : "no-entry";
    // We would not follow it out of the base, but others on the box might.
    if (!staysBelow(target, place.depth)) throw "not-permitted";
    Deno.symlinkSync(target, place.path);
  });
}

export function readLink(base: Anchor, path: string): string {
  return atEntry(base, path, (place) => {
    if (!lstatPlace(place).isSymlink) throw "invalid";
    const target = Deno.readLinkSync(place.path);
    if (target.startsWith("/")) throw "not-permitted";
    return target;
  });
}

/** Sets the times of the entry itself; `times` is told how to look at the present ones. */
export function setTimes(
  at: { base: Anchor; path: string; follow: boolean },
  times: (info: () => Deno.FileInfo) => [accessSeconds: number, modificationSeconds: number],
): void {
  atPlace(at.base, at.path, at.follow ? "always" : "slash", (place) => {
    const info = lstatPlace(place);
    const [access, modification] = times(() => info);
    if (place.name) fs.lutimesSync(place.path, access, modification);
    else Deno.utimeSync(place.path, access, modification);
  });
}

/**
 * Size of a folder (its own, in bytes) up to which it is listed. Deno reads a listing whole, so the bound must come
 * first; most filesystems need 20 to 40 bytes for an entry, which makes this some 100,000.
 */
const FOLDER_BYTES_MAX = 4 * 1024 * 1024;
/** Entries that the open listings of one instance hold together. */
export const LISTED_ENTRIES_MAX = 200_000;

/** Every entry but `.` and `..`, in the system's order. */
export function listFolder(folder: Anchor): DirectoryEntry[] {
  if (folder.stat().size > FOLDER_BYTES_MAX) throw "insufficient-memory";
  return Array.from(Deno.readDirSync(folder.path), ({ name, ...entry }) => {
    if (entry.isFile) return { name, type: "regular-file" };
    if (entry.isDirectory) return { name, type: "directory" };
    if (entry.isSymlink) return { name, type: "symbolic-link" };
    const info = lstatOrNothing(`${folder.path}/${name}`);
    return { name, type: info ? descriptorType(info) : "unknown" };
  });
}
