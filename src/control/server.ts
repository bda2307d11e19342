// The host's end of the local control API: parses, hands over, answers. On a Unix socket that only the host's own user
// (and root) may open, so whoever asks is allowed to.

import type { Event } from "../model/event.ts";
import { Fault, FAULTS, toFaultData } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import type {
  ApplicationDetail,
  ApplicationSummary,
  ApplyReply,
  ApplyRequest,
  ArtifactReply,
  CallReply,
  CallRequest,
  ComponentDetail,
  HostStatus,
} from "./api.ts";

/** What the API asks of its host. */
export interface ControlledHost {
  status(): HostStatus;
  applications(): ApplicationSummary[];
  application(name: string): ApplicationDetail;
  apply(request: ApplyRequest): Promise<ApplyReply>;
  delete(name: string): Promise<void>;
  putArtifact(bytes: Uint8Array<ArrayBuffer>): Promise<ArtifactReply>;
  component(id: string): Promise<ComponentDetail>;
  call(id: string, request: CallRequest): Promise<CallReply>;
  events(after: number): Event[];
}

type Route = (host: ControlledHost, name: string, request: Request) => unknown | Promise<unknown>;

/** `METHOD pattern` -> what to do; the one captured path segment is handed over decoded. */
const ROUTES: [method: string, pattern: RegExp, route: Route][] = [
  ["GET", /^\/v1\/status$/, (host) => host.status()],
  ["GET", /^\/v1\/applications$/, (host) => ({ applications: host.applications() })],
  [
    "PUT",
    /^\/v1\/applications$/,
    async (host, _, request) => host.apply(await readJson<ApplyRequest>(request)),
  ],
  ["GET", /^\/v1\/applications\/([^/]+)$/, (host, name) => host.application(name)],
  [
    "DELETE",
    /^\/v1\/applications\/([^/]+)$/,
    async (host, name) => {
      await host.delete(name);
      return { deleted: name };
    },
  ],
  ["POST", /^\/v1\/artifacts$/, async (host, _, request) => host.putArtifact(await readBody(request))],
  ["GET", /^\/v1\/components\/([^/]+)$/, (host, id) => host.component(id)],
  [
    "POST",
    /^\/v1\/components\/([^/]+)\/call$/,
    async (host, id, request) => host.call(id, await readJson<CallRequest>(request)),
  ],
  ["GET", /^\/v1\/events$/, (host, _, request) => ({ events: host.events(readAfter(request)) })],
];

/** Answers one request of the API. Never rejects: what fails is FaultData with the fault's status. */
export async function answerControl(host: ControlledHost, request: Request): Promise<Response> {
  try {
    const { pathname } = new URL(request.url);
    for (const [method, pattern, route] of ROUTES) {
      const found = request.method === method && pathname.match(pattern);
      if (found) return Response.json(await route(host, decodeURIComponent(found[1] ?? ""), request));
    }
    throw new Fault(
      "not_found",
      `the control API has no ${request.method} ${pathname}; are both ends the same version?`,
    );
  } catch (error) {
    const data = toFaultData(error);
    return Response.json(data, { status: FAULTS[data.code].http });
  }
}

function readAfter(request: Request): number {
  const text = new URL(request.url).searchParams.get("after") ?? "0";
  if (!/^\d{1,15}$/.test(text)) {
    throw new Fault("bad_request", `"after" must be a sequence number, it is "${text}"`);
  }
  return Number(text);
}

/** The whole body, as long as it keeps to {@linkcode LIMITS.controlBodyBytesMax}. */
async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > LIMITS.controlBodyBytesMax) {
      throw new Fault("over_limit", `the request has more than ${LIMITS.controlBodyBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

async function readJson<T>(request: Request): Promise<T> {
  try {
    return JSON.parse(new TextDecoder().decode(await readBody(request))) as T;
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault("bad_request", `the request's body is not JSON: ${(error as Error).message}`);
  }
}
