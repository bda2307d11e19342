// The providers of one cell: told what should be there, it starts, binds, unbinds and stops. What one provider refuses
// is reported by its id and never keeps the others from starting.

import type { CallTarget } from "../model/call.ts";
import type { ProviderSpec } from "../model/component.ts";
import { type FaultData, toFaultData } from "../model/fault.ts";
import type { EntityId } from "../model/ids.ts";
import type { Config, ResolvedLink } from "../model/link.ts";
import type { Clock, Log, Store } from "../model/ports.ts";
import type { HostSettings, Provider, ProviderKind, ProviderTable } from "../model/provider.ts";
import type { Providers } from "./switchboard.ts";

/** What every provider is handed besides its declaration. */
export interface ProviderSurroundings {
  table: ProviderTable;
  switchboard: CallTarget;
  store: Store;
  clock: Clock;
  log: Log;
  host: HostSettings;
}

interface Running {
  spec: string;
  provider: Provider;
  kind: ProviderKind;
  bound: Map<string, ResolvedLink>;
}

/** Holds providers by id. */
export class ProviderSet implements Providers {
  readonly #surroundings: ProviderSurroundings;
  readonly #running = new Map<string, Running>();
  readonly #implicit = new Map<string, { id: EntityId; kind: string }>();
  #configs: ReadonlyMap<string, Config> = new Map();

  constructor(surroundings: ProviderSurroundings) {
    this.#surroundings = surroundings;
    for (const [kind, row] of Object.entries(surroundings.table)) {
      if (!row.implicit) continue;
      for (const name of row.offers) this.#implicit.set(name, { id: `builtin-${kind}` as EntityId, kind });
    }
  }

  /** Starts the providers that need no declaration. */
  async startImplicit(): Promise<void> {
    for (const { id, kind } of this.#implicit.values()) {
      if (this.#running.has(id)) continue;
      await this.#start({
        id,
        application: "",
        name: kind,
        image: `builtin://${kind}`,
        kind,
        configNames: [],
        config: {},
      });
    }
  }

  /** What each component reads as its configuration, for providers that serve it without a declared link. */
  setComponentConfigs(configs: ReadonlyMap<string, Config>): void {
    this.#configs = configs;
  }

  get(id: string): Provider | undefined {
    return this.#running.get(id)?.provider;
  }

  implicitLink(source: string, interfaceName: string): ResolvedLink | undefined {
    const provider = this.#implicit.get(interfaceName);
    const config = provider && this.#configs.get(source);
    if (!provider || !config) return undefined;
    const slash = interfaceName.indexOf("/");
    const colon = interfaceName.indexOf(":");
    return {
      key: `${source}/${provider.id}`,
      source: source as EntityId,
      target: provider.id,
      name: "default",
      namespace: interfaceName.slice(0, colon),
      package: interfaceName.slice(colon + 1, slash),
      interfaces: [interfaceName.slice(slash + 1)],
      sourceConfig: {},
      targetConfig: config,
    };
  }

  /** Unbinds and stops what is no longer wanted. Comes before {@linkcode add}, so that a route can change hands. */
  async remove(
    specs: readonly ProviderSpec[],
    links: readonly ResolvedLink[],
    deadlineMs: number,
  ): Promise<void> {
    const wanted = new Map(specs.map((spec) => [spec.id as string, JSON.stringify(spec)]));
    const wantedLinks = new Map(links.map((link) => [link.key, JSON.stringify(link)]));
    const stopping: Promise<void>[] = [];
    for (const [id, running] of this.#running) {
      if (id.startsWith("builtin-")) continue;
      if (wanted.get(id) !== running.spec) {
        this.#running.delete(id);
        stopping.push(running.provider.stop(deadlineMs));
        continue;
      }
      for (const [key, link] of running.bound) {
        if (wantedLinks.get(key) === JSON.stringify(link)) continue;
        running.bound.delete(key);
        await running.provider.unbind(key);
      }
    }
    await Promise.allSettled(stopping);
  }

  /** Starts and binds what is new; returns what was refused, by provider id or link key. */
  async add(
    specs: readonly ProviderSpec[],
    links: readonly ResolvedLink[],
  ): Promise<Record<string, FaultData>> {
    const problems: Record<string, FaultData> = {};
    for (const spec of specs) {
      if (this.#running.has(spec.id)) continue;
      try {
        await this.#start(spec);
      } catch (error) {
        problems[spec.id] = toFaultData(error);
      }
    }
    for (const link of links) {
      for (const end of [link.source, link.target]) {
        const running = this.#running.get(end);
        if (!running || running.bound.has(link.key)) continue;
        try {
          await running.provider.bind(link);
          running.bound.set(link.key, link);
        } catch (error) {
          problems[link.key] = toFaultData(error);
        }
      }
    }
    return problems;
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ provider }) => provider.stop(deadlineMs)));
    this.#running.clear();
  }

  async #start(spec: ProviderSpec): Promise<void> {
    const kind = this.#surroundings.table[spec.kind];
    const provider = kind.create({
      ...this.#surroundings,
      spec,
      log: this.#surroundings.log.with({ provider: spec.id }),
    });
    await provider.start();
    this.#running.set(spec.id, { spec: JSON.stringify(spec), provider, kind, bound: new Map() });
  }
}
