// Gets the compilers that the fixtures need, each through the ordinary client of its registry, into `.cache/`;
// nothing is installed on the machine and root is not needed. Called by `fixtures_build.ts` and `fixtures_wit.ts`;
// a toolchain is fetched once, when a fixture first asks for it.

import { parseTarGzip } from "nanotar";

export const CACHE = new URL("../.cache/fixtures/", import.meta.url).pathname;

const ZIG = "ziglang==0.14.1";
const COMPONENTIZE_JS = "@bytecodealliance/componentize-js@0.23.0";
/** Pinned to a stable suite: its compiler and its wasm std stay together, and available, for years. */
const DEBIAN_SUITE = "trixie";
const DEBIAN_PACKAGES = ["rustc", "cargo", "libstd-rust-dev-wasm32", "wasi-libc"];

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
function provide(name: string, fetch: (folder: string) => Promise<unknown>): Promise<string> {
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
async function writeLauncher(path: string, line: string, before = ""): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${before}\nexec ${line} "$@"\n`, { mode: 0o755 });
}

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
  const folder = await provide(`rust-${DEBIAN_SUITE}`, (folder) => unpackDebianRust(folder, zig));
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

/**
 * apt does the downloading and checks the signatures, but with its state in the cache and a package status that
 * says the C compiler is there already. The unpacked programs run under the suite's own loader and libraries,
 * because its libc is newer than that of older machines.
 */
async function unpackDebianRust(folder: string, zig: string): Promise<void> {
  const apt = `${folder}/apt`;
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(`${apt}/${part}`, { recursive: true });
  }
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await Deno.writeTextFile(
    `${apt}/sources`,
    `deb [signed-by=${keyring}] ${await debianMirror()} ${DEBIAN_SUITE} main\n`,
  );
  const installed = ["gcc", "libc6-dev", "binutils"].map((name) =>
    `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 999\nProvides: libc-dev\n` +
    `Maintainer: none\nDescription: the machine has it\n`
  );
  await Deno.writeTextFile(`${apt}/status`, installed.join("\n"));
  const options = Object.entries({
    "Dir::State": `${apt}/state`,
    "Dir::State::status": `${apt}/status`,
    "Dir::Cache": `${apt}/cache`,
    "Dir::Etc::sourcelist": `${apt}/sources`,
    "Dir::Etc::sourceparts": "/dev/null",
    "Acquire::Languages": "none",
    "APT::Sandbox::User": "",
    "Debug::NoLocking": "true",
  }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await run("apt-get", [...options, "-q", "update"]);
  await run("apt-get", [
    ...options,
    "-qy",
    "--no-install-recommends",
    "--download-only",
    "install",
    ...DEBIAN_PACKAGES,
  ]);

  const root = `${folder}/root`;
  for await (const entry of Deno.readDir(`${apt}/cache/archives`)) {
    if (entry.name.endsWith(".deb")) {
      await run("dpkg-deb", ["-x", `${apt}/cache/archives/${entry.name}`, root]);
    }
  }
  await Deno.remove(apt, { recursive: true });
  const libraries = `${root}/usr/lib/x86_64-linux-gnu`;
  const loader = `${libraries}/ld-linux-x86-64.so.2 --library-path ${libraries}`;
  await writeLauncher(`${folder}/rustc`, `${loader} ${root}/usr/bin/rustc --sysroot ${root}/usr`);
  await writeLauncher(`${folder}/cargo`, `${loader} ${root}/usr/bin/cargo`);
  // rustc names the flavour first, as it must to the linker that serves several; zig's has only this one.
  await writeLauncher(`${folder}/wasm-ld`, `${zig} wasm-ld`, `[ "$1" = -flavor ] && shift 2`);
}

/** The mirror this machine already uses; elsewhere the user names one. */
async function debianMirror(): Promise<string> {
  const named = Deno.env.get("HOLDFAST_DEBIAN_MIRROR");
  if (named) return named;
  const format = "$(ORIGIN) $(REPO_URI)";
  const targets = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    capture: true,
  })
    .catch(() => "");
  const mirror = targets.split("\n").filter((line) => !line.includes("security"))
    .find((line) => line.startsWith("Debian "))?.split(" ")[1];
  if (mirror) return mirror;
  throw new Error(
    "This machine's Rust has no wasm32-wasip1 and wasm32-unknown-unknown, and no Debian mirror is configured. " +
      "Either `rustup target add` both, or name a mirror in HOLDFAST_DEBIAN_MIRROR.",
  );
}

/** The generator of C bindings, compiled from its crate. */
export async function provideWitBindgen(): Promise<string> {
  const folder = await provide("wit-bindgen-cli-0.46.0", async (folder) => {
    const { cargo, env } = await provideRust();
    const choice = ["--no-default-features", "--features", "c", "--version", "0.46.0", "wit-bindgen-cli"];
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
