// How to start this very program again: cells and the transpiler are child processes of the same binary, or, when run
// from source, of the same Deno with the same entry file.

/** V8 and Deno flags that every process needs; `scripts/compile.ts` bakes the same into the binary. */
export const RUN_FLAGS = ["--allow-all", "--unstable-net", "--no-check", "--quiet"];

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
    args: ["run", ...RUN_FLAGS, "--config", config.pathname, main, ...args],
  };
}
