// A guest's view of a real temporary folder, for tests of wasi:filesystem: `inside` is its preopen, `outside` lies next
// to it and holds a secret. Runs a test with both kinds of anchor.

import assert from "node:assert/strict";
import type { ComponentSpec, Preopen } from "../../src/model/component.ts";
import { type AnchorKind, anchorKind, forcePathAnchors } from "../../src/runtime/wasi/filesystem_anchor.ts";
import type { Descriptor } from "../../src/runtime/wasi/filesystem_descriptor.ts";
import { filesystemImports } from "../../src/runtime/wasi/filesystem.ts";
import type { IoError } from "../../src/runtime/wasi/io.ts";
import { type FakeContext, fakeContext } from "./instance_context.ts";

export interface FilesystemInterfaces {
  "wasi:filesystem/preopens": { getDirectories(): [Descriptor, string][] };
  "wasi:filesystem/types": { filesystemErrorCode(error: IoError): string | undefined };
}

export interface GuestFilesystem {
  context: FakeContext;
  imports: FilesystemInterfaces;
  /** The preopen `/data`, on `${root}/inside`. */
  data: Descriptor;
  /** Host path of the temporary folder. */
  root: string;
}

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (read: Uint8Array) => new TextDecoder().decode(read);

/** Content of the file no guest may ever see or change. */
export const SECRET = "the safe's combination";

/** Asserts that `work` throws exactly this WIT error code. */
export function refuses(code: string | string[], work: () => unknown, message?: string): void {
  const codes = [code].flat();
  let thrown: unknown = "nothing";
  try {
    work();
  } catch (error) {
    if (error instanceof Error) throw error;
    thrown = error;
  }
  assert.ok(codes.includes(thrown as string), `${message ?? ""} expected ${codes}, got ${String(thrown)}`);
}

/** Opens `path` the way a guest's libc does. */
export function open(
  base: Descriptor,
  path: string,
  flags: { read?: boolean; write?: boolean; create?: boolean; truncate?: boolean; exclusive?: boolean } = {
    read: true,
  },
): Descriptor {
  const { read, write, ...openFlags } = flags;
  return base.openAt({ symlinkFollow: true }, path, openFlags, { read, write });
}

/** Reads a whole file by path. */
export function readFile(base: Descriptor, path: string): string {
  const file = open(base, path);
  try {
    return text(file.read(65_536n, 0n)[0]);
  } finally {
    file[Symbol.dispose]();
  }
}

/** Declares a test that runs on a fresh temporary folder, once for each kind of anchor this machine has. */
export function filesystemTest(
  name: string,
  run: (guest: GuestFilesystem) => void | Promise<void>,
  options: { preopens?: (root: string) => Preopen[]; spec?: Partial<ComponentSpec>; kinds?: AnchorKind[] } =
    {},
): void {
  const kinds = options.kinds ??
    (anchorKind() === "path" ? ["path"] as const : ["descriptor", "path"] as const);
  for (const kind of kinds) {
    Deno.test(`${name} (${kind})`, async () => {
      const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "holdfast-" }));
      forcePathAnchors(kind === "path");
      const preopens = options.preopens?.(root) ??
        [{ guest: "/data", host: `${root}/inside`, readOnly: false }];
      const context = fakeContext({ preopens, ...options.spec });
      try {
        Deno.mkdirSync(`${root}/inside`, { recursive: true });
        Deno.mkdirSync(`${root}/outside`);
        Deno.writeTextFileSync(`${root}/outside/secret`, SECRET);
        const imports = filesystemImports(context) as unknown as FilesystemInterfaces;
        const data = imports["wasi:filesystem/preopens"].getDirectories()[0][0];
        await run({ context, imports, data, root });
        assert.deepEqual(Array.from(Deno.readDirSync(`${root}/outside`), (entry) => entry.name), ["secret"]);
        assert.equal(Deno.readTextFileSync(`${root}/outside/secret`), SECRET);
      } finally {
        context.drop();
        forcePathAnchors(false);
        Deno.removeSync(root, { recursive: true });
      }
    });
  }
}
