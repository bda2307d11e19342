// parseManifest(): text in, Manifest out, or one Fault that names every problem with its place and mend. The shape is
// read here and in `traits.ts`, what the parts mean together in `validate.ts`.

import { checkJson, readDocuments } from "./document.ts";
import type { Manifest, ManifestComponent, ManifestPolicy, ManifestTrait } from "./manifest.ts";
import {
  Findings,
  isNull,
  type Node,
  type Place,
  type Problem,
  quote,
  readList,
  readMap,
  readName,
  readString,
  readStringMap,
  requireEntry,
} from "./reading.ts";
import { readConfigs, readSecrets, readTrait } from "./traits.ts";
import { checkManifest } from "./validate.ts";

/** Stands for a trait with problems, so that the others keep their places; no such manifest is ever handed out. */
const UNREADABLE_TRAIT: ManifestTrait = { type: "", properties: null };

export interface ParseOptions {
  /** What messages call the text: the file's name. */
  source: string;
  /** `application/yaml` or `application/json`; absent: YAML, of which JSON is a part. */
  contentType?: string;
}

/** A manifest, and what was odd about it and taken all the same. */
export interface ParsedManifest {
  manifest: Manifest;
  warnings: Problem[];
  /** Where each part stands in the text, by path: for whoever finds a problem later. */
  places: ReadonlyMap<string, Place>;
}

/**
 * Reads one application. Throws a {@linkcode Fault} `bad_request` with every problem in its message (the first 20) and
 * in `detail.problems` as `{path, line, column, message, mend}`.
 */
export function parseManifest(text: string, options: ParseOptions): ParsedManifest {
  const all = readManifests(text, options, 1);
  return all[0];
}

/** Reads a text of one or more applications, one per YAML document; otherwise as {@linkcode parseManifest}. */
export function parseManifests(text: string, options: ParseOptions): ParsedManifest[] {
  return readManifests(text, options, Infinity);
}

function readManifests(text: string, options: ParseOptions, documentsMax: number): ParsedManifest[] {
  const found = new Findings();
  const start = { path: "", at: { line: 1, column: 1 } };
  checkContentType(found, text, options.contentType);
  const nodes = found.problems.length > 0 ? [] : readDocuments(found, text);
  found.end(options.source);
  if (nodes.length === 0) {
    found.refuse(start, "Unable to parse manifest: it is empty", "write an Application into it");
  }
  if (nodes.length > documentsMax) {
    found.refuse(
      nodes[documentsMax],
      `${nodes.length} documents where one is expected`,
      'keep what is before "---"',
    );
  }
  const names = new Set<string>();
  const all: ParsedManifest[] = [];
  for (const node of nodes.slice(0, documentsMax)) {
    const own = new Findings();
    const manifest = readManifest(own, node);
    for (const problem of own.problems) found.refuse(toWhere(problem), problem.message, problem.mend);
    if (!manifest) continue;
    const { name } = manifest.metadata;
    if (names.has(name)) {
      found.refuse(node, `two documents name the application ${quote(name)}`, "rename one of them");
    }
    names.add(name);
    all.push({ manifest, warnings: own.warnings, places: collectPlaces(node) });
  }
  found.end(options.source);
  return all;
}

function collectPlaces(node: Node, places = new Map<string, Place>()): Map<string, Place> {
  if (node.at) places.set(node.path, node.at);
  const children = node.kind === "map" ? node.entries.values() : node.kind === "list" ? node.items : [];
  for (const child of children) collectPlaces(child, places);
  return places;
}

function toWhere(problem: Problem) {
  if (problem.line === undefined) return { path: problem.path };
  return { path: problem.path, at: { line: problem.line, column: problem.column ?? 1 } };
}

function checkContentType(found: Findings, text: string, contentType: string | undefined): void {
  if (contentType === undefined) return;
  const type = contentType.split(";", 1)[0].trim().toLowerCase();
  if (type === "application/json") checkJson(found, text);
  else if (type !== "application/yaml") {
    const mend = "send application/yaml or application/json";
    found.refuse({ path: "" }, `Unsupported content type ${quote(contentType)}`, mend);
  }
}

function readManifest(found: Findings, node: Node): Manifest | undefined {
  const map = readMap(found, node, { known: ["apiVersion", "kind", "metadata", "spec"], unknown: "refuse" });
  if (!map) return undefined;
  const apiVersion = readExpected(found, node, "apiVersion", "core.oam.dev/v1beta1");
  const kind = readExpected(found, node, "kind", "Application");
  const metadata = readMetadata(found, node);
  const spec = requireEntry(found, node, "spec", "list the components under spec: components:");
  const fields = spec && readMap(found, spec, { known: ["components", "policies"], unknown: "warn" });
  if (!spec || !fields) return undefined;
  const list = requireEntry(found, spec, "components", "list the components");
  const nodes = readList(found, list, "components");
  const components = nodes.map((item) => readComponent(found, item));
  const policyNode = fields.get("policies");
  const policyNodes = policyNode && isNull(policyNode) ? [] : readList(found, policyNode, "policies");
  const policies = policyNodes.map((item) => readPolicy(found, item)).filter((policy) =>
    policy !== undefined
  );
  if (apiVersion === undefined || kind === undefined || !metadata) return undefined;
  const manifest = {
    apiVersion,
    kind,
    metadata,
    spec: { components: components.filter((component) => component !== undefined), policies },
  };
  const readable = components.map((component, index) => ({ component, node: nodes[index] }));
  checkManifest(found, manifest, {
    root: node,
    components: readable.filter((pair): pair is { component: ManifestComponent; node: Node } =>
      pair.component !== undefined
    ),
    complete: readable.every((pair) => pair.component !== undefined),
  });
  return manifest;
}

/** A field whose value wadm never checks: another value is only odd. */
function readExpected(found: Findings, node: Node, key: string, expected: string): string | undefined {
  const entry = requireEntry(found, node, key, `begin the manifest with ${key}: ${expected}`);
  const text = entry && readString(found, entry, { coerce: true });
  if (entry && text !== undefined && text !== expected) {
    found.warn(entry, `${quote(text)} is not what we read here`, `write ${key}: ${expected}`);
  }
  return text;
}

function readMetadata(found: Findings, root: Node): Manifest["metadata"] | undefined {
  const node = requireEntry(found, root, "metadata", "name the application under metadata: name:");
  const map = node && readMap(found, node, { known: ["name", "annotations", "labels"], unknown: "warn" });
  const nameNode = map && requireEntry(found, node, "name", "name the application");
  const name = nameNode && readString(found, nameNode, { coerce: true });
  const annotations = readStringMap(found, map?.get("annotations"), { coerce: true });
  const labels = readStringMap(found, map?.get("labels"), { coerce: true });
  return name === undefined ? undefined : { name, annotations, labels };
}

function readPolicy(found: Findings, node: Node): ManifestPolicy | undefined {
  const map = readMap(found, node, { known: ["name", "type", "properties"], unknown: "warn" });
  if (!map) return undefined;
  const nameNode = requireEntry(found, node, "name", "name the policy");
  const typeNode = requireEntry(found, node, "type", "say which policy this is");
  const propertiesNode = requireEntry(found, node, "properties", "give the policy its properties");
  const name = nameNode && readName(found, nameNode, { coerce: true });
  const type = typeNode && readName(found, typeNode, { coerce: true });
  const properties = readStringMap(found, propertiesNode, { coerce: true });
  return name === undefined || type === undefined ? undefined : { name, type, properties };
}

function readComponent(found: Findings, node: Node): ManifestComponent | undefined {
  const map = readMap(found, node, { known: ["name", "type", "properties", "traits"], unknown: "warn" });
  if (!map) return undefined;
  const nameNode = requireEntry(found, node, "name", "name the component");
  const typeNode = requireEntry(found, node, "type", 'write "component" (wasm) or "capability" (a provider)');
  const name = nameNode && readName(found, nameNode, { coerce: true });
  const typeText = typeNode && readString(found, typeNode);
  let type: ManifestComponent["type"] = "component";
  if (typeText === "capability") type = "capability";
  else if (typeText !== undefined && typeText !== "component" && typeText !== "actor") {
    found.refuse(
      typeNode!,
      `${quote(typeText)} is no type`,
      'write "component" (wasm) or "capability" (a provider)',
    );
  }
  const propertiesNode = requireEntry(
    found,
    node,
    "properties",
    "say where its bytes are: properties: { image: … }",
  );
  const properties = propertiesNode && readProperties(found, propertiesNode);
  const traitsNode = map.get("traits");
  const traitNodes = traitsNode && isNull(traitsNode) ? [] : readList(found, traitsNode, "traits");
  const traits = traitNodes.map((item) => readTrait(found, item, type));
  if (name === undefined || !properties) return undefined;
  return { name, type, properties, traits: traits.map((trait) => trait ?? UNREADABLE_TRAIT) };
}

function readProperties(found: Findings, node: Node): ManifestComponent["properties"] | undefined {
  const known = ["image", "application", "id", "config", "secrets"];
  const map = readMap(found, node, { known, unknown: "refuse" });
  if (!map) return undefined;
  const properties: ManifestComponent["properties"] = {
    config: readConfigs(found, map.get("config"), { coerce: true }),
    secrets: readSecrets(found, map.get("secrets"), { coerce: true }),
  };
  for (const key of ["image", "id"] as const) {
    const child = map.get(key);
    const text = child && !isNull(child) ? readName(found, child, { coerce: true }) : undefined;
    if (text !== undefined) properties[key] = text;
  }
  const shared = map.get("application");
  if (!shared || isNull(shared)) return properties;
  const fields = readMap(found, shared, { known: ["name", "component"], unknown: "refuse" });
  const nameNode = fields && requireEntry(found, shared, "name", "name the shared application");
  const componentNode = fields && requireEntry(found, shared, "component", "name its component");
  const name = nameNode && readName(found, nameNode, { coerce: true });
  const component = componentNode && readName(found, componentNode, { coerce: true });
  if (name !== undefined && component !== undefined) properties.application = { name, component };
  return properties;
}
