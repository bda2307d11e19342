// `holdfast app status NAME`: one application in full.

import type { ApplicationDetail } from "../control/api.ts";
import { formatComponents } from "./component_rows.ts";
import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";
import { formatPairs, formatTable, formatTime } from "./table.ts";

export async function run(context: CliContext): Promise<void> {
  const { values, terminal, positionals } = context;
  using host = await connectHost(context);
  const detail = await host.client.getApplication(positionals[0]);
  terminal.print(values.flag("json") ? JSON.stringify(detail, null, 2) : formatDetail(detail, terminal));
}

/** The application as people read it. */
export function formatDetail(detail: ApplicationDetail, options: { colour: boolean }): string {
  const lines = formatPairs([
    ["application", detail.name],
    ["version", detail.version],
    ["state", detail.state],
    ["applied", `${formatTime(detail.appliedAtMs)} from ${detail.source}`],
    ...detail.description ? [["description", detail.description] as const] : [],
  ], options);
  if (detail.componentStatus.length > 0) lines.push("", ...formatComponents(detail.componentStatus, options));
  if (detail.providers.length > 0) {
    const rows = detail.providers.map((one) => [one.id, one.kind]);
    lines.push("", ...formatTable(["PROVIDER", "KIND"], rows, options));
  }
  if (detail.links.length > 0) {
    const rows = detail.links.map((one) => [one.source, one.interfaces, one.target, one.name]);
    lines.push("", ...formatTable(["LINK FROM", "OVER", "TO", "NAME"], rows, options));
  }
  return lines.join("\n");
}
