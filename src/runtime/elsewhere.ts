// Calls to a component that has been moved to a cell of its own: HTTP and plain values cross over that cell's Unix
// socket. Resources cannot: a component that shares them with others is refused here with a clear fault.

import type { Call } from "../model/call.ts";
import { WitError } from "../model/call.ts";
import { Fault, type FaultData, fromFaultData } from "../model/fault.ts";
import { HTTP_INCOMING, type HttpFields, type HttpRequest, type HttpResponse } from "../model/http.ts";
import type { Json } from "../model/manifest/manifest.ts";
import { fromJson, toJson } from "../model/values/wit_json.ts";
import type { WitType } from "../model/wit.ts";
import type { FunctionPlan, Program } from "./program.ts";

const clients = new Map<string, Deno.HttpClient>();

function clientFor(socket: string): Deno.HttpClient {
  let client = clients.get(socket);
  if (!client) {
    // Each call on a connection of its own: on a used one that breaks, Deno 2.9 sends the request again, and the call
    // would happen twice.
    const options = { proxy: { transport: "unix" as const, path: socket }, poolMaxIdlePerHost: 0 };
    clients.set(socket, client = Deno.createHttpClient(options));
  }
  return client;
}

/** Where a cell of one component takes calls. */
export const ELSEWHERE_PATHS = { http: "/http", call: "/call" } as const;

/** Header that carries the request head, as JSON: an HTTP client would change some of it on the way. */
export const HEAD_HEADER = "x-holdfast-head";

/** What {@linkcode HEAD_HEADER} holds. */
export type RequestHead = Pick<HttpRequest, "method" | "scheme" | "authority" | "path" | "headers">;

/** What a call by values carries and answers. */
export interface ValueCall {
  interface: string;
  function: string;
  args: Json[];
  timeoutMs: number | null;
}
export type ValueReply = { ok: Json } | { err: Json } | { fault: FaultData };

/** Carries a Call to the cell behind `socket`. */
export function callElsewhere(
  socket: string,
  id: string,
  call: Call,
  program: () => Promise<Program>,
): Promise<unknown> {
  if (call.interface === HTTP_INCOMING) return sendHttp(socket, id, call);
  return sendValues(socket, id, call, program);
}

function gone(id: string, cause: unknown): Fault {
  return new Fault("unavailable", `component ${id} runs in a cell of its own, which does not answer`, {
    cause,
  });
}

async function sendHttp(socket: string, id: string, call: Call): Promise<HttpResponse> {
  const request = call.args[0] as HttpRequest;
  const { method, scheme, authority, path, headers } = request;
  const head: RequestHead = { method, scheme, authority, path, headers };
  let response: Response;
  try {
    response = await fetch(`http://cell${ELSEWHERE_PATHS.http}?component=${id}`, {
      client: clientFor(socket),
      method: "POST",
      headers: { [HEAD_HEADER]: encodeURIComponent(JSON.stringify(head)) },
      body: request.body as BodyInit | null,
      signal: call.signal,
    });
  } catch (error) {
    throw gone(id, error);
  }
  const answer = response.headers.get(HEAD_HEADER);
  if (!answer) throw fromFaultData(await response.json() as FaultData);
  const { status, headers: fields } = JSON.parse(decodeURIComponent(answer)) as {
    status: number;
    headers: HttpFields;
  };
  return { status, headers: fields, body: response.body };
}

/** The function's types, or a fault when values of them cannot leave the process. */
function plainFunction(program: Program, id: string, call: Call): FunctionPlan {
  const func = program.exported.get(call.interface)?.functions.get(call.function);
  if (!func) {
    throw new Fault("not_found", `component ${id} does not export ${call.interface}#${call.function}`);
  }
  const { hasResourceParams, ok, err } = func.converters;
  if (func.kind !== "free" || hasResourceParams || ok || err) {
    throw new Fault(
      "unavailable",
      `component ${id} is quarantined, and its resources cannot be shared from there`,
    );
  }
  return func;
}

async function sendValues(
  socket: string,
  id: string,
  call: Call,
  program: () => Promise<Program>,
): Promise<unknown> {
  const func = plainFunction(await program(), id, call);
  const body: ValueCall = {
    interface: call.interface,
    function: call.function,
    args: func.type.params.map(([, type], i) => toJson(type, call.args[i])),
    timeoutMs: Number.isFinite(call.deadlineMs) ? call.deadlineMs - performance.now() : null,
  };
  let reply: ValueReply;
  try {
    const response = await fetch(`http://cell${ELSEWHERE_PATHS.call}?component=${id}`, {
      client: clientFor(socket),
      method: "POST",
      body: JSON.stringify(body),
      signal: call.signal,
    });
    reply = await response.json();
  } catch (error) {
    throw gone(id, error);
  }
  if ("fault" in reply) throw fromFaultData(reply.fault);
  const { ok, err } = resultTypes(func.type.result);
  if ("err" in reply) throw new WitError(err ? fromJson(err, reply.err) : undefined);
  return ok ? fromJson(ok, reply.ok) : undefined;
}

/** The types of a function's two outcomes: a top-level result comes apart, any other result is the first. */
export function resultTypes(result: WitType | null): { ok: WitType | null; err: WitType | null } {
  if (result?.kind === "result") return { ok: result.ok, err: result.err };
  return { ok: result, err: null };
}
