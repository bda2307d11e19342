// What a test wants to see of a running host: polled until it is so or until patience ends, never slept for.

import type { HostStatus } from "../../src/control/api.ts";
import type { Event } from "../../src/model/event.ts";
import type { HostProcess } from "./host_process.ts";

/** Generous: a loaded machine is no reason to fail. */
const PATIENCE_MS = 30_000;

const POLL_MS = 50;

/** Resolves with what `look` gives as soon as that is truthy; says what was waited for when it never is. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** `holdfast status --json`. */
export async function statusOf(host: HostProcess): Promise<HostStatus> {
  const { code, stdout, stderr } = await host.cli("status", "--json");
  if (code !== 0) throw new Error(`status ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** One component of {@linkcode statusOf}. */
export async function componentOf(host: HostProcess, id: string): Promise<HostStatus["components"][number]> {
  const found = (await statusOf(host)).components.find((component) => component.id === id);
  if (!found) throw new Error(`the host does not list ${id}`);
  return found;
}

/** `holdfast events --json`, those after `sequence`. */
export async function eventsOf(host: HostProcess, after = -1): Promise<Event[]> {
  const { code, stdout, stderr } = await host.cli("events", "--json");
  if (code !== 0) throw new Error(`events ended with ${code}: ${stderr}`);
  const events = stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Event);
  return events.filter(({ sequence }) => sequence > after);
}

/** Waits for an event that `matches`. */
export function untilEvent(
  host: HostProcess,
  what: string,
  matches: (event: Event) => boolean,
): Promise<Event> {
  return until(`an event: ${what}`, async () => (await eventsOf(host)).find(matches));
}
