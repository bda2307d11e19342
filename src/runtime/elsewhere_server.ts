// The other end of `elsewhere.ts`: the cell of a quarantined component takes its calls on a Unix socket.

import { WitError } from "../model/call.ts";
import { Fault, FAULTS, toFaultData } from "../model/fault.ts";
import { HTTP_INCOMING, type HttpRequest, type HttpResponse } from "../model/http.ts";
import { fromJson, toJson } from "../model/values/wit_json.ts";
import {
  ELSEWHERE_PATHS,
  HEAD_HEADER,
  type RequestHead,
  resultTypes,
  type ValueCall,
  type ValueReply,
} from "./elsewhere.ts";
import type { WasmRuntime } from "./wasm_runtime.ts";

/** Serves calls, HTTP and plain values, on the components of this cell. */
export function serveElsewhere(socket: string, runtime: WasmRuntime): Deno.HttpServer {
  try {
    Deno.removeSync(socket);
  } catch { /* no earlier cell left one */ }
  return Deno.serve({ path: socket, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("component") ?? "";
    try {
      if (pathname === ELSEWHERE_PATHS.http) return await takeHttp(runtime, id, request);
      if (pathname === ELSEWHERE_PATHS.call) {
        return Response.json(await takeValues(runtime, id, await request.json()));
      }
      throw new Fault("not_found", `a cell has no ${pathname}`);
    } catch (error) {
      const data = toFaultData(error);
      return Response.json(data, { status: FAULTS[data.code].http });
    }
  });
}

async function takeHttp(runtime: WasmRuntime, id: string, request: Request): Promise<Response> {
  const head = JSON.parse(decodeURIComponent(request.headers.get(HEAD_HEADER) ?? "")) as RequestHead;
  const message: HttpRequest = { ...head, body: request.body };
  const { status, headers, body } = await runtime.callHere(id, {
    source: "http",
    linkName: "default",
    interface: HTTP_INCOMING,
    function: "handle",
    args: [message],
    deadlineMs: Infinity,
    depth: 1,
    signal: request.signal,
  }) as HttpResponse;
  const answer = encodeURIComponent(JSON.stringify({ status, headers }));
  return new Response(body as BodyInit | null, { headers: { [HEAD_HEADER]: answer } });
}

async function takeValues(runtime: WasmRuntime, id: string, call: ValueCall): Promise<ValueReply> {
  const func = (await runtime.exportsOf(id)).get(call.interface)?.functions.get(call.function);
  if (!func) {
    throw new Fault("not_found", `component ${id} does not export ${call.interface}#${call.function}`);
  }
  const { ok, err } = resultTypes(func.type.result);
  try {
    const result = await runtime.callHere(id, {
      source: "cell",
      linkName: "default",
      interface: call.interface,
      function: call.function,
      args: func.type.params.map(([, type], i) => fromJson(type, call.args[i] as never)),
      deadlineMs: call.timeoutMs === null ? Infinity : performance.now() + call.timeoutMs,
      depth: 1,
    });
    return { ok: ok ? toJson(ok, result) : null };
  } catch (error) {
    if (error instanceof WitError) return { err: err ? toJson(err, error.payload) : null };
    return { fault: toFaultData(error) };
  }
}
