// What we change in the generated glue (JS source), each change with its reason. Done once per artifact; a change that
// does not find its place is a bug and refuses the artifact, never a silent no-op.

import { Bug } from "../model/assert.ts";

/** What the glue asks of us besides its imports; one object per instance, handed to `instantiate` as 4th argument. */
export interface GlueHost {
  /**
   * Wraps a host function that may wait for JSPI. It comes as a generator that yields what it would await, so that the
   * guest is suspended only where there is something to wait for.
   */
  suspending(hostFunction: (...args: unknown[]) => Generator<unknown, unknown, unknown>): unknown;
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
  return glue;
}

/** Turns adapted glue into its `instantiate`. Not an import: imported modules are never freed. */
export function evaluateGlue(glue: string): Instantiate {
  return new Function(`"use strict";\n${glue}\nreturn instantiate;`)() as Instantiate;
}
