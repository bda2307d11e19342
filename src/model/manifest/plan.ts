// planApplication(): a Manifest as one host runs it. Pure: manifest, provider table and known configs in; components,
// providers, links and owned configs out, or one Fault with every problem. Asked by `app apply` and at every boot.

import type { ProviderSpec } from "../component.ts";
import { deriveEntityId, type EntityId, parseEntityId } from "../ids.ts";
import { type Config, mergeConfigs } from "../link.ts";
import { resolveComponentImage, resolvePath, resolveProviderImage } from "./images.ts";
import {
  findTrait,
  isScalerTrait,
  linksIn,
  listConfigs,
  type Manifest,
  type ManifestComponent,
  SHARED_ANNOTATION,
  versionOf,
} from "./manifest.ts";
import { readFilesystem, readNetwork, readRuntime } from "./own_traits.ts";
import { planLinks } from "./plan_links.ts";
import {
  type ApplicationPlan,
  type ComponentPlan,
  type Entity,
  noteFault,
  placeProblems,
  type Planning,
  type PlanOptions,
  resolveConfigName,
  resolveConfigs,
} from "./planning.ts";
import { Findings, quote, toNode } from "./reading.ts";

/**
 * Plans one application. Throws a {@linkcode Fault}: `unavailable` when the only problems are images this host cannot
 * get, else `bad_request`; all problems in `detail.problems` as {@linkcode parseManifest} gives them.
 */
export function planApplication(manifest: Manifest, options: PlanOptions): ApplicationPlan {
  const found = new Findings();
  const unavailable = new Findings();
  const owned = collectOwned(found, manifest);
  const entities = resolveEntities(found, unavailable, manifest, options);
  const configs = { ...options.configs, ...owned };
  const planning: Planning = { manifest, options, found, configs, missing: [], entities };
  const components: ComponentPlan[] = [];
  const providers: ProviderSpec[] = [];
  for (const [index, component] of manifest.spec.components.entries()) {
    const path = `spec.components[${index}]`;
    refuseSecrets(unavailable, component, path);
    const entity = entities.get(component.name);
    if (!entity || component.properties.application) continue;
    if (component.type === "component") {
      components.push(...planComponent(planning, unavailable, { component, path, id: entity.id }));
    } else if (entity.kind !== undefined) {
      providers.push(planProvider(planning, { component, path, id: entity.id, kind: entity.kind }));
    }
  }
  const links = planLinks(planning);
  const onlyUnavailable = found.problems.length === 0;
  found.problems.push(...unavailable.problems);
  for (const list of [found.problems, found.warnings, planning.missing]) placeProblems(list, options.places);
  found.end(options.source, onlyUnavailable ? "unavailable" : "bad_request");
  return {
    application: manifest.metadata.name,
    version: versionOf(manifest),
    components,
    providers,
    links,
    configs: owned,
    problems: planning.missing,
    warnings: found.warnings,
  };
}

function collectOwned(found: Findings, manifest: Manifest): Record<string, Config> {
  const owned: Record<string, Config> = {};
  for (const { path, config } of listConfigs(manifest)) {
    if (config.properties === undefined) continue;
    const name = resolveConfigName(manifest.metadata.name, config);
    if (Object.hasOwn(owned, name) && JSON.stringify(owned[name]) !== JSON.stringify(config.properties)) {
      found.refuse({ path }, `two configs are both called ${quote(name)} and differ`, "rename one of them");
    }
    owned[name] = config.properties;
  }
  return owned;
}

/** Ids of everything the manifest names, by its names there. */
function resolveEntities(
  found: Findings,
  unavailable: Findings,
  manifest: Manifest,
  options: PlanOptions,
): Map<string, Entity> {
  const taken = new Map<string, string>();
  for (const other of options.others ?? []) {
    if (other.metadata.name === manifest.metadata.name) continue;
    for (const component of other.spec.components) {
      const id = noteFault(new Findings(), "", () => idOf(other, component));
      if (id !== undefined && !component.properties.application) taken.set(id, other.metadata.name);
    }
  }
  const kinds = Object.keys(options.kinds);
  const entities = new Map<string, Entity>();
  for (const [index, component] of manifest.spec.components.entries()) {
    const path = `spec.components[${index}]`;
    const shared = component.properties.application;
    const owner = shared ? findShared(found, options.others ?? [], component, path) : { manifest, component };
    const id = owner && noteFault(found, path, () => idOf(owner.manifest, owner.component));
    if (!owner || id === undefined) continue;
    if (!shared && taken.has(id)) {
      found.refuse(
        { path },
        `id ${quote(id)} is already deployed in a different application, ${quote(taken.get(id)!)}`,
        "give the component another id, or delete that application",
      );
    }
    const entity: Entity = { id, type: component.type };
    const { image } = owner.component.properties;
    if (component.type === "capability" && image !== undefined) {
      const path_ = `${path}.properties.image`;
      const row = noteFault(found, path_, () => resolveProviderImage(image, kinds), { unavailable });
      entity.kind = row?.kind;
      if (row?.note) found.warn({ path: path_ }, `${quote(image)} is built in here`, row.note);
    }
    entities.set(component.name, entity);
  }
  return entities;
}

function idOf(manifest: Manifest, component: ManifestComponent): EntityId {
  const { id } = component.properties;
  return id === undefined ? deriveEntityId(manifest.metadata.name, component.name) : parseEntityId(id);
}

function findShared(
  found: Findings,
  others: readonly Manifest[],
  component: ManifestComponent,
  path: string,
): { manifest: Manifest; component: ManifestComponent } | undefined {
  const wanted = component.properties.application!;
  const where = { path: `${path}.properties.application` };
  const manifest = others.find((other) => other.metadata.name === wanted.name);
  const mend = "deploy that application first";
  if (!manifest) {
    return found.refuse(where, `needs shared components that are not deployed: ${quote(wanted.name)}`, mend);
  }
  if (manifest.metadata.annotations[SHARED_ANNOTATION] !== "true") {
    const annotation = `annotate it with ${SHARED_ANNOTATION}: "true"`;
    return found.refuse(where, `application ${quote(wanted.name)} is not shared`, annotation);
  }
  const other = manifest.spec.components.find((one) =>
    one.name === wanted.component && one.type === component.type
  );
  if (other && !other.properties.application) return { manifest, component: other };
  return found.refuse(
    where,
    `application ${quote(wanted.name)} has no ${component.type} ${quote(wanted.component)} of its own`,
    "name one that it has",
  );
}

function refuseSecrets(unavailable: Findings, component: ManifestComponent, path: string): void {
  const inLinks = linksIn(component).some(({ link }) =>
    link.properties.source.secrets.length + link.properties.target.secrets.length > 0
  );
  if (component.properties.secrets.length === 0 && !inLinks) return;
  unavailable.refuse(
    { path },
    "secrets are not supported yet by a host without a lattice",
    "use config for what is not secret",
  );
}

function planComponent(
  planning: Planning,
  unavailable: Findings,
  input: { component: ManifestComponent; path: string; id: EntityId },
): ComponentPlan[] {
  const { manifest, options, found } = planning;
  const { component, path, id } = input;
  const { image = "", config } = component.properties;
  const file = noteFault(
    found,
    `${path}.properties.image`,
    () => resolveComponentImage(image, options.folder),
    {
      unavailable,
    },
  );
  const traitNode = (type: string) => {
    const properties = findTrait(component, type);
    const index = component.traits.findIndex((trait) => trait.type === type);
    return properties === undefined ? undefined : toNode(properties, `${path}.traits[${index}].properties`);
  };
  const runtime = readRuntime(found, traitNode("runtime"));
  const preopens = readFilesystem(found, traitNode("filesystem")).map((preopen) => ({
    ...preopen,
    host: noteFault(found, `${path}.traits[filesystem]`, () => resolvePath(preopen.host, options.folder)) ??
      "",
  }));
  const configNames = resolveConfigs(planning, config, `${path}.properties.config`);
  const merged = mergeConfigs(configNames, planning.configs);
  if (file === undefined) return [];
  return [{
    id,
    application: manifest.metadata.name,
    name: component.name,
    image,
    file,
    instances: instancesOf(component),
    configNames,
    config: merged,
    limits: runtime.limits,
    preopens,
    sockets: readNetwork(found, traitNode("network")),
    args: runtime.args,
    environment: { ...merged, ...runtime.environment },
  }];
}

/**
 * Instances wanted on one host: what the scaler says, wherever its spreads point (there is no other host), the largest
 * where there are several. Without a scaler 1: who declares a component wants it to run.
 */
function instancesOf(component: ManifestComponent): number {
  const counts = component.traits.filter(isScalerTrait).map((trait) => trait.properties.instances);
  return counts.length === 0 ? 1 : Math.max(...counts);
}

function planProvider(
  planning: Planning,
  input: { component: ManifestComponent; path: string; id: EntityId; kind: string },
): ProviderSpec {
  const { component, path, id, kind } = input;
  const { image = "", config } = component.properties;
  const configNames = resolveConfigs(planning, config, `${path}.properties.config`);
  const merged = mergeConfigs(configNames, planning.configs);
  noteFault(planning.found, path, () => planning.options.kinds[kind].check?.({ config: merged }));
  return {
    id,
    application: planning.manifest.metadata.name,
    name: component.name,
    image,
    kind,
    configNames,
    config: merged,
  };
}
