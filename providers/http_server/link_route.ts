// One link of an `http-server`: a request that belongs to it becomes a Call, and what that comes to a Response. The hot
// path of the host: nothing here is made, read or copied that the request at hand does not need.

import { WitError } from "../../src/model/call.ts";
import { Fault, isFault } from "../../src/model/fault.ts";
import type { HttpResponse } from "../../src/model/http.ts";
import type { ResolvedLink } from "../../src/model/link.ts";
import type { ProviderContext } from "../../src/model/provider.ts";
import type { Route } from "./listener.ts";
import {
  type CallOrigin,
  type Incoming,
  readBody,
  ServedCall,
  ServedRequest,
  type Target,
} from "./request.ts";
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

  serve(incoming: Incoming, target: Target, isTls: boolean): Response | Promise<Response> {
    const { request } = incoming;
    let body;
    try {
      body = readBody(request);
    } catch (error) {
      if (!isFault(error)) throw error;
      return refuse(error.code, error.message, { status: 413 });
    }
    this.#server.begin();
    if (!(body instanceof Promise)) {
      return this.#call(incoming, new ServedRequest(request, target, isTls, body));
    }
    return boundRead(body).then(
      (bytes) => this.#call(incoming, new ServedRequest(request, target, isTls, bytes)),
      (error) => {
        this.#server.end();
        if (isFault(error)) return refuse(error.code, error.message, { status: 408 });
        return refuse("bad_request", "the body did not arrive whole");
      },
    );
  }

  #call(incoming: Incoming, message: ServedRequest): Response | Promise<Response> {
    const { switchboard, clock } = this.#server.context;
    const deadlineMs = this.#timeoutMs === undefined ? Infinity : clock.monotonicMs() + this.#timeoutMs;
    const isHead = message.method === "HEAD";
    try {
      const answer = switchboard.call(new ServedCall(this, incoming, message, deadlineMs));
      if (!(answer instanceof Promise)) return this.#answer(answer as HttpResponse, isHead);
      return answer.then(
        isHead ? this.#answerHead : this.#answerWhole,
        isHead ? this.#failHead : this.#failWhole,
      );
    } catch (error) {
      return this.#fail(error, isHead);
    }
  }

  // Made once for the link, not for every request.
  readonly #answerWhole = (answer: unknown) => this.#answer(answer as HttpResponse, false);
  readonly #answerHead = (answer: unknown) => this.#answer(answer as HttpResponse, true);
  readonly #failWhole = (error: unknown) => this.#fail(error, false);
  readonly #failHead = (error: unknown) => this.#fail(error, true);

  #answer(answer: HttpResponse, isHead: boolean): Response {
    this.#server.end();
    try {
      if (answer.trailers) void answer.trailers.then((fields) => fields && this.#dropTrailers(), () => {});
      return toResponse(answer, isHead);
    } catch (error) {
      // A status or a field that cannot be sent: the runtime checks its guests, other targets may not.
      const text = error instanceof Error ? error.message : String(error);
      return this.#refuseAnswer(
        new Fault("trapped", `${this.target} answered with what HTTP cannot carry: ${text}`),
        isHead,
      );
    }
  }

  #refuseAnswer(fault: Fault, isHead: boolean): Response {
    this.#server.stats.failures++;
    return toFaultResponse(fault, isHead);
  }

  #fail(error: unknown, isHead: boolean): Response {
    this.#server.end();
    this.#server.stats.failures++;
    if (!isFault(error) && !(error instanceof WitError)) {
      this.#server.context.log.error(`http-server: ${this.name} failed`, {
        error: String((error as Error)?.stack ?? error),
      });
    }
    return toFaultResponse(error, isHead);
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
