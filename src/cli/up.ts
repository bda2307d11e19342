// `holdfast up`: the one place where a host's parts meet. Picks an adapter for each port, starts the host, applies the
// manifests it was given, and stops it when asked to.

import type { ApplyRequest } from "../control/api.ts";
import { answerControl } from "../control/server.ts";
import { controlled } from "../host/controlled.ts";
import { EventLog } from "../host/event_log.ts";
import { Host } from "../host/host.ts";
import type { CellFactory } from "../host/host_ports.ts";
import { allComponents } from "../host/status.ts";
import { FAULTS, isFault } from "../model/fault.ts";
import type { Log } from "../model/ports.ts";
import { VERSION } from "../model/version.ts";
import { isBuiltinInterface, LINKED_BUILTINS } from "../runtime/builtins.ts";
import { Cell } from "../runtime/cells.ts";
import { ProgramStore } from "../runtime/program_store.ts";
import { decodeComponent } from "../runtime/wit_decode.ts";
import { ArtifactStore } from "../store/artifact_store.ts";
import { FolderLock } from "../store/folder_lock.ts";
import type { Recovery } from "../store/recovery.ts";
import { SqliteStore } from "../store/sqlite_store.ts";
import { readManifestFile } from "./app_apply.ts";
import { readComponentFile } from "./component_files.ts";
import type { CliContext } from "./context.ts";
import { serveControl, socketPath } from "./control_socket.ts";
import { artifactFolder, programFolder } from "./folders.ts";
import { openLog } from "./log.ts";
import { resolveUpOptions, type UpOptions } from "./options.ts";
import { requireFreePort } from "./free_port.ts";
import { realClock } from "./real_world.ts";

/** Runs a host until SIGTERM or SIGINT; resolves with the exit code. */
export async function run(context: CliContext): Promise<number> {
  const options = await resolveUpOptions(context.values, context.environment);
  const { log, flush } = openLog({ level: options.logLevel, format: options.logFormat }, context.environment);
  const data = options.dataFolder;
  const stopping = stopSignal(log);
  await Deno.mkdir(data, { recursive: true, mode: 0o700 });
  const socket = await socketPath(data, "holdfast");
  const lock = await FolderLock.acquire(data, { pid: Deno.pid, name: options.name, socket });
  const { host, events, storeProblem } = await openHost(context, options, log);
  const startedAtMs = realClock.monotonicMs();
  const server = serveControl(socket, (request) =>
    answerControl(
      controlled(host, {
        name: options.name,
        pid: Deno.pid,
        data,
        startedAtMs,
        storeBytes: () => fileSize(`${data}/holdfast.db`) + fileSize(`${data}/holdfast.db-wal`),
        storeProblem: () => storeProblem,
        events: (after) => events.recent(after),
      }),
      request,
    ));
  let exitCode = 0;
  try {
    await host.start();
    events.publish({ type: "host_started", version: VERSION, data });
    exitCode = await applyManifests(context, options, host, log);
    if (exitCode === 0) {
      welcome(context, host, options);
      await stopping;
    }
  } finally {
    log.info("stops: no new work, running calls may end");
    await host.stop("asked to stop");
    await server.shutdown();
    await lock.release();
    await flush();
  }
  return exitCode;
}

async function openHost(
  context: CliContext,
  options: UpOptions,
  log: Log,
): Promise<{ host: Host; events: EventLog; storeProblem?: string }> {
  const data = options.dataFolder;
  const store = await SqliteStore.open({ folder: data, isOwner: true });
  const artifacts = await ArtifactStore.open(artifactFolder(data));
  await Deno.mkdir(programFolder(data), { recursive: true });
  const componentPath = (digest: string) => artifacts.path(digest);
  const programs = new ProgramStore({ folder: programFolder(data), componentPath, log });
  const events = new EventLog(realClock, log);
  const createCell: CellFactory = (settings, listener) =>
    new Cell(settings, {
      onMessage(_, message) {
        if (message.type === "event") events.publish(message.event);
        else if (message.type === "log") log[message.level](message.message, message.fields);
      },
      onLost: (cell, loss) => listener.onLost(cell, loss),
      onStarted: (cell) => listener.onStarted(cell),
    });
  const storeProblem = store.recovery && reportRecovery(store.recovery, events);
  const sockets = await socketPath(data, "cell");
  const host = new Host({
    store,
    clock: realClock,
    log,
    events,
    artifacts,
    programs,
    providers: context.providers,
    createCell,
    requireFreePort,
    knowledge: {
      inspect: decodeComponent,
      isBuiltin: isBuiltinInterface,
      needsLink: (name) => LINKED_BUILTINS.has(name),
    },
  }, {
    cells: options.cells,
    settings: { data, http: options.http, logLevel: options.logLevel },
    socketPath: (cell) => sockets.replace(/\.sock$/, `-${cell}.sock`),
  });
  return { host, events, storeProblem };
}

/** Tells of a damaged database that was salvaged; returns what the status says of it until the next start. */
function reportRecovery({ reason, kept, setAside }: Recovery, events: EventLog): string {
  const files = setAside.join(", ");
  const rows = kept.keys + kept.records;
  events.publish({ type: "store_recovered", reason, kept: rows, setAside: files });
  const lost = kept.damagedPages
    ? `${kept.damagedPages} damaged pages could not be read`
    : "no page was lost";
  return `it was found damaged at this start (${reason}): ${rows} rows were saved, ${lost}; the damaged files are ${files}`;
}

/** Applies the manifests of the command line. One that is refused ends a host that has nothing else to do. */
async function applyManifests(
  context: CliContext,
  options: UpOptions,
  host: Host,
  log: Log,
): Promise<number> {
  for (const path of options.manifests) {
    try {
      const { text, source, folder, images } = await readManifestFile(path, context.terminal);
      const artifacts: ApplyRequest["artifacts"] = {};
      for (const image of images) {
        const bytes = await readComponentFile(image.path, image.reference) as Uint8Array<ArrayBuffer>;
        artifacts[image.path] = await host.parts.artifacts.put(bytes);
      }
      const { applications, warnings } = await host.apply({ manifest: text, source, folder, artifacts });
      for (const { name, version, change } of applications) log.info(`${name} ${change}`, { version });
      for (const { path: where, message, mend } of warnings) log.info(`${where}: ${message}`, { mend });
    } catch (error) {
      if (!isFault(error)) throw error;
      context.terminal.note(`error[${error.code}]: ${error.message}`);
      if (Object.keys(host.state.applications).length === 0) return FAULTS[error.code].exit;
      log.error("a manifest was refused; what ran before goes on", { manifest: path });
    }
  }
  return 0;
}

/** Says where things answer, and what to try first. */
function welcome({ terminal }: CliContext, host: Host, options: UpOptions): void {
  const urls = allComponents(host).flatMap(({ urls, name }) => urls.map((url) => ({ url, name })));
  terminal.print(
    `\nholdfast ${VERSION} "${options.name}" is serving, alone (no NATS needed). Data: ${options.dataFolder}`,
  );
  for (const { url, name } of urls) terminal.print(`  ${url.padEnd(40)} ${name}`);
  const hints = Object.values(host.state.applications).flatMap(({ tryIt }) => tryIt ? [tryIt] : []);
  const first = hints[0] ?? (urls[0] && `curl ${urls[0].url}`);
  if (first) {
    terminal.print(`\nTry it:\n  ${first}\n\nStop with Ctrl-C; everything is still there at the next start.`);
  } else terminal.print("\nNothing runs here yet. In another terminal: holdfast app apply FILE");
}

function fileSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0; // not there (yet): nothing is stored
  }
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process on the spot. */
function stopSignal(log: Log): Promise<void> {
  let count = 0;
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, () => {
        if (++count > 1) {
          log.error("asked twice to stop: ends now");
          Deno.exit(1);
        }
        resolve();
      });
    }
  });
}
