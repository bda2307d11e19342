// The components of one cell: told what should be there, it makes the difference, and carries out Calls on them.

import type { Call, CallTarget } from "../model/call.ts";
import type { ComponentSpec } from "../model/component.ts";
import { Fault } from "../model/fault.ts";
import type { Clock, Log } from "../model/ports.ts";
import { runCommand } from "./command.ts";
import { callElsewhere } from "./elsewhere.ts";
import { Pool, type PoolStats } from "./pool.ts";
import type { InterfacePlan, Program } from "./program.ts";
import type { CliOptions } from "./wasi/cli.ts";

/** What the runtime needs of its cell. */
export interface RuntimeHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly switchboard: CallTarget;
  /** Brings a component's program, making it again when it is missing or damaged. */
  loadProgram(spec: ComponentSpec): Promise<Program>;
  /** A call ended with a fault its component is to blame for. */
  onFailure(component: string, call: Call, fault: Fault): void;
}

/** How often idle instances are looked for. */
const SWEEP_MS = 1_000;

/** Holds components by id; instances come and go with the calls. */
export class WasmRuntime {
  readonly #host: RuntimeHost;
  readonly #specs = new Map<string, ComponentSpec>();
  /** Made by a component's first call: most of a thousand idle ones have none. */
  readonly #pools = new Map<string, Pool>();
  #elsewhere: Readonly<Record<string, string>> = {};
  readonly #sweeper: ReturnType<typeof setInterval>;

  constructor(host: RuntimeHost) {
    this.#host = host;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Makes the set of components equal to `specs`; replaced and removed ones finish their calls until `deadline`. */
  apply(
    specs: readonly ComponentSpec[],
    elsewhere: Readonly<Record<string, string>>,
    deadline: Promise<void>,
  ): void {
    this.#elsewhere = elsewhere;
    const wanted = new Set<string>(specs.map((spec) => spec.id));
    for (const id of [...this.#specs.keys()]) if (!wanted.has(id)) this.#remove(id, deadline);
    for (const spec of specs) {
      const before = this.#specs.get(spec.id);
      if (before && JSON.stringify(before) === JSON.stringify(spec)) continue;
      this.#remove(spec.id, deadline);
      this.#specs.set(spec.id, spec);
    }
  }

  has(id: string): boolean {
    return this.#specs.has(id);
  }

  /** Carries out a Call on the component `id`, here or in the cell it has been moved to. */
  call(id: string, call: Call): unknown | Promise<unknown> {
    const pool = this.#pool(id);
    if (pool.host.spec.instances === 0) {
      throw new Fault("unavailable", `component ${id} is scaled to 0 instances`);
    }
    const socket = this.#elsewhere[id];
    return socket ? callElsewhere(socket, id, call, () => pool.program()) : pool.call(call);
  }

  /** Carries out a Call in this very cell, wherever the component's other calls go. */
  callHere(id: string, call: Call): unknown | Promise<unknown> {
    return this.#pool(id).call(call);
  }

  /** The types of a component's exports, for codecs. */
  async exportsOf(id: string): Promise<ReadonlyMap<string, InterfacePlan>> {
    return (await this.#pool(id).program()).exported;
  }

  /** Runs a command (`wasi:cli/run`) to its end in an instance of its own; resolves with its exit code. */
  async runCommand(id: string, cli: CliOptions, deadlineMs: number): Promise<number> {
    const pool = this.#pool(id);
    return runCommand(await pool.program(), { ...pool.host, cli }, deadlineMs);
  }

  #pool(id: string): Pool {
    let pool = this.#pools.get(id);
    if (pool) return pool;
    const spec = this.#specs.get(id);
    if (!spec) throw new Fault("not_found", `there is no component ${id} on this host`);
    this.#pools.set(id, pool = this.#makePool(spec));
    return pool;
  }

  stats(): Record<string, PoolStats> {
    return Object.fromEntries([...this.#pools].map(([id, pool]) => [id, pool.stats]));
  }

  /** Stops every component; see {@linkcode Pool.stop}. */
  async stop(deadline: Promise<void>): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop(deadline)));
    this.#pools.clear();
    this.#specs.clear();
  }

  #makePool(spec: ComponentSpec): Pool {
    const { clock, log, switchboard, loadProgram, onFailure } = this.#host;
    return new Pool({
      spec,
      clock,
      log: log.with({ component: spec.id }),
      switchboard,
      loadProgram: () => loadProgram(spec),
      onFailure: (call, fault) => onFailure(spec.id, call, fault),
    });
  }

  #remove(id: string, deadline: Promise<void>): void {
    const pool = this.#pools.get(id);
    this.#pools.delete(id);
    this.#specs.delete(id);
    if (pool) void pool.stop(deadline);
  }

  #sweep(): void {
    const now = this.#host.clock.monotonicMs();
    for (const pool of this.#pools.values()) pool.sweep(now - pool.host.spec.limits.idleMs);
  }
}
