// The options of `up` and the data folder: defaults, ranges, and messages that name flag or variable.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { isFault } from "../model/fault.ts";
import { readArguments } from "./arguments.ts";
import { resolveDataFolder } from "./data_folder.ts";
import { resolveUpOptions, type UpOptions } from "./options.ts";
import { VERBS } from "./verbs.ts";

function read(words: string[], environment: Record<string, string> = {}) {
  const request = readArguments(["up", ...words], environment, VERBS);
  if (request.kind !== "run") throw new Error(`reads as ${request.kind}`);
  return request.values;
}

function resolve(words: string[], environment: Record<string, string> = {}): Promise<UpOptions> {
  return resolveUpOptions(read(words, environment), environment);
}

async function refuses(words: string[], message: RegExp, environment: Record<string, string> = {}) {
  await rejects(
    () => resolve(words, environment),
    (error) => isFault(error) && message.test(error.message),
    `${words} ${JSON.stringify(environment)} is refused with ${message}`,
  );
}

Deno.test("up without options serves the LAN on 8080, a cell per core", async () => {
  const options = await resolve([], { HOME: "/nowhere" });
  deepEqual(options.http, { address: "0.0.0.0", port: 8080 });
  deepEqual(options.manifests, []);
  equal(options.dataFolder, "/nowhere/.local/share/holdfast");
  ok(options.cells >= 1 && options.cells <= 64);
  equal(options.logLevel, "info");
  equal(options.logFormat, "text");
  ok(options.name.length > 0);
});

Deno.test("--http takes an address, a name, IPv6 in brackets, or a port for all addresses", async () => {
  const http = async (text: string) => (await resolve(["--http", text])).http;
  deepEqual(await http("127.0.0.1:9000"), { address: "127.0.0.1", port: 9000 });
  deepEqual(await http("localhost:0"), { address: "localhost", port: 0 });
  deepEqual(await http("[::1]:443"), { address: "::1", port: 443 });
  deepEqual(await http(":8081"), { address: "0.0.0.0", port: 8081 });
  for (const bad of ["8080", "localhost", "a:65536", "a:-1", "http://a:80", "::1:80", "a b:80", "a:80/x"]) {
    await refuses([`--http=${bad}`], /^--http ".*" is no address; write ADDR:PORT/);
  }
  await refuses([], /^HOLDFAST_HTTP "x" is no address/, { HOLDFAST_HTTP: "x" });
});

Deno.test("--cells is a whole number from 1 to 64", async () => {
  equal((await resolve(["--cells", "1"])).cells, 1);
  equal((await resolve([], { HOLDFAST_CELLS: "64" })).cells, 64);
  for (const bad of ["0", "65", "-1", "2.5", "two", "1e1", " 3"]) {
    await refuses([`--cells=${bad}`], /^--cells .* is not usable; use a whole number from 1 to 64/);
  }
  await refuses([], /^HOLDFAST_CELLS "0"/, { HOLDFAST_CELLS: "0" });
});

Deno.test("--name is one line of at most 64 characters", async () => {
  equal((await resolve(["--name", "till 7, ground floor"])).name, "till 7, ground floor");
  for (const bad of ["", "a\nb", "a\x1b[2J", "x".repeat(65)]) {
    await refuses([`--name=${bad}`], /^--name .* is no name/);
  }
});

Deno.test("certificate and key go together, and must be readable files", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/cert.pem`;
  await Deno.writeTextFile(file, "x");
  const { http } = await resolve(["--http-tls-cert", file, `--http-tls-key=${file}`]);
  deepEqual([http.certFile, http.keyFile], [file, file]);
  await refuses(["--http-tls-cert", file], /^--http-tls-cert .* is only half .*; give --http-tls-key too/);
  await refuses(["--http-tls-key", file], /; give --http-tls-cert too/);
  const missing = `${folder}/missing.pem`;
  await refuses(
    ["--http-tls-cert", file, "--http-tls-key", missing],
    /^--http-tls-key: cannot read .*missing.pem/,
  );
  await refuses(["--manifest", missing], /^--manifest: cannot read .*missing.pem: there is no such file/);
  await refuses(["--manifest", folder], /it is a folder/);
  await refuses([], /^HOLDFAST_MANIFEST: cannot read/, { HOLDFAST_MANIFEST: missing });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the data folder may be missing, but not be a file", async () => {
  const file = await Deno.makeTempFile();
  equal((await resolve(["--data", `${file}-missing`])).dataFolder, `${file}-missing`);
  await refuses(["--data", file], /^--data: cannot read .*: it is not a folder; name a folder/);
  await Deno.remove(file);
});

Deno.test("the data folder: the option, then the service's, then the user's, then one right here", () => {
  const folder = (words: string[], environment: Record<string, string>) =>
    resolveDataFolder(read(words, environment), environment);
  const all = { HOLDFAST_DATA: "/env", STATE_DIRECTORY: "/var/lib/a:/var/lib/b", HOME: "/people/u" };
  equal(folder(["--data", "/flag/../f/./x/"], all), "/f/x");
  equal(folder([], all), "/env");
  equal(folder([], { ...all, HOLDFAST_DATA: "" }), "/var/lib/a");
  equal(folder([], { HOME: "/people/u" }), "/people/u/.local/share/holdfast");
  equal(folder([], {}), `${Deno.cwd()}/holdfast-data`);
  match(folder(["--data", "here"], {}), /^\/.*\/here$/);
});
