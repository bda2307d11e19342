// What a host wants to run, and how commands change that: `decide` is pure, and every change passes through it. What is
// stored is exactly the applications; quarantines and the like last as long as the process.

import type { Assignment } from "../model/cell_protocol.ts";
import type { ComponentSpec, ProviderSpec } from "../model/component.ts";
import type { EventBody } from "../model/event.ts";
import { Fault } from "../model/fault.ts";
import type { Config, Link } from "../model/link.ts";

/** One application as it is stored and run. */
export interface StoredApplication {
  name: string;
  version: string;
  description: string;
  /** A command line to try first, from the annotation `holdfast.dev/try`. */
  tryIt?: string;
  /** The manifest's text, as given. */
  manifest: string;
  /** Where it came from, for people. */
  source: string;
  /** Milliseconds since the epoch. */
  appliedAtMs: number;
  components: ComponentSpec[];
  /** Ids of those components that are commands: run once, to their end. */
  commands: string[];
  providers: ProviderSpec[];
  links: Link[];
  configs: Record<string, Config>;
}

/** Everything a host wants. */
export interface HostState {
  readonly applications: Readonly<Record<string, StoredApplication>>;
  /** Components that may not run, and why. */
  readonly stopped: Readonly<Record<string, string>>;
  /** Components in a cell of their own, and why. */
  readonly quarantined: Readonly<Record<string, string>>;
}

export const EMPTY_STATE: HostState = { applications: {}, stopped: {}, quarantined: {} };

/** What may be asked of a host. */
export type Command =
  | { type: "apply"; application: StoredApplication }
  | { type: "delete"; application: string }
  | { type: "quarantine"; component: string; reason: string }
  | { type: "stop"; component: string; reason: string };

export interface Decision {
  state: HostState;
  events: EventBody[];
  change: "created" | "updated" | "unchanged" | "deleted" | "isolated";
}

/** What a command makes of a state; throws a {@linkcode Fault} when it cannot be. */
export function decide(state: HostState, command: Command): Decision {
  switch (command.type) {
    case "apply":
      return decideApply(state, command.application);
    case "delete": {
      const { [command.application]: gone, ...applications } = state.applications;
      if (!gone) {
        const known = Object.keys(applications).join(", ") || "none";
        throw new Fault(
          "not_found",
          `there is no application "${command.application}" on this host (there are: ${known})`,
        );
      }
      return {
        state: released({ ...state, applications }, gone),
        events: [{ type: "application_deleted", application: gone.name }],
        change: "deleted",
      };
    }
    case "quarantine":
      return {
        state: { ...state, quarantined: { ...state.quarantined, [command.component]: command.reason } },
        events: [{ type: "component_quarantined", component: command.component, reason: command.reason }],
        change: "isolated",
      };
    case "stop":
      return {
        state: { ...state, stopped: { ...state.stopped, [command.component]: command.reason } },
        events: [{ type: "component_stopped", component: command.component, reason: command.reason }],
        change: "isolated",
      };
  }
}

function decideApply(state: HostState, application: StoredApplication): Decision {
  const before = state.applications[application.name];
  if (before && isSame(before, application)) {
    return { state: startedAgain(state, before), events: [], change: "unchanged" };
  }
  for (const other of Object.values(state.applications)) {
    if (other.name === application.name) continue;
    const taken = new Set<string>([...other.components, ...other.providers].map(({ id }) => id));
    const clash = [...application.components, ...application.providers].find(({ id }) => taken.has(id));
    if (clash) {
      throw new Fault(
        "conflict",
        `the id ${clash.id} of "${clash.name}" is already deployed in a different application, "${other.name}"; choose another id`,
      );
    }
  }
  const applications = { ...state.applications, [application.name]: application };
  return {
    // A new version of a component is a new chance for it.
    state: released({ ...state, applications }, application),
    events: [{ type: "application_applied", application: application.name, version: application.version }],
    change: before ? "updated" : "created",
  };
}

/** Whether applying `next` over `before` would change nothing. */
function isSame(before: StoredApplication, next: StoredApplication): boolean {
  const shape = ({ manifest, components, providers, links, configs }: StoredApplication) =>
    JSON.stringify([manifest, components, providers, links, configs]);
  return shape(before) === shape(next);
}

/** What was stopped was asked for again: it may run, where it was isolated still apart. */
function startedAgain(state: HostState, { components }: StoredApplication): HostState {
  if (!components.some(({ id }) => id in state.stopped)) return state;
  const ids = new Set<string>(components.map(({ id }) => id));
  const stopped = Object.fromEntries(Object.entries(state.stopped).filter(([id]) => !ids.has(id)));
  return { ...state, stopped };
}

function released(state: HostState, { components }: StoredApplication): HostState {
  const ids = new Set<string>(components.map(({ id }) => id));
  const without = (entries: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(entries).filter(([id]) => !ids.has(id)));
  return { ...state, stopped: without(state.stopped), quarantined: without(state.quarantined) };
}

/** Every component of a state, running or not. */
export function componentsOf(state: HostState): ComponentSpec[] {
  return Object.values(state.applications).flatMap(({ components }) => components);
}

/** What the cells should hold. `failed` are components that cannot start, and why: they are left out. */
export function toAssignment(
  state: HostState,
  options: { revision: number; elsewhere: Record<string, string>; failed: Readonly<Record<string, unknown>> },
): Assignment {
  const all = Object.values(state.applications);
  return {
    revision: options.revision,
    components: componentsOf(state).filter(({ id }) => !(id in state.stopped) && !(id in options.failed)),
    providers: all.flatMap(({ providers }) => providers),
    links: all.flatMap(({ links }) => links),
    configs: Object.assign({}, ...all.map(({ configs }) => configs)),
    elsewhere: options.elsewhere,
  };
}
