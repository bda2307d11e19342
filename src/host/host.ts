// One running host, the supervisor's side: brings the cells to the saved state at boot, and carries out commands one
// after the other, each whole or not at all. Decisions are `state.ts`, processes `fleet.ts`.

import type { ApplyReply, ApplyRequest } from "../control/api.ts";
import type { CallByHand, CallOutcome, CellSettings } from "../model/cell_protocol.ts";
import { Fault, isFault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import { prepareApplications } from "./apply.ts";
import { Fleet } from "./fleet.ts";
import type { HostParts } from "./host_ports.ts";
import { Jobs } from "./jobs.ts";
import { type Command, decide, EMPTY_STATE, type HostState, type StoredApplication } from "./state.ts";
import { applicationUrls } from "./status.ts";

export interface HostOptions {
  cells: number;
  settings: Omit<CellSettings, "cell" | "socket">;
  socketPath(cell: number): string;
}

/** A running host. */
export class Host {
  readonly parts: HostParts;
  readonly options: HostOptions;
  readonly fleet: Fleet;
  readonly jobs: Jobs;
  #state: HostState = EMPTY_STATE;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(parts: HostParts, options: HostOptions) {
    this.parts = parts;
    this.options = options;
    this.jobs = new Jobs(parts);
    this.fleet = new Fleet({
      ...options,
      createCell: parts.createCell,
      clock: parts.clock,
      log: parts.log,
      events: parts.events,
      onVerdict: ({ quarantine, stop, reason }) => {
        for (const component of quarantine) this.#isolate({ type: "quarantine", component, reason });
        for (const component of stop) this.#isolate({ type: "stop", component, reason });
      },
    });
  }

  get state(): HostState {
    return this.#state;
  }

  /** Starts the cells with whatever was running before; what cannot run is reported and never keeps others down. */
  async start(): Promise<void> {
    const saved = this.parts.store.listRecords<StoredApplication>("application");
    this.#state = { ...EMPTY_STATE, applications: Object.fromEntries(saved) };
    // A host that cannot be reached ends, and whoever starts it again finds the port free one day.
    await this.#checkPort(EMPTY_STATE, this.#state);
    this.fleet.start();
    try {
      await this.fleet.assign(this.#state);
    } catch (error) {
      this.parts.log.error("a part of the saved state could not start", { reason: (error as Error).message });
      this.parts.events.publish({
        type: "component_start_failed",
        component: "",
        code: isFault(error) ? error.code : "unavailable",
        reason: (error as Error).message,
      });
    }
    for (const application of Object.values(this.#state.applications)) {
      this.jobs.start(application, this.fleet);
    }
  }

  /** Applies a manifest of one or more applications: all of them or, with a fault, none. */
  apply(request: ApplyRequest): Promise<ApplyReply> {
    return this.#exclusively(async () => {
      const { applications, warnings } = await prepareApplications(this.parts, this.#state, request);
      const changes = await this.#carryOut(
        applications.map((application) => ({ type: "apply", application })),
      );
      for (const application of applications) this.jobs.start(application, this.fleet);
      return {
        applications: applications.map(({ name, version }, i) => ({
          name,
          version,
          change: changes[i] as "created",
        })),
        warnings,
        urls: applications.flatMap((application) => applicationUrls(application, this.options.settings.http)),
      };
    });
  }

  delete(name: string): Promise<void> {
    return this.#exclusively(async () => {
      const before = this.#state.applications[name];
      await this.#carryOut([{ type: "delete", application: name }]);
      await this.jobs.forget(before);
    });
  }

  call(call: CallByHand): Promise<CallOutcome> {
    if (
      !Object.values(this.#state.applications).some(({ components }) =>
        components.some(({ id }) => id === call.component)
      )
    ) {
      throw new Fault("not_found", `there is no component ${call.component} on this host`);
    }
    const reason = this.#state.stopped[call.component];
    if (reason) {
      throw new Fault(
        "unavailable",
        `component ${call.component} is stopped: ${reason}; apply its application again`,
      );
    }
    return this.fleet.call(call);
  }

  /** Drains the cells; within {@linkcode LIMITS.drainMs} everything has ended. */
  async stop(reason: string): Promise<void> {
    this.parts.events.publish({ type: "host_stopped", reason });
    await this.fleet.stop(LIMITS.drainMs);
    await this.parts.store.close();
  }

  #isolate(command: Command): void {
    void this.#exclusively(() => this.#carryOut([command])).catch((error) =>
      this.parts.log.error("a component could not be isolated", { reason: error.message })
    );
  }

  /** Decides, has the cells take it, saves it; what the cells refuse is taken back everywhere. */
  async #carryOut(commands: Command[]): Promise<string[]> {
    const before = this.#state;
    const decisions = [];
    for (const command of commands) {
      const decision = decide(decisions.at(-1)?.state ?? before, command);
      decisions.push(decision);
    }
    const after = decisions.at(-1)?.state ?? before;
    if (after !== before) {
      await this.#checkPort(before, after);
      try {
        await this.fleet.assign(after);
        await this.#save(before, after);
      } catch (error) {
        await this.fleet.assign(before).catch((again) =>
          this.parts.log.error("the state before a refused change could not be restored", {
            reason: again.message,
          })
        );
        throw error;
      }
      this.#state = after;
    }
    for (const event of decisions.flatMap(({ events }) => events)) this.parts.events.publish(event);
    return decisions.map(({ change }) => change);
  }

  /** Cells share the port among themselves, and so could any other program that asked the kernel for the same. */
  async #checkPort(before: HostState, after: HostState): Promise<void> {
    if (!servesHttp(before) && servesHttp(after)) {
      await this.parts.requireFreePort(this.options.settings.http);
    }
  }

  async #save(before: HostState, after: HostState): Promise<void> {
    await this.parts.store.transact((transaction) => {
      for (const name of Object.keys(before.applications)) {
        if (!(name in after.applications)) transaction.deleteRecord("application", name);
      }
      for (const [name, application] of Object.entries(after.applications)) {
        if (before.applications[name] !== application) {
          transaction.setRecord("application", name, application);
        }
      }
    });
  }

  /** Commands follow one another: each sees the state the one before left. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(work);
    this.#busy = result.catch(() => {});
    return result;
  }
}

function servesHttp(state: HostState): boolean {
  return Object.values(state.applications).some(({ providers }) =>
    providers.some(({ kind }) => kind === "http-server")
  );
}
