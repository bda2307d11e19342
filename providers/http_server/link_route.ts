// One link of an `http-server`: a request that belongs to it becomes a Call, and what that comes to a Response. The hot
// path of the host: nothing here is made, read or copied that the request at hand does not need.

import { WitError } from "../../src/model/call.ts";
import { Fault, isFault } from "../../src/model/fault.ts";
import type { HttpResponse } from "../../src/model/http.ts";
import type { ResolvedLink } from "../../src/model/link.ts";
import type { ProviderContext } from "../../src/model/provider.ts";
import type { Route } from "./listener.ts";
import { type CallOrigin, type Incoming, readBody, ServedCall, ServedRequest } from "./request.ts";
import { refuse, toFaultResponse, toResponse } from "./response.ts";
import type { RouteSettings } from "./settings.ts";
import { boundRead } from "./slow_clients.ts";

/** Counters of one capability in one process. */
export interface HttpServerStats {
  requests: number;
  running: number;
  failures: number;
  trailersDropped: number;
}

/** The capability, as its routes see it. */
export interface RouteHost {
  readonly context: ProviderContext;
  readonly stats: HttpServerStats;
  /** Counts a request in. */
  begin(): void;
  /** Counts a request out. */
  end(): void;
}

/** The route of one link: makes the Call, and the Response of its result. */
export class LinkRoute implements Route, CallOrigin {
  readonly name: string;
  readonly source: string;
  readonly linkName: string;
  readonly target: string;
  readonly methods: ReadonlySet<string> | undefined;
  readonly #server: RouteHost;
  readonly #timeoutMs: number | undefined;
  #hasToldOfTrailers = false;

  constructor(server: RouteHost, link: ResolvedLink, settings: RouteSettings) {
    this.#server = server;
    this.source = server.context.spec.id;
    this.linkName = link.name;
    this.target = link.target;
    this.name = `link ${this.source} -> ${link.target}${link.name === "default" ? "" : ` (${link.name})`}`;
    this.methods = settings.methods;
    this.#timeoutMs = settings.timeoutMs;
  }

  serve(incoming: Incoming): Response | Promise<Response> {
    const message = new ServedRequest(incoming);
    let body;
    try {
      body = readBody(incoming.request, message.method);
    } catch (error) {
      if (!isFault(error)) throw error;
      return refuse(error.code, error.message, { status: 413 });
    }
    this.#server.begin();
    if (!(body instanceof Promise)) {
      message.known = body;
      return this.#call(incoming, message);
    }
    return boundRead(body).then((bytes) => {
      message.known = bytes;
      return this.#call(incoming, message);
    }, (error) => {
      this.#server.end();
      if (isFault(error)) return refuse(error.code, error.message, { status: 408 });
      return refuse("bad_request", "the body did not arrive whole");
    });
  }

  #call(incoming: Incoming, message: ServedRequest): Response | Promise<Response> {
    const { switchboard, clock } = this.#server.context;
    const deadlineMs = this.#timeoutMs === undefined ? Infinity : clock.monotonicMs() + this.#timeoutMs;
    const call = new ServedCall(this, incoming, message, deadlineMs);
    try {
      const answer = switchboard.call(call);
      if (!(answer instanceof Promise)) return this.#answer(call, answer as HttpResponse);
      return answer.then((value) => this.#answer(call, value), (error) => this.#fail(call, error));
    } catch (error) {
      return this.#fail(call, error);
    }
  }

  #answer(call: ServedCall, answer: HttpResponse): Response {
    this.#server.end();
    const isHead = call.args[0].method === "HEAD";
    try {
      call.answered(!(answer.body instanceof ReadableStream));
      if (answer.trailers) void answer.trailers.then((fields) => fields && this.#dropTrailers(), () => {});
      return toResponse(answer, isHead);
    } catch (error) {
      // A status or a field that cannot be sent: the runtime checks its guests, other targets may not.
      const text = error instanceof Error ? error.message : String(error);
      this.#server.stats.failures++;
      const fault = new Fault("trapped", `${this.target} answered with what HTTP cannot carry: ${text}`);
      return toFaultResponse(fault, isHead);
    }
  }

  #fail(call: ServedCall, error: unknown): Response {
    this.#server.end();
    call.answered(true);
    this.#server.stats.failures++;
    if (!isFault(error) && !(error instanceof WitError)) {
      this.#server.context.log.error(`http-server: ${this.name} failed`, {
        error: String((error as Error)?.stack ?? error),
      });
    }
    return toFaultResponse(error, call.args[0].method === "HEAD");
  }

  #dropTrailers(): void {
    this.#server.stats.trailersDropped++;
    if (this.#hasToldOfTrailers) return;
    this.#hasToldOfTrailers = true;
    this.#server.context.log.info(
      `http-server: ${this.name} sends trailers, which this server cannot; they are dropped`,
    );
  }
}
