// A Call: one unit of guest work, in either direction. Every Call crosses the switchboard once, whoever made it and
// wherever its target is.

/** Where a trace goes on; W3C trace-context ids in lower-case hex. */
export interface Trace {
  traceId: string;
  spanId: string;
}

/** One unit of guest work. Values in `args` and in the result follow the convention of `wit.ts`. */
export interface Call {
  /** Who asks: the id of a component, or of a provider for work that enters from outside. */
  readonly source: string;
  /** The link name the caller chose; `default` unless it chose one. */
  readonly linkName: string;
  /** `ns:pkg/iface`, without version. */
  readonly interface: string;
  /** The version of that interface the caller was built against, where it is known; for targets of clashing drafts. */
  readonly version?: string;
  /** The function's WIT name, e.g. `get` or `[method]bucket.get`. */
  readonly function: string;
  readonly args: readonly unknown[];
  /** Which of several links the caller means: only a provider has more than one target per interface and name. */
  readonly target?: string;
  /** Resources that the caller holds: a component that owns some of them is called in the instance where they live. */
  readonly held?: ReadonlySet<object>;
  /** When the caller stops waiting, on {@linkcode Clock.monotonicMs}'s scale; Infinity for none. */
  readonly deadlineMs: number;
  /** How many Calls led here; bounded, so that a cycle of links ends in a fault and not in a full memory. */
  readonly depth: number;
  readonly trace?: Trace;
  /** Aborted when the caller goes away (a client that hung up, an instance that was dropped). */
  readonly signal?: AbortSignal;
}

/** A Call like another but for what differs; trace and signal are asked of the original only when someone asks. */
class DerivedCall implements Call {
  readonly source: string;
  readonly linkName: string;
  readonly interface: string;
  readonly version?: string;
  readonly function: string;
  readonly args: readonly unknown[];
  readonly target?: string;
  readonly held?: ReadonlySet<object>;
  readonly deadlineMs: number;
  readonly depth: number;
  readonly #origin: Call;

  constructor(origin: Call, changes: CallChanges) {
    // Version and target belong to the caller's own link: another caller does not inherit them.
    const isSameCaller = changes.source === undefined;
    this.source = changes.source ?? origin.source;
    this.linkName = changes.linkName ?? origin.linkName;
    this.interface = changes.interface ?? origin.interface;
    this.version = changes.version ?? (isSameCaller ? origin.version : undefined);
    this.function = changes.function ?? origin.function;
    this.args = changes.args ?? origin.args;
    this.target = changes.target ?? (isSameCaller ? origin.target : undefined);
    this.held = changes.held;
    this.deadlineMs = changes.deadlineMs ?? origin.deadlineMs;
    this.depth = changes.depth ?? origin.depth;
    this.#origin = origin;
  }

  get trace(): Trace | undefined {
    return this.#origin.trace;
  }

  get signal(): AbortSignal | undefined {
    return this.#origin.signal;
  }
}

/** What a derived Call may have of its own. */
export type CallChanges = Partial<Omit<Call, "trace" | "signal">>;

/**
 * A Call that follows from another: the same with an earlier deadline, or what an instance asks while it serves one.
 * Never spread a Call: its trace and signal may be getters, and a signal nobody reads costs more than a small guest.
 */
export function deriveCall(origin: Call, changes: CallChanges): Call {
  return new DerivedCall(origin, changes);
}

/** Anything that carries out Calls: the switchboard, as providers and instances see it. */
export interface CallTarget {
  /** Resolves with the function's result; rejects with a {@linkcode Fault}, or a {@linkcode WitError} the WIT declares. */
  call(call: Call): unknown | Promise<unknown>;
}

/** The `err` case of a function's result, on its way to the guest that gets it as its own WIT value. */
export class WitError extends Error {
  override name = "WitError";
  /** The value of the err case; the glue lowers it into the guest. */
  readonly payload: unknown;

  constructor(payload: unknown) {
    super(
      typeof payload === "string"
        ? payload
        : JSON.stringify(payload, (_, v) => typeof v === "bigint" ? `${v}` : v),
    );
    this.payload = payload;
  }
}
