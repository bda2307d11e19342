// What a supervisor and its cells tell each other, as JSON lines over the cell's standard input and output. Plain data
// in both directions; requests to a cell carry an id that its reply repeats.

import type { ComponentSpec, ProviderSpec } from "./component.ts";
import type { EventBody } from "./event.ts";
import type { FaultData } from "./fault.ts";
import type { Config, Link } from "./link.ts";

/** Everything a cell should hold. Sent whole: the cell makes the difference. */
export interface Assignment {
  /** Counts up; the cell's answer repeats it. */
  revision: number;
  components: ComponentSpec[];
  providers: ProviderSpec[];
  links: Link[];
  configs: Record<string, Config>;
  /** Components that run in a cell of their own, and the Unix socket where that cell takes their calls. */
  elsewhere: Record<string, string>;
}

/** What a cell is told once, before anything else. */
export interface CellSettings {
  cell: number;
  data: string;
  http: { address: string; port: number; certFile?: string; keyFile?: string };
  logLevel: "debug" | "info" | "error";
  /** A cell for one quarantined component takes calls on this Unix socket, and opens no port. */
  socket?: string;
}

/** A call asked for by hand. */
export interface CallByHand {
  component: string;
  interface: string;
  function: string;
  args: string[];
  format: "wave" | "json";
  deadlineMs?: number;
}

export type ToCell =
  | { type: "settings"; settings: CellSettings }
  | { type: "assign"; assignment: Assignment }
  | { type: "call"; id: number; call: CallByHand }
  /** Run a command component to its end. */
  | { type: "run"; id: number; component: string }
  /** Take no new work; leave when the running work is done, at the latest after so many milliseconds. */
  | { type: "drain"; withinMs: number };

/** What a call by hand, or a command, came to. */
export interface CallOutcome {
  result: string;
  isError: boolean;
  output?: { stdout: string; stderr: string; exitCode: number };
}

/** Counters of one component in one cell. */
export interface ComponentCounters {
  instances: number;
  running: number;
  waiting: number;
  calls: number;
  failures: number;
}

export type FromCell =
  | { type: "ready" }
  /** `problems` by component or provider id; what has none is in effect. */
  | { type: "assigned"; revision: number; problems: Record<string, FaultData> }
  | { type: "reply"; id: number; outcome?: CallOutcome; fault?: FaultData }
  | { type: "event"; event: EventBody }
  | { type: "log"; level: "debug" | "info" | "error"; message: string; fields: Record<string, unknown> }
  /** Sent twice a second: the cell lives. Components whose calls are running are who to ask if it stops living. */
  | { type: "pulse"; memoryBytes: number; counters: Record<string, ComponentCounters>; running: string[] };
