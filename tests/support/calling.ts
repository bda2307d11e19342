// An `http-client` provider with one bound link, and raw servers for it to talk to: each connection is handed to a
// function of the test, bytes as they are.

import assert from "node:assert/strict";
import type { Call } from "../../src/model/call.ts";
import { WitError } from "../../src/model/call.ts";
import { HTTP_OUTGOING, type HttpBody, type HttpRequest, type HttpResponse } from "../../src/model/http.ts";
import type { Config } from "../../src/model/link.ts";
import { HttpClient } from "../../providers/http_client.ts";
import { AddressBook } from "../../providers/http_client/lookup.ts";
import { type FakeProviderContext, fakeProviderContext, testLink } from "./provider_context.ts";

export interface Calling extends AsyncDisposable {
  readonly client: HttpClient;
  readonly context: FakeProviderContext;
  /** Sends a request as a component does. */
  send(request: Partial<HttpRequest> & { authority: string }, call?: Partial<Call>): Promise<HttpResponse>;
}

/** Starts a client; every name resolves to the loopback. */
export async function calling(
  options: { allow?: string; link?: Config; config?: Config; resolve?: (name: string) => Promise<string[]> } =
    {},
): Promise<Calling> {
  const context = fakeProviderContext({ kind: "http-client", config: options.config });
  const resolve = options.resolve ?? (() => Promise.resolve(["127.0.0.1"]));
  const client = new HttpClient(context, new AddressBook(resolve));
  await client.start();
  const targetConfig = { allow: options.allow ?? "*", private: "allow", ...options.link };
  const link = testLink({ source: "component", target: "test-provider", targetConfig });
  client.bind(link);
  return {
    client,
    context,
    send: (request, call = {}) => client.call({ ...outgoingCall(request), ...call }, link),
    [Symbol.asyncDispose]: () => client.stop(performance.now() + 100),
  };
}

/** The Call that a component makes to send a request. */
export function outgoingCall(request: Partial<HttpRequest> & { authority: string }): Call {
  const message = { method: "GET", scheme: "http", path: "/", headers: [], body: null, ...request };
  return {
    source: "component",
    linkName: "default",
    interface: HTTP_OUTGOING,
    function: "handle",
    args: [message],
    deadlineMs: Infinity,
    depth: 0,
  };
}

/** One accepted connection, for the test to play server on. */
export class ServedConnection {
  received = "";

  constructor(readonly conn: Deno.Conn) {}

  async write(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    for (let sent = 0; sent < bytes.length;) sent += await this.conn.write(bytes.subarray(sent));
  }

  /** Reads on until `mark` came; resolves with everything received up to and with it. */
  async readPast(mark: string): Promise<string> {
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      const at = this.received.indexOf(mark);
      if (at >= 0) {
        const taken = this.received.slice(0, at + mark.length);
        this.received = this.received.slice(taken.length);
        return taken;
      }
      const length = await this.conn.read(buffer);
      if (length === null) {
        throw new Error(`the client closed before ${JSON.stringify(mark)}: ${this.received}`);
      }
      for (const byte of buffer.subarray(0, length)) this.received += String.fromCharCode(byte);
    }
  }

  /** Resolves when the client closed. */
  async readToEnd(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    while (await this.conn.read(buffer).catch(() => null) !== null);
  }
}

export interface RawServer extends AsyncDisposable {
  readonly authority: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
}

/** A server that hands each connection to `serve` and closes it afterwards; what `serve` throws fails the test. */
export function rawServer(serve: (connection: ServedConnection, index: number) => Promise<void>): RawServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const running = new Set<Promise<void>>();
  const open = new Set<Deno.Conn>();
  const failures: unknown[] = [];
  let accepted = 0;
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      const work = serve(new ServedConnection(conn), accepted++).catch((error) => void failures.push(error))
        .finally(() => {
          open.delete(conn);
          conn.close();
        });
      running.add(work);
      void work.finally(() => running.delete(work));
    }
  })();
  return {
    port,
    authority: `127.0.0.1:${port}`,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(running);
      assert.deepEqual(failures, []);
    },
  };
}

/** All of a body, and where it breaks the tag of the error. */
export async function readBody(body: HttpBody): Promise<string> {
  if (body === null) return "";
  const decoder = new TextDecoder();
  if (body instanceof Uint8Array) return decoder.decode(body);
  let text = "";
  try {
    for await (const piece of body) text += decoder.decode(piece, { stream: true });
  } catch (error) {
    return `${text}!${tagOf(error)}`;
  }
  return text;
}

/** The wasi:http error code that was thrown. */
export function tagOf(error: unknown): string {
  assert.ok(error instanceof WitError, `${error}`);
  return (error.payload as { tag: string }).tag;
}

/** Asserts that `work` fails with this error code. */
export async function assertTag(tag: string, work: Promise<unknown>): Promise<void> {
  await work.then(() => assert.fail(`expected ${tag}`), (error) => assert.equal(tagOf(error), tag));
}
