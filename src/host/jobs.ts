// Commands (components that export `wasi:cli/run`): each runs once per version, to its end. What has ended is recorded,
// so that a boot does not run it again.

import { isFault } from "../model/fault.ts";
import type { Clock, EventSink, Log, Store } from "../model/ports.ts";
import type { Fleet } from "./fleet.ts";
import type { StoredApplication } from "./state.ts";

/** How a command stands. */
export interface JobStatus {
  state: "running" | "completed" | "failed";
  /** What was run: a new version or digest runs again. */
  version: string;
  exitCode?: number;
  reason?: string;
}

/** Runs the commands of applications. */
export class Jobs {
  readonly #parts: { store: Store; events: EventSink; log: Log; clock: Clock };
  readonly #status = new Map<string, JobStatus>();

  constructor(parts: { store: Store; events: EventSink; log: Log; clock: Clock }) {
    this.#parts = parts;
    for (const [id, status] of parts.store.listRecords<JobStatus>("job")) this.#status.set(id, status);
  }

  status(id: string): JobStatus | undefined {
    return this.#status.get(id);
  }

  /** Starts the commands that have not run yet in this version; returns at once. */
  start(application: StoredApplication, fleet: Fleet): void {
    for (const id of application.commands) {
      const spec = application.components.find((component) => component.id === id)!;
      const version = `${spec.digest} ${JSON.stringify([spec.args, spec.environment, spec.config])}`;
      const before = this.#status.get(id);
      // A command that was running when the power went runs again: whether it was done, nobody knows.
      if (before?.version === version && before.state !== "running") continue;
      if (spec.instances > 0) void this.#run(id, version, fleet);
    }
  }

  /** Forgets what an application ran. */
  async forget(application: StoredApplication): Promise<void> {
    for (const id of application.commands) this.#status.delete(id);
    await this.#parts.store.transact((transaction) => {
      for (const id of application.commands) transaction.deleteRecord("job", id);
    });
  }

  async #run(id: string, version: string, fleet: Fleet): Promise<void> {
    const { events, log } = this.#parts;
    await this.#keep(id, { state: "running", version });
    try {
      const { output } = await fleet.run(id);
      const exitCode = output?.exitCode ?? 0;
      events.publish({ type: "component_exited", component: id, exitCode });
      const reason = exitCode === 0 ? undefined : `ended with exit code ${exitCode}`;
      await this.#keep(id, { state: exitCode === 0 ? "completed" : "failed", version, exitCode, reason });
    } catch (error) {
      if (!isFault(error)) throw error;
      log.error("a command failed", { component: id, reason: error.message });
      await this.#keep(id, { state: "failed", version, reason: error.message });
    }
  }

  async #keep(id: string, status: JobStatus): Promise<void> {
    this.#status.set(id, status);
    try {
      await this.#parts.store.transact((transaction) => transaction.setRecord("job", id, status));
    } catch (error) {
      // Kept in memory; at worst the command runs again after the next boot.
      this.#parts.log.error("how a command ended could not be saved", {
        component: id,
        reason: (error as Error).message,
      });
    }
  }
}
