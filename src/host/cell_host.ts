// The inside of a cell: switchboard, providers and components, brought in line with each assignment. Knows no process
// and no pipe (`cli/cell.ts` does): messages in, messages out.

import type { Assignment } from "../model/cell_protocol.ts";
import type { ComponentSpec } from "../model/component.ts";
import type { FaultData } from "../model/fault.ts";
import { type Config, resolveLink } from "../model/link.ts";
import { LIMITS } from "../model/limits.ts";
import type { Clock, Log, Store } from "../model/ports.ts";
import type { HostSettings, ProviderTable } from "../model/provider.ts";
import { ProviderSet } from "./provider_set.ts";
import { type Components, Switchboard } from "./switchboard.ts";

/** The runtime as a cell drives it. */
export interface CellRuntime extends Components {
  apply(
    specs: readonly ComponentSpec[],
    elsewhere: Readonly<Record<string, string>>,
    deadline: Promise<void>,
  ): void;
  stop(deadline: Promise<void>): Promise<void>;
}

export interface CellHostOptions {
  table: ProviderTable;
  store: Store;
  clock: Clock;
  log: Log;
  host: Omit<HostSettings, "isReady">;
  /** Made here because the runtime needs the switchboard, and the switchboard the runtime. */
  createRuntime(switchboard: Switchboard): CellRuntime;
}

/** One cell's logic. */
export class CellHost {
  readonly runtime: CellRuntime;
  readonly providers: ProviderSet;
  readonly #switchboard = new Switchboard();
  readonly #clock: Clock;
  #isReady = false;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: CellHostOptions) {
    const { table, store, clock, log } = options;
    this.#clock = clock;
    this.runtime = options.createRuntime(this.#switchboard);
    const host = { ...options.host, isReady: () => this.#isReady };
    this.providers = new ProviderSet({ table, store, clock, log, host, switchboard: this.#switchboard });
    this.#switchboard.connect({ components: this.runtime, providers: this.providers });
  }

  /** Brings the cell in line; one assignment at a time, in order. Resolves with what was refused. */
  assign(assignment: Assignment): Promise<Record<string, FaultData>> {
    const result = this.#busy.then(() => this.#assign(assignment));
    this.#busy = result.catch(() => {});
    return result;
  }

  /** Takes no new work and ends the running work within `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.#isReady = false;
    const deadlineMs = this.#clock.monotonicMs() + withinMs;
    // Servers first: what they let in still needs its components.
    await this.providers.stop(deadlineMs);
    const left = Math.max(0, deadlineMs - this.#clock.monotonicMs());
    await this.runtime.stop(this.#clock.sleep(left));
  }

  async #assign(
    { components, providers, links, configs, elsewhere }: Assignment,
  ): Promise<Record<string, FaultData>> {
    const resolved = links.map((link) => resolveLink(link, configs));
    const deadlineMs = this.#clock.monotonicMs() + LIMITS.drainMs;
    await this.providers.startImplicit();
    // Routes go before components go, and come after components came.
    await this.providers.remove(providers, resolved, deadlineMs);
    this.providers.setComponentConfigs(
      new Map<string, Config>(components.map((spec) => [spec.id, spec.config])),
    );
    this.#switchboard.setLinks(resolved);
    this.runtime.apply(components, elsewhere, this.#clock.sleep(LIMITS.drainMs));
    const problems = await this.providers.add(providers, resolved);
    this.#isReady = true;
    return problems;
  }
}
