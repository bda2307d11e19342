// The asking end of the local control API: one method per operation. Knows paths, bodies and how long each may take;
// how a request travels is the caller's (`cli/host_connection.ts` sends over the host's Unix socket). A reply that is
// FaultData is thrown as the Fault it was.

import { Fault, type FaultData, fromFaultData } from "../model/fault.ts";
import {
  type ApplicationDetail,
  type ApplicationsReply,
  type ApplicationSummary,
  type ApplyReply,
  type ApplyRequest,
  type ArtifactReply,
  type CallReply,
  type CallRequest,
  type ComponentDetail,
  type EventsReply,
  type HostStatus,
  PATHS,
} from "./api.ts";

/** One request on its way. */
export interface ControlRequest {
  method: "GET" | "PUT" | "POST" | "DELETE";
  /** Path and query. */
  path: string;
  body?: string | Uint8Array;
  /** How long the whole exchange may take; Infinity for as long as the host needs. */
  timeoutMs: number;
}

export interface ControlResponse {
  status: number;
  body: string;
}

/** Carries one request to the host; rejects with a {@linkcode Fault} `unavailable` or `timeout` when it cannot. */
export type SendRequest = (request: ControlRequest) => Promise<ControlResponse>;

/** The host answers these from memory; a healthy one takes milliseconds, a Pi under load a second. */
const QUICK_MS = 10_000;
/** Taking in a component, or an application of many: written to the disk, and transpiled on a slow box. */
const SLOW_MS = 15 * 60_000;
/** Beyond a call's own deadline, for the reply to arrive. */
const CALL_MARGIN_MS = 5_000;

/** A running host, as the command line sees it. */
export class ControlClient {
  readonly #send: SendRequest;

  constructor(send: SendRequest) {
    this.#send = send;
  }

  status(): Promise<HostStatus> {
    return this.#ask({ method: "GET", path: PATHS.status, timeoutMs: QUICK_MS });
  }

  async listApplications(): Promise<ApplicationSummary[]> {
    const request: ControlRequest = { method: "GET", path: PATHS.applications, timeoutMs: QUICK_MS };
    return (await this.#ask<ApplicationsReply>(request)).applications;
  }

  getApplication(name: string): Promise<ApplicationDetail> {
    return this.#ask({ method: "GET", path: PATHS.application(name), timeoutMs: QUICK_MS });
  }

  apply(request: ApplyRequest): Promise<ApplyReply> {
    const body = JSON.stringify(request);
    return this.#ask({ method: "PUT", path: PATHS.applications, body, timeoutMs: SLOW_MS });
  }

  async deleteApplication(name: string): Promise<void> {
    await this.#ask({ method: "DELETE", path: PATHS.application(name), timeoutMs: SLOW_MS });
  }

  uploadArtifact(bytes: Uint8Array): Promise<ArtifactReply> {
    return this.#ask({ method: "POST", path: PATHS.artifacts, body: bytes, timeoutMs: SLOW_MS });
  }

  getComponent(id: string): Promise<ComponentDetail> {
    return this.#ask({ method: "GET", path: PATHS.component(id), timeoutMs: QUICK_MS });
  }

  /** Without a deadline of its own a call may take as long as it takes: who asked can interrupt. */
  call(id: string, request: CallRequest): Promise<CallReply> {
    const timeoutMs = (request.deadlineMs ?? Infinity) + CALL_MARGIN_MS;
    return this.#ask({ method: "POST", path: PATHS.call(id), body: JSON.stringify(request), timeoutMs });
  }

  async events(after?: number): Promise<EventsReply["events"]> {
    const path = after === undefined ? PATHS.events : `${PATHS.events}?after=${after}`;
    return (await this.#ask<EventsReply>({ method: "GET", path, timeoutMs: QUICK_MS })).events;
  }

  async #ask<Reply>(request: ControlRequest): Promise<Reply> {
    const { status, body } = await this.#send(request);
    const reply = body === "" ? undefined : readReply(body, request.path);
    if (status >= 200 && status < 300) return reply as Reply;
    if (isFaultData(reply)) throw fromFaultData(reply);
    throw notAHost(request.path, `it answered ${status}`);
  }
}

function readReply(body: string, path: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw notAHost(path, "its answer is no JSON");
  }
}

function isFaultData(reply: unknown): reply is FaultData {
  const data = reply as FaultData | null | undefined;
  return typeof data?.code === "string" && typeof data.message === "string";
}

function notAHost(path: string, why: string): Fault {
  return new Fault(
    "unavailable",
    `ask the host for ${path}: ${why}, which this holdfast does not understand; ` +
      "use the holdfast that the host was started with",
    { detail: { path } },
  );
}
