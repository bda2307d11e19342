// The built-in `http-server` provider: requests become Calls of wasi:http/incoming-handler, and what those answer goes
// back. Many components share one port, told apart by the settings of their links' source end:
//
//   path     prefixes of whole segments, separated by commas (default "/"); the longest that fits wins
//   host     names, `*.example` for subdomains (default: any); exact before wildcard before none
//   address  another listener, `address:port` (default: the capability's `address`, else the host's own)
//   methods  what is taken (default: all); timeout: how long a request may take (default: as the component says)
//
// `/healthz` and `/readyz` on the host's own listener are the host's, unless a route other than a catch-all takes them.
// Request heads and connections are bounded as http_server/listener.ts says. Trailers cannot be sent by Deno.serve: a
// component's are dropped, counted and said so once per link. HEAD is the component's to answer; its body is not sent.

import type { Call } from "../src/model/call.ts";
import { Fault } from "../src/model/fault.ts";
import { HTTP_INCOMING } from "../src/model/http.ts";
import type { Config, ResolvedLink } from "../src/model/link.ts";
import type { Provider, ProviderContext, ProviderKind } from "../src/model/provider.ts";
import { LinkRoute, type RouteHost } from "./http_server/link_route.ts";
import type { Listener } from "./http_server/listener.ts";
import { ListenerSet } from "./http_server/listener_set.ts";
import {
  type ListenerSettings,
  listIgnored,
  parseProviderSettings,
  parseRouteSettings,
} from "./http_server/settings.ts";

/** The row for the provider table. */
export const HTTP_SERVER: ProviderKind = {
  offers: [],
  calls: [HTTP_INCOMING],
  implicit: false,
  check: ({ link, config }) => {
    if (config) parseProviderSettings(config);
    if (link) parseRouteSettings(link.source, {});
  },
  create: (context) => new HttpServer(context),
};

/** How long a listener without routes stays open: long enough for a link to be unbound and bound anew. */
const UNUSED_MS = 1_000;

/** One listener in use by this capability for links that name an address. */
interface Use {
  listener: Listener;
  links: Set<string>;
  timer?: ReturnType<typeof setTimeout>;
}

/** One `http-server` capability. */
export class HttpServer implements Provider, RouteHost {
  readonly stats = { requests: 0, running: 0, failures: 0, trailersDropped: 0 };
  readonly context: ProviderContext;
  readonly #listeners: ListenerSet;
  /** Where each link's routes are, by link key. */
  readonly #bound = new Map<string, Listener>();
  readonly #uses = new Map<Listener, Use>();
  #default: Listener | undefined;
  #onIdle: (() => void) | undefined;

  constructor(context: ProviderContext) {
    this.context = context;
    this.#listeners = ListenerSet.of(context.host);
  }

  /** Where this capability listens, for tests and status. */
  get addresses(): Deno.NetAddr[] {
    const listeners = new Set([this.#default, ...this.#uses.keys()]);
    return [...listeners].flatMap((listener) => listener?.address ?? []);
  }

  async start(): Promise<void> {
    if (this.#default) return;
    const { spec, log } = this.context;
    const { listener, certFile, keyFile } = parseProviderSettings(spec.config);
    noteIgnored(this.context, spec.config, `the capability ${spec.id}`);
    const main = this.#listeners.main;
    const own = certFile === undefined ? main : { ...main, certFile, keyFile };
    this.#default = await this.#listeners.use(listener ?? own, log);
  }

  async bind(link: ResolvedLink): Promise<void> {
    const settings = parseRouteSettings(link.sourceConfig, this.context.spec.config);
    noteIgnored(this.context, link.sourceConfig, `the link to ${link.target}`);
    const listener = await this.#listenerFor(link.key, settings.listener);
    const { hosts, paths } = settings;
    try {
      listener.claim(this.#claimKey(link.key), { hosts, paths, target: new LinkRoute(this, link, settings) });
    } catch (error) {
      if (this.#bound.get(link.key) !== listener) this.#unuse(link.key, listener);
      throw error;
    }
    const before = this.#bound.get(link.key);
    this.#bound.set(link.key, listener);
    if (before && before !== listener) {
      before.release(this.#claimKey(link.key));
      this.#unuse(link.key, before);
    }
  }

  unbind(key: string): void {
    const listener = this.#bound.get(key);
    if (!listener) return;
    this.#bound.delete(key);
    listener.release(this.#claimKey(key));
    this.#unuse(key, listener);
  }

  call(call: Call): never {
    throw new Fault(
      "bad_request",
      `${call.source} called ${call.interface} on the http-server ${this.context.spec.id}, which only calls others`,
    );
  }

  async stop(deadlineMs: number): Promise<void> {
    const { clock } = this.context;
    const ended = new AbortController();
    const deadline = clock.sleep(Math.max(0, deadlineMs - clock.monotonicMs()), ended.signal).catch(() => {});
    for (const [key, listener] of this.#bound) listener.release(this.#claimKey(key));
    this.#bound.clear();
    for (const { timer } of this.#uses.values()) clearTimeout(timer);
    const listeners = [...this.#uses.keys(), ...(this.#default ? [this.#default] : [])];
    this.#uses.clear();
    this.#default = undefined;
    await Promise.all(listeners.map((listener) => this.#listeners.leave(listener, deadline)));
    // A listener that others share stays open, and may still carry requests of ours.
    if (this.stats.running > 0) {
      await Promise.race([deadline, new Promise<void>((resolve) => this.#onIdle = resolve)]);
    }
    ended.abort();
  }

  /** Counts a request in. */
  begin(): void {
    this.stats.requests++;
    this.stats.running++;
  }

  /** Counts a request out. */
  end(): void {
    this.stats.running--;
    if (this.stats.running === 0) this.#onIdle?.();
  }

  /** Links of different capabilities may share a listener. */
  #claimKey(linkKey: string): string {
    return `${this.context.spec.id} ${linkKey}`;
  }

  async #listenerFor(key: string, settings: ListenerSettings | undefined): Promise<Listener> {
    const fallback = this.#default;
    if (!fallback) throw new Fault("unavailable", `http-server ${this.context.spec.id} is not started`);
    if (!settings || isSame(settings, fallback.settings)) return fallback;
    for (const use of this.#uses.values()) {
      if (!isSame(settings, use.listener.settings)) continue;
      clearTimeout(use.timer);
      use.links.add(key);
      return use.listener;
    }
    const listener = await this.#listeners.use(settings, this.context.log);
    this.#uses.set(listener, { listener, links: new Set([key]) });
    return listener;
  }

  /** A link no longer needs the listener; when none does for a while, it is closed. */
  #unuse(key: string, listener: Listener): void {
    const use = this.#uses.get(listener);
    if (!use || !use.links.delete(key) || use.links.size > 0) return;
    clearTimeout(use.timer);
    use.timer = setTimeout(() => {
      if (use.links.size > 0 || !this.#uses.delete(listener)) return;
      void this.#listeners.leave(listener, this.context.clock.sleep(UNUSED_MS));
    }, UNUSED_MS);
  }
}

function isSame(a: ListenerSettings, b: ListenerSettings): boolean {
  return a.address === b.address && a.port === b.port;
}

function noteIgnored(context: ProviderContext, config: Config, where: string): void {
  const ignored = listIgnored(config);
  if (ignored.length === 0) return;
  context.log.info(
    `http-server: ${ignored.join(", ")} of ${where} have no effect; components answer these themselves`,
  );
}
