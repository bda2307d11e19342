// What the runtime's own host classes may know of the instance they serve: its declaration, where its Calls and log
// lines go, and the quotas they must charge. One per instance; `instance.ts` implements it.

import type { ComponentSpec } from "../model/component.ts";
import type { Clock, Log } from "../model/ports.ts";

/** What a Call out is for; one object for each imported function, not for each call. */
export interface CalledFunction {
  /** Without version. */
  readonly interface: string;
  readonly version?: string;
  /** WIT name. */
  readonly function: string;
}

/** One instance, as seen from its imports. */
export interface InstanceContext {
  readonly spec: ComponentSpec;
  readonly clock: Clock;
  /** Log of this component; charged through {@linkcode chargeLog} by those who write guest text to it. */
  readonly log: Log;
  /** Sends a Call out along the link the component has for the interface, by the current link name. */
  callOut(target: CalledFunction, args: readonly unknown[]): unknown | Promise<unknown>;
  /** Whether `bytes` more of log fit the current call's quota; says so once in the log when they no longer do. */
  chargeLog(bytes: number): boolean;
  /** Registers something to free when the instance goes (a file, a socket); returns the function that unregisters it. */
  onDrop(free: () => void): () => void;
}

/** Thrown by `wasi:cli/exit`: unwinds the guest; not a trap. */
export class GuestExit extends Error {
  override name = "GuestExit";
  constructor(readonly exitCode: number) {
    super(`the guest exited with code ${exitCode}`);
  }
}

/** Makes the import objects of one WASI package for one instance. */
export type WasiPackage = (context: InstanceContext) => Record<string, unknown>;
