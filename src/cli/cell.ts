// `holdfast cell`: one cell process. The supervisor starts it and speaks with it over standard input and output
// (`model/cell_protocol.ts`); when that pipe ends, the supervisor is gone and so is the cell. Here the cell's parts meet.

import { CellHost } from "../host/cell_host.ts";
import type { CallByHand, CallOutcome, CellSettings, FromCell, ToCell } from "../model/cell_protocol.ts";
import { Fault, toFaultData } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import type { Log, Store } from "../model/ports.ts";
import { callByHand } from "../runtime/call_by_hand.ts";
import { serveElsewhere } from "../runtime/elsewhere_server.ts";
import { MessageWriter, readMessages } from "../runtime/json_lines.ts";
import { ProgramStore } from "../runtime/program_store.ts";
import { WasmRuntime } from "../runtime/wasm_runtime.ts";
import { SqliteStore } from "../store/sqlite_store.ts";
import { ArtifactStore } from "../store/artifact_store.ts";
import type { CliContext } from "./context.ts";
import { artifactFolder, programFolder } from "./folders.ts";
import { realClock } from "./real_world.ts";

type Writer = MessageWriter<FromCell>;

/** Serves until told to drain, or until the supervisor is gone. */
export async function run({ providers }: CliContext): Promise<never> {
  // Standard output belongs to the protocol.
  console.log = console.info = console.debug = console.error;
  // A terminal's Ctrl-C reaches the whole process group; when to stop is the supervisor's to say.
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => {});
  const writer: Writer = new MessageWriter<FromCell>(Deno.stdout.writable);
  const messages = readMessages<ToCell>(Deno.stdin.readable);
  const first = (await messages.next()).value;
  if (first?.type !== "settings") {
    throw new Fault("bad_request", "a cell must be started by a host: use `holdfast up`");
  }
  const { settings } = first;
  const store = await SqliteStore.open({ folder: settings.data, isOwner: false });
  const cell = await openCell(settings, store, writer, providers);
  writer.send({ type: "ready" });
  for await (const message of messages) {
    if (message.type === "drain") {
      // A supervisor that goes now, asked twice or killed, waits for no call any more.
      void messages.next().then(({ done }) => done && Deno.exit(0));
      await cell.drain(message.withinMs);
      await store.close();
      await writer.flushed();
      Deno.exit(0); // the read above is still waiting
    }
    cell.take(message);
  }
  // The supervisor died: what is not acknowledged is nobody's, what is acknowledged is on the disk.
  Deno.exit(0);
}

interface OpenCell {
  take(message: ToCell): void;
  drain(withinMs: number): Promise<void>;
}

async function openCell(
  settings: CellSettings,
  store: Store,
  writer: Writer,
  table: CliContext["providers"],
): Promise<OpenCell> {
  const log = messageLog(writer, settings.logLevel === "debug", {});
  const artifacts = await ArtifactStore.open(artifactFolder(settings.data));
  const programs = new ProgramStore({
    folder: programFolder(settings.data),
    componentPath: (digest) => artifacts.path(digest),
    log,
  });
  let runtime!: WasmRuntime;
  const host = new CellHost({
    table,
    store,
    clock: realClock,
    log,
    host: { http: settings.http },
    createRuntime: (switchboard) =>
      runtime = new WasmRuntime({
        clock: realClock,
        log,
        switchboard,
        loadProgram: (spec) => programs.load(spec),
        onFailure: (component, call, fault) =>
          writer.send({
            type: "event",
            event: {
              type: "call_failed",
              component,
              interface: call.interface,
              function: call.function,
              code: fault.code,
              reason: fault.message,
            },
          }),
      }),
  });
  const socket = settings.socket ? serveElsewhere(settings.socket, runtime) : undefined;
  const pulse = setInterval(() => sendPulse(writer, runtime), LIMITS.cellPulseMs);
  return {
    take(message) {
      if (message.type === "assign") {
        const { assignment } = message;
        const withoutRoutes = {
          ...assignment,
          providers: assignment.providers.filter(({ kind }) => kind !== "http-server"),
        };
        void host.assign(settings.socket ? withoutRoutes : assignment).then((problems) =>
          writer.send({ type: "assigned", revision: assignment.revision, problems })
        );
      } else if (message.type === "call") void reply(writer, message.id, callByHand(runtime, message.call));
      else if (message.type === "run") {
        void reply(writer, message.id, callByHand(runtime, commandCall(message.component)));
      }
    },
    async drain(withinMs) {
      clearInterval(pulse);
      await Promise.all([host.drain(withinMs), socket?.shutdown()]);
    },
  };
}

function commandCall(component: string): CallByHand {
  return { component, interface: "wasi:cli/run", function: "run", args: [], format: "json", deadlineMs: 0 };
}

async function reply(writer: Writer, id: number, outcome: Promise<CallOutcome>): Promise<void> {
  try {
    writer.send({ type: "reply", id, outcome: await outcome });
  } catch (error) {
    writer.send({ type: "reply", id, fault: toFaultData(error, "trapped") });
  }
}

function sendPulse(writer: Writer, runtime: WasmRuntime): void {
  const stats = runtime.stats();
  const counters: Extract<FromCell, { type: "pulse" }>["counters"] = {};
  const running: string[] = [];
  for (const [id, { instances, running: calls, waiting, calls: total, failures }] of Object.entries(stats)) {
    if (calls) running.push(id);
    if (total || instances) counters[id] = { instances, running: calls, waiting, calls: total, failures };
  }
  writer.send({ type: "pulse", memoryBytes: Deno.memoryUsage().rss, counters, running });
}

/** Messages that may wait for the supervisor before log lines are dropped: a second of a busy log. */
const BACKLOG_MAX = 10_000;

/** A log whose lines the supervisor writes: one place, one format, one order. What it cannot take in time is dropped. */
function messageLog(writer: Writer, isDebug: boolean, fields: Record<string, unknown>): Log {
  let dropped = 0;
  const send =
    (level: "debug" | "info" | "error") => (message: string, more: Record<string, unknown> = {}) => {
      if (writer.backlog > BACKLOG_MAX) return void dropped++;
      if (dropped) {
        const text = `${dropped} log lines were dropped: they came faster than they could be written`;
        writer.send({ type: "log", level: "error", message: text, fields });
        dropped = 0;
      }
      writer.send({ type: "log", level, message, fields: { ...fields, ...more } });
    };
  return {
    debug: isDebug ? send("debug") : () => {},
    info: send("info"),
    error: send("error"),
    with: (more) => messageLog(writer, isDebug, { ...fields, ...more }),
  };
}
