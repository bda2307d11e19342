// HTTP requests of tests to a host on the loopback, under any host name: `fetch` sends only the name it resolved. One
// connection per request, so that nothing is left over, and requests spread over the cells as new clients do.

import { type IncomingMessage, request as startRequest } from "node:http";
import { request as startTlsRequest } from "node:https";

/** How a request differs from a plain GET. */
export interface AskOptions {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Uint8Array;
  /** Sent as the body, with its content type. */
  json?: unknown;
  /** The name it is for; `127.0.0.1` and the port when left out. */
  host?: string;
  /** Speak TLS and trust these certificates. */
  ca?: string;
  timeoutMs?: number;
}

export interface Answer {
  status: number;
  /** The last value of each field. */
  headers: Map<string, string>;
  /** Names and values in turn, as sent. */
  rawHeaders: string[];
  bytes: Uint8Array;
  text: string;
}

/** One request and the whole of its answer; rejects when the answer breaks off. */
export function ask(port: number, path: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { json, host, ca } = options;
    const body = json === undefined ? options.body : JSON.stringify(json);
    const headers: Record<string, string | string[]> = { ...options.headers };
    if (host) headers.host = host;
    if (json !== undefined) headers["content-type"] = "application/json";
    if (body !== undefined) {
      headers["content-length"] = String(new TextEncoder().encode(body as string).length);
    }
    if (body instanceof Uint8Array) headers["content-length"] = String(body.length);
    const start = ca === undefined ? startRequest : startTlsRequest;
    const request = start({
      host: "127.0.0.1",
      servername: host ?? "localhost",
      port,
      path,
      method: options.method ?? "GET",
      headers,
      agent: false,
      ca,
      timeout: options.timeoutMs ?? 60_000,
    }, (message: IncomingMessage) => void collect(message).then(resolve, reject));
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error(`${path} took too long`)));
    request.end(body);
  });
}

async function collect(message: IncomingMessage): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message) chunks.push(chunk as Uint8Array);
  if (!message.complete) throw new Error("the answer broke off");
  const bytes = new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const headers = new Map(
    message.rawHeaders.flatMap((name, at) =>
      at % 2 ? [] : [[name.toLowerCase(), message.rawHeaders[at + 1]] as const]
    ),
  );
  const { statusCode: status = 0, rawHeaders } = message;
  return { status, headers, rawHeaders, bytes, text: new TextDecoder().decode(bytes) };
}
