// Which link a request belongs to, by host name and path. A table is made whenever a link comes or goes and asked for
// every request: the host's part is remembered by authority, the path's costs one look per distinct prefix length.

import { LIMITS } from "../../src/model/limits.ts";

/** One host and path with what is behind it. */
export interface RouteClaim<Target> {
  /** As {@linkcode RouteSettings}: empty for any host. */
  hosts: readonly string[];
  paths: readonly string[];
  target: Target;
}

/** Routes of one host name: the target of each prefix, looked up longest first. */
class PathTable<Target> {
  readonly #byPrefix = new Map<string, Target>();
  #lengths: number[] = [];
  /** The target of `/`. */
  root: Target | undefined;

  add(path: string, target: Target): void {
    if (path === "/") {
      this.root = target;
      return;
    }
    this.#byPrefix.set(path, target);
    if (this.#lengths.includes(path.length)) return;
    this.#lengths = [...this.#lengths, path.length].sort((a, b) => b - a);
  }

  /** The target of the longest prefix, `/` not counted. */
  findBelowRoot(path: string): Target | undefined {
    for (const length of this.#lengths) {
      if (length > path.length || !endsSegment(path, length)) continue;
      const found = this.#byPrefix.get(path.slice(0, length));
      if (found) return found;
    }
    return undefined;
  }
}

/** Whether a path segment ends before `at`: at the end, or at `/` or `?`. */
function endsSegment(path: string, at: number): boolean {
  if (at === path.length) return true;
  const code = path.charCodeAt(at);
  return code === 0x2f || code === 0x3f;
}

/** An immutable set of routes. */
export class RouteTable<Target> {
  /** By exact name; `*.example` under `.example`; any host under the empty name. */
  readonly #byHost = new Map<string, PathTable<Target>>();
  /** The tables that may hold an authority's routes, best first. */
  readonly #remembered = new Map<string, readonly PathTable<Target>[]>();
  readonly #any: readonly PathTable<Target>[];

  constructor(claims: Iterable<RouteClaim<Target>>) {
    for (const { hosts, paths, target } of claims) {
      for (const key of hosts.length ? hosts.map(toKey) : [""]) {
        let table = this.#byHost.get(key);
        if (!table) this.#byHost.set(key, table = new PathTable());
        for (const path of paths) table.add(path, target);
      }
    }
    const any = this.#byHost.get("");
    this.#any = any ? [any] : [];
  }

  /** Whether the authority matters at all. */
  get hasHosts(): boolean {
    return this.#byHost.size > this.#any.length;
  }

  /**
   * The target for a request, or undefined. `path` may carry a query. An exact host is preferred to a wildcard and that
   * to none; within a host the longest prefix wins. `belowRoot` leaves catch-all routes out.
   */
  find(authority: string, path: string, belowRoot = false): Target | undefined {
    const tables = this.hasHosts ? this.#tablesOf(authority) : this.#any;
    for (const table of tables) {
      const found = table.findBelowRoot(path) ?? (belowRoot ? undefined : table.root);
      if (found) return found;
    }
    return undefined;
  }

  #tablesOf(authority: string): readonly PathTable<Target>[] {
    const known = this.#remembered.get(authority);
    if (known) return known;
    const host = hostnameOf(authority);
    const tables: PathTable<Target>[] = [];
    const add = (key: string) => {
      const table = this.#byHost.get(key);
      if (table) tables.push(table);
    };
    add(host || " ");
    for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) add(host.slice(dot));
    add("");
    if (this.#remembered.size >= LIMITS.httpHostsRemembered) this.#remembered.clear();
    this.#remembered.set(authority, tables);
    return tables;
  }
}

/** How a host of the settings is looked up: `*.example` by `.example`. */
function toKey(host: string): string {
  return host.startsWith("*.") ? host.slice(1) : host;
}

/** Longest host name DNS has; what is longer matches no route by name. */
const HOSTNAME_LENGTH_MAX = 253;

/** The name in an authority: lower-case, without port, user or final dot. */
export function hostnameOf(authority: string): string {
  const host = authority.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  return host.length > HOSTNAME_LENGTH_MAX || host.startsWith(".") ? "" : host;
}
