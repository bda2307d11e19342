// The listeners of this process, shared by all `http-server` capabilities of one host: an address is opened by the first
// who needs it and closed after the last, with a pause in which a changed link may take it up again.

import { assert } from "../../src/model/assert.ts";
import { Fault } from "../../src/model/fault.ts";
import type { Log } from "../../src/model/ports.ts";
import type { HostSettings } from "../../src/model/provider.ts";
import { addressText, Listener } from "./listener.ts";
import type { ListenerSettings } from "./settings.ts";

interface Shared {
  listener: Listener;
  opening: Promise<void>;
  /** One entry per use. */
  users: number;
}

const sets = new WeakMap<HostSettings, ListenerSet>();

/** Listeners by address. */
export class ListenerSet {
  readonly #byAddress = new Map<string, Shared>();
  readonly #host: HostSettings;

  constructor(host: HostSettings) {
    this.#host = host;
  }

  /** The one of this host, made on first use. */
  static of(host: HostSettings): ListenerSet {
    let set = sets.get(host);
    if (!set) sets.set(host, set = new ListenerSet(host));
    return set;
  }

  /** The host's own listener, which answers health too. */
  get main(): ListenerSettings {
    const { address, port, certFile, keyFile } = this.#host.http;
    return { address, port, certFile, keyFile };
  }

  /** The listener at an address, listening. Each use is given back with {@linkcode leave}. */
  async use(settings: ListenerSettings, log: Log): Promise<Listener> {
    const key = addressText(settings);
    let shared = this.#byAddress.get(key);
    if (shared) checkSameTls(shared.listener.settings, settings, key);
    else {
      const isMain = key === addressText(this.#host.http);
      const listener = new Listener(settings, log, isMain ? this.#host.isReady : undefined);
      shared = { listener, opening: listener.open(), users: 0 };
      this.#byAddress.set(key, shared);
    }
    shared.users++;
    try {
      await shared.opening;
    } catch (error) {
      if (this.#byAddress.get(key) === shared) this.#byAddress.delete(key);
      throw error;
    }
    return shared.listener;
  }

  /** Ends one use; the last one closes the listener, letting running requests end until `deadline`. */
  async leave(listener: Listener, deadline: Promise<void>): Promise<void> {
    const key = addressText(listener.settings);
    const shared = this.#byAddress.get(key);
    assert(shared?.listener === listener && shared.users > 0, "a listener is left once for each use");
    shared.users--;
    if (shared.users > 0) return;
    this.#byAddress.delete(key);
    await listener.close(deadline);
  }
}

function checkSameTls(had: ListenerSettings, wanted: ListenerSettings, where: string): void {
  // Who names no certificate takes the listener as it is.
  if (wanted.certFile === undefined) return;
  if (had.certFile === wanted.certFile && had.keyFile === wanted.keyFile) return;
  throw new Fault(
    "conflict",
    `http-server: ${where} is in use with ${had.certFile ?? "no certificate"}, not ${wanted.certFile}; ` +
      "use the same files or another address",
  );
}
