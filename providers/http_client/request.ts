// One request on its way out: its head as text, its body with a stated length or in chunks. What a guest sets cannot
// smuggle a second request: names and values are checked again here, whoever checked them before.

import { CONNECTION_FIELDS, type HttpBody, type HttpFields, type HttpRequest } from "../../src/model/http.ts";
import { bound, type Connection } from "./connection.ts";
import { httpError } from "./error_codes.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const encoder = new TextEncoder();
const LAST_CHUNK = encoder.encode("0\r\n\r\n");
/** A body of up to so many bytes goes out in one write with its head. */
const TOGETHER_BYTES = 16 * 1024;

/** A request that is ready to be sent. */
export interface Outgoing {
  head: Uint8Array;
  body: HttpBody;
  isChunked: boolean;
  trailers: Promise<HttpFields | undefined> | undefined;
  /** May be sent a second time: its body is all there, and twice is the same as once. */
  isRepeatable: boolean;
}

/** Methods that mean the same when they arrive twice. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Checks a request and writes its head; `host` is the authority as it is sent. */
export function prepare(request: HttpRequest, host: string): Outgoing {
  const { method, body, headers } = request;
  if (!TOKEN.test(method) || method === "CONNECT") throw httpError("HTTP-request-method-invalid");
  const isStream = body instanceof ReadableStream;
  const stated = isStream ? headers.find(([name]) => name === "content-length")?.[1] : undefined;
  if (stated !== undefined && !/^\d{1,15}$/.test(stated)) throw httpError("HTTP-request-body-size");
  const isChunked = isStream ? stated === undefined : body !== null && request.trailers !== undefined;
  const lines = [`${method} ${toTarget(request.path)} HTTP/1.1`, `host: ${host}`];
  for (const [name, value] of headers) {
    if (CONNECTION_FIELDS.has(name) || name === "content-length") continue;
    // deno-lint-ignore no-control-regex
    if (!TOKEN.test(name) || /[^\x01-\x09\x0b\x0c\x0e-\xff]/.test(value)) {
      throw httpError("HTTP-protocol-error");
    }
    lines.push(`${name}: ${value}`);
  }
  if (isChunked) lines.push("transfer-encoding: chunked");
  else if (stated !== undefined) lines.push(`content-length: ${stated}`);
  else if (body !== null || needsLength(method)) {
    lines.push(`content-length: ${(body as Uint8Array | null)?.length ?? 0}`);
  }
  return {
    head: latin1Bytes(`${lines.join("\r\n")}\r\n\r\n`),
    body,
    isChunked,
    trailers: request.trailers,
    isRepeatable: !isStream && IDEMPOTENT.has(method),
  };
}

/** The body could not be had from the guest: nothing is wrong with the server. */
export class BodyFailed extends Error {
  override name = "BodyFailed";
}

/** Sends a request, body and all; a server that takes nothing for `stallMs` is given up. */
export async function send(connection: Connection, outgoing: Outgoing, stallMs: number): Promise<void> {
  const { head, body, isChunked } = outgoing;
  if (body instanceof ReadableStream) {
    await connection.write(head);
    await sendStream(connection, body, { isChunked, stallMs });
  } else if (body === null || body.length === 0) await connection.write(head);
  else if (body.length <= TOGETHER_BYTES) {
    await connection.write(join(head, isChunked ? toChunk(body) : body));
  } else {
    await connection.write(head);
    await connection.write(isChunked ? toChunk(body) : body);
  }
  if (isChunked) await connection.write(lastChunk(await outgoing.trailers));
}

async function sendStream(
  connection: Connection,
  body: ReadableStream<Uint8Array>,
  options: { isChunked: boolean; stallMs: number },
): Promise<void> {
  const reader = body.getReader();
  for (;;) {
    const { value, done } = await reader.read().catch((cause) => {
      throw new BodyFailed("the request's body broke off", { cause });
    });
    if (done) return;
    if (value.length === 0) continue;
    const writing = connection.write(options.isChunked ? toChunk(value) : value);
    try {
      await bound(
        writing,
        options.stallMs,
        () => httpError("connection-write-timeout"),
        () => connection.close(),
      );
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw error;
    }
  }
}

/**
 * The body without a stream where there is nothing in it: guests take a body for requests that have none, and a GET in
 * chunks is more than some servers understand.
 */
export async function withoutEmptyBody(request: HttpRequest): Promise<HttpRequest> {
  const { body } = request;
  if (!(body instanceof ReadableStream) || needsLength(request.method)) return request;
  const reader = body.getReader();
  const first = await reader.read().catch((cause) => {
    throw new BodyFailed("the request's body broke off", { cause });
  });
  if (first.done) return { ...request, body: null, trailers: undefined };
  const rest = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(first.value),
    async pull(controller) {
      const { value, done } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return { ...request, body: rest };
}

/** The path as it is sent: as given, without a fragment, and with what cannot stand in a request line escaped. */
function toTarget(path: string): string {
  if (!path.startsWith("/")) throw httpError("HTTP-request-URI-invalid");
  try {
    return path.replace(/#.*$/s, "").replace(/[^\x21-\x7e]+/g, encodeURIComponent);
  } catch {
    throw httpError("HTTP-request-URI-invalid");
  }
}

/** Methods whose servers expect to hear about a body even where there is none. */
function needsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

function toChunk(bytes: Uint8Array): Uint8Array {
  const size = encoder.encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + 2);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set([0x0d, 0x0a], size.length + bytes.length);
  return chunk;
}

function lastChunk(trailers: HttpFields | undefined): Uint8Array {
  const lines = (trailers ?? []).filter(([name, value]) =>
    // deno-lint-ignore no-control-regex
    TOKEN.test(name) && !CONNECTION_FIELDS.has(name) && !/[^\x01-\x09\x0b\x0c\x0e-\xff]/.test(value)
  ).map(([name, value]) => `${name}: ${value}\r\n`);
  return lines.length ? latin1Bytes(`0\r\n${lines.join("")}\r\n`) : LAST_CHUNK;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
