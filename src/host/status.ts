// What a host says of itself, as plain data for the control API: status, applications, one component. Reads, never
// changes.

import type { ApplicationDetail, ApplicationSummary, CellStatus, ComponentStatus } from "../control/api.ts";
import type { CellSettings } from "../model/cell_protocol.ts";
import type { ComponentSpec } from "../model/component.ts";
import { mergeConfigs } from "../model/link.ts";
import type { Fleet } from "./fleet.ts";
import type { Jobs } from "./jobs.ts";
import type { HostState, StoredApplication } from "./state.ts";

type Http = CellSettings["http"];

/** What of a host the status is read from. */
export interface StatusSource {
  readonly state: HostState;
  readonly fleet: Fleet;
  readonly jobs: Jobs;
  readonly options: { settings: { http: Http } };
}

/** Where an application's components answer HTTP, as a person on this box would type it. */
export function applicationUrls(application: StoredApplication, http: Http): string[] {
  return application.components.flatMap(({ id }) => componentUrls(application, id, http));
}

function componentUrls(application: StoredApplication, id: string, http: Http): string[] {
  const servers = new Set<string>(
    application.providers.filter(({ kind }) => kind === "http-server").map((one) => one.id),
  );
  return application.links.filter((link) => link.target === id && servers.has(link.source)).flatMap(
    (link) => {
      const { address, host, path } = mergeConfigs(link.sourceConfig, application.configs);
      const [listener, port] = splitAddress(address, http);
      const scheme = http.certFile && !address ? "https" : "http";
      const names = host ? host.split(",").map((name) => name.trim()) : [listener];
      const paths = path ? path.split(",").map((one) => one.trim()) : ["/"];
      return names.flatMap((name) =>
        paths.map((one) => `${scheme}://${name}${port === defaultPort(scheme) ? "" : `:${port}`}${one}`)
      );
    },
  );
}

function splitAddress(address: string | undefined, http: Http): [host: string, port: number] {
  const isAny = (host: string) => host === "" || host === "0.0.0.0" || host === "::" || host === "[::]";
  const found = address?.match(/^(.*):(\d+)$/);
  const [host, port] = found ? [found[1], Number(found[2])] : [http.address, http.port];
  return [isAny(host) ? "localhost" : host, port];
}

function defaultPort(scheme: string): number {
  return scheme === "https" ? 443 : 80;
}

export function cellStatus(fleet: Fleet): CellStatus[] {
  return fleet.cells.map((cell) => ({
    cell: cell.settings.cell,
    pid: cell.pid,
    state: cell.state,
    restarts: cell.restarts,
    memoryBytes: cell.memoryBytes,
    quarantine: fleet.quarantineOf(cell),
  }));
}

export function componentStatus(
  source: StatusSource,
  application: StoredApplication,
  spec: ComponentSpec,
): ComponentStatus {
  const { state, fleet, jobs, options } = source;
  const sum = { instances: 0, calls: 0, failures: 0 };
  for (const { counters } of fleet.cells) {
    const own = counters[spec.id];
    if (!own) continue;
    sum.instances += own.instances;
    sum.calls += own.calls;
    sum.failures += own.failures;
  }
  const { id, name, image, digest } = spec;
  return {
    id,
    application: application.name,
    name,
    image,
    digest,
    ...currentState(state, jobs, application, spec),
    ...sum,
    urls: componentUrls(application, id, options.settings.http),
  };
}

function currentState(
  state: HostState,
  jobs: Jobs,
  application: StoredApplication,
  { id, instances }: ComponentSpec,
): Pick<ComponentStatus, "state" | "reason"> {
  if (state.stopped[id]) return { state: "stopped", reason: state.stopped[id] };
  if (state.quarantined[id]) return { state: "quarantined", reason: state.quarantined[id] };
  if (instances === 0) return { state: "stopped", reason: "scaled to 0 instances" };
  const job = application.commands.includes(id) ? jobs.status(id) : undefined;
  if (job) return { state: job.state, reason: job.reason };
  return { state: "ready" };
}

export function allComponents(source: StatusSource): ComponentStatus[] {
  return Object.values(source.state.applications).flatMap((application) =>
    application.components.map((spec) => componentStatus(source, application, spec))
  );
}

export function applicationSummary(source: StatusSource, application: StoredApplication): ApplicationSummary {
  const { name, version, description, appliedAtMs, components } = application;
  const statuses = components.map((spec) => componentStatus(source, application, spec));
  const isFailed = statuses.some(({ state }) =>
    state === "failed" || state === "stopped" || state === "quarantined"
  );
  return {
    name,
    version,
    description,
    appliedAtMs,
    state: isFailed ? "failed" : "ready",
    components: components.length,
    source: application.source,
  };
}

export function applicationDetail(source: StatusSource, application: StoredApplication): ApplicationDetail {
  return {
    ...applicationSummary(source, application),
    manifest: application.manifest,
    componentStatus: application.components.map((spec) => componentStatus(source, application, spec)),
    providers: application.providers.map(({ id, name, kind }) => ({ id, name, kind })),
    links: application.links.map((
      { source: from, target, name, namespace, package: packageName, interfaces },
    ) => ({
      source: from,
      target,
      name,
      interfaces: `${namespace}:${packageName}/${interfaces.join(",")}`,
    })),
  };
}
