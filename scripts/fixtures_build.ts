// Builds one fixture from its source: one function per language, each ending in component bytes. Called by
// `fixtures.ts`. Work happens in `.cache/fixtures/`, on a copy of the source with the WIT packages laid beside it,
// and every compiler is told to leave that folder's name out of what it writes.

import { CACHE, run } from "./fixtures_cache.ts";
import {
  provideComponentizeJs,
  provideGo,
  provideRust,
  provideWitBindgen,
  provideZig,
} from "./fixtures_toolchains.ts";
import { gatherWit, type Wit, writeWit } from "./fixtures_wit.ts";

const COMPONENTS = new URL("../fixtures/components/", import.meta.url).pathname;
const VENDOR = new URL("../vendor/", import.meta.url);

export type Language = "c" | "rust" | "go" | "js";

export interface Fixture {
  name: string;
  language: Language;
  /** What a program built on preview1 needs on top; the others import WASI 0.2 themselves. */
  adapter?: "command" | "go";
  /** C only: bindings are generated, where writing them by hand would be the larger part of the fixture. */
  generated?: true;
  /** Further builds of the same source, one per WASI version, as `<name>-<version>.wasm`. */
  variants?: string[];
}

interface WasmTools {
  componentEmbed(options: { binary: Uint8Array; witSource: string; stringEncoding: string }): Uint8Array;
  componentNew(core: Uint8Array, adapters: [string, Uint8Array][]): Uint8Array;
  parse(text: string): Uint8Array;
}

let wasmTools: WasmTools | undefined;

export async function loadWasmTools(): Promise<WasmTools> {
  if (wasmTools) return wasmTools;
  const module = await import(new URL("jco-transpile-0.15.0/wasm-tools.js", VENDOR).href);
  await module.$init;
  return wasmTools = module.tools as WasmTools;
}

async function loadAdapters(kind: Fixture["adapter"]): Promise<[string, Uint8Array][]> {
  if (!kind) return [];
  return [["wasi_snapshot_preview1", kind === "go" ? await buildGoAdapter() : await loadCommandAdapter()]];
}

async function loadCommandAdapter(): Promise<Uint8Array> {
  const file = await Deno.open(new URL("jco-1.10.2/wasi_snapshot_preview1.command.bin.gz", VENDOR));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
}

async function buildGoAdapter(): Promise<Uint8Array> {
  const name = "go-preview1";
  return embedded(
    await buildCoreC({ name, language: "c" }, { flags: ["-Wl,--import-memory"] }),
    await gatherWit(name),
  );
}

const embedded = async (core: Uint8Array, wit: Wit): Promise<Uint8Array> =>
  (await loadWasmTools()).componentEmbed({ binary: core, witSource: wit.document, stringEncoding: "utf8" });

const componentOf = async (core: Uint8Array, fixture: Fixture): Promise<Uint8Array> =>
  (await loadWasmTools()).componentNew(core, await loadAdapters(fixture.adapter));

/** A fresh copy of the fixture's source, with `wit/` completed. */
async function copySource(fixture: Fixture, wit: Wit, folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await copyFolder(`${COMPONENTS}${fixture.name}`, folder);
  await writeWit(wit, `${folder}/wit`);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (entry.isDirectory) await copyFolder(`${from}/${entry.name}`, `${to}/${entry.name}`);
    else if (!/\.wasm(\.sha256)?$/.test(entry.name)) {
      await Deno.copyFile(`${from}/${entry.name}`, `${to}/${entry.name}`);
    }
  }
}

/** Freestanding: no libc and no adapter, so the component imports exactly what the source calls. */
export async function buildC(fixture: Fixture, version?: string): Promise<Uint8Array> {
  const core = await buildCoreC(fixture, { version });
  return componentOf(
    fixture.generated ? core : await embedded(core, await gatherWit(fixture.name, version)),
    fixture,
  );
}

interface CoreOptions {
  /** The WASI version, where it is not the one the world names. */
  version?: string;
  flags?: string[];
}

export async function buildCoreC(fixture: Fixture, options: CoreOptions = {}): Promise<Uint8Array> {
  const wit = await gatherWit(fixture.name, options.version);
  const core = `${CACHE}${fixture.name}.core.wasm`;
  await run(await provideZig(), [
    "cc",
    ...["-target", "wasm32-freestanding", "-std=gnu23", "-Oz", "-nostdlib", "-s"],
    ...["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"],
    ...[`-DWASI="${wit.wasi}"`, `-I${COMPONENTS}include`],
    ...["-Wl,--no-entry", "-Wl,-z,stack-size=16384", ...options.flags ?? []],
    ...["-o", core, `${COMPONENTS}${fixture.name}/${fixture.name}.c`],
    ...(fixture.generated ? await generateC(fixture, wit) : []),
  ], { env: { ZIG_GLOBAL_CACHE_DIR: `${CACHE}zig`, ZIG_LOCAL_CACHE_DIR: `${CACHE}zig` } });
  return await Deno.readFile(core);
}

/** Arguments that add the generated bindings and the world; they include two headers of a libc, of which we have no other part. */
async function generateC(fixture: Fixture, wit: Wit): Promise<string[]> {
  const folder = `${CACHE}c/${fixture.name}`;
  await writeWit(wit, `${folder}/wit`);
  const options = ["--world", fixture.name, "--out-dir", folder];
  await run(await provideWitBindgen(), ["c", `${folder}/wit`, ...options], { capture: true });
  await Deno.writeTextFile(
    `${folder}/stdlib.h`,
    "void free(void *);\nvoid *realloc(void *, __SIZE_TYPE__);\nvoid abort(void);\n",
  );
  await Deno.writeTextFile(
    `${folder}/string.h`,
    "#define strlen __builtin_strlen\n#define memcpy __builtin_memcpy\n",
  );
  const sources = [`${folder}/${fixture.name}.c`, `${folder}/${fixture.name}_component_type.o`];
  return [`-I${folder}`, "-Wno-unused-parameter", "-Wno-missing-field-initializers", ...sources];
}

/** All Rust fixtures share one target folder, so their bindings generator is compiled once. */
export async function buildRust(fixture: Fixture): Promise<Uint8Array> {
  const rust = await provideRust();
  const folder = `${CACHE}rust/${fixture.name}`;
  await copySource(fixture, await gatherWit(fixture.name), folder);
  await copyFolder(`${COMPONENTS}include`, `${CACHE}rust/include`);
  const triple = fixture.adapter ? "wasm32-wasip1" : "wasm32-unknown-unknown";
  const remaps = [[CACHE, "/"], [rust.env.CARGO_HOME, "/cargo"]].map(([from, to]) =>
    `--remap-path-prefix=${from}=${to}`
  );
  const stack = ["-Clink-arg=-zstack-size=131072"];
  const libc = fixture.adapter && rust.wasiLibc ? [`-Lnative=${rust.wasiLibc}`] : [];
  await run(rust.cargo, ["build", "--release", "--quiet", "--jobs", "2", "--target", triple], {
    cwd: folder,
    env: {
      ...rust.env,
      CARGO_TARGET_DIR: `${CACHE}rust/target`,
      CARGO_ENCODED_RUSTFLAGS: [...remaps, ...stack, ...libc].join("\x1f"),
    },
  });
  return componentOf(
    await Deno.readFile(`${CACHE}rust/target/${triple}/release/${fixture.name}.wasm`),
    fixture,
  );
}

/** Go has no WASI 0.2 of its own yet: its runtime stands on preview1, and `go-preview1` puts that on 0.2. */
export async function buildGo(fixture: Fixture): Promise<Uint8Array> {
  const core = `${CACHE}${fixture.name}.core.wasm`;
  const flags = ["-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w", "-p", "2"];
  await run(await provideGo(), ["build", ...flags, "-o", core, "."], {
    cwd: `${COMPONENTS}${fixture.name}`,
    env: { GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local", GOWORK: "off" },
  });
  return componentOf(await embedded(await Deno.readFile(core), await gatherWit(fixture.name)), fixture);
}

/** The engine comes along; what it would import for features that we do not use is left out. */
export async function buildJs(fixture: Fixture): Promise<Uint8Array> {
  const tool = await provideComponentizeJs();
  const folder = `${CACHE}js/${fixture.name}`;
  await copySource(fixture, await gatherWit(fixture.name), folder);
  const options = {
    sourceName: `${fixture.name}.js`,
    witPath: "wit",
    worldName: fixture.name,
    disableFeatures: ["random", "stdio", "clocks", "fetch-event"],
  };
  const module = `${tool}/node_modules/@bytecodealliance/componentize-js/src/componentize.js`;
  const script = `import { componentize } from ${JSON.stringify(module)};
    import { readFile, writeFile } from "node:fs/promises";
    const source = await readFile("${fixture.name}.js", "utf8");
    await writeFile("out.wasm", (await componentize(source, ${JSON.stringify(options)})).component);`;
  await run("node", ["--input-type=module", "--eval", script], { cwd: folder });
  return withoutTempNames(await Deno.readFile(`${folder}/out.wasm`));
}

/** The engine's snapshot keeps the random name of the folder it was made in; zeros make builds repeatable. */
function withoutTempNames(bytes: Uint8Array): Uint8Array {
  const latin1 = new TextDecoder("latin1").decode(bytes);
  for (const { index } of latin1.matchAll(/[0-9a-f]{12}(?=\/sources\b)/g)) {
    bytes.fill(0x30, index, index + 12);
  }
  return bytes;
}
