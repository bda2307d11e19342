// The response to one request, read from a connection: status and fields, how long the body is by RFC 9112's rules, and
// the body itself, as bytes where it came with the head, else as a stream that reads no further than it is asked.

import { CONNECTION_FIELDS, type HttpFields, type HttpResponse } from "../../src/model/http.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Connection } from "./connection.ts";
import { brokenError, httpError } from "./error_codes.ts";

/** What is asked of a response. */
export interface ResponseNeeds {
  method: string;
  firstByteMs: number;
  betweenBytesMs: number;
  /** The exchange is over: the connection may serve another request, or is closed. */
  onEnd(isReusable: boolean): void;
}

type Framing = { kind: "none" } | { kind: "length"; length: number } | { kind: "chunked" } | {
  kind: "close";
};

interface Head {
  status: number;
  fields: HttpFields;
  isKeptOpen: boolean;
}

/** Longest piece handed on at once. */
const PIECE_BYTES = 64 * 1024;
const LINE_BYTES_MAX = 4 * 1024;

/** Reads a response up to its body. */
export async function readResponse(connection: Connection, needs: ResponseNeeds): Promise<HttpResponse> {
  const head = await readHead(connection, needs.firstByteMs);
  const framing = findFraming(head, needs.method);
  const isReusable = head.isKeptOpen && framing.kind !== "close";
  const headers = ownFields(head.fields);
  const { status } = head;
  if (framing.kind === "none") {
    needs.onEnd(isReusable);
    return { status, headers, body: null };
  }
  const whole = framing.kind === "length" ? connection.takeBuffered(framing.length) : undefined;
  if (whole) {
    needs.onEnd(isReusable);
    return { status, headers, body: whole };
  }
  let settle!: (fields: HttpFields | undefined) => void;
  const trailers = new Promise<HttpFields | undefined>((resolve) => settle = resolve);
  const body = streamBody(connection, framing, {
    betweenBytesMs: needs.betweenBytesMs,
    onTrailers: settle,
    onEnd: (isWhole) => needs.onEnd(isWhole && isReusable),
  });
  return framing.kind === "chunked" ? { status, headers, body, trailers } : { status, headers, body };
}

async function readHead(connection: Connection, timeoutMs: number): Promise<Head> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const lines = await connection.readLines(
      LIMITS.httpClientHeadBytesMax,
      until - performance.now(),
      "HTTP-response-timeout",
      "HTTP-response-header-section-size",
    );
    if (!lines) throw httpError(connection.hasRead ? "HTTP-response-incomplete" : "connection-terminated");
    const found = lines.shift()?.match(/^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/);
    if (!found) throw httpError("HTTP-protocol-error");
    const status = Number(found[2]);
    if (status === 101) throw httpError("HTTP-upgrade-failed");
    // Interim answers (100, 103) are between the server and us.
    if (status < 200) continue;
    const fields = parseFields(lines);
    const options = listOf(fields, "connection");
    const isKeptOpen = !options.includes("close") && (found[1] === "1" || options.includes("keep-alive"));
    return { status, fields, isKeptOpen };
  }
}

/** Field lines to names and values. A line that is none could be read in two ways, so it is not read at all. */
export function parseFields(lines: readonly string[]): HttpFields {
  return lines.map((line) => {
    const found = line.match(/^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/);
    if (!found || /[\0\r]/.test(found[2])) throw httpError("HTTP-protocol-error");
    return [found[1].toLowerCase(), found[2]];
  });
}

function listOf(fields: HttpFields, name: string): string[] {
  return fields.filter(([field]) => field === name)
    .flatMap(([, value]) => value.toLowerCase().split(",").map((item) => item.trim()));
}

/** RFC 9112, 6.3. Anything two readers could understand differently is refused. */
function findFraming({ status, fields }: Head, method: string): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return { kind: "none" };
  const codings = listOf(fields, "transfer-encoding");
  const lengths = [...new Set(listOf(fields, "content-length"))];
  if (codings.length > 0) {
    if (codings.length !== 1 || codings[0] !== "chunked") {
      throw httpError("HTTP-response-transfer-coding", codings.join());
    }
    if (lengths.length > 0) throw httpError("HTTP-protocol-error");
    return { kind: "chunked" };
  }
  if (lengths.length === 0) return { kind: "close" };
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0])) throw httpError("HTTP-protocol-error");
  const length = Number(lengths[0]);
  return length === 0 ? { kind: "none" } : { kind: "length", length };
}

/** Fields that are the message's own. */
function ownFields(fields: HttpFields): HttpFields {
  const named = new Set(listOf(fields, "connection"));
  return fields.filter(([name]) => !CONNECTION_FIELDS.has(name) && !named.has(name));
}

interface BodyNeeds {
  betweenBytesMs: number;
  onTrailers(fields: HttpFields | undefined): void;
  onEnd(isWhole: boolean): void;
}

function streamBody(connection: Connection, framing: Framing, needs: BodyNeeds): ReadableStream<Uint8Array> {
  const pieces = readPieces(connection, framing, needs);
  let isOver = false;
  const end = (isWhole: boolean) => {
    if (isOver) return;
    isOver = true;
    needs.onTrailers(undefined);
    needs.onEnd(isWhole);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await pieces.next();
        if (!done) return controller.enqueue(value);
        end(true);
        controller.close();
      } catch (error) {
        end(false);
        controller.error(brokenError(error));
      }
    },
    // The rest is not read to the end for the sake of one connection.
    cancel: () => end(false),
  }, { highWaterMark: 0 });
}

async function* readPieces(
  connection: Connection,
  framing: Framing,
  needs: BodyNeeds,
): AsyncGenerator<Uint8Array, void, void> {
  const { betweenBytesMs } = needs;
  if (framing.kind === "close") {
    for (let bytes; (bytes = await connection.read(PIECE_BYTES, betweenBytesMs)) !== null;) yield bytes;
  } else if (framing.kind === "length") {
    yield* readExactly(connection, framing.length, betweenBytesMs);
  } else if (framing.kind === "chunked") {
    for (let size; (size = await readChunkSize(connection, betweenBytesMs)) > 0;) {
      yield* readExactly(connection, size, betweenBytesMs);
      if (await readBodyLine(connection, betweenBytesMs) !== "") throw httpError("HTTP-protocol-error");
    }
    const lines = await connection.readLines(
      LIMITS.httpClientHeadBytesMax,
      betweenBytesMs,
      "connection-read-timeout",
      "HTTP-response-trailer-section-size",
    );
    if (!lines) throw httpError("HTTP-response-incomplete");
    if (lines.length > 0) needs.onTrailers(ownFields(parseFields(lines)));
  }
}

async function* readExactly(
  connection: Connection,
  length: number,
  timeoutMs: number,
): AsyncGenerator<Uint8Array, void, void> {
  for (let left = length; left > 0;) {
    const bytes = await connection.read(Math.min(left, PIECE_BYTES), timeoutMs);
    if (bytes === null) throw httpError("HTTP-response-incomplete");
    left -= bytes.length;
    yield bytes;
  }
}

async function readChunkSize(connection: Connection, timeoutMs: number): Promise<number> {
  const line = await readBodyLine(connection, timeoutMs);
  const found = line.match(/^([0-9a-fA-F]{1,12})[ \t]*(?:;|$)/);
  if (!found) throw httpError("HTTP-protocol-error");
  return parseInt(found[1], 16);
}

async function readBodyLine(connection: Connection, timeoutMs: number): Promise<string> {
  const line = await connection.readLine(
    LINE_BYTES_MAX,
    timeoutMs,
    "connection-read-timeout",
    "HTTP-protocol-error",
  );
  if (line === undefined) throw httpError("HTTP-response-incomplete");
  return line;
}
