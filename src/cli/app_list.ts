// `holdfast app list`: the applications of the host.

import type { ApplicationSummary } from "../control/api.ts";
import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";
import { type Cell, formatTable, formatTime } from "./table.ts";

export async function run(context: CliContext): Promise<void> {
  const { values, terminal } = context;
  using host = await connectHost(context);
  const applications = await host.client.listApplications();
  if (values.flag("json")) terminal.print(JSON.stringify(applications, null, 2));
  else if (applications.length === 0) terminal.note("No application yet: holdfast app apply FILE");
  else terminal.print(formatApplications(applications, terminal).join("\n"));
}

/** A table of applications. */
export function formatApplications(
  applications: readonly ApplicationSummary[],
  options: { colour: boolean },
): string[] {
  const rows = applications.map((one): Cell[] => [
    one.name,
    one.version,
    { text: one.state, tone: one.state === "ready" ? "good" : "bad" },
    one.components,
    formatTime(one.appliedAtMs),
    one.description,
  ]);
  return formatTable(
    ["APPLICATION", "VERSION", "STATE", "COMPONENTS", "APPLIED", "DESCRIPTION"],
    rows,
    options,
  );
}
