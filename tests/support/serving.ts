// An `http-server` provider on a free port of the loopback, whose links lead to functions of the test.

import type { Call } from "../../src/model/call.ts";
import type { HttpRequest, HttpResponse } from "../../src/model/http.ts";
import type { Config } from "../../src/model/link.ts";
import type { HostSettings } from "../../src/model/provider.ts";
import { HttpServer } from "../../providers/http_server.ts";
import { type FakeProviderContext, fakeProviderContext, testHost, testLink } from "./provider_context.ts";

/** A component as a test writes it. */
export type Answer = (request: HttpRequest, call: Call) => HttpResponse | Promise<HttpResponse>;

export interface Serving extends AsyncDisposable {
  readonly server: HttpServer;
  readonly context: FakeProviderContext;
  readonly port: number;
  /** Binds a link with these settings to a component of this id, `component` unless said. */
  link(answer: Answer, sourceConfig?: Config, target?: string): Promise<void>;
}

/** Starts a server; `await using` stops it. */
export async function serving(
  options: { id?: string; config?: Config; host?: HostSettings } = {},
): Promise<Serving> {
  const answers = new Map<string, Answer>();
  const id = options.id ?? "test-provider";
  const context = fakeProviderContext({
    id,
    kind: "http-server",
    config: options.config,
    host: options.host ?? testHost(),
    call: (call) => answers.get(call.target!)!(call.args[0] as HttpRequest, call),
  });
  const server = new HttpServer(context);
  await server.start();
  return {
    server,
    context,
    port: server.addresses[0].port,
    async link(answer, sourceConfig = {}, target = "component") {
      answers.set(target, answer);
      await server.bind(testLink({ source: id, target, sourceConfig }));
    },
    [Symbol.asyncDispose]: () => server.stop(performance.now() + 100),
  };
}

/** A plain answer. */
export function textAnswer(text: string, headers: HttpResponse["headers"] = []): HttpResponse {
  return { status: 200, headers, body: new TextEncoder().encode(text) };
}

/** All of a body, piece by piece as a guest reads it. */
export async function readAll(body: HttpRequest["body"]): Promise<string> {
  const decoder = new TextDecoder();
  if (body === null) return "";
  if (body instanceof Uint8Array) return decoder.decode(body);
  let text = "";
  for await (const piece of body) text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}
