// A stand-in for `instance.ts` in unit tests of the host classes: an InstanceContext over nothing, which records the
// log lines and frees on demand what was registered.

import type { ComponentSpec } from "../../src/model/component.ts";
import { parseDigest, parseEntityId } from "../../src/model/ids.ts";
import { COMPONENT_LIMITS } from "../../src/model/limits.ts";
import type { Log } from "../../src/model/ports.ts";
import type { InstanceContext } from "../../src/runtime/context.ts";

/** One recorded log line. */
export interface LogLine {
  level: "debug" | "info" | "error";
  message: string;
  fields: Record<string, unknown>;
}

export interface FakeContext extends InstanceContext {
  readonly lines: LogLine[];
  /** Log bytes still to spend; `chargeLog` refuses what exceeds them. */
  logBytesLeft: number;
  /** How many things wait to be freed. */
  held(): number;
  /** Frees everything, as a dropped instance does. */
  drop(): void;
}

function recordingLog(lines: LogLine[], base: Record<string, unknown> = {}): Log {
  const at = (level: LogLine["level"]) => (message: string, fields: Record<string, unknown> = {}) =>
    void lines.push({ level, message, fields: { ...base, ...fields } });
  return {
    debug: at("debug"),
    info: at("info"),
    error: at("error"),
    with: (fields) => recordingLog(lines, { ...base, ...fields }),
  };
}

/** A context for a component declared with `spec` on top of an empty declaration. */
export function fakeContext(spec: Partial<ComponentSpec> = {}): FakeContext {
  const lines: LogLine[] = [];
  const frees = new Set<() => void>();
  return {
    spec: {
      id: parseEntityId("test-component"),
      application: "test",
      name: "component",
      image: "component.wasm",
      digest: parseDigest("0".repeat(64)),
      instances: 1,
      configNames: [],
      config: {},
      limits: { ...COMPONENT_LIMITS },
      preopens: [],
      sockets: { connect: [], listen: [], lookup: [] },
      args: [],
      environment: {},
      ...spec,
    },
    clock: {
      nowMs: () => Date.now(),
      monotonicMs: () => performance.now(),
      sleep: () => Promise.reject(new Error("a test does not sleep")),
    },
    log: recordingLog(lines),
    lines,
    logBytesLeft: Infinity,
    callOut({ interface: interfaceName, function: functionName }) {
      throw new Error(`nothing is linked: ${interfaceName}#${functionName}`);
    },
    chargeLog(bytes) {
      if (bytes > this.logBytesLeft) return false;
      this.logBytesLeft -= bytes;
      return true;
    },
    onDrop(free) {
      frees.add(free);
      return () => void frees.delete(free);
    },
    held: () => frees.size,
    drop() {
      for (const free of [...frees]) free();
      frees.clear();
    },
  };
}
