// The settings of `http-server`, read and checked: those of the capability (its listener, its certificate) and those of
// one link (which requests go to its component). wasmCloud's spellings are taken too; what has no meaning here is
// refused by name, because a misspelt `path` would otherwise catch every request.

import { Fault } from "../../src/model/fault.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Config } from "../../src/model/link.ts";
import { suggest } from "../../src/model/nearest.ts";
import { parseDuration } from "../../src/model/quantity.ts";

/** Where a listener is, and by which certificate it is known. */
export interface ListenerSettings {
  address: string;
  port: number;
  certFile?: string;
  keyFile?: string;
}

/** What a link asks for. */
export interface RouteSettings {
  /** Lower-case names without port; `*.` in front stands for any subdomain. Empty: any host. */
  hosts: string[];
  /** Prefixes that begin with `/` and end without one, `/` alone excepted. */
  paths: string[];
  /** Upper-case; undefined for any. */
  methods: ReadonlySet<string> | undefined;
  /** Undefined where neither link nor capability sets one. */
  timeoutMs: number | undefined;
  /** Undefined: the capability's listener. */
  listener: ListenerSettings | undefined;
}

/** Set by wasmCloud manifests and without effect here: components answer CORS and caching themselves. */
const IGNORED = [
  "cache_control",
  "cors_allowed_headers",
  "cors_allowed_methods",
  "cors_allowed_origins",
  "cors_exposed_headers",
  "cors_max_age_secs",
];
const SHARED = ["address", "readonly_mode", "timeout", "timeout_ms"];
const LINK_KEYS = [...SHARED, "host", "methods", "path"];
const PROVIDER_KEYS = [
  ...SHARED,
  "default_address",
  "header",
  "routing_mode",
  "tls_cert_file",
  "tls_key_file",
  "tls_priv_key_file",
];

/** Settings present that have no effect. */
export function listIgnored(config: Config): string[] {
  return Object.keys(config).filter((key) => IGNORED.includes(key));
}

/** Reads what the capability itself is set to; `listener` is undefined where it has no address of its own. */
export function parseProviderSettings(config: Config): {
  listener: ListenerSettings | undefined;
  certFile?: string;
  keyFile?: string;
} {
  checkKeys(config, PROVIDER_KEYS, "the provider");
  const mode = config.routing_mode;
  if (mode !== undefined && !["path", "host", "address"].includes(mode)) {
    throw refuse("routing_mode", mode, "path, host or address (here links of all three kinds work together)");
  }
  if (config.header !== undefined && config.header.toLowerCase() !== "host") {
    throw refuse("header", config.header, '"host"; routing by another header is not supported');
  }
  readTimeout(config);
  const certFile = config.tls_cert_file;
  const keyFile = config.tls_key_file ?? config.tls_priv_key_file;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new Fault(
      "bad_request",
      "http-server: TLS needs both tls_cert_file and tls_key_file; set both or neither",
    );
  }
  const address = config.address ?? config.default_address;
  const listener = address === undefined ? undefined : { ...parseAddress(address), certFile, keyFile };
  return { listener, certFile, keyFile };
}

/** Reads what one link asks for, on top of its capability's settings. */
export function parseRouteSettings(link: Config, provider: Config): RouteSettings {
  checkKeys(link, LINK_KEYS, "a link");
  const address = link.address === undefined ? undefined : parseAddress(link.address);
  return {
    hosts: readHosts(link.host),
    paths: readPaths(link.path),
    methods: readMethods({ ...provider, ...link }),
    timeoutMs: readTimeout({ ...provider, ...link }),
    listener: address,
  };
}

/** Reads `address:port`, `[v6]:port` or `:port`. */
export function parseAddress(text: string): { address: string; port: number } {
  const found = text.trim().match(/^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/);
  const port = Number(found?.[3]);
  if (!found || port > 65_535) {
    throw refuse("address", text, 'address:port, like "0.0.0.0:8080" or "[::]:8080"');
  }
  return { address: found[1] ?? (found[2] || "0.0.0.0"), port };
}

function checkKeys(config: Config, known: readonly string[], whose: string): void {
  for (const key of Object.keys(config)) {
    if (known.includes(key) || IGNORED.includes(key)) continue;
    throw new Fault(
      "bad_request",
      `http-server: ${whose} has the unknown setting "${key}"; ${suggest(key, known)}`,
    );
  }
}

function readHosts(text: string | undefined): string[] {
  if (text === undefined) return [];
  const hosts = splitList("host", text).map((name) =>
    name.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "")
  );
  for (const name of hosts) {
    const isName = /^(\*\.)?[a-z0-9_]([-a-z0-9_.]*[a-z0-9_])?$/.test(name) && !name.includes("..");
    if (name !== "*" && !isName && !/^\[[0-9a-f:.]+\]$/.test(name)) {
      throw refuse("host", name, 'a host name like "shop.example" or "*.example", without scheme or path');
    }
  }
  return hosts.includes("*") ? [] : [...new Set(hosts)];
}

function readPaths(text: string | undefined): string[] {
  if (text === undefined) return ["/"];
  const paths = splitList("path", text).map((path) => {
    // wasmCloud's catch-all: everything below, which a prefix is anyway.
    const prefix = path.replace(/\/(\{\*[^/{}]*\}|\*)?$/, "");
    if (!/^(\/[^/]+)*$/.test(prefix) || /[\s?#{}*]/.test(prefix) || !path.startsWith("/")) {
      throw refuse("path", path, 'a prefix of whole segments like "/api", without parameters');
    }
    return prefix || "/";
  });
  return [...new Set(paths)];
}

function readMethods(config: Config): ReadonlySet<string> | undefined {
  if (config.readonly_mode === "true") return new Set(["GET", "HEAD"]);
  if (config.methods === undefined) return undefined;
  const methods = splitList("methods", config.methods).map((name) => name.toUpperCase());
  for (const name of methods) {
    if (!/^[-!#$%&'*+.^_`|~0-9A-Z]+$/.test(name)) throw refuse("methods", name, 'names like "GET, POST"');
  }
  return new Set(methods);
}

function readTimeout(config: Config): number | undefined {
  const text = config.timeout ?? config.timeout_ms;
  return text === undefined ? undefined : parseDuration(text);
}

function splitList(setting: string, text: string): string[] {
  const items = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  if (items.length === 0) throw refuse(setting, text, "at least one, or leave the setting out");
  if (items.length > LIMITS.httpRoutesPerLinkMax) {
    throw refuse(setting, `${items.length} of them`, `at most ${LIMITS.httpRoutesPerLinkMax}`);
  }
  return items;
}

function refuse(setting: string, value: string, wanted: string): Fault {
  return new Fault(
    "bad_request",
    `http-server: ${setting} is "${value.slice(0, 200)}"; it must be ${wanted}`,
  );
}
