// `holdfast events`: what happened on the host, as far as it still remembers, and with `--follow` what happens next. While
// following, a host that is gone is waited for: watching one restart is what this is used for.

import { isFault } from "../model/fault.ts";
import type { Event } from "../model/event.ts";
import type { CliContext } from "./context.ts";
import { connectHost, type HostConnection } from "./host_connection.ts";
import { formatFields } from "./log.ts";
import { formatTime } from "./table.ts";

/** Between two questions while following: quick to the eye, nothing to a host. */
const FOLLOW_MS = 500;

export async function run(context: CliContext): Promise<void> {
  const { values, terminal } = context;
  const show = (event: Event) =>
    terminal.print(values.flag("json") ? JSON.stringify(event) : formatEvent(event));
  if (values.flag("follow")) return await follow(context, show);
  using host = await connectHost(context);
  for (const event of await host.client.events()) show(event);
}

async function follow(context: CliContext, show: (event: Event) => void): Promise<void> {
  let host: HostConnection | undefined = await connectHost(context);
  let after: number | undefined;
  let { pid } = host.holder;
  while (true) {
    try {
      host ??= await connectHost(context);
      // Sequence numbers begin again with each run of a host.
      if (host.holder.pid !== pid) after = undefined;
      ({ pid } = host.holder);
      for (const event of await host.client.events(after)) {
        const missed = after === undefined ? 0 : event.sequence - after - 1;
        if (missed > 0) context.terminal.note(`… ${missed} events came and went meanwhile; the log has them`);
        show(event);
        after = event.sequence;
      }
    } catch (error) {
      if (!isFault(error) || (error.code !== "unavailable" && error.code !== "timeout")) throw error;
      if (host) context.terminal.note(`${error.message.split(";", 1)[0]}; waiting for it to come back`);
      host?.[Symbol.dispose]();
      host = undefined;
    }
    await new Promise((done) => setTimeout(done, FOLLOW_MS));
  }
}

/** One event on one line. */
export function formatEvent(event: Event): string {
  const { timeMs, sequence: _, type, ...fields } = event;
  return [formatTime(timeMs), type, ...formatFields(fields)].join("  ");
}
