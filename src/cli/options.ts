// The options of `holdfast up`, as read and checked: resolved once, before anything starts. Every message names the
// flag or variable that has to change.

import { Fault } from "../model/fault.ts";
import { DATA_OPTION, resolveDataFolder, toAbsolutePath } from "./data_folder.ts";
import type { LogFormat, LogLevel } from "./log.ts";
import type { Values } from "./values.ts";
import type { OptionSpec } from "./verb.ts";

/** What `holdfast up` starts with. Paths are absolute. */
export interface UpOptions {
  /** Manifests to apply at start, in order. */
  manifests: string[];
  dataFolder: string;
  http: { address: string; port: number; certFile?: string; keyFile?: string };
  /** How many cells. */
  cells: number;
  /** The host's name, for people. */
  name: string;
  logLevel: LogLevel;
  logFormat: LogFormat;
}

/** More cells than this help no box we know: each holds its own copy of every busy program. */
const CELLS_MAX = 64;
/** Longest name of a host: it stands in every log line. */
const NAME_LENGTH_MAX = 64;
/**
 * All addresses: an edge box is there for the tills and screens on its LAN. What answers there is what manifests link to
 * the HTTP server, and nothing else; the local API is on a Unix socket.
 */
const HTTP_DEFAULT = { address: "0.0.0.0", port: 8080 };

export const UP_OPTIONS: readonly OptionSpec[] = [
  {
    name: "manifest",
    value: "FILE",
    repeat: { separator: ":" },
    summary: "Application to apply at start; may be given several times",
    complete: "file",
  },
  DATA_OPTION,
  {
    name: "http",
    value: "ADDR:PORT",
    summary: "Where web components answer; 127.0.0.1:8080 for this machine alone",
    default: `${HTTP_DEFAULT.address}:${HTTP_DEFAULT.port}`,
  },
  {
    name: "http-tls-cert",
    value: "FILE",
    summary: "Certificate chain (PEM), to serve HTTPS",
    complete: "file",
  },
  {
    name: "http-tls-key",
    value: "FILE",
    summary: "Private key (PEM) of the certificate",
    complete: "file",
  },
  {
    name: "cells",
    value: "N",
    summary: `Processes that run components, 1 to ${CELLS_MAX}`,
    default: "one per core",
  },
  { name: "name", value: "NAME", summary: "The host's name, for people", default: "the machine's name" },
  {
    name: "log-level",
    value: "LEVEL",
    summary: "Least important lines to log",
    default: "info",
    choices: ["debug", "info", "error"],
  },
  {
    name: "log-format",
    value: "FORMAT",
    summary: "Log lines for people or for programs",
    default: "text",
    choices: ["text", "json"],
  },
];

/** Reads and checks the options of `up`. Throws a {@linkcode Fault} for the first that cannot be used. */
export async function resolveUpOptions(
  values: Values,
  environment: Readonly<Record<string, string>>,
): Promise<UpOptions> {
  const cores = Math.max(1, Math.min(navigator.hardwareConcurrency, CELLS_MAX));
  const options: UpOptions = {
    manifests: values.list("manifest").map(toAbsolutePath),
    dataFolder: resolveDataFolder(values, environment),
    http: readHttp(values),
    cells: values.integer("cells", { min: 1, max: CELLS_MAX, default: cores }),
    name: readName(values),
    logLevel: (values.text("log-level") ?? "info") as LogLevel,
    logFormat: (values.text("log-format") ?? "text") as LogFormat,
  };
  for (const path of options.manifests) await checkFile(values, "manifest", path);
  await checkFile(values, "http-tls-cert", options.http.certFile);
  await checkFile(values, "http-tls-key", options.http.keyFile);
  await checkFolder(values, options.dataFolder);
  return options;
}

function readHttp(values: Values): UpOptions["http"] {
  const http: UpOptions["http"] = { ...HTTP_DEFAULT };
  const text = values.text("http");
  if (text !== undefined) {
    // `ADDR:PORT`, `[V6]:PORT`, or `:PORT` for all addresses.
    const found = text.match(/^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/);
    const port = Number(found?.[3]);
    if (!found || port > 65_535) {
      throw values.refuse(
        "http",
        "is no address",
        'write ADDR:PORT with a port up to 65535, like "0.0.0.0:8080"',
      );
    }
    http.address = (found[1] ?? found[2]) || HTTP_DEFAULT.address;
    http.port = port;
  }
  const cert = values.text("http-tls-cert");
  const key = values.text("http-tls-key");
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined
      ? ["http-tls-key", "http-tls-cert"]
      : ["http-tls-cert", "http-tls-key"];
    throw values.refuse(given, "is only half of what HTTPS needs", `give --${missing} too`);
  }
  if (cert !== undefined) http.certFile = toAbsolutePath(cert);
  if (key !== undefined) http.keyFile = toAbsolutePath(key);
  return http;
}

function readName(values: Values): string {
  const name = values.text("name") ?? Deno.hostname();
  // deno-lint-ignore no-control-regex
  if (name === "" || name.length > NAME_LENGTH_MAX || /[\x00-\x1f\x7f-\x9f]/.test(name)) {
    throw values.refuse("name", "is no name", `use 1 to ${NAME_LENGTH_MAX} characters on one line`);
  }
  return name;
}

/** Opens a file once, so that what cannot be read is refused before anything starts. */
async function checkFile(values: Values, option: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    const file = await Deno.open(path);
    const { isDirectory } = await file.stat();
    file.close();
    if (isDirectory) throw new Error("it is a folder");
  } catch (error) {
    throw refusePath(values, { option, path, mend: "name a file that this user may read" }, error);
  }
}

async function checkFolder(values: Values, path: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(path)) break;
  } catch (error) {
    // Made at start.
    if (error instanceof Deno.errors.NotFound) return;
    throw refusePath(values, { option: "data", path, mend: "name a folder of this user's" }, error);
  }
}

function refusePath(
  values: Values,
  about: { option: string; path: string; mend: string },
  error: unknown,
): Fault {
  const { option, path, mend } = about;
  const code = error instanceof Deno.errors.NotFound
    ? "not_found"
    : error instanceof Deno.errors.PermissionDenied
    ? "denied"
    : "bad_request";
  const message = `${values.origin(option)}: cannot read ${path}: ${whyNot(error)}; ${mend}`;
  return new Fault(code, message, { detail: { option, path }, cause: error });
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a folder";
  return error instanceof Error ? error.message : String(error);
}
