// Faults: the expected failures, one class told apart by `code` (it crosses processes, where `instanceof` cannot).
// Adapters turn foreign errors into faults once; logic lets them pass; three doors translate them outwards: HTTP,
// the control reply and the exit code. The table below is the only place that knows those outward forms.

/** Outward forms of every fault code: HTTP status, process exit code, and whether trying again can help. */
export const FAULTS = {
  /** We cannot read what was asked. */
  bad_request: { http: 400, exit: 2, retry: "no" },
  /** No link, allow-list or credential permits it. */
  denied: { http: 403, exit: 3, retry: "no" },
  /** The named thing is not here. */
  not_found: { http: 404, exit: 4, retry: "no" },
  /** Someone changed it first, or it already is otherwise. */
  conflict: { http: 409, exit: 5, retry: "after re-reading" },
  /** A bound in `limits.ts` is reached. */
  over_limit: { http: 429, exit: 6, retry: "later" },
  /** The deadline passed; the work may have happened. */
  timeout: { http: 504, exit: 7, retry: "if idempotent" },
  /** Host, provider or instance out of reach. Never for a local write: offline is a status, not a fault. */
  unavailable: { http: 503, exit: 8, retry: "yes" },
  /** The guest trapped or broke its interface. */
  trapped: { http: 502, exit: 9, retry: "no" },
  /** Bytes fail their check. */
  corrupt: { http: 500, exit: 10, retry: "never" },
} as const;

export type FaultCode = keyof typeof FAULTS;

/** What crosses a process boundary in place of a {@linkcode Fault}. */
export interface FaultData {
  code: FaultCode;
  message: string;
  detail?: Record<string, unknown>;
}

/**
 * An expected failure. `message` names the thing, the place and the mend, in the form "what was attempted: what is
 * so; what to do". `detail` carries the same as data for programs.
 */
export class Fault extends Error {
  override name = "Fault";
  readonly code: FaultCode;
  readonly detail: Record<string, unknown>;

  constructor(
    code: FaultCode,
    message: string,
    options: { detail?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? {};
  }
}

/** Whether `error` is a fault, from this realm or revived from another process. */
export function isFault(error: unknown): error is Fault {
  return error instanceof Error && typeof (error as Fault).code === "string" &&
    (error as Fault).code in FAULTS;
}

/** Turns anything thrown into its wire form; what is not a fault becomes `otherwise` with its message kept. */
export function toFaultData(error: unknown, otherwise: FaultCode = "unavailable"): FaultData {
  if (isFault(error)) return { code: error.code, message: error.message, detail: error.detail };
  return { code: otherwise, message: error instanceof Error ? error.message : String(error) };
}

/** The reverse of {@linkcode toFaultData}; an unknown code (a newer peer's) reads as `unavailable`. */
export function fromFaultData(data: FaultData): Fault {
  const code = data.code in FAULTS ? data.code : "unavailable";
  return new Fault(code, data.message, { detail: data.detail });
}
