// The built-in `http-client` provider: what components send with wasi:http/outgoing-handler goes out, if their link
// allows it. Settings, on the link's target end or on the provider itself (the link's win):
//
//   allow    where to, separated by commas: `host` (its scheme's own port), `host:port`, `host:*`, `*.example.com`,
//            `https://host/path`, or `*` for any public host. Absent: nowhere.
//   private  "allow" for addresses of private networks too. A `host:port` in `allow` needs no such word.
//   timeout  bound of every time-out (default 30s); a guest may set shorter ones.
//   tls_ca_file  (provider only) certificate authorities to trust besides the system's, PEM.
//
// An HTTP/1.1 client of our own, because Deno's fetch cannot connect to an address that was checked (with TLS it
// resolves the name again, which is what DNS rebinding needs), tells no connect time-out from a late answer, rewrites
// paths, unpacks bodies and drops trailers. It speaks no HTTP/2, follows no redirects, and uses no proxy of the
// environment. Names are resolved by the system, every address checked, and the checked address connected to. CONNECT
// and upgrades are refused.

import type { Call } from "../src/model/call.ts";
import { Fault } from "../src/model/fault.ts";
import { HTTP_OUTGOING, type HttpRequest, type HttpResponse } from "../src/model/http.ts";
import { LIMITS } from "../src/model/limits.ts";
import type { ResolvedLink } from "../src/model/link.ts";
import type { Provider, ProviderContext, ProviderKind } from "../src/model/provider.ts";
import { Connection } from "./http_client/connection.ts";
import { ConnectionPool } from "./http_client/connection_pool.ts";
import { httpError, internalError } from "./http_client/error_codes.ts";
import { exchange } from "./http_client/exchange.ts";
import { AddressBook } from "./http_client/lookup.ts";
import { BodyFailed, type Outgoing, prepare, withoutEmptyBody } from "./http_client/request.ts";
import {
  caFileOf,
  type ClientSettings,
  defaultPort,
  type Destination,
  findRule,
  parseClientSettings,
  readDestination,
} from "./http_client/settings.ts";

/** The row for the provider table. */
export const HTTP_CLIENT: ProviderKind = {
  offers: [HTTP_OUTGOING],
  calls: [],
  implicit: false,
  check: ({ link, config }) => void parseClientSettings(link?.target ?? {}, config ?? {}),
  create: (context) => new HttpClient(context),
};

/** Refusals told apart in the log; beyond it they are no longer told. */
const REFUSALS_TOLD_MAX = 1_000;

/** Time-outs of one request, in milliseconds. */
interface Times {
  connectMs: number;
  firstByteMs: number;
  betweenBytesMs: number;
}

/** One `http-client` capability. */
export class HttpClient implements Provider {
  readonly #context: ProviderContext;
  readonly #addresses: AddressBook;
  readonly #pool = new ConnectionPool();
  readonly #bound = new Map<string, ClientSettings>();
  readonly #inFlight = new Map<string, number>();
  readonly #busy = new Set<Connection>();
  readonly #told = new Set<string>();
  #caCerts: string[] = [];
  #isStopped = false;
  #onIdle: (() => void) | undefined;

  /** `addresses` replaces the system's resolver in tests. */
  constructor(context: ProviderContext, addresses: AddressBook = new AddressBook()) {
    this.#context = context;
    this.#addresses = addresses;
  }

  async start(): Promise<void> {
    const { config } = this.#context.spec;
    parseClientSettings({}, config);
    const file = caFileOf(config);
    if (file === undefined) return;
    try {
      this.#caCerts = [await Deno.readTextFile(file)];
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new Fault("bad_request", `http-client: cannot read tls_ca_file ${file}: ${text}`, { cause });
    }
  }

  bind(link: ResolvedLink): void {
    this.#bound.set(link.key, parseClientSettings(link.targetConfig, this.#context.spec.config));
  }

  unbind(key: string): void {
    this.#bound.delete(key);
  }

  async call(call: Call, link: ResolvedLink): Promise<HttpResponse> {
    const { id } = this.#context.spec;
    if (call.function !== "handle") {
      throw new Fault(
        "not_found",
        `call ${call.interface} ${call.function}: there is no such function; it has handle`,
      );
    }
    if (this.#isStopped) throw new Fault("unavailable", `the http-client ${id} is stopping`);
    const settings = this.#bound.get(link.key);
    if (!settings) {
      throw new Fault("denied", `${link.source} has no link to the http-client ${id}; declare one`);
    }
    const count = this.#inFlight.get(call.source) ?? 0;
    if (count >= LIMITS.httpClientInFlightMax) throw httpError("connection-limit-reached");
    this.#inFlight.set(call.source, count + 1);
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#leave(call.source);
    };
    try {
      return await this.#send(call, settings, end);
    } catch (error) {
      end();
      throw error instanceof BodyFailed ? internalError(error.message) : error;
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    this.#bound.clear();
    const { clock } = this.#context;
    if (this.#inFlight.size > 0) {
      const ended = new AbortController();
      await Promise.race([
        new Promise<void>((resolve) => this.#onIdle = resolve),
        clock.sleep(Math.max(0, deadlineMs - clock.monotonicMs()), ended.signal).catch(() => {}),
      ]);
      ended.abort();
    }
    for (const connection of this.#busy) connection.close();
    this.#pool.close();
  }

  #leave(source: string): void {
    const left = (this.#inFlight.get(source) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(source, left);
    else this.#inFlight.delete(source);
    if (this.#inFlight.size === 0) this.#onIdle?.();
  }

  async #send(call: Call, settings: ClientSettings, onEnd: () => void): Promise<HttpResponse> {
    const asked = call.args[0] as HttpRequest;
    const destination = readDestination(asked);
    const rule = findRule(settings, destination);
    if (!rule.isAllowed) throw this.#refuse(call.source, destination);
    const request = await withoutEmptyBody(asked);
    const outgoing = prepare(request, destination.authority);
    const times = findTimes(request, settings, call.deadlineMs - this.#context.clock.monotonicMs());
    const isPrivateAllowed = settings.allowsPrivate || rule.isExact;
    const addresses = await this.#addresses.find(destination.host, isPrivateAllowed, times.connectMs);
    const { signal } = call;
    if (signal?.aborted) throw httpError("connection-terminated");
    const carry = { method: request.method, times, signal, onEnd };
    const reused = this.#pool.take(addresses.map((address) => toKey(destination, address)));
    if (reused) {
      try {
        return await this.#carry(reused, outgoing, carry);
      } catch (error) {
        // Closed by its server while it lay idle: nothing came back, so what may be repeated is.
        if (reused.hasRead || !outgoing.isRepeatable || signal?.aborted) throw error;
      }
    }
    return await this.#carry(await this.#connect(destination, addresses, times.connectMs), outgoing, carry);
  }

  async #carry(
    connection: Connection,
    outgoing: Outgoing,
    { method, times, signal, onEnd }: {
      method: string;
      times: Times;
      signal?: AbortSignal;
      onEnd: () => void;
    },
  ): Promise<HttpResponse> {
    const { firstByteMs, betweenBytesMs } = times;
    this.#busy.add(connection);
    const abort = () => connection.close();
    const free = () => {
      this.#busy.delete(connection);
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
    try {
      return await exchange(connection, outgoing, {
        method,
        firstByteMs,
        betweenBytesMs,
        onEnd: (isReusable) => {
          free();
          if (isReusable) this.#pool.give(connection);
          onEnd();
        },
      });
    } catch (error) {
      free();
      throw error;
    }
  }

  /** Tries the addresses in turn; each gets its share of the time. */
  async #connect(destination: Destination, addresses: string[], connectMs: number): Promise<Connection> {
    const { scheme, host, port } = destination;
    const tlsName = scheme === "https" ? host.replace(/^\[|\]$/g, "") : undefined;
    const until = performance.now() + connectMs;
    let failure: unknown;
    for (const [index, address] of addresses.entries()) {
      const share = (until - performance.now()) / (addresses.length - index);
      if (share <= 0) break;
      try {
        const peer = { address, port, tlsName, caCerts: this.#caCerts };
        return await Connection.open(toKey(destination, address), peer, share);
      } catch (error) {
        failure ??= error;
      }
    }
    this.#addresses.forget(host);
    throw failure ?? httpError("connection-timeout");
  }

  /** The guest learns that it was denied; the log also learns how to allow it. */
  #refuse(source: string, { scheme, host, port }: Destination): Error {
    const where = port === defaultPort(scheme) ? host : `${host}:${port}`;
    const line = `${source} may not reach ${scheme}://${where}`;
    if (!this.#told.has(line) && this.#told.size < REFUSALS_TOLD_MAX) {
      this.#told.add(line);
      this.#context.log.info(`http-client: ${line}: add "${where}" to \`allow\` of its link to permit it`);
    }
    return httpError("HTTP-request-denied");
  }
}

/** Requests that may share a connection: the name is in it because the certificate was checked for that name. */
function toKey({ scheme, authority }: Destination, address: string): string {
  return `${scheme}://${authority} ${address}`;
}

/** A guest may be less patient than its link, never more. */
function findTimes({ timeouts }: HttpRequest, { timeoutMs }: ClientSettings, leftMs: number): Times {
  const most = Math.max(0, Math.min(timeoutMs, leftMs));
  return {
    connectMs: Math.min(timeouts?.connectMs ?? LIMITS.httpClientConnectMs, most),
    firstByteMs: Math.min(timeouts?.firstByteMs ?? most, most),
    betweenBytesMs: Math.min(timeouts?.betweenBytesMs ?? timeoutMs, timeoutMs),
  };
}
