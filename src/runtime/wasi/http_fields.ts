// wasi:http fields, methods, schemes and error codes: the data half of `wasi:http/types`.

import type { HttpFields } from "../../model/http.ts";
import { allocateBytes } from "../slab.ts";

/** Fields a guest may not set, because they belong to the connection and not to the message. */
const FORBIDDEN = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "host",
  "http2-settings",
]);

/** One Fields object never holds more, whatever its component's limits: it lives on the host's heap. */
const FIELDS_BYTES_MAX = 1024 * 1024;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Anything but NUL, CR and LF; bytes above 0x7f are allowed (obs-text).
// deno-lint-ignore no-control-regex
const BAD_VALUE = /[\x00\r\n]/;

/** Names that were found good, and their lower-case form: guests set the same few again and again. */
const checkedNames = new Map<string, string>();
const CHECKED_NAMES_MAX = 1024;

/** Bytes to a string of one character per byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  if (bytes.length < 64) {
    // Spreading would take ten times as long.
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
    return text;
  }
  for (let i = 0; i < bytes.length; i += 2048) text += String.fromCharCode(...bytes.subarray(i, i + 2048));
  return text;
}

/** The reverse of {@linkcode latin1}. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = allocateBytes(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** `wasi:http/types.fields`: an ordered multimap; immutable when it belongs to something received. */
export class Fields {
  #entries: HttpFields;
  #isImmutable: boolean;
  #bytes = 0;

  constructor(entries: HttpFields = [], isImmutable = false) {
    this.#entries = entries;
    this.#isImmutable = isImmutable;
  }

  static fromList(list: [string, Uint8Array][]): Fields {
    const fields = new Fields();
    for (const [name, value] of list) fields.append(name, value);
    return fields;
  }

  get(name: string): Uint8Array[] {
    const key = name.toLowerCase();
    return this.#entries.filter(([entry]) => entry === key).map(([, value]) => latin1Bytes(value));
  }

  has(name: string): boolean {
    const key = name.toLowerCase();
    return this.#entries.some(([entry]) => entry === key);
  }

  set(name: string, values: Uint8Array[]): void {
    const key = this.#checkName(name);
    const texts = values.map((value) => this.#checkValue(value));
    this.#entries = this.#entries.filter(([entry]) => entry !== key);
    for (const text of texts) this.#push(key, text);
  }

  delete(name: string): void {
    const key = this.#checkName(name);
    this.#entries = this.#entries.filter(([entry]) => entry !== key);
  }

  append(name: string, value: Uint8Array): void {
    this.#push(this.#checkName(name), this.#checkValue(value));
  }

  entries(): [string, Uint8Array][] {
    return this.#entries.map(([name, value]) => [name, latin1Bytes(value)]);
  }

  clone(): Fields {
    return new Fields(this.#entries.slice());
  }

  /** What the message carries; the host's own form. */
  list(): HttpFields {
    return this.#entries;
  }

  /** From now on (the message was sent, or the guest handed it over) nothing may change. */
  freeze(): this {
    this.#isImmutable = true;
    return this;
  }

  /** Bytes of all names and values. */
  size(): number {
    return this.#entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  }

  #push(name: string, value: string): void {
    this.#bytes += name.length + value.length + 32;
    if (this.#bytes > FIELDS_BYTES_MAX) {
      throw new Error(`a guest's header fields exceed ${FIELDS_BYTES_MAX} bytes`);
    }
    this.#entries.push([name, value]);
  }

  #checkName(name: string): string {
    if (this.#isImmutable) throw { tag: "immutable" };
    const known = checkedNames.get(name);
    if (known !== undefined) return known;
    if (!TOKEN.test(name)) throw { tag: "invalid-syntax" };
    const key = name.toLowerCase();
    if (FORBIDDEN.has(key)) throw { tag: "forbidden" };
    if (checkedNames.size < CHECKED_NAMES_MAX) checkedNames.set(name, key);
    return key;
  }

  #checkValue(value: Uint8Array): string {
    const text = latin1(value);
    if (BAD_VALUE.test(text)) throw { tag: "invalid-syntax" };
    return text;
  }
}

/** `wasi:http/types.method` as the glue carries it. */
export type Method = { tag: string; val?: string };

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const METHOD_VALUES = new Map<string, Method>(METHODS.map((name) => [name, { tag: name.toLowerCase() }]));

export function toMethod(name: string): Method {
  return METHOD_VALUES.get(name) ?? { tag: "other", val: name };
}

/** The method's name; undefined when the guest's `other` is not a token. */
export function fromMethod(method: Method): string | undefined {
  if (method.tag !== "other") return method.tag.toUpperCase();
  return TOKEN.test(method.val ?? "") ? method.val : undefined;
}

/** `wasi:http/types.scheme` as the glue carries it. */
export type Scheme = { tag: string; val?: string };

export function toScheme(name: string): Scheme {
  if (name === "http") return { tag: "HTTP" };
  if (name === "https") return { tag: "HTTPS" };
  return { tag: "other", val: name };
}

export function fromScheme(scheme: Scheme | undefined): string {
  if (!scheme) return "https";
  return scheme.tag === "other" ? scheme.val ?? "" : scheme.tag.toLowerCase();
}

/** `wasi:http/types.error-code` as the glue carries it. */
export type ErrorCode = { tag: string; val?: unknown };

/** An error code with a text, for what has no case of its own. */
export function internalError(text: string): ErrorCode {
  return { tag: "internal-error", val: text };
}
