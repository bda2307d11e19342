// The Provider contract: code the host runs to give or feed a capability. One provider object per declared capability
// and cell. Work is done at the slowest clock that can do it: `start` per host, `bind` and `unbind` per link, `call`
// per Call.

import type { Call, CallTarget } from "./call.ts";
import type { ProviderSpec } from "./component.ts";
import type { Config, ResolvedLink } from "./link.ts";
import type { Clock, Log, Store } from "./ports.ts";

/** What a provider may use of the host. */
export interface ProviderContext {
  readonly spec: ProviderSpec;
  /** Where its own Calls go (a server's requests, a subscription's messages). */
  readonly switchboard: CallTarget;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Settings of the host that concern this kind of provider (`--http` for the HTTP server). */
  readonly host: HostSettings;
}

/** Host-wide settings that providers read. */
export interface HostSettings {
  /** Default listener, `address:port`; TLS when both files are given. */
  readonly http: {
    readonly address: string;
    readonly port: number;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
  /** Whether this process is ready to serve; asked by `/readyz`. */
  readonly isReady: () => boolean;
}

/** Code that gives or feeds a capability. Every method may be called again after a failure; none may block the loop. */
export interface Provider {
  /** Called once before anything else; rejects with a {@linkcode Fault} that names the setting to mend. */
  start(): Promise<void>;
  /** A link to or from this provider came or changed (same `key`). A bad setting is refused here, early. */
  bind(link: ResolvedLink): void | Promise<void>;
  /** The link with this key is gone. Unknown keys are ignored: unbind is idempotent. */
  unbind(key: string): void | Promise<void>;
  /** Carries out a Call that arrived along `link`. Results as the WIT says; the err case as a {@linkcode WitError}. */
  call(call: Call, link: ResolvedLink): unknown | Promise<unknown>;
  /** Stops taking new work, lets running work end until `deadlineMs` (monotonic), then frees everything. */
  stop(deadlineMs: number): Promise<void>;
}

/** One row of the provider table. */
export interface ProviderKind {
  /** `ns:pkg/iface` names (no version) that components may import from it. */
  readonly offers: readonly string[];
  /** `ns:pkg/iface` names that it calls on components. */
  readonly calls: readonly string[];
  /**
   * Linked to every component without being declared (config, logging: nothing outside is reached by them). Nobody
   * binds such links: `call` gets one that the host made, whose `targetConfig` is the caller's own merged config.
   */
  readonly implicit: boolean;
  /** Checks settings before anything starts, so that a manifest is refused whole; throws a {@linkcode Fault}. */
  readonly check?: (setting: { link?: { source: Config; target: Config }; config?: Config }) => void;
  readonly create: (context: ProviderContext) => Provider;
}

/** Kind name -> row; `providers/mod.ts` holds the real one. */
export type ProviderTable = Readonly<Record<string, ProviderKind>>;
