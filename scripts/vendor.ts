// Fetches the third-party build inputs that cannot be imported as npm packages: the glue generators, whose packages
// pull in others that Deno cannot resolve. Called by every task before anything else; does
// nothing when the inputs are already there. Each archive is pinned by its registry digest; nothing fetched here
// is ever committed (`vendor/` is ignored).

import { parseTarGzip } from "nanotar";

interface Archive {
  /** Folder under `vendor/` that receives the files; named with the version, so a bump never mixes two. */
  folder: string;
  /** npm package and version. */
  spec: string;
  /** Subresource-integrity digest as the registry publishes it. */
  integrity: string;
  /** Archive path -> path below `folder`; a `.gz` ending asks for compression. */
  files: (path: string) => string | undefined;
}

/**
 * The generator's JS names its two wasm files by URL; `deno compile --include` would treat a `.wasm` as a module
 * and resolve its imports, so they get another ending, and gzip keeps the binary under its size bound.
 */
const generatorFiles = (root: string) => (path: string): string | undefined => {
  const found = path.match(
    new RegExp(`^package/${root}/(js-component-bindgen-component|wasm-tools)\\.(.*)$`),
  );
  if (!found || found[2] === "d.ts") return undefined;
  const short = found[1] === "wasm-tools" ? "wasm-tools" : "bindgen";
  return found[2] === "js" ? `${short}.js` : `${short}.${found[2].replace(/wasm$/, "bin.gz")}`;
};

const ARCHIVES: Archive[] = [
  {
    folder: "jco-1.10.2",
    spec: "@bytecodealliance/jco@1.10.2",
    integrity:
      "sha512-ShBb9Jul4CYo4asmfDdjmYE2+4TgJLSHhsRMyVDvROA5j6s+cAKMmlsUjOrS6QM5TL8GJb48G9jsxif6na6qYg==",
    files: (path) => {
      const adapter = path.match(/^package\/lib\/(wasi_snapshot_preview1\.\w+)\.wasm$/);
      return adapter ? `${adapter[1]}.bin.gz` : generatorFiles("obj")(path);
    },
  },
  {
    folder: "jco-transpile-0.15.0",
    spec: "@bytecodealliance/jco-transpile@0.15.0",
    integrity:
      "sha512-MFftJ81B9TtHbvgCRZQod3jfgl62YvJszxsNdfx9IVNewxlX9q7U4Wd+w6gJzw+o9IjEGWoyg/BFpb/RnaJvlA==",
    files: generatorFiles("vendor"),
  },
];

const VENDOR = new URL("../vendor/", import.meta.url);

/** `npm pack` honours whatever registry and proxy the user's npm is set up for; Deno can run npm where it is absent. */
async function pack(spec: string, into: string): Promise<Uint8Array> {
  const args = ["pack", "--silent", "--pack-destination", into, spec];
  const commands: [string, string[]][] = [["npm", args], [Deno.execPath(), [
    "run",
    "-A",
    "npm:npm@11",
    ...args,
  ]]];
  const failures: string[] = [];
  for (const [command, commandArgs] of commands) {
    try {
      const { code, stdout, stderr } = await new Deno.Command(command, { args: commandArgs }).output();
      const name = new TextDecoder().decode(stdout).trim().split("\n").at(-1);
      if (code === 0 && name) return await Deno.readFile(`${into}/${name}`);
      failures.push(`${command}: ${new TextDecoder().decode(stderr).trim()}`);
    } catch (error) {
      failures.push(`${command}: ${(error as Error).message}`);
    }
  }
  throw new Error(`Cannot fetch ${spec}; is the npm registry reachable?\n${failures.join("\n")}`);
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Generators load their wasm through our stub (`compileGzip`), which knows the ending and the compression. */
function converted(path: string, data: Uint8Array): Promise<Uint8Array> | Uint8Array {
  if (path.endsWith(".gz")) return gzip(data);
  if (path !== "bindgen.js" && path !== "wasm-tools.js") return data;
  const source = new TextDecoder().decode(data).replace(
    /fetchCompile\(new URL\('\.\/(?:js-component-)?(bindgen|wasm-tools)(?:-component)?\.(core2?)\.wasm'/g,
    "compileGzip(new URL('./$1.$2.bin.gz'",
  );
  if (!source.includes("compileGzip(")) throw new Error(`${path} does not load its wasm as expected`);
  return new TextEncoder().encode(
    `import { compileGzip } from '@bytecodealliance/preview2-shim/io';\n${source}`,
  );
}

async function fetchArchive(archive: Archive): Promise<void> {
  const target = new URL(`${archive.folder}/`, VENDOR);
  const stamp = new URL(".complete", target);
  const complete = await Deno.readTextFile(stamp).catch(() => "");
  if (complete === archive.integrity) return;

  const started = Date.now();
  console.error(`vendor: fetching ${archive.spec} …`);
  const temp = await Deno.makeTempDir({ prefix: "holdfast-vendor-" });
  try {
    const bytes = await pack(archive.spec, temp) as Uint8Array<ArrayBuffer>;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
    const integrity = `sha512-${btoa(String.fromCharCode(...digest))}`;
    if (integrity !== archive.integrity) {
      throw new Error(
        `${archive.spec} has digest ${integrity}, pinned is ${archive.integrity}; nothing was kept`,
      );
    }
    await Deno.remove(target, { recursive: true }).catch(() => {});
    let files = 0;
    for (const entry of await parseTarGzip(bytes)) {
      const path = archive.files(entry.name);
      if (!path || !entry.data) continue;
      const file = new URL(path, target);
      await Deno.mkdir(new URL(".", file), { recursive: true });
      await Deno.writeFile(file, await converted(path, entry.data));
      files++;
    }
    if (!files) throw new Error(`${archive.spec} holds none of the files we take from it`);
    await Deno.writeTextFile(stamp, archive.integrity);
    console.error(
      `vendor: ${archive.folder} ready, ${files} files in ${((Date.now() - started) / 1000).toFixed(1)} s`,
    );
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
}

if (import.meta.main) {
  for (const archive of ARCHIVES) await fetchArchive(archive);
}
