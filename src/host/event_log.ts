// The last events of this host, for the command line and the dashboard; each is also a log line.

import type { Event, EventBody } from "../model/event.ts";
import { LIMITS } from "../model/limits.ts";
import type { Clock, EventSink, EventSource, Log } from "../model/ports.ts";

/** Events that someone must look at. */
const ALARMING = new Set<EventBody["type"]>([
  "component_start_failed",
  "component_quarantined",
  "cell_lost",
  "store_recovered",
]);

/** Lines of one kind of event per second; a failing component under load would fill the disk otherwise. */
const LINES_PER_SECOND = 10;

/** Keeps and logs events. */
export class EventLog implements EventSink, EventSource {
  readonly #clock: Clock;
  readonly #log: Log;
  #events: Event[] = [];
  #sequence = 0;
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #lines = new Map<string, { second: number; count: number; dropped: number }>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  publish(body: EventBody): void {
    const event: Event = { ...body, timeMs: this.#clock.nowMs(), sequence: ++this.#sequence };
    this.#events.push(event);
    if (this.#events.length > LIMITS.eventsKept * 2) this.#events = this.#events.slice(-LIMITS.eventsKept);
    this.#write(body);
    for (const listener of this.#listeners) listener(event);
  }

  recent(after = 0): Event[] {
    return this.#events.filter(({ sequence }) => sequence > after).slice(-LIMITS.eventsKept);
  }

  /** Calls `listener` for each event from now on; returns the way out. */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #write(body: EventBody): void {
    const { type, ...fields } = body;
    const key = `${type} ${(fields as { component?: string }).component ?? ""}`;
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    let line = this.#lines.get(key);
    if (!line || line.second !== second) {
      const dropped = line?.dropped ?? 0;
      if (dropped) this.#log.info(`${type}: ${dropped} more in that second`, fields);
      if (this.#lines.size > LIMITS.eventsKept) this.#lines.clear();
      this.#lines.set(key, line = { second, count: 0, dropped: 0 });
    }
    if (++line.count > LINES_PER_SECOND) {
      line.dropped++;
      return;
    }
    const message = type.replaceAll("_", " ");
    if (ALARMING.has(type)) this.#log.error(message, fields);
    else this.#log.info(message, fields);
  }
}
