// Gets the compilers that the fixtures need, each through the ordinary client of its registry, into `.cache/`;
// nothing is installed on the machine and root is not needed. Called by `fixtures_build.ts` and `fixtures_wit.ts`;
// a toolchain is fetched once, when a fixture first asks for it.

import { parseTarGzip } from "nanotar";
import { CACHE, provide, run, writeLauncher } from "./fixtures_cache.ts";
import { DEBIAN_SUITE, debianCommand, unpackDebian } from "./fixtures_debian.ts";

const ZIG = "ziglang==0.14.1";
const COMPONENTIZE_JS = "@bytecodealliance/componentize-js@0.23.0";

const pip = (spec: string, folder: string) =>
  run("python3", ["-m", "pip", "install", "--quiet", "--no-input", "--target", folder, spec]);

/** The path of a `zig` executable: a C compiler and a wasm linker in one file. */
export async function provideZig(): Promise<string> {
  return `${await provide(ZIG.replace("==", "-"), (folder) => pip(ZIG, folder))}/ziglang/zig`;
}

/** A folder whose `node_modules` holds componentize-js. */
export function provideComponentizeJs(): Promise<string> {
  return provide("componentize-js-0.23.0", async (folder) => {
    await Deno.writeTextFile(`${folder}/package.json`, `{"type": "module"}\n`);
    await run("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, COMPONENTIZE_JS]);
  });
}

/** Its own home: crates neither come from nor go to the user's. */
const CARGO_ENV = { CARGO_HOME: `${CACHE}cargo-home`, CARGO_TERM_PROGRESS_WHEN: "never" };

export interface Rust {
  cargo: string;
  env: Record<string, string>;
  /** Where `crt1-command.o` and `libc.a` are, when rustc does not bring its own. */
  wasiLibc?: string;
}

/** The machine's own Rust when it has the wasm targets, else Debian's, unpacked into the cache. */
export async function provideRust(): Promise<Rust> {
  if (await hasWasmStd()) return { cargo: "cargo", env: CARGO_ENV };
  const zig = await provideZig();
  const folder = await provide(`rust-${DEBIAN_SUITE}`, async (folder) => {
    const root = `${folder}/root`;
    await unpackDebian(root, ["rustc", "cargo", "libstd-rust-dev-wasm32", "wasi-libc"]);
    await writeLauncher(`${folder}/rustc`, `${debianCommand(root, "usr/bin/rustc")} --sysroot ${root}/usr`);
    await writeLauncher(`${folder}/cargo`, debianCommand(root, "usr/bin/cargo"));
    // rustc names the flavour first, as it must to a linker that serves several; zig's has only this one.
    await writeLauncher(`${folder}/wasm-ld`, `${zig} wasm-ld`, `[ "$1" = -flavor ] && shift 2`);
  });
  return {
    cargo: `${folder}/cargo`,
    env: {
      ...CARGO_ENV,
      RUSTC: `${folder}/rustc`,
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: `${folder}/wasm-ld`,
      CARGO_TARGET_WASM32_WASIP1_LINKER: `${folder}/wasm-ld`,
    },
    wasiLibc: `${folder}/root/usr/lib/wasm32-wasi`,
  };
}

async function hasWasmStd(): Promise<boolean> {
  for (const target of ["wasm32-unknown-unknown", "wasm32-wasip1"]) {
    const query = new Deno.Command("rustc", {
      args: ["--print", "target-libdir", "--target", target],
      stderr: "null",
    });
    const found = await query.output().catch(() => undefined);
    if (!found?.success) return false;
    const libraries = new TextDecoder().decode(found.stdout).trim();
    if (!await Deno.stat(libraries).catch(() => undefined)) return false;
  }
  return true;
}

/** A `go` that can export functions from wasm: the machine's own from 1.24 on, else Debian's. */
export async function provideGo(): Promise<string> {
  const version = await run("go", ["env", "GOVERSION"], { capture: true }).catch(() => "");
  const [, minor] = version.match(/^go1\.(\d+)/) ?? [];
  if (Number(minor) >= 24) return "go";
  const folder = await provide(`go-${DEBIAN_SUITE}`, async (folder) => {
    await unpackDebian(`${folder}/root`, ["golang-1.24-go"]);
    // A static program: it needs no loader, and finds its library beside itself.
    await writeLauncher(`${folder}/go`, `${folder}/root/usr/lib/go-1.24/bin/go`);
  });
  return `${folder}/go`;
}

/** The generator of C bindings, compiled from its crate. */
export async function provideWitBindgen(): Promise<string> {
  const folder = await provide("wit-bindgen-cli-0.46.0", async (folder) => {
    const { cargo, env } = await provideRust();
    // Unoptimised: it runs once, for a moment, and the optimiser would take minutes.
    const choice = [
      "--debug",
      "--no-default-features",
      "--features",
      "c",
      "--version",
      "0.46.0",
      "wit-bindgen-cli",
    ];
    await run(cargo, ["install", "--locked", "--jobs", "2", "--root", folder, ...choice], {
      env: { ...env, CARGO_TARGET_DIR: `${CACHE}rust/target` },
    });
  });
  return `${folder}/bin/wit-bindgen`;
}

/** The text files of one published crate, path inside the crate -> text; cargo downloads it, nothing is built. */
export async function crateFiles(name: string, version: string): Promise<Map<string, string>> {
  const folder = await provide(`crate-${name}-${version}`, async (folder) => {
    const info = ["info", "--quiet", `${name}@${version}`];
    await run("cargo", info, { env: CARGO_ENV, capture: true }).catch(async () => {
      const { cargo, env } = await provideRust();
      await run(cargo, info, { env, capture: true });
    });
    for await (const registry of Deno.readDir(`${CARGO_ENV.CARGO_HOME}/registry/cache`)) {
      const archive = `${CARGO_ENV.CARGO_HOME}/registry/cache/${registry.name}/${name}-${version}.crate`;
      await Deno.copyFile(archive, `${folder}/crate.tar.gz`);
    }
  });
  const files = new Map<string, string>();
  for (const entry of await parseTarGzip(await Deno.readFile(`${folder}/crate.tar.gz`))) {
    if (entry.data) files.set(entry.name.replace(/^[^/]+\//, ""), new TextDecoder().decode(entry.data));
  }
  return files;
}
