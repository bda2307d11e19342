// The built-in `logging` provider: what components write to wasi:logging becomes lines of the host's own log, with the
// component's id, its level and its context as fields. Implicit: every component has it. A line is bounded, so that a
// dumped buffer cannot fill the journal; how many lines one call may write is the runtime's business.

import type { Call } from "../src/model/call.ts";
import { Fault } from "../src/model/fault.ts";
import { LIMITS } from "../src/model/limits.ts";
import type { Log } from "../src/model/ports.ts";
import type { Provider, ProviderContext, ProviderKind } from "../src/model/provider.ts";

/** The row for the provider table. */
export const LOGGING: ProviderKind = {
  offers: ["wasi:logging/logging"],
  calls: [],
  implicit: true,
  create: (context) => new LogWriter(context),
};

/** The host's log has three levels; the guest's own is kept as a field. */
const LEVELS: Readonly<Record<string, keyof Omit<Log, "with">>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "info",
  error: "error",
  critical: "error",
};

class LogWriter implements Provider {
  readonly #log: Log;

  constructor(context: ProviderContext) {
    this.#log = context.log;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  bind(): void {}

  unbind(): void {}

  call(call: Call): void {
    if (call.function !== "log") {
      throw new Fault(
        "not_found",
        `call ${call.interface} ${call.function}: wasi:logging has no such function; it has log`,
      );
    }
    const [level, context, message] = call.args.map(String);
    const fields: Record<string, unknown> = { component: call.source, level };
    if (context) fields.context = cut(context, LIMITS.logContextBytesMax);
    if (call.trace) fields.trace = call.trace.traceId;
    const write = LEVELS[level] ?? "info";
    this.#log[write](cut(message, LIMITS.logMessageBytesMax), fields);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

const encoder = new TextEncoder();

/** At most `bytesMax` bytes of `text` in UTF-8, whole characters, and a mark that says what is missing. */
function cut(text: string, bytesMax: number): string {
  // Three bytes hold any UTF-16 unit: most texts need no counting.
  if (text.length * 3 <= bytesMax) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(bytesMax));
  return read === text.length ? text : `${text.slice(0, read)}… (${text.length - read} characters cut)`;
}
