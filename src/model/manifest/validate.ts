// What the parts of a manifest mean together: wadm's validation rules (numbers as in its own table), with its message
// fragments kept because scripts look for them, and our own where wadm drops things silently.

import { isFault } from "../fault.ts";
import { deriveEntityId, parseEntityId } from "../ids.ts";
import {
  isScalerTrait,
  linksIn,
  type Manifest,
  type ManifestComponent,
  type ManifestSecret,
} from "./manifest.ts";
import { at, type Findings, type Node, quote } from "./reading.ts";
import { checkLinks, type PlacedComponent } from "./validate_links.ts";

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
  }
  checkLinks(found, parts.components, parts.complete);
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
  if (image !== undefined || !application) return;
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
