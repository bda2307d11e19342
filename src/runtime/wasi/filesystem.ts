// wasi:filesystem over the folders a component was declared to see (`spec.preopens`). Made once per instance.
//
// Own classes, not preview2-shim's `createFilesystem` with an adapter of ours: that would give the thin outer classes
// only. Its streams are not our `io.ts` streams (the glue checks `instanceof`), and all that matters here (walking
// paths, rights, bounds, freeing) is the adapter's work in either case.
//
// What holds (each tried in `filesystem_escape_test.ts`): no path, symlink, rename or hard link a guest can think of
// reaches anything outside its preopen; a read-only preopen is not changed; nothing but regular files and folders is
// opened; everything is closed with the instance. With anchors of kind "descriptor" (Linux) that also holds while
// others rename below the preopen.
//
// What cannot be excluded: a file that was hard-linked into the preopen, or a filesystem mounted there, from outside
// is part of it, because its owner put it there. With anchors of kind "path" (see `filesystem_anchor.ts`), someone else
// with write access to the preopen may win a race between check and use.

import { Fault, isFault } from "../../model/fault.ts";
import type { Preopen } from "../../model/component.ts";
import type { InstanceContext } from "../context.ts";
import { heldDescriptors } from "./descriptors.ts";
import { type Anchor, anchorKind, openAnchor } from "./filesystem_anchor.ts";
import { Descriptor, type Root } from "./filesystem_descriptor.ts";
import { LISTED_ENTRIES_MAX } from "./filesystem_directory.ts";
import { FilesystemIoError, type FsCode } from "./filesystem_errors.ts";
import { DiskTurn } from "./filesystem_file.ts";
import { DirectoryEntryStream, type InstanceFiles } from "./filesystem_open.ts";
import type { IoError } from "./io.ts";

/** Opens the folder of a preopen. Its own path may hold symlinks: the operator wrote it. */
function openPreopen({ guest, host }: Preopen): Anchor {
  const mend = `create the folder, or change the preopen "${guest}" in the manifest`;
  try {
    const anchor = openAnchor(Deno.realPathSync(host), true);
    if (typeof anchor !== "string") return anchor;
    throw new Fault("not_found", `folder ${host} cannot be opened (${anchor}): ${mend}`);
  } catch (error) {
    if (isFault(error)) throw error;
    const reason = error instanceof Deno.errors.NotFound ? "is not there" : String((error as Error).message);
    throw new Fault("not_found", `folder ${host} ${reason}: ${mend}`, { cause: error });
  }
}

/** Throws a fault for the first folder that cannot be opened, so that a component is refused before it runs. */
export function checkPreopens(preopens: readonly Preopen[]): void {
  for (const preopen of preopens) openPreopen(preopen).close();
}

let isSaid = false;

/** Says once in a process that anchors are weak here. */
function sayAnchorKind(context: InstanceContext): void {
  if (isSaid || !context.spec.preopens.length || anchorKind() === "descriptor") return;
  isSaid = true;
  context.log.error(
    "preopens are guarded by checked paths only: others who can write to them must be trusted; run on Linux with /proc",
  );
}

/** The import objects of `wasi:filesystem`. */
export function filesystemImports(context: InstanceContext): Record<string, unknown> {
  const files: InstanceFiles = {
    held: heldDescriptors(context),
    turn: new DiskTurn(context.spec.limits.sliceMs),
    nowMs: () => context.clock.nowMs(),
    listedEntriesLeft: LISTED_ENTRIES_MAX,
  };
  // One root for all descriptors of a preopen, however often the guest asks for it.
  const roots = context.spec.preopens.map((preopen): [Preopen, Root] => [preopen, {
    isReadOnly: preopen.readOnly,
  }]);
  const getDirectories = (): [Descriptor, string][] => {
    sayAnchorKind(context);
    return roots.map(([preopen, root]) => {
      if (files.held.isFull()) throw new Fault("over_limit", "the guest asked for its preopens too often");
      return [Descriptor.ofPreopen(files, root, openPreopen(preopen)), preopen.guest];
    });
  };
  const filesystemErrorCode = (error: IoError): FsCode | undefined =>
    error instanceof FilesystemIoError ? error.code : undefined;
  return {
    "wasi:filesystem/types": { Descriptor, DirectoryEntryStream, filesystemErrorCode },
    "wasi:filesystem/preopens": { getDirectories },
  };
}
