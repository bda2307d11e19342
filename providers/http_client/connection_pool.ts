// Connections kept open between requests. One that its server closes, or on which something comes unasked, leaves the
// pool at once; the others after a while.

import { LIMITS } from "../../src/model/limits.ts";
import type { Connection } from "./connection.ts";

/** How often idle connections are looked at. */
const SWEEP_MS = 5_000;

/** Idle connections by key. */
export class ConnectionPool {
  readonly #idle = new Map<string, Connection[]>();
  #count = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;

  /** The most recently used connection for one of these keys, if any. */
  take(keys: readonly string[]): Connection | undefined {
    for (const key of keys) {
      const connection = this.#idle.get(key)?.at(-1);
      if (!connection) continue;
      this.#remove(connection);
      return connection;
    }
    return undefined;
  }

  /** Keeps a connection whose exchange ended cleanly. */
  give(connection: Connection): void {
    if (
      this.#isClosed || connection.isClosed || connection.buffered > 0 ||
      this.#count >= LIMITS.httpClientIdleMax
    ) {
      connection.close();
      return;
    }
    connection.idleSinceMs = performance.now();
    const list = this.#idle.get(connection.key);
    if (list) list.push(connection);
    else this.#idle.set(connection.key, [connection]);
    this.#count++;
    connection.watch(() => {
      if (this.#remove(connection)) connection.close();
    });
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Closes all that is idle; what is given back from now on is closed, too. */
  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#idle.values()].flat()) connection.close();
    this.#idle.clear();
    this.#count = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const before = performance.now() - LIMITS.httpClientIdleMs;
    for (const connection of [...this.#idle.values()].flat()) {
      if (connection.idleSinceMs < before && this.#remove(connection)) connection.close();
    }
    if (this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #remove(connection: Connection): boolean {
    const list = this.#idle.get(connection.key);
    const at = list?.indexOf(connection) ?? -1;
    if (!list || at < 0) return false;
    list.splice(at, 1);
    if (list.length === 0) this.#idle.delete(connection.key);
    this.#count--;
    return true;
  }
}
