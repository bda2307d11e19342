// What the parts of a manifest mean together: wadm's validation rules (numbers as in its own table), with its message
// fragments kept because scripts look for them, and our own where wadm drops things silently.

import { isFault } from "../fault.ts";
import { deriveEntityId, parseEntityId } from "../ids.ts";
import { suggest } from "../nearest.ts";
import {
  isLinkTrait,
  isScalerTrait,
  type LinkTrait,
  type Manifest,
  type ManifestComponent,
  type ManifestConfig,
  type ManifestSecret,
} from "./manifest.ts";
import { type Findings, join, type Node, quote } from "./reading.ts";

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

const SECRET_POLICY = "policy.secret.wasmcloud.dev/v1alpha1";

/** Notes every broken rule; `complete` says that no component was left out as unreadable. */
export function checkManifest(
  found: Findings,
  manifest: Manifest,
  parts: { root: Node; components: readonly PlacedComponent[]; complete: boolean },
): void {
  checkMetadata(found, manifest, parts.root);
  checkIdentities(found, manifest, parts.components);
  for (const { component, node } of parts.components) {
    checkSource(found, component, node);
    checkSecrets(found, manifest, component, node);
    checkLinksOf(found, component, node);
  }
  if (parts.complete) checkTargets(found, parts.components);
  checkLinkConfigs(found, parts.components);
}

/** The Node at a path below `node`, or the nearest one above it that exists. */
function at(node: Node, ...steps: (string | number)[]): Pick<Node, "path" | "at"> {
  let here: Node = node;
  for (const [index, step] of steps.entries()) {
    const next: Node | undefined = typeof step === "number"
      ? (here.kind === "list" ? here.items[step] : undefined)
      : (here.kind === "map" ? here.entries.get(step) : undefined);
    if (next === undefined) {
      const rest = steps.slice(index).reduce<string>(
        (path, s) => typeof s === "number" ? `${path}[${s}]` : join(path, s),
        here.path,
      );
      return { path: rest, at: here.at };
    }
    here = next;
  }
  return here;
}

// Rules 3, 4 and 5.
function checkMetadata(found: Findings, manifest: Manifest, root: Node): void {
  const { name, annotations, labels } = manifest.metadata;
  if (!/^[-\w]+$/.test(name)) {
    found.refuse(
      at(root, "metadata", "name"),
      `manifest name [${quote(name)}] is not allowed: it contains invalid characters`,
      "use letters, digits, - and _",
    );
  }
  if (Object.hasOwn(annotations, "version") && annotations.version === "latest") {
    found.refuse(
      at(root, "metadata", "annotations", "version"),
      "invalid manifest version, errors: latest is not allowed in wadm",
      'give it a version of its own, like "1.0.0", or leave it out',
    );
  }
  const key = "use letters, digits, - _ and . with an optional example.com/ in front";
  for (const label of Object.keys(labels)) {
    if (!isLabelKey(label)) {
      found.refuse(at(root, "metadata", "labels", label), `Invalid OAM label: ${quote(label)}`, key);
    }
  }
  for (const annotation of Object.keys(annotations)) {
    if (isLabelKey(annotation)) continue;
    found.refuse(
      at(root, "metadata", "annotations", annotation),
      `Invalid OAM annotation: ${quote(annotation)}`,
      key,
    );
  }
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  const name = key.slice(slash + 1);
  if (name.length > 63 || !/^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(name)) return false;
  if (slash < 0) return true;
  const parts = key.slice(0, slash).split(".");
  return slash <= 253 &&
    parts.every((part) => part.length <= 63 && /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(part));
}

// Rules 6 and 7, with derived ids counted too: they would collide on the host.
function checkIdentities(found: Findings, manifest: Manifest, components: readonly PlacedComponent[]): void {
  const names = new Set<string>();
  const ids = new Map<string, string>();
  for (const { component, node } of components) {
    const { name, properties } = component;
    if (names.has(name)) {
      found.refuse(
        at(node, "name"),
        `Duplicate component name in manifest: ${quote(name)}`,
        "rename one of them",
      );
      continue;
    }
    names.add(name);
    if (properties.application) continue;
    const where = properties.id === undefined ? at(node, "name") : at(node, "properties", "id");
    let id: string;
    try {
      id = properties.id === undefined
        ? deriveEntityId(manifest.metadata.name, name)
        : parseEntityId(properties.id);
    } catch (error) {
      if (!isFault(error)) throw error;
      const [message, mend] = error.message.split(": ");
      found.refuse(where, message, mend ?? "use letters, digits, - and _");
      continue;
    }
    const other = ids.get(id);
    if (other !== undefined) {
      found.refuse(
        where,
        `Duplicate component identifier in manifest: ${quote(id)} is that of ${quote(other)} too`,
        "give one of them an id of its own",
      );
    }
    ids.set(id, name);
  }
}

// Rules 12 and 13.
function checkSource(found: Findings, component: ManifestComponent, node: Node): void {
  const { image, application, config, secrets } = component.properties;
  const where = at(node, "properties");
  if (image !== undefined && application) {
    found.refuse(where, "a component cannot have both image and application", "keep one of them");
  }
  if (image === undefined && !application) {
    found.refuse(
      where,
      "a component must have either image or application",
      'say where its bytes are: image: "./x.wasm"',
    );
  }
  if (!application) return;
  for (const [key, list] of [["config", config], ["secrets", secrets]] as const) {
    if (list.length === 0) continue;
    found.refuse(
      at(node, "properties", key),
      `a shared component cannot specify additional ${key}`,
      "set it in the application that owns the component",
    );
  }
  const index = component.traits.findIndex(isScalerTrait);
  if (index >= 0) {
    found.refuse(
      at(node, "traits", index),
      "a shared component cannot include a scaler trait",
      "scale it in the application that owns it",
    );
  }
}

// Rule 10.
function checkSecrets(found: Findings, manifest: Manifest, component: ManifestComponent, node: Node): void {
  const check = (secrets: readonly ManifestSecret[], ...steps: (string | number)[]) => {
    for (const [index, secret] of secrets.entries()) {
      const where = at(node, ...steps, index);
      const wanted = secret.properties.policy;
      const policy = manifest.spec.policies.find((other) => other.name === wanted);
      const mend = `declare the policy with type: ${SECRET_POLICY} and a backend`;
      if (!policy) {
        found.refuse(
          where,
          `secret ${quote(secret.name)} is mapped to unknown policy ${quote(wanted)}`,
          mend,
        );
      } else if (policy.type !== SECRET_POLICY) {
        found.refuse(
          where,
          `policy ${quote(wanted)} of type ${quote(policy.type)} is not a secret policy`,
          mend,
        );
      } else if (!Object.hasOwn(policy.properties, "backend")) {
        found.refuse(where, `secret policy ${quote(wanted)} does not include a 'backend'`, mend);
      }
    }
  };
  check(component.properties.secrets, "properties", "secrets");
  for (const { link, index } of linksIn(component)) {
    check(link.properties.source.secrets, "traits", index, "properties", "source", "secrets");
    check(link.properties.target.secrets, "traits", index, "properties", "target", "secrets");
  }
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

/** Every config of the manifest with who uses it; paths are those of the normal form. */
export function listConfigs(manifest: Manifest): { path: string; config: ManifestConfig }[] {
  const list: { path: string; config: ManifestConfig }[] = [];
  for (const [index, component] of manifest.spec.components.entries()) {
    const path = `spec.components[${index}]`;
    const add = (configs: readonly ManifestConfig[], end: string) => {
      for (const [nth, config] of configs.entries()) {
        list.push({ path: `${path}.${end}.config[${nth}]`, config });
      }
    };
    add(component.properties.config, "properties");
    for (const { link, index: trait } of linksIn(component)) {
      add(link.properties.source.config, `traits[${trait}].properties.source`);
      add(link.properties.target.config, `traits[${trait}].properties.target`);
    }
  }
  return list;
}

/** The component's links with their place among its traits. */
export function linksIn(component: ManifestComponent): { link: LinkTrait; index: number }[] {
  return component.traits.flatMap((trait, index) => isLinkTrait(trait) ? [{ link: trait, index }] : []);
}
