// `holdfast app delete NAME…`: stops applications and forgets them, in the order given. What one had to say is said at
// once: when a later name fails, the earlier ones are gone.

import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";

export async function run(context: CliContext): Promise<void> {
  const { values, terminal, positionals } = context;
  using host = await connectHost(context);
  for (const name of positionals) {
    await host.client.deleteApplication(name);
    if (!values.flag("json")) terminal.print(`deleted ${name}; its data stays`);
  }
  if (values.flag("json")) terminal.print(JSON.stringify({ deleted: positionals }, null, 2));
}
