// A host as the control API drives it: the API's operations in the host's own terms.

import type { ControlledHost } from "../control/server.ts";
import { Fault } from "../model/fault.ts";
import type { Event } from "../model/event.ts";
import { VERSION } from "../model/version.ts";
import { formatWit } from "../model/values/wit_text.ts";
import { coverOnHost } from "./apply.ts";
import type { Host } from "./host.ts";
import {
  allComponents,
  applicationDetail,
  applicationSummary,
  applicationUrls,
  cellStatus,
} from "./status.ts";

/** What of the process a status tells. */
export interface HostIdentity {
  name: string;
  pid: number;
  data: string;
  startedAtMs: number;
  /** Bytes of the data folder's database. */
  storeBytes(): number;
  /** What is wrong with the store, if anything. */
  storeProblem(): string | undefined;
  events(after: number): Event[];
}

/** Binds the API to a host. */
export function controlled(host: Host, identity: HostIdentity): ControlledHost {
  const { parts, options } = host;
  const find = (name: string) => {
    const application = host.state.applications[name];
    if (application) return application;
    const known = Object.keys(host.state.applications).join(", ") || "none";
    throw new Fault("not_found", `there is no application "${name}" on this host (there are: ${known})`);
  };
  return {
    status: () => ({
      version: VERSION,
      host: identity.name,
      pid: identity.pid,
      data: identity.data,
      uptimeMs: parts.clock.monotonicMs() - identity.startedAtMs,
      connectivity: "alone",
      urls: Object.values(host.state.applications).flatMap((one) =>
        applicationUrls(one, options.settings.http)
      ),
      cells: cellStatus(host.fleet),
      applications: Object.keys(host.state.applications).length,
      components: allComponents(host),
      store: { bytes: identity.storeBytes(), problem: identity.storeProblem() },
    }),
    applications: () => Object.values(host.state.applications).map((one) => applicationSummary(host, one)),
    application: (name) => applicationDetail(host, find(name)),
    apply: (request) => host.apply(request),
    delete: (name) => host.delete(name),
    async putArtifact(bytes) {
      return { digest: await parts.artifacts.put(bytes), bytes: bytes.length };
    },
    async component(id) {
      const { wit, coverage } = await coverOnHost(parts, host.state, id);
      const status = allComponents(host).find((one) => one.id === id)!;
      return {
        status,
        digest: status.digest,
        bytes: (await parts.artifacts.get(status.digest)).length,
        world: formatWit(wit),
        imports: coverage.map(({ name, coveredBy, mend }) => ({ name, coveredBy: coveredBy ?? null, mend })),
        exports: Object.keys(wit.exports),
      };
    },
    call: (id, request) => host.call({ component: id, ...request }),
    events: (after) => identity.events(after),
  };
}
