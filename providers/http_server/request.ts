// A request as it came over HTTP, seen as the model's HttpRequest, and the Call made of it. Both are read lazily:
// headers, body, trace and abort signal cost more than many a guest's whole work, and most guests ask for few of them.

import type { Call, Trace } from "../../src/model/call.ts";
import { Fault } from "../../src/model/fault.ts";
import {
  CONNECTION_FIELDS,
  HTTP_INCOMING,
  type HttpBody,
  type HttpFields,
  type HttpRequest,
} from "../../src/model/http.ts";
import { COMPONENT_LIMITS_RANGE, LIMITS } from "../../src/model/limits.ts";

/**
 * Deno 2.6 aborts a request's signal when all went well, too, whatever `deno.json` says; what tells the two apart there
 * (`completed`) no longer does in 2.9, where `no-legacy-abort` is in force.
 */
const ABORTS_ON_SUCCESS = /^2\.[0-8]\./.test(Deno.version.deno);

/** What the largest body of any component may be. */
const BODY_BYTES_MAX = COMPONENT_LIMITS_RANGE.bodyBytesMax.max;

const HTTP_LENGTH = "http://".length;

/**
 * Where, in what the server reports as URL, the authority begins and where it ends; undefined for what has no path
 * (CONNECT). URLs are cut, never parsed: parsing would change what the guest sees.
 */
export function findAuthority(url: string, isTls: boolean): { start: number; end: number } | undefined {
  const start = isTls ? HTTP_LENGTH + 1 : HTTP_LENGTH;
  let end = url.indexOf("/", start);
  const query = url.indexOf("?", start);
  // An absolute-form target without a path: `GET http://shop.example?x`.
  if (query >= 0 && (end < 0 || query < end)) end = query;
  return end < 0 ? undefined : { start, end };
}

/** Path and query of a URL from `end` on. The asterisk of `OPTIONS *` is reported behind a slash. */
export function cutPath(url: string, end: number): string {
  const path = url.charCodeAt(end) === 0x2f ? url.slice(end) : `/${url.slice(end)}`;
  // A fragment has no place in a request; Deno 2.9 lets it through, older ones cut it.
  const fragment = path.indexOf("#");
  return fragment < 0 ? path : path.slice(0, fragment);
}

/**
 * Whether an authority is one: the server passes the Host field on unread, and one with a slash in it would move the
 * path's beginning. `host` is the field itself.
 */
export function isAuthority(host: string): boolean {
  return /^(?:[-\w.~!$&'()*+;=%]+|\[[0-9a-fA-F:.]+\])(?::\d{0,5})?$/.test(host);
}

/** A request as Deno.serve hands it over, and what has been found out about it. */
export interface Incoming {
  request: Request;
  info: Deno.ServeHandlerInfo;
  authority: string;
  path: string;
  isTls: boolean;
}

/** One request. What is read after it was answered in full is empty: the server has let go of it. */
export class ServedRequest implements HttpRequest {
  readonly method: string;
  readonly scheme: string;
  readonly path: string;
  readonly authority: string;
  /** The body where it is known before the guest asks: null for none, undefined for one that arrives. */
  known: Uint8Array | null | undefined;
  readonly #request: Request;
  #headers: HttpFields | undefined;

  constructor({ request, authority, path, isTls }: Incoming) {
    this.#request = request;
    this.method = request.method;
    this.scheme = isTls ? "https" : "http";
    this.authority = authority;
    this.path = path;
  }

  get headers(): HttpFields {
    return this.#headers ??= unlessClosed(() => readFields(this.#request.headers, this.known === null)) ?? [];
  }

  /** Read piece by piece, never at once: Deno 2.6 would allocate what `content-length` claims, and die of it. */
  get body(): HttpBody {
    return this.known === undefined ? unlessClosed(() => this.#request.body) ?? null : this.known;
  }
}

/** Reading a request that was answered already throws; late is not wrong. */
function unlessClosed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The fields that are the message's own. A body that the server withholds (GET, HEAD) takes its length along. */
function readFields(headers: Headers, hasNoBody: boolean): HttpFields {
  const fields: HttpFields = [];
  let named: string | undefined;
  for (const field of headers) {
    const name = field[0];
    if (CONNECTION_FIELDS.has(name)) {
      if (name === "connection") named = field[1];
    } else if (!hasNoBody || name !== "content-length") fields.push(field);
  }
  if (named === undefined || named === "keep-alive" || named === "close") return fields;
  // Whatever Connection names belongs to the connection as well.
  const dropped = new Set(named.toLowerCase().split(",").map((name) => name.trim()));
  return fields.filter(([name]) => !dropped.has(name));
}

/**
 * The body as far as it should be read before the component is called: null where there is none, a promise for a small
 * one (a slow client then holds no instance), undefined for one that the guest shall read as it comes. Throws a fault
 * for a length that no component may take.
 */
export function readBody(request: Request, method: string): null | Promise<Uint8Array> | undefined {
  // The server hands out no body for these, whatever was sent.
  if (method === "GET" || method === "HEAD") return null;
  const length = request.headers.get("content-length");
  if (length === null) return undefined;
  if (length === "0") return null;
  const bytes = Number(length);
  if (bytes <= LIMITS.httpSmallBodyBytes) return request.bytes();
  if (bytes <= BODY_BYTES_MAX) return undefined;
  throw new Fault(
    "over_limit",
    `the request's body has ${bytes} bytes; no component takes more than ${BODY_BYTES_MAX}`,
  );
}

/** What all Calls along one link have in common. */
export interface CallOrigin {
  readonly source: string;
  readonly linkName: string;
  readonly target: string;
}

/** The Call made of a request. */
export class ServedCall implements Call {
  readonly source: string;
  readonly linkName: string;
  readonly interface = HTTP_INCOMING;
  readonly function = "handle";
  readonly args: readonly [HttpRequest];
  readonly target: string;
  readonly deadlineMs: number;
  readonly depth = 0;
  readonly #request: Request;
  readonly #info: Deno.ServeHandlerInfo;
  #controller: AbortController | undefined;
  #isAnswered = false;

  constructor(origin: CallOrigin, { request, info }: Incoming, message: HttpRequest, deadlineMs: number) {
    this.source = origin.source;
    this.linkName = origin.linkName;
    this.target = origin.target;
    this.args = [message];
    this.deadlineMs = deadlineMs;
    this.#request = request;
    this.#info = info;
  }

  get trace(): Trace | undefined {
    const parent = unlessClosed(() => this.#request.headers.get("traceparent"));
    return parent ? parseTraceparent(parent) : undefined;
  }

  get signal(): AbortSignal | undefined {
    if (!ABORTS_ON_SUCCESS) return this.#request.signal;
    if (!this.#controller && !this.#isAnswered) this.#controller = this.#watchClient();
    return this.#controller?.signal;
  }

  /** The answer is on its way; `isWhole` unless its body goes on as a stream. */
  answered(isWhole: boolean): void {
    // The server tells an old signal from a new one only while it still has the request.
    if (ABORTS_ON_SUCCESS && !isWhole) void this.signal;
    this.#isAnswered = true;
  }

  /** A signal that tells only of clients that went away. */
  #watchClient(): AbortController {
    const controller = new AbortController();
    let isSent = false;
    this.#info.completed.then(() => isSent = true, () => controller.abort());
    const abortUnlessSent = () => isSent || controller.abort();
    this.#request.signal.addEventListener(
      "abort",
      // What completes first is heard first, two turns later at most.
      () => queueMicrotask(() => queueMicrotask(abortUnlessSent)),
      { once: true },
    );
    if (this.#request.signal.aborted) controller.abort();
    return controller;
  }
}

/** Reads a W3C `traceparent`; what is malformed is as if it were not there. */
export function parseTraceparent(text: string): Trace | undefined {
  const found = text.match(
    /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/,
  );
  return found ? { traceId: found[1], spanId: found[2] } : undefined;
}
