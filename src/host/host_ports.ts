// What the supervisor's logic asks of its adapters, beyond `model/ports.ts`: cells, artifacts and programs. `cli/up.ts`
// picks who answers.

import type {
  Assignment,
  CallByHand,
  CallOutcome,
  CellSettings,
  ComponentCounters,
} from "../model/cell_protocol.ts";
import type { FaultData } from "../model/fault.ts";
import type { Digest } from "../model/ids.ts";
import type { ComponentLimits } from "../model/limits.ts";
import type { Clock, EventSink, Log, Store } from "../model/ports.ts";
import type { ProviderTable } from "../model/provider.ts";
import type { ComponentWit } from "../model/wit.ts";

/** One cell, as the fleet drives it. `runtime/cells.ts` has the real one. */
export interface CellPort {
  readonly settings: CellSettings;
  readonly state: "starting" | "ready" | "draining" | "lost";
  readonly pid: number;
  readonly restarts: number;
  readonly memoryBytes: number;
  readonly counters: Readonly<Record<string, ComponentCounters>>;
  start(): void;
  /** Resolves with what was refused, once the cell (or its successor) has it in effect. */
  assign(assignment: Assignment): Promise<Record<string, FaultData>>;
  call(call: CallByHand): Promise<CallOutcome>;
  run(component: string): Promise<CallOutcome>;
  stop(withinMs: number): Promise<void>;
}

/** What a lost cell says of itself. */
export interface CellLossReport {
  pid: number;
  reason: string;
  isOwnDoing: boolean;
  running: string[];
}

/** Makes a cell that reports to the given listener. */
export type CellFactory = (
  settings: CellSettings,
  listener: { onLost(cell: CellPort, loss: CellLossReport): void; onStarted(cell: CellPort): void },
) => CellPort;

/** Component bytes by digest. */
export interface Artifacts {
  put(bytes: Uint8Array<ArrayBuffer>): Promise<Digest>;
  get(digest: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** Programs made from them. */
export interface Programs {
  prepare(
    digest: string,
    limits: Pick<ComponentLimits, "memoryBytesMax" | "tableElementsMax">,
    what: string,
  ): Promise<void>;
}

/** What the runtime knows of components without running them. */
export interface ComponentKnowledge {
  /** The types of a component; `bad_request` when it is none. */
  inspect(bytes: Uint8Array, what: string): ComponentWit;
  /** Whether the runtime answers this import (no version) by itself. */
  isBuiltin(name: string): boolean;
  /** Of those, whether it needs a link all the same. */
  needsLink(name: string): boolean;
}

/** Everything a host is made of. */
export interface HostParts {
  store: Store;
  clock: Clock;
  log: Log;
  events: EventSink;
  artifacts: Artifacts;
  programs: Programs;
  knowledge: ComponentKnowledge;
  providers: ProviderTable;
  createCell: CellFactory;
  /** Rejects with `conflict` when another program listens there; asked before the cells, which share the port, begin. */
  requireFreePort(listener: { address: string; port: number }): Promise<void>;
}
