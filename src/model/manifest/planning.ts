// What the steps of a plan share: what goes in, what comes out, and how names and faults are settled on the way.
// `plan.ts` plans components and providers, `plan_links.ts` links.

import type { ComponentSpec, ProviderSpec } from "../component.ts";
import { isFault } from "../fault.ts";
import { type EntityId, sanitize } from "../ids.ts";
import type { Config, Link } from "../link.ts";
import type { ProviderKind } from "../provider.ts";
import type { Manifest, ManifestComponent, ManifestConfig } from "./manifest.ts";
import { type Findings, type Place, type Problem, quote } from "./reading.ts";

/** A component whose bytes have not been read yet: its digest is not known, its file is. */
export interface ComponentPlan extends Omit<ComponentSpec, "digest"> {
  /** Absolute path of the `.wasm`. */
  file: string;
}

/** What a plan needs of each row of the provider table. */
export type PlannedKinds = Readonly<
  Record<string, Pick<ProviderKind, "offers" | "calls" | "implicit" | "check">>
>;

export interface PlanOptions {
  /** What messages call the manifest. */
  source: string;
  /** Absolute folder that relative paths start from; absent: relative paths are refused. */
  folder?: string;
  /** What this host has built in. */
  kinds: PlannedKinds;
  /** Configs that exist outside this application, by name. */
  configs?: Readonly<Record<string, Config>>;
  /** Where the manifest's parts stand in its text, so that problems name lines. */
  places?: ReadonlyMap<string, Place>;
  /** The other applications of this host: for shared components and ids already taken. */
  others?: readonly Manifest[];
}

/** One application as one host runs it. */
export interface ApplicationPlan {
  application: string;
  /** The manifest's version, or undefined when whoever applies it has to make one. */
  version?: string;
  components: ComponentPlan[];
  providers: ProviderSpec[];
  links: Link[];
  /** Configs that belong to the application, under their derived names: put at apply, removed at delete. */
  configs: Record<string, Config>;
  /** External configs that do not exist (yet): the application runs without them, and its status must say so. */
  problems: Problem[];
  warnings: Problem[];
}

/** Where a name of the manifest leads: the entity and, for a provider, its kind. */
export interface Entity {
  id: EntityId;
  type: ManifestComponent["type"];
  /** Undefined for components, and for capabilities whose image had a problem. */
  kind?: string;
}

/** What the steps of one plan share. */
export interface Planning {
  readonly manifest: Manifest;
  readonly options: PlanOptions;
  readonly found: Findings;
  /** Every config a name can mean here, owned and external. */
  readonly configs: Readonly<Record<string, Config>>;
  readonly missing: Problem[];
  readonly entities: ReadonlyMap<string, Entity>;
}

/** The name a config has outside the manifest: derived for owned ones, verbatim for external ones. */
export function resolveConfigName(application: string, config: ManifestConfig): string {
  return config.properties === undefined ? config.name : `${sanitize(application)}-${sanitize(config.name)}`;
}

/** Names of a config list, and a note of each that does not exist. */
export function resolveConfigs(
  planning: Planning,
  configs: readonly ManifestConfig[],
  path: string,
): string[] {
  const names = configs.map((config) => resolveConfigName(planning.manifest.metadata.name, config));
  for (const [index, name] of names.entries()) {
    if (Object.hasOwn(planning.configs, name)) continue;
    planning.missing.push({
      path: `${path}[${index}].name`,
      message: `config ${quote(name)} does not exist`,
      mend: "put it, or give it properties here",
    });
  }
  return names;
}

/** Runs `work`; a Fault becomes a problem of the plan, one of code `unavailable` in its own list where there is one. */
export function noteFault<T>(
  found: Findings,
  path: string,
  work: () => T,
  options: { unavailable?: Findings } = {},
): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isFault(error)) throw error;
    const sink = error.code === "unavailable" ? options.unavailable ?? found : found;
    const cut = error.message.lastIndexOf("; ");
    if (cut < 0) return sink.refuse({ path }, error.message, "mend the setting");
    return sink.refuse({ path }, error.message.slice(0, cut), error.message.slice(cut + 2));
  }
}

/** Adds lines to problems of a plan: the place of the path, or of the nearest part above it. */
export function placeProblems(problems: Problem[], places: ReadonlyMap<string, Place> | undefined): void {
  for (const problem of problems) {
    let path = problem.path;
    while (problem.line === undefined && places && path !== "") {
      Object.assign(problem, places.get(path));
      path = path.slice(0, Math.max(0, path.search(/(\.[^.[\]]*|\[[^[\]]*\])$/)));
    }
  }
}
