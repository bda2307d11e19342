// Gathers the WIT that a fixture is built against: its own world, the small packages kept in
// `fixtures/components/wit/`, and the WASI packages, which come out of two published crates at build time.
// Called by `fixtures_build.ts`.

import { crateFiles } from "./fixtures_toolchains.ts";

const COMPONENTS = new URL("../fixtures/components/", import.meta.url);
/** The version of the WASI packages inside the `wasip2` crate; other 0.2.x differ only by what they add. */
const CRATE_WASI_VERSION = "0.2.12";

/** One WIT package: file stem -> text, with its `package` line first. */
export type WitPackages = Map<string, string>;

async function readFolder(folder: URL): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && entry.name.endsWith(".wit")) {
      texts.set(entry.name.slice(0, -4), await Deno.readTextFile(new URL(entry.name, folder)));
    }
  }
  return new Map([...texts].sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * An older 0.2.x is the newest text with the number replaced: what was added since is simply not imported. The
 * `@since` gates must go, because a package may not name a version later than its own. So must the packages' own
 * worlds, which name interfaces that are still unstable and that we never need.
 */
function atVersion(text: string, version: string): string {
  return text.replaceAll(`@${CRATE_WASI_VERSION}`, `@${version}`)
    .replace(/^\s*@(since|deprecated)\(.*\)\s*$/gm, "")
    .replace(/^world [^]*?^}/gm, "");
}

/** A package spread over files becomes one text; only one of the files carries the `package` line. */
function joined(texts: Iterable<string>): string {
  const all = [...texts].join("\n");
  const header = all.match(/^package [^;]+;/m)?.[0] ?? "";
  return `${header}\n${all.replace(/^package [^;]+;/gm, "")}`;
}

async function wasiPackages(version: string): Promise<WitPackages> {
  const packages: WitPackages = new Map();
  const wasi = await crateFiles("wasip2", "2.0.1+wasi-0.2.12");
  const drafts = await crateFiles("wasmcloud-component", "0.2.0");
  for (const name of ["io", "clocks", "random", "cli", "filesystem", "sockets", "http"]) {
    packages.set(name, atVersion(wasi.get(`wit/deps/${name}.wit`)!, version));
  }
  for (const name of ["keyvalue", "logging"]) {
    const files = [...drafts].filter(([path]) => path.startsWith(`wit/deps/${name}/`)).map(([, text]) =>
      text
    );
    packages.set(name, joined(files));
  }
  return packages;
}

/** Only the packages that the texts name, directly or through each other: two versions of one confuse generators. */
function reachable(known: WitPackages, texts: string[]): WitPackages {
  const found: WitPackages = new Map();
  for (const text of texts) {
    const named = new Set(
      [...text.matchAll(/([\w-]+:[\w-]+)\/[\w-]+@([\w.-]*\w)/g)].map(([, id, version]) => `${id}@${version}`),
    );
    for (const [stem, candidate] of known) {
      if (found.has(stem) || !named.has(candidate.match(/^package ([^;]+);/m)?.[1] ?? "")) continue;
      found.set(stem, candidate);
      texts.push(candidate);
    }
  }
  return found;
}

export interface Wit {
  /** The fixture's own files, by stem, at the wanted WASI version. */
  own: Map<string, string>;
  /** Everything they may import. */
  deps: WitPackages;
  /** All of it as a single document of nested packages, for tools that take one text. */
  document: string;
  /** The wasi:* 0.2.x version the world names. */
  wasi: string;
}

/** `version` overrides the WASI version written in the world, for fixtures built several times. */
export async function gatherWit(fixture: string, version?: string): Promise<Wit> {
  const own = await readFolder(new URL(`${fixture}/wit/`, COMPONENTS));
  const named = [...own.values()].join("\n").match(/wasi:(?:http|cli|io|clocks)\/[\w-]+@(0\.2\.\d+)/)?.[1];
  const wasi = version ?? named ?? CRATE_WASI_VERSION;
  if (named) { for (const [stem, text] of own) own.set(stem, text.replaceAll(`@${named}`, `@${wasi}`)); }
  const known = new Map([...await wasiPackages(wasi), ...await readFolder(new URL("wit/", COMPONENTS))]);
  const deps = reachable(known, [...own.values()]);
  const nested = [...deps.values()].map((text) =>
    text.replace(/^package ([^;]+);/m, "package $1 {") + "\n}\n"
  );
  return { own, deps, document: [joined(own.values()), ...nested].join("\n"), wasi };
}

/** The usual layout, `wit/*.wit` and `wit/deps/<package>.wit`, for tools that read folders. */
export async function writeWit(wit: Wit, folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/deps`, { recursive: true });
  for (const [stem, text] of wit.own) await Deno.writeTextFile(`${folder}/${stem}.wit`, text);
  for (const [stem, text] of wit.deps) await Deno.writeTextFile(`${folder}/deps/${stem}.wit`, text);
}
