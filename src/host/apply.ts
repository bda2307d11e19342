// A manifest on its way in: parsed, planned, its components read, looked at and made ready, and only then a command. What
// is wrong is said before anything has changed.

import type { ApplyRequest } from "../control/api.ts";
import type { ComponentSpec } from "../model/component.ts";
import { Fault } from "../model/fault.ts";
import type { Digest } from "../model/ids.ts";
import type { Link } from "../model/link.ts";
import { formatManifest } from "../model/manifest/format.ts";
import { type ParsedManifest, parseManifest, parseManifests } from "../model/manifest/parse.ts";
import { planApplication } from "../model/manifest/plan.ts";
import type { Problem } from "../model/manifest/reading.ts";
import { type ComponentWit, withoutVersion } from "../model/wit.ts";
import { type Coverage, coverImports, requireCovered, type Surroundings } from "./coverage.ts";
import type { ComponentKnowledge, HostParts } from "./host_ports.ts";
import { componentsOf, type HostState, type StoredApplication } from "./state.ts";

/** The interface that makes a component a command. */
const COMMAND = "wasi:cli/run";

/** What of a host {@linkcode prepareApplications} uses. */
export type ApplyParts = Pick<
  HostParts,
  "artifacts" | "programs" | "knowledge" | "providers" | "clock" | "log"
>;

/** Reads a manifest text of one or more applications and makes each ready; nothing of the host has changed after it. */
export async function prepareApplications(
  parts: ApplyParts,
  state: HostState,
  request: ApplyRequest,
): Promise<{ applications: StoredApplication[]; warnings: Problem[] }> {
  const applications: StoredApplication[] = [];
  const warnings: Problem[] = [];
  let current = state;
  const documents = parseManifests(request.manifest, { source: request.source });
  for (const parsed of documents) {
    // Each application keeps a text of its own; a file of one keeps its comments.
    const text = documents.length === 1 ? request.manifest : formatManifest(parsed.manifest);
    const { application, notes } = await prepareOne(parts, current, { ...request, manifest: text }, parsed);
    applications.push(application);
    warnings.push(...notes);
    // Later documents of one file may build on earlier ones.
    current = { ...current, applications: { ...current.applications, [application.name]: application } };
  }
  return { applications, warnings };
}

async function prepareOne(
  parts: ApplyParts,
  state: HostState,
  request: ApplyRequest,
  parsed: ParsedManifest,
) {
  const { manifest } = parsed;
  const { name } = manifest.metadata;
  const others = Object.values(state.applications).filter((other) => other.name !== name);
  const plan = planApplication(manifest, {
    source: request.source,
    folder: request.folder,
    kinds: parts.providers,
    configs: Object.assign({}, ...others.map(({ configs }) => configs)),
    places: parsed.places,
    others: others.map(({ manifest: text, source }) => parseManifest(text, { source }).manifest),
  });
  const components: ComponentSpec[] = [];
  const wits = new Map<string, ComponentWit>();
  for (const [i, { file, ...planned }] of plan.components.entries()) {
    const digest = request.artifacts[file];
    if (!digest) {
      throw new Fault(
        "not_found",
        `${request.source}: the file ${file} of component ${planned.name} was not uploaded`,
      );
    }
    const bytes = await parts.artifacts.get(digest);
    const what = `component ${planned.name} (${planned.image})`;
    wits.set(planned.id, parts.knowledge.inspect(bytes, what));
    parts.log.info(`prepares ${planned.name}`, {
      of: name,
      component: `${i + 1}/${plan.components.length}`,
      bytes: bytes.length,
    });
    await parts.programs.prepare(digest, planned.limits, what);
    components.push({ ...planned, digest: digest as Digest });
  }
  const application: StoredApplication = {
    name,
    version: plan.version ?? `${new Date(parts.clock.nowMs()).toISOString()}`,
    description: manifest.metadata.annotations.description ?? "",
    tryIt: manifest.metadata.annotations["holdfast.dev/try"],
    manifest: request.manifest,
    source: request.source,
    appliedAtMs: parts.clock.nowMs(),
    components,
    commands: components.filter(({ id }) => isCommand(wits.get(id)!)).map(({ id }) => id),
    providers: plan.providers,
    links: plan.links,
    configs: plan.configs,
  };
  const world = await linkWorld(parts, state, application, wits);
  for (const { id } of components) requireCovered(id, coverImports(id, wits.get(id)!, world));
  checkIncomingLinks(application, world);
  return { application, notes: [...parsed.warnings, ...plan.warnings, ...plan.problems] };
}

function isCommand(wit: ComponentWit): boolean {
  return Object.keys(wit.exports).some((name) => withoutVersion(name) === COMMAND);
}

/** A link from a provider must lead to a component that exports what the provider will call. */
function checkIncomingLinks(application: StoredApplication, world: Surroundings): void {
  const ids = new Set<string>(application.components.map(({ id }) => id));
  for (const link of application.links) {
    if (!ids.has(link.target)) continue;
    const offered = world.offers(link.target)?.interfaces;
    for (const name of link.interfaces) {
      const full = `${link.namespace}:${link.package}/${name}`;
      if (
        offered?.has(full) ||
        (full === "wasi:http/outgoing-handler" && offered?.has("wasi:http/incoming-handler"))
      ) continue;
      const has = offered?.size ? [...offered].join(", ") : "nothing";
      throw new Fault(
        "bad_request",
        `the link from ${link.source} to ${link.target} is for ${full}, which ${link.target} does not export (it exports: ${has}); is it the right component?`,
      );
    }
  }
}

/** Everything the application's components can be linked to: what is in it, and what runs here already. */
async function linkWorld(
  parts: ApplyParts,
  state: HostState,
  application: StoredApplication,
  wits: Map<string, ComponentWit>,
): Promise<Surroundings> {
  const targets = new Set<string>(application.links.map(({ target }) => target));
  for (const { id, digest, image } of componentsOf(state)) {
    if (!targets.has(id) || wits.has(id)) continue;
    wits.set(id, parts.knowledge.inspect(await parts.artifacts.get(digest), image));
  }
  const providers = [...Object.values(state.applications), application].flatMap((one) => one.providers);
  return makeSurroundings(
    parts,
    application.links,
    wits,
    new Map(providers.map(({ id, kind }) => [id, kind])),
  );
}

function makeSurroundings(
  parts: Pick<HostParts, "knowledge" | "providers">,
  links: readonly Link[],
  wits: ReadonlyMap<string, ComponentWit>,
  kinds: ReadonlyMap<string, string>,
): Surroundings {
  const { knowledge, providers } = parts;
  const implicit = Object.values(providers).filter((row) => row.implicit).flatMap(({ offers }) => offers);
  return {
    links,
    isBuiltin: (name) => knowledge.isBuiltin(name),
    needsLink: (name) => knowledge.needsLink(name),
    implicit: new Set(implicit),
    offers(target) {
      const wit = wits.get(target);
      if (wit) return { interfaces: new Set(Object.keys(wit.exports).map(withoutVersion)), wit };
      const kind = kinds.get(target);
      return kind === undefined ? undefined : { interfaces: new Set(providers[kind].offers) };
    },
  };
}

/** How the imports of a component that stands alone are answered: for `component inspect FILE`. */
export function coverAlone(
  wit: ComponentWit,
  knowledge: ComponentKnowledge,
  providers: HostParts["providers"],
): Coverage[] {
  return coverImports("", wit, makeSurroundings({ knowledge, providers }, [], new Map(), new Map()));
}

/** How the imports of a component of this host are answered. */
export async function coverOnHost(
  parts: ApplyParts,
  state: HostState,
  id: string,
): Promise<{ wit: ComponentWit; coverage: Coverage[] }> {
  const application = Object.values(state.applications).find(({ components }) =>
    components.some((spec) => spec.id === id)
  );
  const spec = application?.components.find((one) => one.id === id);
  if (!application || !spec) throw new Fault("not_found", `there is no component ${id} on this host`);
  const wits = new Map([[id, parts.knowledge.inspect(await parts.artifacts.get(spec.digest), spec.image)]]);
  const world = await linkWorld(parts, state, application, wits);
  return { wit: wits.get(id)!, coverage: coverImports(id, wits.get(id)!, world) };
}
