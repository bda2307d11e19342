// The way to a running host: its data folder says which Unix socket it takes commands on. Used by every verb that asks
// a host; each failure says what to do, since "is it running?" is what users run into first.

import { ControlClient, type ControlRequest, type ControlResponse } from "../control/client.ts";
import { Fault } from "../model/fault.ts";
import { formatDuration } from "../model/quantity.ts";
import { type LockHolder, readLockHolder } from "../store/folder_lock.ts";
import type { CliContext } from "./context.ts";
import { resolveDataFolder } from "./data_folder.ts";

/** A running host: who it is, and the way to ask it. To be disposed of: it holds sockets open. */
export interface HostConnection extends Disposable {
  readonly holder: LockHolder;
  readonly client: ControlClient;
}

/** Finds the host that a verb is meant for. Whether it really answers shows with the first question. */
export async function connectHost(
  { values, environment }: Pick<CliContext, "values" | "environment">,
): Promise<HostConnection> {
  const folder = resolveDataFolder(values, environment);
  await checkReadable(folder);
  const holder = await readLockHolder(folder);
  if (!holder) throw noHost(folder);
  // On a used connection that breaks, Deno 2.9 sends a request again, and a call by hand would happen twice.
  const http = Deno.createHttpClient({
    proxy: { transport: "unix", path: holder.socket },
    poolMaxIdlePerHost: 0,
  });
  return {
    holder,
    client: new ControlClient((request) => send(http, folder, request)),
    [Symbol.dispose]: () => http.close(),
  };
}

async function send(
  http: Deno.HttpClient,
  folder: string,
  request: ControlRequest,
): Promise<ControlResponse> {
  const { method, path, body, timeoutMs } = request;
  const headers = {
    "content-type": typeof body === "string" ? "application/json" : "application/octet-stream",
  };
  try {
    const response = await fetch(`http://holdfast${path}`, {
      method,
      body: body as BodyInit | undefined,
      headers: body === undefined ? {} : headers,
      client: http,
      signal: Number.isFinite(timeoutMs) ? AbortSignal.timeout(timeoutMs) : undefined,
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    throw toFault(error, folder, timeoutMs);
  }
}

/** Deno tells its network errors apart by text alone, and 2.9 moved that text into `cause`. */
function toFault(error: unknown, folder: string, timeoutMs: number): Fault {
  const { name, message, cause } = error as Error;
  const text = `${message} ${cause instanceof Error ? cause.message : ""}`;
  if (name === "TimeoutError") {
    const after = formatDuration(timeoutMs);
    const why =
      `the host on ${folder} did not answer within ${after}; see its log, and whether it still runs`;
    return new Fault("timeout", why, { detail: { folder }, cause: error });
  }
  if (text.includes("os error 13")) return denied(folder, error);
  if (text.includes("(Connect)")) return noHost(folder, error);
  const why = `the host on ${folder} went away while it was asked: ${text.trim()}; see its log`;
  return new Fault("unavailable", why, { detail: { folder }, cause: error });
}

function noHost(folder: string, cause?: unknown): Fault {
  const why =
    `no holdfast host runs on ${folder}; start one with \`holdfast up\`, or name its folder with --data`;
  return new Fault("unavailable", why, { detail: { folder }, cause });
}

function denied(folder: string, cause: unknown): Fault {
  const why = `the host on ${folder} belongs to another user; ask as that user, for example with sudo`;
  return new Fault("denied", why, { detail: { folder }, cause });
}

/** Tells a host of another user from none at all. */
async function checkReadable(folder: string): Promise<void> {
  try {
    (await Deno.open(`${folder}/lock.json`)).close();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) throw denied(folder, error);
  }
}
