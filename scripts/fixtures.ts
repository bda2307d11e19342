// Rebuilds the wasm fixtures under `fixtures/components/` from their sources: all of them, or the ones named.
// `--check` builds nothing and only compares what is committed with its digests. Run as `deno task fixtures`.

import { buildC, buildGo, buildJs, buildRust, type Fixture, type Language } from "./fixtures_build.ts";
import { buildInvalid } from "./fixtures_invalid.ts";
import { report } from "./fixtures_cache.ts";

const COMPONENTS = new URL("../fixtures/components/", import.meta.url);

const FIXTURES: Fixture[] = [
  { name: "hello", language: "c", variants: ["0.2.0", "0.2.3"] },
  { name: "invalid", language: "c" },
  { name: "count", language: "c" },
  { name: "unread", language: "c" },
  { name: "rogue", language: "c" },
  { name: "probe", language: "rust" },
  { name: "kvprobe", language: "rust" },
  { name: "kvdraft2", language: "rust" },
  { name: "todo", language: "rust" },
  { name: "catalog", language: "rust" },
  { name: "kiosk", language: "c", generated: true },
  { name: "report", language: "rust", adapter: "command" },
  { name: "till", language: "go", adapter: "go" },
  { name: "counter", language: "js" },
];

const BUILDERS: Record<Language, (fixture: Fixture, version?: string) => Promise<Uint8Array>> = {
  c: buildC,
  rust: buildRust,
  go: buildGo,
  js: buildJs,
};

/** Folders that hold parts of fixtures, not fixtures. */
const SHARED = new Set(["go-preview1", "include", "wit"]);

async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return hash.toHex();
}

/** A compiler that was not told to leave paths out would tie the bytes to the machine they were built on. */
function assertNoPaths(file: string, bytes: Uint8Array): void {
  const text = new TextDecoder("latin1").decode(bytes);
  const roots = [new URL("../", import.meta.url).pathname, `${Deno.env.get("HOME")}/`];
  const found = roots.filter((root) => root.length > 2).find((root) => text.includes(root));
  if (found) throw new Error(`${file} names ${found} inside; tell its compiler to map that path away`);
}

/** Writes the component and its digest, in the form `sha256sum -c` reads. */
async function save(folder: URL, file: string, bytes: Uint8Array): Promise<void> {
  assertNoPaths(file, bytes);
  const fresh = `${await digest(bytes)}  ${file}\n`;
  const old = await Deno.readTextFile(new URL(`${file}.sha256`, folder)).catch(() => "");
  await Deno.writeFile(new URL(file, folder), bytes);
  await Deno.writeTextFile(new URL(`${file}.sha256`, folder), fresh);
  report(`${file} ${(bytes.length / 1024).toFixed(1)} KB${old === fresh ? ", unchanged" : ""}`);
}

/** File name -> bytes. */
async function outputs(fixture: Fixture): Promise<Map<string, Uint8Array>> {
  if (fixture.name === "invalid") return await buildInvalid(fixture);
  const builder = BUILDERS[fixture.language];
  const files = new Map([[`${fixture.name}.wasm`, await builder(fixture)]]);
  for (const version of fixture.variants ?? []) {
    files.set(`${fixture.name}-${version}.wasm`, await builder(fixture, version));
  }
  return files;
}

async function build(fixture: Fixture): Promise<void> {
  const started = Date.now();
  report(`building ${fixture.name} (${fixture.language}) …`);
  for (const [file, bytes] of await outputs(fixture)) {
    await save(new URL(`${fixture.name}/`, COMPONENTS), file, bytes);
  }
  report(`${fixture.name} done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** What is wrong with one folder, in words; nothing when all is well. */
async function checkFolder(name: string): Promise<string[]> {
  const folder = new URL(`${name}/`, COMPONENTS);
  const names = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
  const problems = names.some((file) => file.endsWith(".wasm")) ? [] : [`${name}: no .wasm is committed`];
  for (const file of names.filter((file) => file.endsWith(".wasm"))) {
    const noted = await Deno.readTextFile(new URL(`${file}.sha256`, folder)).catch(() => undefined);
    if (noted === undefined) problems.push(`${name}/${file}: no ${file}.sha256 beside it`);
    else if (noted !== `${await digest(await Deno.readFile(new URL(file, folder)))}  ${file}\n`) {
      problems.push(`${name}/${file}: does not match its digest; run \`deno task fixtures ${name}\``);
    }
  }
  for (const file of names.filter((file) => file.endsWith(".wasm.sha256"))) {
    if (!names.includes(file.slice(0, -7))) {
      problems.push(`${name}/${file}: the component it is for is missing`);
    }
  }
  return problems;
}

async function check(): Promise<number> {
  const folders = (await Array.fromAsync(Deno.readDir(COMPONENTS)))
    .filter((entry) => entry.isDirectory && !SHARED.has(entry.name)).map((entry) => entry.name);
  const missing = FIXTURES.filter((fixture) => !folders.includes(fixture.name)).map(({ name }) =>
    `${name}: no folder`
  );
  const problems = [...missing, ...(await Promise.all(folders.map(checkFolder))).flat()];
  for (const problem of problems) report(problem);
  report(problems.length ? `${problems.length} problems` : `${folders.length} folders match their digests`);
  return problems.length ? 1 : 0;
}

async function main(args: string[]): Promise<number> {
  if (args.includes("--check")) return await check();
  const unknown = args.filter((name) => !FIXTURES.some((fixture) => fixture.name === name));
  if (unknown.length) {
    report(`no fixture ${unknown.join(", ")}; there are ${FIXTURES.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  for (const fixture of FIXTURES) if (!args.length || args.includes(fixture.name)) await build(fixture);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
