// `holdfast status`: what the host runs and how it is doing, once or every second.

import type { CellStatus, HostStatus } from "../control/api.ts";
import { formatComponents } from "./component_rows.ts";
import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";
import { type Cell, formatAge, formatBytes, formatPairs, formatTable, paint } from "./table.ts";

const WATCH_MS = 1_000;

/** Prints the status; with `--watch` until interrupted or until the host is gone. */
export async function run(context: CliContext): Promise<void> {
  const { values, terminal } = context;
  using host = await connectHost(context);
  do {
    const status = await host.client.status();
    if (values.flag("watch") && !values.flag("json")) terminal.clear();
    terminal.print(values.flag("json") ? formatJson(context, status) : formatStatus(status, terminal));
    if (values.flag("watch")) await new Promise((done) => setTimeout(done, WATCH_MS));
  } while (values.flag("watch"));
}

/** Whole and indented once; a line each while watching, as programs that read streams expect. */
function formatJson({ values }: CliContext, status: HostStatus): string {
  return JSON.stringify(status, null, values.flag("watch") ? undefined : 2);
}

/** The status as people read it. */
export function formatStatus(status: HostStatus, options: { colour: boolean }): string {
  const { host, version, pid, store } = status;
  const size = formatBytes(store.bytes);
  const lines = formatPairs([
    ["host", `${host} (holdfast ${version}, process ${pid}), up ${formatAge(status.uptimeMs)}`],
    ["line", describeConnectivity(status.connectivity)],
    ["data", `${status.data} (${size})`],
    ["web", status.urls.join("  ") || "nothing is served"],
  ], options);
  if (store.problem) lines.push(paint(`store: ${store.problem}`, "bad", options.colour));
  lines.push("", ...formatCells(status.cells, options));
  const { applications, components } = status;
  if (components.length > 0) lines.push("", ...formatComponents(components, options));
  else if (applications === 0) lines.push("", "No application yet: holdfast app apply FILE");
  return lines.join("\n");
}

function describeConnectivity(connectivity: HostStatus["connectivity"]): string {
  const words = {
    alone: "alone: this host needs nobody",
    site: "site: the hub is out of reach, work goes on",
    online: "online",
  };
  return words[connectivity] ?? connectivity;
}

function formatCells(cells: readonly CellStatus[], options: { colour: boolean }): string[] {
  // Rare, and alarming where it is not: no column for it in good times.
  const isAnyQuarantined = cells.some((cell) => cell.quarantine !== undefined);
  const rows = cells.map((cell): Cell[] => [
    cell.cell,
    cell.pid,
    cell.state === "ready" ? { text: "ready", tone: "good" } : { text: cell.state, tone: "bad" },
    cell.restarts,
    formatBytes(cell.memoryBytes),
    ...isAnyQuarantined ? [cell.quarantine ?? ""] : [],
  ]);
  const header = ["CELL", "PROCESS", "STATE", "RESTARTS", "MEMORY"];
  return formatTable(isAnyQuarantined ? [...header, "QUARANTINE OF"] : header, rows, options);
}
