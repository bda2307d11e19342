// wadm's own traits, `link` and the two scalers, and what they share with components: named configs and secrets. Reads
// Nodes into the normal form of `manifest.ts`; which links make sense together is `validate.ts`'s business.

import type { LinkTrait, ManifestConfig, ManifestSecret, ManifestTrait, ScalerTrait } from "./manifest.ts";
import { LATER_TRAITS, OWN_TRAITS, WADM_TRAITS } from "./manifest.ts";
import { findNearest } from "../nearest.ts";
import { checkOwnTrait } from "./own_traits.ts";
import {
  type Findings,
  isNull,
  type Node,
  quote,
  readInteger,
  readJson,
  readList,
  readMap,
  readName,
  readString,
  readStringMap,
  readStrings,
  requireEntry,
} from "./reading.ts";

/** Fragment of wadm's message for a known trait with the wrong shape; scripts look for it. */
const CUSTOM_TRAIT = "deserialized as custom trait, ensure fields are correct";

/** More instances than this is a slip of the finger; one host runs as many as its memory holds anyway. */
const INSTANCES = { min: 0, max: 1_000_000 };
const WEIGHT = { min: 0, max: 1_000_000 };

/** One entry of `traits`; undefined after a problem. */
export function readTrait(
  found: Findings,
  node: Node,
  owner: "component" | "capability",
): ManifestTrait | undefined {
  const map = readMap(found, node, { known: ["type", "properties"], unknown: "refuse" });
  if (!map) return undefined;
  const typeNode = requireEntry(found, node, "type", `say which trait this is: ${WADM_TRAITS.join(", ")}, …`);
  const properties = requireEntry(
    found,
    node,
    "properties",
    'write "properties:" with the settings of the trait',
  );
  const type = typeNode && readName(found, typeNode);
  if (!type || !properties) return undefined;
  const before = found.problems.length;
  let trait: ManifestTrait | undefined;
  if (type === "link") trait = readLink(found, properties);
  else if (type === "spreadscaler" || type === "daemonscaler") trait = readScaler(found, properties, type);
  else {
    trait = { type, properties: readJson(found, properties) };
    checkOther(found, node, { type, properties, owner });
  }
  const first = found.problems[before];
  if (first && (WADM_TRAITS as readonly string[]).includes(type)) {
    first.message += ` (trait ${quote(type)} ${CUSTOM_TRAIT})`;
    return undefined;
  }
  return trait;
}

function checkOther(
  found: Findings,
  node: Node,
  trait: { type: string; properties: Node; owner: "component" | "capability" },
): void {
  if ((OWN_TRAITS as readonly string[]).includes(trait.type)) {
    checkOwnTrait(found, trait.properties, trait.type);
    if (trait.owner === "capability") {
      found.warn(node, `trait ${quote(trait.type)} does nothing on a capability`, "put it under a component");
    }
    return;
  }
  if ((LATER_TRAITS as readonly string[]).includes(trait.type)) return;
  const near = findNearest(trait.type, [...WADM_TRAITS, ...OWN_TRAITS, ...LATER_TRAITS]);
  if (near !== undefined) {
    found.warn(node, `unknown trait type ${quote(trait.type)} is ignored`, `did you mean ${quote(near)}?`);
  }
}

function readScaler(found: Findings, node: Node, type: ScalerTrait["type"]): ScalerTrait | undefined {
  const map = readMap(found, node, { known: ["instances", "replicas", "spread"], unknown: "refuse" });
  if (!map) return undefined;
  const count = map.get("instances") ?? map.get("replicas");
  if (map.has("instances") && map.has("replicas")) {
    found.refuse(node, '"instances" and "replicas" mean the same', 'keep "instances"');
  }
  if (!count) {
    requireEntry(found, node, "instances", "say how many, like instances: 1");
    return undefined;
  }
  const instances = readInteger(found, count, INSTANCES);
  const trait: ScalerTrait = { type, properties: { instances: instances ?? 0 } };
  const spreadNode = map.get("spread");
  if (spreadNode && !isNull(spreadNode)) {
    const items = readList(found, spreadNode, "spreads");
    trait.properties.spread = items.map((item) => readSpread(found, item)).filter((spread) =>
      spread !== undefined
    );
  }
  return trait;
}

function readSpread(found: Findings, node: Node) {
  const map = readMap(found, node, { known: ["name", "requirements", "weight"], unknown: "refuse" });
  if (!map) return undefined;
  const nameNode = requireEntry(found, node, "name", "name the spread");
  const name = nameNode && readString(found, nameNode);
  const weightNode = map.get("weight");
  const weight = weightNode && !isNull(weightNode) ? readInteger(found, weightNode, WEIGHT) : undefined;
  const requirements = readStringMap(found, map.get("requirements"));
  if (name === undefined) return undefined;
  return { name, requirements, ...weight === undefined ? {} : { weight } };
}

function readLink(found: Findings, node: Node): LinkTrait | undefined {
  const map = readMap(found, node, {
    known: [
      "target",
      "namespace",
      "package",
      "interfaces",
      "source",
      "name",
      "source_config",
      "target_config",
    ],
    unknown: "warn",
  });
  if (!map) return undefined;
  const namespace = readRequired(found, node, "namespace", "the WIT namespace, like wasi");
  const packageName = readRequired(found, node, "package", "the WIT package, like keyvalue");
  const interfacesNode = requireEntry(found, node, "interfaces", "list the WIT interfaces, like [store]");
  const interfaces = readStrings(found, interfacesNode, "interface names");
  const nameNode = map.get("name");
  const name = nameNode ? readName(found, nameNode) : "default";
  const source = readEnd(found, map.get("source"), map.get("source_config"), "source");
  const target = readTarget(found, node, map);
  if (!namespace || !packageName || !name || !target) return undefined;
  checkWitNames(found, map, interfacesNode);
  return { type: "link", properties: { name, namespace, package: packageName, interfaces, source, target } };
}

function readRequired(found: Findings, node: Node, key: string, mend: string): string | undefined {
  const entry = requireEntry(found, node, key, mend);
  return entry && readName(found, entry);
}

/** Names of WIT things hold no `:`, `/` or `@`; who writes them there means another field. */
function checkWitNames(found: Findings, map: ReadonlyMap<string, Node>, interfaces: Node | undefined): void {
  const items = interfaces?.kind === "list" ? interfaces.items : [];
  for (const node of [map.get("namespace"), map.get("package"), ...items]) {
    if (node?.kind !== "scalar" || typeof node.value !== "string") continue;
    if (/^[a-zA-Z][-a-zA-Z0-9]*$/.test(node.value)) continue;
    const mend = /[:/@]/.test(node.value)
      ? "write namespace: wasi, package: keyvalue, interfaces: [store], without version"
      : "use letters, digits and -";
    found.refuse(node, `${quote(node.value)} is no WIT name`, mend);
  }
}

function readTarget(
  found: Findings,
  node: Node,
  map: ReadonlyMap<string, Node>,
): LinkTrait["properties"]["target"] | undefined {
  const target = requireEntry(found, node, "target", "say which component is called: target: { name: … }");
  if (!target) return undefined;
  if (target.kind === "scalar") {
    const name = readName(found, target);
    return name ? { name, ...readEnd(found, undefined, map.get("target_config"), "target") } : undefined;
  }
  const nameNode = requireEntry(found, target, "name", "name the component that is called");
  const name = nameNode && readName(found, nameNode);
  const end = readEnd(found, target, map.get("target_config"), "target");
  return name ? { name, ...end } : undefined;
}

/** One end of a link; the deprecated `*_config` beside it counts only where the end itself is not given. */
function readEnd(found: Findings, node: Node | undefined, old: Node | undefined, side: "source" | "target") {
  if (old) found.warn(old, `"${side}_config" is deprecated`, `please use ${side}:config:`);
  if (!node || isNull(node)) return { config: readConfigs(found, old), secrets: [] };
  const known = side === "target" ? ["name", "config", "secrets"] : ["config", "secrets"];
  const map = readMap(found, node, { known, unknown: "warn" });
  return { config: readConfigs(found, map?.get("config")), secrets: readSecrets(found, map?.get("secrets")) };
}

/** A `config` list, of a component (`coerce`: numbers may stand unquoted) or of one end of a link. */
export function readConfigs(
  found: Findings,
  node: Node | undefined,
  options: { coerce?: boolean } = {},
): ManifestConfig[] {
  if (node && isNull(node)) return [];
  const configs: ManifestConfig[] = [];
  for (const item of readList(found, node, "configs")) {
    const map = readMap(found, item, { known: ["name", "properties"], unknown: "refuse" });
    const nameNode = map && requireEntry(found, item, "name", "name the config");
    const name = nameNode && readName(found, nameNode, options);
    const properties = map?.get("properties");
    if (name === undefined) continue;
    if (!properties || isNull(properties)) configs.push({ name });
    else configs.push({ name, properties: readStringMap(found, properties, options) });
  }
  return configs;
}

/** A `secrets` list. */
export function readSecrets(
  found: Findings,
  node: Node | undefined,
  options: { coerce?: boolean } = {},
): ManifestSecret[] {
  if (node && isNull(node)) return [];
  const secrets: ManifestSecret[] = [];
  for (const item of readList(found, node, "secrets")) {
    const map = readMap(found, item, { known: ["name", "properties"], unknown: "warn" });
    const nameNode = map && requireEntry(found, item, "name", "name the secret");
    const from = map && requireEntry(found, item, "properties", "give it { policy, key }");
    const fields = from &&
      readMap(found, from, { known: ["policy", "key", "field", "version"], unknown: "warn" });
    if (!nameNode || !fields) continue;
    const text = (key: string, required: boolean) => {
      const entry = required ? requireEntry(found, from, key, `give the secret a ${key}`) : fields.get(key);
      return entry && !(isNull(entry) && !required) ? readString(found, entry, options) : undefined;
    };
    const name = readName(found, nameNode, options);
    const [policy, key, field, version] = [
      text("policy", true),
      text("key", true),
      text("field", false),
      text("version", false),
    ];
    if (name === undefined || policy === undefined || key === undefined) continue;
    secrets.push({
      name,
      properties: {
        policy,
        key,
        ...field === undefined ? {} : { field },
        ...version === undefined ? {} : { version },
      },
    });
  }
  return secrets;
}
