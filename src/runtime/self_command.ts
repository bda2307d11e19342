// How to start this very program again: cells and the transpiler are child processes of the same binary, or, when run
// from source, of the same Deno with the same entry file.

/**
 * Each call runs on a stack of its own (JSPI). V8 keeps 4 MB of them for reuse: four of its default 984 KB, and every
 * further concurrent call maps and faults in a new one, 10 us. Of 256 KB it keeps sixteen; the deepest real guest we
 * have (a JavaScript engine) uses a third of that.
 */
const V8_FLAGS = "--v8-flags=--wasm-stack-switching-stack-size=256";

/** Flags that every process needs; `scripts/compile.ts` bakes the same into the binary. */
export const RUN_FLAGS = ["--allow-all", "--unstable-net", "--no-check", V8_FLAGS];

/** Whether this is the compiled binary. */
export function isCompiled(): boolean {
  return Deno.build.standalone;
}

/** Program and arguments that start holdfast with `args`. */
export function selfCommand(args: string[]): { program: string; args: string[] } {
  if (isCompiled()) return { program: Deno.execPath(), args };
  const main = new URL("../../main.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url);
  return {
    program: Deno.execPath(),
    args: ["run", "--quiet", ...RUN_FLAGS, "--config", config.pathname, main, ...args],
  };
}
