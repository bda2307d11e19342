// Where the fixtures' toolchains live and how their programs are run. Called by the other `fixtures_*` scripts.

export const CACHE = new URL("../.cache/fixtures/", import.meta.url).pathname;

export function report(line: string): void {
  console.error(`fixtures: ${line}`);
}

interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Return what it prints instead of showing it. */
  capture?: boolean;
}

/** Runs a tool with its output visible; throws with the command line when it fails. */
export async function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    cwd: options.cwd,
    env: options.env,
    stdin: "null",
    stdout: options.capture ? "piped" : "inherit",
    stderr: "inherit",
  }).output();
  if (!output.success) throw new Error(`${command} ${args.join(" ")} ended with ${output.code}`);
  return options.capture ? new TextDecoder().decode(output.stdout) : "";
}

const ready = new Map<string, Promise<string>>();

/** Calls `fetch` once for a folder of the cache, and never again after it has succeeded. */
export function provide(name: string, fetch: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = `${CACHE}${name}`;
  const provideOnce = async () => {
    const stamp = `${folder}/.complete`;
    if (await Deno.stat(stamp).catch(() => undefined)) return folder;
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
    report(`getting ${name} …`);
    const started = Date.now();
    await fetch(folder);
    await Deno.writeTextFile(stamp, "");
    report(`${name} ready in ${((Date.now() - started) / 1000).toFixed(0)} s`);
    return folder;
  };
  const known = ready.get(name) ?? provideOnce();
  ready.set(name, known);
  return known;
}

/** A program of the cache under a name of its own; `before` runs first and may change the arguments. */
export async function writeLauncher(path: string, line: string, before = ""): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${before}\nexec ${line} "$@"\n`, { mode: 0o755 });
}
