// `holdfast component list`: the components of the host, whichever application they belong to.

import { formatComponents } from "./component_rows.ts";
import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";

export async function run(context: CliContext): Promise<void> {
  const { values, terminal } = context;
  using host = await connectHost(context);
  const { components } = await host.client.status();
  if (values.flag("json")) terminal.print(JSON.stringify(components, null, 2));
  else if (components.length === 0) terminal.note("No component yet: holdfast app apply FILE");
  else terminal.print(formatComponents(components, terminal).join("\n"));
}
