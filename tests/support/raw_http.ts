// HTTP by hand, for tests of servers: bytes as they are given, so that what no client library would send can be sent,
// and what came back as text of one character per byte.

import assert from "node:assert/strict";

/** A wait that is longer than this is a server that hangs. */
const PATIENCE_MS = 10_000;

/** A response, taken apart as far as tests need. */
export interface RawResponse {
  status: number;
  headers: [name: string, value: string][];
  body: string;
  text: string;
}

/** One TCP connection to the server under test. */
export class RawClient {
  readonly #conn: Deno.Conn;
  #received = "";
  #isEnded = false;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async open(port: number, tls?: { hostname: string; caCerts: string[] }): Promise<RawClient> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    return new RawClient(tls ? await Deno.startTls(conn, tls) : conn);
  }

  async send(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Sends the end of the stream and goes on reading. */
  async endSending(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Everything until the server closes; a reset counts as closing. */
  async readToEnd(): Promise<string> {
    while (await this.#more());
    return this.#received;
  }

  /** Everything up to and with `mark`, which is taken off what later reads see. */
  async readPast(mark: string): Promise<string> {
    for (;;) {
      const at = this.#received.indexOf(mark);
      if (at >= 0) {
        const taken = this.#received.slice(0, at + mark.length);
        this.#received = this.#received.slice(taken.length);
        return taken;
      }
      assert.ok(await this.#more(), `the server closed before ${JSON.stringify(mark)}: ${this.#received}`);
    }
  }

  /** One response with a stated length, leaving the connection open. */
  async readResponse(): Promise<RawResponse> {
    const head = await this.readPast("\r\n\r\n");
    const length = Number(head.match(/^content-length: (\d+)\r$/im)?.[1] ?? 0);
    while (this.#received.length < length) assert.ok(await this.#more(), "the server closed within a body");
    const body = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return parseRawResponse(head + body);
  }

  close(): void {
    try {
      this.#conn.close();
    } catch { /* closed by the other side */ }
  }

  async #more(): Promise<boolean> {
    if (this.#isEnded) return false;
    const buffer = new Uint8Array(64 * 1024);
    const timer = setTimeout(() => this.close(), PATIENCE_MS);
    try {
      const length = await this.#conn.read(buffer);
      if (length === null) this.#isEnded = true;
      else for (const byte of buffer.subarray(0, length)) this.#received += String.fromCharCode(byte);
    } catch (error) {
      this.#isEnded = true;
      assert.ok(isHangUp(error), `the server did not answer: ${error}`);
    } finally {
      clearTimeout(timer);
    }
    return !this.#isEnded;
  }
}

/** Sends `text` and returns all that comes until the server closes. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const client = await RawClient.open(port);
  try {
    await client.send(text).catch((error) => assert.ok(isHangUp(error), `${error}`));
    return await client.readToEnd();
  } finally {
    client.close();
  }
}

/** Sends a request that asks for the connection to be closed. */
export async function requestRaw(port: number, line: string, ...fields: string[]): Promise<RawResponse> {
  const head = [`${line} HTTP/1.1`, ...(fields.some((field) => /^host:/i.test(field)) ? [] : ["host: test"])];
  return parseRawResponse(
    await exchangeRaw(port, `${[...head, ...fields, "connection: close"].join("\r\n")}\r\n\r\n`),
  );
}

/** Takes a response apart; chunks are joined, and a last chunk that is missing is told by `body` ending in "…". */
export function parseRawResponse(text: string): RawResponse {
  const end = text.indexOf("\r\n\r\n");
  assert.ok(end > 0, `no response: ${JSON.stringify(text.slice(0, 200))}`);
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  });
  const rest = text.slice(end + 4);
  const isChunked = headers.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
  return { status: Number(first.split(" ")[1]), headers, body: isChunked ? joinChunks(rest) : rest, text };
}

/** The value of a field, or undefined. */
export function fieldOf({ headers }: RawResponse, name: string): string | undefined {
  return headers.find(([field]) => field === name)?.[1];
}

function joinChunks(text: string): string {
  let body = "";
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (size === 0) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return `${body}…`;
}

function isHangUp(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.UnexpectedEof;
}
