// One listening address of this process: a Deno.serve, the routes of everyone who shares it, its certificate, and the
// two questions a load balancer asks. Several processes may listen on the same address; the kernel shares connections out.
//
// What Deno.serve does and does not do (2.6.8 and 2.9.6, tried): it bounds a request's head (100 fields; 400 KiB on 2.6,
// 64 KiB on 2.9) and its line (64 KiB), refuses conflicting lengths, speaks HTTP/2, and drops the body of GET and HEAD.
// It has no trailers, no limit of connections, and no time-out for idle ones or for a head that never ends. When those
// use up all descriptors it stops listening; `#watch` begins anew, which lets go of them. Where strangers can connect, a
// proxy belongs in front. On 2.6 it compresses text for clients that take it, whatever it is told.

import { Fault } from "../../src/model/fault.ts";
import { LIMITS } from "../../src/model/limits.ts";
import type { Log } from "../../src/model/ports.ts";
import { Certificates } from "./certificates.ts";
import { cutPath, findAuthority, type Incoming, isAuthority } from "./request.ts";
import { refuse } from "./response.ts";
import { type RouteClaim, RouteTable } from "./routes.ts";
import type { ListenerSettings } from "./settings.ts";

/** What is behind a route: it answers. */
export interface Route {
  /** For messages: the link and its provider. */
  readonly name: string;
  /** Undefined: all. */
  readonly methods: ReadonlySet<string> | undefined;
  serve(incoming: Incoming): Response | Promise<Response>;
}

/** A listener that stopped by itself (out of file descriptors) tries again so often. */
const RETRY_MS = 500;

/** One address. */
export class Listener {
  readonly settings: ListenerSettings;
  readonly isTls: boolean;
  /** Asked by `/readyz`; undefined where health is not answered. */
  readonly #isReady: (() => boolean) | undefined;
  readonly #log: Log;
  readonly #claims = new Map<string, RouteClaim<Route>>();
  readonly #authorities = new Set<string>();
  #last = { authority: "", prefix: "no URL begins so" };
  readonly #certificates: Certificates | undefined;
  /** Host and path -> the key that claims them. */
  readonly #holders = new Map<string, string>();
  /** Made by the first request after a change: a thousand links come one after the other. */
  #table: RouteTable<Route> | undefined;
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #isClosing = false;

  constructor(settings: ListenerSettings, log: Log, isReady?: () => boolean) {
    this.settings = settings;
    this.#log = log;
    this.#isReady = isReady;
    const { certFile, keyFile } = settings;
    this.isTls = certFile !== undefined && keyFile !== undefined;
    if (this.isTls) this.#certificates = new Certificates(certFile!, keyFile!, () => this.#renew(), log);
  }

  /** Where it listens; the port is the real one where the settings say 0. */
  get address(): Deno.NetAddr | undefined {
    return this.#server?.addr;
  }

  get hasClaims(): boolean {
    return this.#claims.size > 0;
  }

  /** Begins to listen. */
  async open(): Promise<void> {
    await this.#certificates?.load();
    this.#listen(this.settings.port);
    this.#certificates?.watch();
  }

  /** Adds or replaces the routes known as `key`; refuses what another key claims. */
  claim(key: string, claim: RouteClaim<Route>): void {
    for (const place of placesOf(claim)) this.#checkFree(place, key, claim);
    this.release(key);
    for (const place of placesOf(claim)) this.#holders.set(place, key);
    this.#claims.set(key, claim);
  }

  release(key: string): void {
    const claim = this.#claims.get(key);
    if (claim) { for (const place of placesOf(claim)) this.#holders.delete(place); }
    this.#claims.delete(key);
    this.#table = undefined;
  }

  get #routes(): RouteTable<Route> {
    return this.#table ??= new RouteTable(this.#claims.values());
  }

  /** Looks at the certificate's files now instead of at the next round. */
  async checkCertificates(): Promise<void> {
    await this.#certificates?.check();
  }

  /**
   * Takes no more connections, closes idle ones and waits until `deadline` for requests that run. Deno has no way to cut
   * those once it closes gracefully: they end by their own deadline, or with the process.
   */
  async close(deadline: Promise<void>): Promise<void> {
    this.#isClosing = true;
    this.#certificates?.stop();
    await Promise.race([this.#server?.shutdown(), deadline]);
  }

  #checkFree(place: string, key: string, claim: RouteClaim<Route>): void {
    const holder = this.#holders.get(place);
    if (holder === undefined || holder === key) return;
    throw new Fault(
      "conflict",
      `${claim.target.name} wants ${place} on ${addressText(this.settings)}: ` +
        `${this.#claims.get(holder)!.target.name} has it; give one of them another path, host or address`,
    );
  }

  #listen(port: number): void {
    const { address } = this.settings;
    const tls = this.#certificates?.current;
    try {
      this.#server = Deno.serve({
        hostname: address,
        port,
        reusePort: true,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
        // What a component sends is what its client gets; compressing is the component's choice.
        automaticCompression: false,
        ...tls,
      } as Deno.ServeTcpOptions, (request, info) => this.#handle(request, info));
    } catch (error) {
      throw listenFault(error, this.settings);
    }
    void this.#watch(this.#server);
  }

  /** A server ends by itself when accepting fails, and must not leave the port silent. */
  async #watch(server: Deno.HttpServer<Deno.NetAddr>): Promise<void> {
    const error = await server.finished.then(() => undefined, (reason) => reason);
    if (this.#isClosing || this.#server !== server) return;
    this.#log.error(`http-server: ${addressText(this.settings)} stopped listening; trying again`, {
      error: String(error),
    });
    while (!this.#isClosing && this.#server === server) {
      try {
        this.#listen(server.addr.port);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** New connections get the new certificate; those of the old one end with the request they are at. */
  #renew(): void {
    const before = this.#server;
    if (!before || this.#isClosing) return;
    this.#listen(before.addr.port);
    void before.shutdown();
  }

  #handle(request: Request, info: Deno.ServeHandlerInfo): Response | Promise<Response> {
    const { url } = request;
    const { authority, path } = this.#cut(request, url);
    if (path === undefined) {
      return refuse("bad_request", "the request's target or its Host field is not one this server takes");
    }
    const route = this.#routes.find(authority, path);
    if (this.#isReady && (path === "/healthz" || path === "/readyz")) {
      // A catch-all route does not take these away; a route for them does.
      if (!this.#routes.find(authority, path, true)) return this.#answerHealth(request, path);
    }
    if (!route) return refuse("not_found", "nothing is served here", { isHead: request.method === "HEAD" });
    if (route.methods && !route.methods.has(request.method)) {
      const allow = [...route.methods].join(", ");
      return refuse("bad_request", `${request.method} is not taken here`, {
        status: 405,
        headers: [["allow", allow]],
        isHead: request.method === "HEAD",
      });
    }
    return route.serve({ request, info, authority, path, isTls: this.isTls });
  }

  /** Authority and path of a request. Most name the host that the one before named. */
  #cut(request: Request, url: string): { authority: string; path: string | undefined } {
    const last = this.#last;
    if (url.startsWith(last.prefix)) {
      return { authority: last.authority, path: cutPath(url, last.prefix.length - 1) };
    }
    const found = findAuthority(url, this.isTls);
    const authority = found ? url.slice(found.start, found.end) : "";
    if (!found || !this.#isPlain(request, authority)) return { authority, path: undefined };
    this.#last = { authority, prefix: `${url.slice(0, found.end)}/` };
    return { authority, path: cutPath(url, found.end) };
  }

  /**
   * Whether authority and path are what the client sent. An authority seen before is believed: the Host field would have
   * to begin with it and go on with a path, which the client could have asked for plainly.
   */
  #isPlain(request: Request, authority: string): boolean {
    if (this.#authorities.has(authority)) return true;
    if (!isAuthority(authority)) return false;
    const host = request.headers.get("host");
    // Absolute-form targets may differ from Host; an empty or missing Host reads as the listener's own.
    if (host && host !== authority && !isAuthority(host)) return false;
    if (this.#authorities.size >= LIMITS.httpHostsRemembered) this.#authorities.clear();
    this.#authorities.add(authority);
    return true;
  }

  #answerHealth(request: Request, path: string): Response {
    const isHead = request.method === "HEAD";
    if (request.method !== "GET" && !isHead) {
      return refuse("bad_request", `${path} is for GET`, { status: 405, headers: [["allow", "GET, HEAD"]] });
    }
    const isReady = path === "/healthz" || this.#isReady!();
    const text = path === "/healthz" ? "ok\n" : isReady ? "ready\n" : "not ready\n";
    return new Response(isHead ? null : text, {
      status: isReady ? 200 : 503,
      headers: { "content-type": "text/plain;charset=UTF-8" },
    });
  }
}

/** `address:port` as people write it. */
export function addressText({ address, port }: { address: string; port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function listenFault(error: unknown, settings: ListenerSettings): Fault {
  const where = addressText(settings);
  const options = { cause: error, detail: { address: where } };
  if (error instanceof Deno.errors.AddrInUse) {
    return new Fault(
      "conflict",
      `http-server: another program listens on ${where}; choose another with --http`,
      options,
    );
  }
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    const mend = settings.port < 1024 ? "; ports below 1024 need CAP_NET_BIND_SERVICE" : "";
    return new Fault("denied", `http-server: the system does not let us listen on ${where}${mend}`, options);
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return new Fault("bad_request", `http-server: ${where} is not an address of this machine`, options);
  }
  const text = error instanceof Error ? error.message : String(error);
  return new Fault("bad_request", `http-server: cannot listen on ${where}: ${text}`, options);
}

/** Each host and path of a claim, as people write them together. */
function placesOf({ hosts, paths }: RouteClaim<Route>): string[] {
  return (hosts.length ? hosts : [""]).flatMap((host) => paths.map((path) => `${host}${path}`));
}
