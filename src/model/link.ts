// Links: permission and settings for a source to reach a target on interfaces, by link name. Deny by default: the
// switchboard lets a Call through only along a link found here.

import type { EntityId } from "./ids.ts";

/** Merged string settings, as a provider or component reads them. */
export type Config = Readonly<Record<string, string>>;

/** One declared link. */
export interface Link {
  source: EntityId;
  target: EntityId;
  /** Tells several targets of one interface apart; `default` unless the guest or manifest says otherwise. */
  name: string;
  namespace: string;
  package: string;
  interfaces: string[];
  /** Names of configs that only the source end sees, merged in order. */
  sourceConfig: string[];
  /** Names of configs that only the target end sees, merged in order. */
  targetConfig: string[];
}

/** A link with its configs read and merged: what a provider is handed. */
export interface ResolvedLink {
  readonly key: string;
  readonly source: EntityId;
  readonly target: EntityId;
  readonly name: string;
  readonly namespace: string;
  readonly package: string;
  readonly interfaces: readonly string[];
  readonly sourceConfig: Config;
  readonly targetConfig: Config;
}

/** What makes a link the same link: its source, name and package (wasmCloud allows one target for each). */
export function linkKey(link: Pick<Link, "source" | "name" | "namespace" | "package" | "target">): string {
  return `${link.source}/${link.name}/${link.namespace}:${link.package}/${link.target}`;
}

/** Merges named configs in order, later ones winning; `missing` collects names that do not exist. */
export function mergeConfigs(
  names: readonly string[],
  configs: Readonly<Record<string, Config>>,
  missing: string[] = [],
): Config {
  const merged: Record<string, string> = {};
  for (const name of names) {
    if (!Object.hasOwn(configs, name)) missing.push(name);
    else Object.assign(merged, configs[name]);
  }
  return merged;
}

/** Reads the configs of a link; names that do not exist are left out here and reported when the link is put. */
export function resolveLink(link: Link, configs: Readonly<Record<string, Config>>): ResolvedLink {
  return {
    key: linkKey(link),
    source: link.source,
    target: link.target,
    name: link.name,
    namespace: link.namespace,
    package: link.package,
    interfaces: link.interfaces,
    sourceConfig: mergeConfigs(link.sourceConfig, configs),
    targetConfig: mergeConfigs(link.targetConfig, configs),
  };
}

/** Links by who may call what: an index for the hot path, rebuilt when links change. */
export class LinkTable {
  /** source -> interface -> `name` and, for links of providers, `name|target` -> link. */
  readonly #bySource = new Map<string, Map<string, Map<string, ResolvedLink>>>();
  readonly links: readonly ResolvedLink[];

  constructor(links: readonly ResolvedLink[]) {
    this.links = links;
    for (const link of links) {
      const byInterface = entry(
        this.#bySource,
        link.source,
        () => new Map<string, Map<string, ResolvedLink>>(),
      );
      for (const name of link.interfaces) {
        const byName = entry(byInterface, `${link.namespace}:${link.package}/${name}`, () => new Map());
        byName.set(link.name, link);
        byName.set(`${link.name}|${link.target}`, link);
      }
    }
  }

  /**
   * The link along which `source` may call `interfaceName` (no version) by link name, or undefined: denied. A component
   * has one target for each; a provider (an HTTP server) has many and names which.
   */
  find(source: string, interfaceName: string, linkName: string, target?: string): ResolvedLink | undefined {
    const byName = this.#bySource.get(source)?.get(interfaceName);
    if (!byName) return undefined;
    const link = byName.get(linkName);
    // Most names have one target: no key to build then.
    if (target === undefined || link?.target === target) return link;
    return byName.get(`${linkName}|${target}`);
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}
