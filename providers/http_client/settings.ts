// The settings of `http-client`: where a component may send requests. Deny by default: without an allow-list, nowhere.

import { Fault } from "../../src/model/fault.ts";
import type { HttpRequest } from "../../src/model/http.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Config } from "../../src/model/link.ts";
import { suggest } from "../../src/model/nearest.ts";
import { parseDuration } from "../../src/model/quantity.ts";
import { httpError } from "./error_codes.ts";

/** One entry of the allow-list. */
interface AllowRule {
  /** Undefined: any scheme. */
  scheme: string | undefined;
  /** A name or address as URLs spell it; `.example` for subdomains; `*` for any. */
  host: string;
  /** Undefined: the scheme's own port; `*`: any. */
  port: string | undefined;
  /** Begins with `/`, ends without; `/` for all. */
  path: string;
}

/** What a link allows. */
export interface ClientSettings {
  rules: AllowRule[];
  /** Whether addresses of private networks may be reached under any allowed name. */
  allowsPrivate: boolean;
  /** Bound of every time-out, in milliseconds. */
  timeoutMs: number;
}

/** Where a request wants to go; host and port as URLs spell them. */
export interface Destination {
  scheme: string;
  host: string;
  port: number;
  /** Host, and port where it is not the scheme's own: what the server is told. */
  authority: string;
  path: string;
}

const LINK_KEYS = ["allow", "private", "timeout"];
const PROVIDER_KEYS = [...LINK_KEYS, "tls_ca_file", "ssl_certs_file"];
/** Of wasmCloud's own client; the system's certificates are always trusted here. */
const IGNORED = ["load_native_certs", "load_webpki_certs"];

/** Reads a link's settings on top of the capability's. */
export function parseClientSettings(link: Config, provider: Config): ClientSettings {
  checkKeys(link, LINK_KEYS, "a link");
  checkKeys(provider, PROVIDER_KEYS, "the provider");
  const config = { ...provider, ...link };
  const isPrivateSet = config.private !== undefined;
  if (isPrivateSet && config.private !== "allow" && config.private !== "deny") {
    throw refuse("private", config.private, '"allow" or "deny"');
  }
  const timeoutMs = config.timeout === undefined ? LIMITS.httpClientMs : parseDuration(config.timeout);
  if (timeoutMs <= 0) throw refuse("timeout", config.timeout, "longer than nothing");
  return {
    rules: (config.allow ?? "").split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").map(
      parseRule,
    ),
    allowsPrivate: config.private === "allow",
    timeoutMs,
  };
}

/** Where extra certificate authorities are read from. */
export function caFileOf(provider: Config): string | undefined {
  return provider.tls_ca_file ?? provider.ssl_certs_file;
}

/**
 * Reads where a request goes. Hosts have many spellings (`0x7f.1`, `127.1`, `[::ffff:7f00:1]`); the URL parser makes one
 * of them, and that one is judged, resolved and connected to.
 */
export function readDestination({ scheme, authority, path }: HttpRequest): Destination {
  const isReadable = (scheme === "http" || scheme === "https") && !/[/?#@\\\s]/.test(authority) &&
    URL.canParse(`${scheme}://${authority}/`);
  if (!isReadable) throw httpError("HTTP-request-URI-invalid");
  const url = new URL(`${scheme}://${authority}/`);
  const host = url.hostname.replace(/\.$/, "");
  if (host === "") throw httpError("HTTP-request-URI-invalid");
  return { scheme, host, port: Number(url.port) || defaultPort(scheme), authority: url.host, path };
}

/** Whether the allow-list has the destination; `isExact` when it does by its very host and port. */
export function findRule(
  settings: ClientSettings,
  destination: Destination,
): { isAllowed: boolean; isExact: boolean } {
  let isAllowed = false;
  for (const rule of settings.rules) {
    if (!isCovered(rule, destination)) continue;
    isAllowed = true;
    const isNamed = rule.host !== "*" && !rule.host.startsWith(".");
    if (isNamed && rule.port === String(destination.port)) return { isAllowed, isExact: true };
  }
  return { isAllowed, isExact: false };
}

/** The port of a scheme. */
export function defaultPort(scheme: string): number {
  return scheme === "https" ? 443 : 80;
}

function isCovered(rule: AllowRule, { scheme, host, port, path }: Destination): boolean {
  if (rule.scheme !== undefined && rule.scheme !== scheme) return false;
  const isHost = rule.host === "*" || rule.host === host ||
    (rule.host.startsWith(".") && host.endsWith(rule.host) && host.length > rule.host.length);
  if (!isHost) return false;
  if (
    rule.port === undefined ? port !== defaultPort(scheme) : rule.port !== "*" && rule.port !== String(port)
  ) {
    return false;
  }
  if (rule.path === "/") return true;
  // Compared as it will be sent, so a path that a server could read as another is none of ours.
  if (/%2f|%2e|%5c|\\|\/\.\.?(?:\/|$|\?)/i.test(path)) return false;
  return path.startsWith(rule.path) &&
    (path.length === rule.path.length || /[/?]/.test(path[rule.path.length]));
}

function parseRule(entry: string): AllowRule {
  if (entry === "*") return { scheme: undefined, host: "*", port: "*", path: "/" };
  const found = entry.match(
    /^(?:(https?):\/\/)?(\*\.)?(\[[0-9a-fA-F:.]+\]|[^\s:/[\]?#@*]+|\*)(?::(\d{1,5}|\*))?(\/[^\s?#]*)?$/,
  );
  const [, scheme, wildcard, host, port, path] = found ?? [];
  if (!found || (path !== undefined && path !== "/" && scheme === undefined)) {
    throw refuse(
      "allow",
      entry,
      '"host", "host:port", "*.example.com", "https://host/path" or "*", separated by commas',
    );
  }
  const name = host === "*" ? "*" : normalizeHost(host);
  if (name === undefined || (wildcard && name === "*") || Number(port) > 65_535) {
    throw refuse("allow", entry, "a host that a URL may have");
  }
  return {
    scheme,
    host: wildcard ? `.${name}` : name,
    port: port ?? (scheme ? undefined : host === "*" ? "*" : undefined),
    path: path === undefined ? "/" : path.replace(/\/$/, "") || "/",
  };
}

/** One spelling for every way to write a host (case, IDN, numbers); undefined when it is none. */
export function normalizeHost(host: string): string | undefined {
  if (!URL.canParse(`http://${host}/`)) return undefined;
  return new URL(`http://${host}/`).hostname.replace(/\.$/, "");
}

function checkKeys(config: Config, known: readonly string[], whose: string): void {
  for (const key of Object.keys(config)) {
    if (known.includes(key) || IGNORED.includes(key)) continue;
    throw new Fault(
      "bad_request",
      `http-client: ${whose} has the unknown setting "${key}"; ${suggest(key, known)}`,
    );
  }
}

function refuse(setting: string, value: string, wanted: string): Fault {
  return new Fault(
    "bad_request",
    `http-client: ${setting} is "${value.slice(0, 200)}"; it must be ${wanted}`,
  );
}
