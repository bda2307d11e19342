// The links of a plan: names become ids, and every link must make sense, so that nothing starts that could only fail:
// the right kind at either end, an interface the provider really has, one target for each source, name and package.

import { type Link, linkKey, mergeConfigs } from "../link.ts";
import { suggest } from "../nearest.ts";
import { linksIn, type LinkTrait } from "./manifest.ts";
import { type Entity, noteFault, type Planning, resolveConfigs } from "./planning.ts";
import { quote } from "./reading.ts";

/** Every link of the manifest, links that differ only in their interfaces made one. */
export function planLinks(planning: Planning): Link[] {
  const links = new Map<string, Link>();
  const targets = new Map<string, string>();
  for (const [index, component] of planning.manifest.spec.components.entries()) {
    const source = planning.entities.get(component.name);
    if (!source) continue;
    for (const { link: trait, index: nth } of linksIn(component)) {
      const path = `spec.components[${index}].traits[${nth}].properties`;
      const target = planning.entities.get(trait.properties.target.name);
      if (!target) continue;
      const fits = source.type === "capability"
        ? checkFromProvider(planning, source, { trait, path, name: component.name })
        : checkToProvider(planning, target, { trait, path });
      const link = toLink(planning, { source, target, trait, path });
      if (!fits) continue;
      checkSettings(planning, { source, target, link, path });
      addLink(planning, { links, targets, link, path, singleTarget: source.type === "component" });
    }
  }
  return [...links.values()];
}

function toLink(
  planning: Planning,
  input: { source: Entity; target: Entity; trait: LinkTrait; path: string },
): Link {
  const { namespace, package: packageName, interfaces, name, source, target } = input.trait.properties;
  return {
    source: input.source.id,
    target: input.target.id,
    name,
    namespace,
    package: packageName,
    interfaces: [...interfaces],
    sourceConfig: resolveConfigs(planning, source.config, `${input.path}.source.config`),
    targetConfig: resolveConfigs(planning, target.config, `${input.path}.target.config`),
  };
}

function interfacesOf(trait: LinkTrait): string[] {
  const { namespace, package: packageName, interfaces } = trait.properties;
  return interfaces.map((name) => `${namespace}:${packageName}/${name}`);
}

/** A link under a provider: it must be one that calls components, over an interface it calls. */
function checkFromProvider(
  planning: Planning,
  source: Entity,
  input: { trait: LinkTrait; path: string; name: string },
): boolean {
  if (source.kind === undefined) return false;
  const { calls } = planning.options.kinds[source.kind];
  let fits = true;
  for (const [index, full] of interfacesOf(input.trait).entries()) {
    if (calls.includes(full)) continue;
    fits = false;
    const mend = calls.length === 0
      ? `put the link under the component that uses it, with target: { name: ${input.name} }`
      : suggest(full, calls);
    planning.found.refuse(
      { path: `${input.path}.interfaces[${index}]` },
      `a provider of kind ${source.kind} calls nobody over ${full}`,
      mend,
    );
  }
  return fits;
}

/** A link under a component: a provider as target must offer every interface. Components are asked when they start. */
function checkToProvider(
  planning: Planning,
  target: Entity,
  input: { trait: LinkTrait; path: string },
): boolean {
  if (target.type === "component") return true;
  if (target.kind === undefined) return false;
  const { offers, calls } = planning.options.kinds[target.kind];
  let fits = true;
  for (const [index, full] of interfacesOf(input.trait).entries()) {
    if (offers.includes(full)) continue;
    fits = false;
    const mend = calls.includes(full)
      ? `it calls components itself: put the link under ${quote(input.trait.properties.target.name)}`
      : suggest(full, offers);
    planning.found.refuse(
      { path: `${input.path}.interfaces[${index}]` },
      `a provider of kind ${target.kind} does not offer ${full}`,
      mend,
    );
  }
  return fits;
}

/** Asks the provider at either end whether it can read the link's settings. */
function checkSettings(
  planning: Planning,
  input: { source: Entity; target: Entity; link: Link; path: string },
): void {
  const { link, path } = input;
  if ([...link.sourceConfig, ...link.targetConfig].some((name) => !Object.hasOwn(planning.configs, name))) {
    return;
  }
  const source = mergeConfigs(link.sourceConfig, planning.configs);
  const target = mergeConfigs(link.targetConfig, planning.configs);
  for (const [side, entity] of [["source", input.source], ["target", input.target]] as const) {
    if (entity.kind === undefined) continue;
    const { check } = planning.options.kinds[entity.kind];
    noteFault(planning.found, `${path}.${side}`, () => check?.({ link: { source, target } }));
  }
}

function addLink(
  planning: Planning,
  input: {
    links: Map<string, Link>;
    targets: Map<string, string>;
    link: Link;
    path: string;
    singleTarget: boolean;
  },
): void {
  const { links, targets, link, path } = input;
  const key = linkKey(link);
  const family = `${link.source}/${link.name}/${link.namespace}:${link.package}`;
  const before = targets.get(family);
  if (input.singleTarget && before !== undefined && before !== link.target) {
    planning.found.refuse(
      { path },
      `the link name ${quote(link.name)} already leads ${link.namespace}:${link.package} to ${quote(before)}`,
      "give this link a name of its own, like name: second",
    );
  }
  targets.set(family, link.target);
  const same = links.get(key);
  if (!same) {
    links.set(key, link);
    return;
  }
  const settings = (one: Link) => JSON.stringify([one.sourceConfig, one.targetConfig]);
  if (settings(same) !== settings(link)) {
    planning.found.refuse(
      { path },
      `two links to ${quote(link.target)} by the name ${quote(link.name)} differ in their configs`,
      "make it one link with all interfaces, or give one of them another name",
    );
  }
  for (const name of link.interfaces) if (!same.interfaces.includes(name)) same.interfaces.push(name);
}
