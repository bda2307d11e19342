// formatManifest(): a Manifest as text again. Writes what wadm loses on its own round trip (empty `annotations`, empty
// `requirements`) and leaves out only lists that are empty.

import { writeYaml } from "./document.ts";
import {
  isLinkTrait,
  isScalerTrait,
  type Json,
  type Manifest,
  type ManifestComponent,
  type ManifestConfig,
  type ManifestSecret,
  type ManifestTrait,
} from "./manifest.ts";

/** Writes a manifest as YAML, or as JSON; {@linkcode parseManifest} reads the same manifest back. */
export function formatManifest(manifest: Manifest, as: "yaml" | "json" = "yaml"): string {
  const value = toOam(manifest);
  return as === "yaml" ? writeYaml(value) : `${JSON.stringify(value, null, 2)}\n`;
}

/** The manifest as the value that wadm's API carries. */
export function toOam(manifest: Manifest): Json {
  const { name, annotations, labels } = manifest.metadata;
  const { components, policies } = manifest.spec;
  return {
    apiVersion: manifest.apiVersion,
    kind: manifest.kind,
    metadata: {
      name,
      annotations: { ...annotations },
      ...Object.keys(labels).length === 0 ? {} : { labels: { ...labels } },
    },
    spec: {
      components: components.map(writeComponent),
      ...policies.length === 0 ? {} : { policies: policies.map((policy) => ({ ...policy })) },
    },
  };
}

function writeComponent(component: ManifestComponent): Json {
  const { image, application, id, config, secrets } = component.properties;
  return {
    name: component.name,
    type: component.type,
    properties: {
      ...image === undefined ? {} : { image },
      ...application === undefined ? {} : { application: { ...application } },
      ...id === undefined ? {} : { id },
      ...writeSettings({ config, secrets }),
    },
    ...component.traits.length === 0 ? {} : { traits: component.traits.map(writeTrait) },
  };
}

function writeSettings(
  settings: { config: ManifestConfig[]; secrets: ManifestSecret[] },
): { [key: string]: Json } {
  return {
    ...settings.config.length === 0
      ? {}
      : { config: settings.config.map((config) => ({ ...config }) as Json) },
    ...settings.secrets.length === 0
      ? {}
      : { secrets: settings.secrets.map((secret) => ({ ...secret }) as Json) },
  };
}

function writeTrait(trait: ManifestTrait): Json {
  if (isLinkTrait(trait)) {
    const { name, namespace, package: packageName, interfaces, source, target } = trait.properties;
    const sourceSettings = writeSettings(source);
    return {
      type: "link",
      properties: {
        name,
        namespace,
        package: packageName,
        interfaces: [...interfaces],
        ...Object.keys(sourceSettings).length === 0 ? {} : { source: sourceSettings },
        target: { name: target.name, ...writeSettings(target) },
      },
    };
  }
  if (isScalerTrait(trait)) {
    const { instances, spread } = trait.properties;
    return {
      type: trait.type,
      properties: {
        instances,
        ...spread === undefined
          ? {}
          : { spread: spread.map((one) => ({ ...one, requirements: { ...one.requirements } })) },
      },
    };
  }
  return { type: trait.type, properties: trait.properties };
}
