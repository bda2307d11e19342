// A stand-in for the cell in tests of providers: a context over nothing but what the test gives, which records log lines
// and hands Calls to a function.

import type { Call } from "../../src/model/call.ts";
import { parseEntityId } from "../../src/model/ids.ts";
import type { Config, ResolvedLink } from "../../src/model/link.ts";
import type { Clock, Log, Store } from "../../src/model/ports.ts";
import type { HostSettings, ProviderContext } from "../../src/model/provider.ts";

/** One recorded log line. */
export interface ProviderLogLine {
  level: "debug" | "info" | "error";
  message: string;
  fields: Record<string, unknown>;
}

export interface FakeProviderContext extends ProviderContext {
  readonly lines: ProviderLogLine[];
}

/** Real time; a provider under test talks to real sockets. */
export const testClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      }, { once: true });
    }),
};

function recordingLog(lines: ProviderLogLine[]): Log {
  const at = (level: ProviderLogLine["level"]) => (message: string, fields: Record<string, unknown> = {}) =>
    void lines.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), error: at("error"), with: () => recordingLog(lines) };
}

/** Settings of a host that listens on a free port of the loopback. */
export function testHost(http: Partial<HostSettings["http"]> = {}, isReady = () => true): HostSettings {
  return { http: { address: "127.0.0.1", port: 0, ...http }, isReady };
}

/** A context whose Calls go to `call`. */
export function fakeProviderContext(options: {
  id?: string;
  kind: string;
  config?: Config;
  host?: HostSettings;
  store?: Store;
  call?: (call: Call) => unknown;
}): FakeProviderContext {
  const lines: ProviderLogLine[] = [];
  const id = options.id ?? "test-provider";
  return {
    spec: {
      id: parseEntityId(id),
      application: "test",
      name: id,
      image: `builtin://${options.kind}`,
      kind: options.kind,
      configNames: [],
      config: options.config ?? {},
    },
    switchboard: {
      call: options.call ?? ((call) => {
        throw new Error(`nothing is linked: ${call.interface}`);
      }),
    },
    store: options.store ?? ({} as Store),
    clock: testClock,
    log: recordingLog(lines),
    host: options.host ?? testHost(),
    lines,
  };
}

/** A link as a provider is handed it. */
export function testLink(
  link: { source?: string; target?: string; name?: string; sourceConfig?: Config; targetConfig?: Config },
): ResolvedLink {
  const source = parseEntityId(link.source ?? "test-provider");
  const target = parseEntityId(link.target ?? "test-component");
  const name = link.name ?? "default";
  return {
    key: `${source}/${name}/wasi:http/${target}`,
    source,
    target,
    name,
    namespace: "wasi",
    package: "http",
    interfaces: ["incoming-handler"],
    sourceConfig: link.sourceConfig ?? {},
    targetConfig: link.targetConfig ?? {},
  };
}
