// A program on disk: one file per digest and toolchain with the glue, the rewritten core modules and the types that
// are needed at run time, behind a digest of its own. Anything torn or altered is noticed on reading and made again.
//
// Layout: "HFPROG1\n", SHA-256 of all that follows (32 bytes), u32 little-endian length of the JSON head, the head,
// the parts one after the other.

import { Fault } from "../model/fault.ts";
import type { ComponentWit, WitResource } from "../model/wit.ts";
import { withoutVersion } from "../model/wit.ts";
import { isBuiltinInterface } from "./builtins.ts";
import { concatBytes } from "./byte_reader.ts";
import type { GeneratedProgram } from "./generate.ts";

const MAGIC = new TextEncoder().encode("HFPROG1\n");
const HEAD_OFFSET = MAGIC.length + 32 + 4;

/** Types may share parts; written out, a hostile file's could grow without end. The largest fixture has 9,000 nodes. */
const TYPE_NODES_MAX = 1_000_000;

interface Head {
  /** Bounds baked into the core modules. */
  memoryBytesMax: number;
  imports: string[];
  exports: string[];
  wit: unknown;
  parts: { name: string; length: number }[];
}

/** A program file's content, ready to be evaluated. */
export interface ProgramParts {
  memoryBytesMax: number;
  /** Full names of all imports, built-in ones included. */
  imports: string[];
  exports: string[];
  /** Types of the imports that leave as Calls, and of all exports. */
  wit: ComponentWit;
  glue: string;
  coreModules: Map<string, Uint8Array<ArrayBuffer>>;
}

/** Resources are told apart by identity; in JSON each becomes a number, and comes back as one object. */
function flattenResources(wit: ComponentWit): unknown {
  const numbers = new Map<WitResource, number>();
  let nodes = 0;
  return JSON.parse(JSON.stringify(wit, (_key, value) => {
    if (++nodes > TYPE_NODES_MAX) {
      throw new Fault("over_limit", "the component's types are too large when written out");
    }
    if (value?.kind !== "resource") return value;
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return { kind: "resource", name: value.name, number: numbers.get(value) };
  }));
}

function reviveResources(value: unknown): ComponentWit {
  const resources = new Map<number, WitResource>();
  const revive = (node: unknown): unknown => {
    if (typeof node !== "object" || node === null) return node;
    const resource = node as WitResource & { number?: number };
    if (resource.kind === "resource" && typeof resource.number === "number") {
      const known = resources.get(resource.number);
      if (known) return known;
      const made: WitResource = { kind: "resource", name: resource.name };
      resources.set(resource.number, made);
      return made;
    }
    for (const key of Object.keys(node)) {
      (node as Record<string, unknown>)[key] = revive((node as Record<string, unknown>)[key]);
    }
    return node;
  };
  return revive(value) as ComponentWit;
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** Packs a program; `memoryBytesMax` is what its core modules were rewritten with. */
export async function encodeProgram(program: GeneratedProgram, memoryBytesMax: number): Promise<Uint8Array> {
  const glue = new TextEncoder().encode(program.glue);
  const called = Object.entries(program.wit.imports).filter(([name]) =>
    !isBuiltinInterface(withoutVersion(name))
  );
  const parts: [string, Uint8Array][] = [["glue.js", glue], ...program.coreModules];
  const head: Head = {
    memoryBytesMax,
    imports: Object.keys(program.wit.imports),
    exports: Object.keys(program.wit.exports),
    wit: flattenResources({ imports: Object.fromEntries(called), exports: program.wit.exports }),
    parts: parts.map(([name, bytes]) => ({ name, length: bytes.length })),
  };
  const headBytes = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, headBytes.length, true);
  const content = concatBytes([length, headBytes, ...parts.map(([, bytes]) => bytes)]);
  return concatBytes([MAGIC, await sha256(content), content]);
}

/** Reads a program file; `corrupt` fault when it is not exactly what was written. */
export async function decodeProgram(file: Uint8Array<ArrayBuffer>, what: string): Promise<ProgramParts> {
  const digest = file.subarray(MAGIC.length, MAGIC.length + 32);
  const content = file.subarray(MAGIC.length + 32);
  const isWhole = file.length > HEAD_OFFSET && MAGIC.every((byte, i) => file[i] === byte) &&
    (await sha256(content)).every((byte, i) => byte === digest[i]);
  if (!isWhole) {
    throw new Fault("corrupt", `${what} is damaged or cut short; it will be made again from the component`);
  }
  const headLength = new DataView(file.buffer, file.byteOffset).getUint32(MAGIC.length + 32, true);
  const head = JSON.parse(
    new TextDecoder().decode(file.subarray(HEAD_OFFSET, HEAD_OFFSET + headLength)),
  ) as Head;
  const coreModules = new Map<string, Uint8Array<ArrayBuffer>>();
  let glue = "";
  let offset = HEAD_OFFSET + headLength;
  for (const { name, length } of head.parts) {
    const bytes = file.subarray(offset, offset + length);
    offset += length;
    if (name === "glue.js") glue = new TextDecoder().decode(bytes);
    else coreModules.set(name, bytes);
  }
  return {
    memoryBytesMax: head.memoryBytesMax,
    imports: head.imports,
    exports: head.exports,
    wit: reviveResources(head.wit),
    glue,
    coreModules,
  };
}
