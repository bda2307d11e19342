// Events: facts that a host publishes. Issue 3 puts them on the lattice as CloudEvents; here they are log lines, the
// local API's event list and what tests wait for.

import type { FaultCode } from "./fault.ts";

/** What happened; `type` names follow wasmCloud where it has one. */
export type EventBody =
  | { type: "host_started"; version: string; data: string }
  | { type: "host_stopped"; reason: string }
  | { type: "application_applied"; application: string; version: string }
  | { type: "application_deleted"; application: string }
  | { type: "component_started"; component: string; digest: string }
  | { type: "component_stopped"; component: string; reason: string }
  | { type: "component_start_failed"; component: string; code: FaultCode; reason: string }
  | { type: "component_exited"; component: string; exitCode: number }
  | { type: "component_quarantined"; component: string; reason: string }
  | {
    type: "call_failed";
    component: string;
    interface: string;
    function: string;
    code: FaultCode;
    reason: string;
  }
  | { type: "cell_started"; cell: number; pid: number }
  | { type: "cell_lost"; cell: number; pid: number; reason: string; suspects: string[] }
  | { type: "store_recovered"; reason: string; kept: number; setAside: string };

/** One event as it is kept and shown. */
export type Event = EventBody & {
  /** Milliseconds since the epoch, by this host's clock. */
  timeMs: number;
  /** Counts up within one run of the host. */
  sequence: number;
};
