// The rules about links of a manifest: wadm's (numbers as in its own table) and ours for links it drops silently.

import { suggest } from "../nearest.ts";
import { linksIn, type ManifestComponent } from "./manifest.ts";
import { at, type Findings, type Node, quote } from "./reading.ts";

/** A component beside the Node it was read from. */
export interface PlacedComponent {
  component: ManifestComponent;
  node: Node;
}

/** Interfaces of the packages that wadm knows; other namespaces are free. */
const KNOWN_INTERFACES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  wrpc: {
    blobstore: ["blobstore"],
    keyvalue: ["atomics", "store"],
    http: ["incoming-handler", "outgoing-handler"],
  },
  wasi: {
    blobstore: ["blobstore"],
    config: ["runtime", "store"],
    keyvalue: ["atomics", "store", "batch", "watch"],
    http: ["incoming-handler", "outgoing-handler"],
    logging: ["logging"],
  },
  wasmcloud: { messaging: ["consumer", "handler"] },
};

/** Notes every broken rule; `complete` says that no component was left out as unreadable. */
export function checkLinks(found: Findings, components: readonly PlacedComponent[], complete: boolean): void {
  for (const { component, node } of components) checkLinksOf(found, component, node);
  if (complete) checkTargets(found, components);
  checkLinkConfigs(found, components);
}

// Rules 9 and 14.
function checkLinksOf(found: Findings, component: ManifestComponent, node: Node): void {
  const seen = new Set<string>();
  for (const { link, index } of linksIn(component)) {
    const { name, namespace, package: packageName, interfaces } = link.properties;
    if (interfaces.length === 0) {
      found.refuse(
        at(node, "traits", index, "properties", "interfaces"),
        "is empty",
        "list the WIT interfaces of the link",
      );
    }
    for (const [nth, iface] of interfaces.entries()) {
      const full = `${namespace}:${packageName}/${iface}`;
      const where = at(node, "traits", index, "properties", "interfaces", nth);
      if (seen.has(`${name} ${full}`)) {
        found.refuse(
          where,
          `Duplicate link found inside component ${quote(component.name)}: ${full} by the name ${
            quote(name)
          }`,
          "give each link of one interface a name of its own, like name: second",
        );
      }
      seen.add(`${name} ${full}`);
      const packages = Object.hasOwn(KNOWN_INTERFACES, namespace) ? KNOWN_INTERFACES[namespace] : {};
      const known = Object.hasOwn(packages, packageName) ? packages[packageName] : undefined;
      if (known && !known.includes(iface)) {
        found.warn(where, `unrecognized interface [${full}]`, suggest(iface, known));
      }
    }
  }
}

// Rule 8, and links between providers, which wadm drops with a log line.
function checkTargets(found: Findings, components: readonly PlacedComponent[]): void {
  const byName = new Map(components.map(({ component }) => [component.name, component]));
  for (const { component, node } of components) {
    for (const { link, index } of linksIn(component)) {
      const wanted = link.properties.target.name;
      const where = at(node, "traits", index, "properties", "target", "name");
      const target = byName.get(wanted);
      if (!target) {
        found.refuse(
          where,
          `${quote(wanted)} is not a listed component; the target is missing from the manifest: ${
            quote(wanted)
          }`,
          () => suggest(wanted, [...byName.keys()]),
        );
      } else if (component.type === "capability" && target.type === "capability") {
        found.refuse(
          where,
          `${quote(component.name)} and ${
            quote(wanted)
          } are both capabilities, which cannot call one another`,
          "link a component to a capability, or a capability to a component",
        );
      }
    }
  }
}

// Rule 15: two link configs that the application would own under one name.
function checkLinkConfigs(found: Findings, components: readonly PlacedComponent[]): void {
  const owned = new Set<string>();
  for (const { component, node } of components) {
    for (const { link, index } of linksIn(component)) {
      for (const side of ["source", "target"] as const) {
        for (const [nth, config] of link.properties[side].config.entries()) {
          if (config.properties === undefined) continue;
          if (owned.has(config.name)) {
            found.refuse(
              at(node, "traits", index, "properties", side, "config", nth, "name"),
              `Duplicate link config name found: ${quote(config.name)}`,
              "give each config with properties a name of its own",
            );
          }
          owned.add(config.name);
        }
      }
    }
  }
}
