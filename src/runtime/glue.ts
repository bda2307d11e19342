// What we change in the generated glue (JS source), each change with its reason. Done once per artifact; a change that
// does not find its place is a bug and refuses the artifact, never a silent no-op.

import { Bug } from "../model/assert.ts";
import { allocateBytes } from "./slab.ts";

/** What the glue asks of us besides its imports; one object per instance, handed to `instantiate` as 4th argument. */
export interface GlueHost {
  /**
   * Wraps a host function that may wait for JSPI. It comes as a generator that yields what it would await, so that the
   * guest is suspended only where there is something to wait for.
   */
  suspending(hostFunction: (...args: unknown[]) => Generator<unknown, unknown, unknown>): unknown;
  /** Runs a call from JS into the guest, in which it must not be suspended. */
  quietly<T>(work: () => T): T;
  /** Most handles one resource table may hold. */
  readonly handlesMax: number;
  /** Makes the error thrown into the guest at one handle more. */
  tooManyHandles(): Error;
}

/** The glue's `instantiate`, as {@linkcode evaluateGlue} returns it. Synchronous when `instantiateCore` is. */
export type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: Record<string, unknown>,
  instantiateCore: (
    module: WebAssembly.Module,
    imports: WebAssembly.Imports,
  ) => { exports: WebAssembly.Exports },
  host: GlueHost,
) => Record<string, unknown>;

function change(source: string, what: string, pattern: RegExp, replacement: string): string {
  const changed = source.replace(pattern, replacement);
  if (changed === source) {
    throw new Bug(`the generated glue has no place for "${what}"; did the generator change?`);
  }
  return changed;
}

/** Glue of the compact generator (jco 1.10.2), made fit to be evaluated by {@linkcode evaluateGlue}. */
export function adaptCompactGlue(source: string): string {
  let glue = change(
    source,
    "signature",
    /^export function instantiate\(getCoreModule, imports, instantiateCore = WebAssembly\.instantiate\) \{/m,
    "function instantiate(getCoreModule, imports, instantiateCore, host) {",
  );
  // Never used, since getCoreModule is always given; `import.meta` would not evaluate outside a module.
  glue = glue.replace(/^.*\bimport\.meta\.url\b.*$/gm, "");
  // An async function always gives a promise, and a promise always suspends the guest: 2 us even when it is settled.
  glue = glue.replace(
    /new WebAssembly\.Suspending\(async function\(([\s\S]*?)\n {4}\}\n {4}\);/g,
    (_, body: string) => `host.suspending(function*(${body.replaceAll("await ", "yield ")}\n    }\n    );`,
  );
  if (glue.includes("WebAssembly.Suspending")) {
    throw new Bug("the generated glue suspends in a way we do not know");
  }
  if (glue.includes("function rscTableCreateOwn")) {
    glue = change(
      glue,
      "handle quota",
      /function rscTableCreateOwn \(table, rep\) \{\n(\s*)const free = table\[0\] & ~T_FLAG;\n\s*if \(free === 0\) \{/,
      "$&\n      if (table.length > host.handlesMax * 2) throw host.tooManyHandles();",
    );
  }
  // The generator writes `await` into constructors and static functions of exported resources without making them
  // async. A JS constructor cannot be; it becomes the static function $new.
  glue = glue.replace(
    /(class \w+\s*\{\n\s*)constructor\(([^)]*)\) \{(?=\s[^}]*await )/g,
    "$1static async $new($2) {",
  );
  glue = glue.replace(/^(\s*\w+\.\w+ = )function (\w+\()/gm, "$1async function $2");
  // For a resource that the guest only ever drops, the generator writes a drop that throws.
  glue = glue.replace(
    /rscTableRemove\(handleTable(\d+), handle\);\n(\s*)if \(handleEntry\.own\) \{\n\s*throw new TypeError\('unreachable resource trampoline'\)/g,
    (whole, table: string, indent: string) =>
      glue.includes(`captureTable${table}=`)
        ? [
          `rscTableRemove(handleTable${table}, handle);`,
          "if (handleEntry.own) {",
          `  captureTable${table}.get(handleEntry.rep)?.[Symbol.dispose]?.();`,
          `  captureTable${table}.delete(handleEntry.rep);`,
        ].join(`\n${indent}`)
        : whole,
  );
  // A destructor is called from JS, where a guest must not be suspended.
  glue = glue.replace(/^(\s*)(exports\d+\['\d+'\]\(.*\));$/gm, "$1host.quietly(() => $2);");
  return quickenMemory(quickenBorrows(glue));
}

/**
 * Of the resources lent for a call only the guest's own carry a handle to take back; the generator marks every host
 * object too, which costs more than the call. And a request handler has nothing to do after its promise.
 */
function quickenBorrows(source: string): string {
  return source
    .replace(
      /^( *)curResourceBorrows\.push\((\w+)\);$/gm,
      "$1if ($2[symbolRscHandle] !== undefined) curResourceBorrows.push($2);",
    )
    .replace(
      /^( *)for \(const rsc of curResourceBorrows\) \{\n *rsc\[symbolRscHandle\] = undefined;\n *\}\n *curResourceBorrows = \[\];$/gm,
      [
        "$1if (curResourceBorrows.length !== 0) {",
        "$1  for (const rsc of curResourceBorrows) rsc[symbolRscHandle] = undefined;",
        "$1  curResourceBorrows = [];",
        "$1}",
      ].join("\n"),
    )
    .replace(
      /async function handle\(arg0, arg1\) \{([\s\S]*?)\n( *)await (\w+\(handle0, handle1\));\n( *)\}/,
      "function handle(arg0, arg1) {$1\n$2return $3;\n$4}",
    );
}

/**
 * Reads and writes of guest memory, without a new view and a call into the system for every few bytes: views are kept
 * while the memory has not grown (a grown memory's old view has length 0), short ASCII goes byte by byte, and short
 * lists are copied into arrays cut from a slab.
 */
function quickenMemory(source: string): string {
  if (!source.includes("memory")) return source;
  const glue = source
    .replace(/^ *let dv = new DataView\(new ArrayBuffer\(\)\);\n *const dataView = .*$/m, "")
    .replace(/utf8Decoder\.decode\(new Uint8Array\((\w+)\.buffer, (\w+), (\w+)\)\)/g, "readText($1, $2, $3)")
    .replace(/new Uint8Array\((\w+)\.buffer\.slice\((\w+), \2 \+ (\w+) \* 1\)\)/g, "copyBytes($1, $2, $3)")
    .replace(
      /^ *let buf = utf8Encoder\.encode\(s\);$/m,
      `    if (s.length < 64 && isAscii(s)) {
      const at = realloc(0, 0, 1, s.length);
      writeAscii(s, bytesOf(memory), at);
      utf8EncodedLen = s.length;
      return at;
    }
    $&`,
    );
  return glue.replace("function instantiate(", `${MEMORY_HELPERS}\nfunction instantiate(`)
    .replace(/^(function instantiate\(.*\{)$/m, `$1\n${MEMORY_VIEWS}`);
}

/** Shared by all instances of a program. */
const MEMORY_HELPERS = `
  const textDecoder = new TextDecoder();
  function isAscii(s) {
    for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) > 127) return false;
    return true;
  }
  function writeAscii(s, bytes, at) {
    for (let i = 0; i < s.length; i++) bytes[at + i] = s.charCodeAt(i);
  }
  function textIn(bytes, at, length) {
    if (length < 24) {
      let text = "";
      let i = at;
      for (const end = at + length; i < end; i++) {
        const code = bytes[i];
        if (code > 127 || code === undefined) break;
        text += String.fromCharCode(code);
      }
      if (i === at + length) return text;
    }
    if (at + length > bytes.length) throw new RangeError("a string runs past the guest's memory");
    return textDecoder.decode(bytes.subarray(at, at + length));
  }
  function copyOf(bytes, at, length) {
    if (at + length > bytes.length) throw new RangeError("a list runs past the guest's memory");
    if (length > 512) return bytes.slice(at, at + length);
    const copy = allocateBytes(length);
    if (length > 64) copy.set(bytes.subarray(at, at + length));
    else for (let i = 0; i < length; i++) copy[i] = bytes[at + i];
    return copy;
  }`;

/** One set for each instance. */
const MEMORY_VIEWS = `
  let viewed, bytes = new Uint8Array(0), dv;
  const bytesOf = (memory) => {
    if (viewed !== memory || bytes.length === 0) {
      viewed = memory;
      bytes = new Uint8Array(memory.buffer);
      dv = new DataView(memory.buffer);
    }
    return bytes;
  };
  const dataView = (memory) => (bytesOf(memory), dv);
  const readText = (memory, at, length) => textIn(bytesOf(memory), at >>> 0, length >>> 0);
  const copyBytes = (memory, at, length) => copyOf(bytesOf(memory), at >>> 0, length >>> 0);`;

/** Turns adapted glue into its `instantiate`. Not an import: imported modules are never freed. */
export function evaluateGlue(glue: string): Instantiate {
  const evaluate = new Function("allocateBytes", `"use strict";\n${glue}\nreturn instantiate;`);
  return evaluate(allocateBytes) as Instantiate;
}
