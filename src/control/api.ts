// The local control API: what `holdfast` on the command line asks of a running host, over HTTP on a Unix socket in the
// data folder. Both ends use these names and types; `server.ts` answers, `client.ts` asks. Errors are FaultData with
// the fault's HTTP status.

import type { Event } from "../model/event.ts";
import type { Problem } from "../model/manifest/reading.ts";

/** Every path of the API, built in one place. Bodies are JSON both ways, but for an artifact's bytes. */
export const PATHS = {
  /** GET: {@linkcode HostStatus}. */
  status: "/v1/status",
  /** GET: {@linkcode ApplicationsReply}. PUT {@linkcode ApplyRequest}: {@linkcode ApplyReply}. */
  applications: "/v1/applications",
  /** GET: {@linkcode ApplicationDetail}. DELETE: 204, or `not_found`. */
  application: (name: string) => `/v1/applications/${encodeURIComponent(name)}`,
  /** POST raw bytes: {@linkcode ArtifactReply}. */
  artifacts: "/v1/artifacts",
  /** GET: {@linkcode ComponentDetail}. */
  component: (id: string) => `/v1/components/${encodeURIComponent(id)}`,
  /** POST {@linkcode CallRequest}: {@linkcode CallReply}. */
  call: (id: string) => `/v1/components/${encodeURIComponent(id)}/call`,
  /** GET `?after=SEQUENCE`: {@linkcode EventsReply}, every event kept, or those with a higher sequence. */
  events: "/v1/events",
} as const;

/** What GET status answers. */
export interface HostStatus {
  version: string;
  host: string;
  pid: number;
  data: string;
  uptimeMs: number;
  /** `alone` until a lattice is joined. */
  connectivity: "alone" | "site" | "online";
  urls: string[];
  cells: CellStatus[];
  applications: number;
  components: ComponentStatus[];
  store: { bytes: number; problem?: string };
}

export interface CellStatus {
  cell: number;
  pid: number;
  state: "starting" | "ready" | "draining" | "lost";
  restarts: number;
  /** Resident bytes, by the cell's own account. */
  memoryBytes: number;
  /** Set for a cell that holds one quarantined component. */
  quarantine?: string;
}

export interface ComponentStatus {
  id: string;
  application: string;
  name: string;
  image: string;
  digest: string;
  state: "ready" | "failed" | "stopped" | "quarantined" | "completed" | "running";
  /** Why, for every state but `ready`. */
  reason?: string;
  /** Instances alive now, over all cells. */
  instances: number;
  calls: number;
  failures: number;
  /** Where it answers HTTP, if anywhere. */
  urls: string[];
}

/** One application in a list. */
export interface ApplicationSummary {
  name: string;
  version: string;
  description: string;
  /** Milliseconds since the epoch. */
  appliedAtMs: number;
  state: "ready" | "failed";
  components: number;
  /** Where the manifest came from. */
  source: string;
}

/** GET applications. */
export interface ApplicationsReply {
  applications: ApplicationSummary[];
}

/** One application in full. */
export interface ApplicationDetail extends ApplicationSummary {
  manifest: string;
  componentStatus: ComponentStatus[];
  providers: { id: string; name: string; kind: string }[];
  links: { source: string; target: string; name: string; interfaces: string }[];
}

/** PUT applications: one manifest file with everything it refers to already uploaded. */
export interface ApplyRequest {
  /** The manifest's text; may hold several documents. */
  manifest: string;
  /** Its path or name, for messages. */
  source: string;
  /** Folder that relative paths in it are meant from. */
  folder: string;
  /** Image as resolved on the client (absolute path) -> digest of the uploaded bytes. */
  artifacts: Record<string, string>;
}

export interface ApplyReply {
  applications: { name: string; version: string; change: "created" | "updated" | "unchanged" }[];
  warnings: Problem[];
  urls: string[];
}

export interface ArtifactReply {
  digest: string;
  bytes: number;
}

/** GET component. */
export interface ComponentDetail {
  status?: ComponentStatus;
  digest: string;
  bytes: number;
  /** The world as WIT text. */
  world: string;
  imports: { name: string; coveredBy: string | null; mend?: string }[];
  exports: string[];
}

/** POST call. */
export interface CallRequest {
  interface: string;
  function: string;
  /** Each argument as text: WAVE, or JSON where `format` says so. */
  args: string[];
  format: "wave" | "json";
  deadlineMs?: number;
}

export interface CallReply {
  /** The result in the asked format; the err case of a result is `isError`. */
  result: string;
  isError: boolean;
  /** What the guest printed, for commands. */
  output?: { stdout: string; stderr: string; exitCode: number };
}

export interface EventsReply {
  events: Event[];
}
