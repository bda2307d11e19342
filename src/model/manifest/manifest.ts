// The wanted state of one application: an OAM `core.oam.dev/v1beta1` Application as wadm reads it, in one normal form
// (every optional list and map present, deprecated spellings turned into today's). Plain data that goes through JSON
// unchanged, and JSON.stringify of it is itself a manifest. Read by `parse.ts`, written by `format.ts`.

/** Any JSON value: properties of traits that are not ours to read. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One application. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    /** Unique per lattice; letters, digits, `-` and `_`. */
    name: string;
    /** `version` and `description` are read by us; the others are carried. */
    annotations: Record<string, string>;
    labels: Record<string, string>;
  };
  spec: {
    components: ManifestComponent[];
    policies: ManifestPolicy[];
  };
}

/** A component (wasm) or a capability (a provider). */
export interface ManifestComponent {
  name: string;
  type: "component" | "capability";
  properties: {
    /** Where the bytes are; exactly one of `image` and `application`. */
    image?: string;
    /** A component of another, shared application. */
    application?: { name: string; component: string };
    /** Identity in the lattice; derived from the names where absent. */
    id?: string;
    config: ManifestConfig[];
    secrets: ManifestSecret[];
  };
  traits: ManifestTrait[];
}

/** A named config: with `properties` it belongs to the application, without it is one that exists elsewhere. */
export interface ManifestConfig {
  name: string;
  properties?: Record<string, string>;
}

export interface ManifestSecret {
  name: string;
  properties: { policy: string; key: string; field?: string; version?: string };
}

export interface ManifestPolicy {
  name: string;
  type: string;
  properties: Record<string, string>;
}

/** What is said about a component beside its image; `type` decides how `properties` read. */
export type ManifestTrait = ScalerTrait | LinkTrait | OtherTrait;

export interface ScalerTrait {
  type: "spreadscaler" | "daemonscaler";
  properties: {
    /** Spreadscaler: in all; daemonscaler: on each matching host. */
    instances: number;
    /** Absent: one spread that matches every host. */
    spread?: { name: string; requirements: Record<string, string>; weight?: number }[];
  };
}

export interface LinkTrait {
  type: "link";
  properties: {
    /** The link's name; `default` where the manifest gives none. */
    name: string;
    namespace: string;
    package: string;
    interfaces: string[];
    source: { config: ManifestConfig[]; secrets: ManifestSecret[] };
    target: { name: string; config: ManifestConfig[]; secrets: ManifestSecret[] };
  };
}

/** Traits beyond wadm's: ours (`runtime`, `filesystem`, `network`, …) and strangers', kept word for word. */
export interface OtherTrait {
  type: string;
  properties: Json;
}

/** Trait types of ours that one host acts on; see `own_traits.ts`. */
export const OWN_TRAITS = ["runtime", "filesystem", "network"] as const;
/** Trait types of ours that wait for a lattice: kept, and ignored without a word. */
export const LATER_TRAITS = ["partition", "failover", "rollout", "health"] as const;
/** Trait types of wadm. */
export const WADM_TRAITS = ["spreadscaler", "daemonscaler", "link"] as const;

/** The annotation that lets other applications use this one's components. */
export const SHARED_ANNOTATION = "experimental.wasmcloud.dev/shared";

export function isLinkTrait(trait: ManifestTrait): trait is LinkTrait {
  return trait.type === "link";
}

export function isScalerTrait(trait: ManifestTrait): trait is ScalerTrait {
  return trait.type === "spreadscaler" || trait.type === "daemonscaler";
}

/** The properties of the component's trait of one type of ours, or undefined. */
export function findTrait(component: ManifestComponent, type: string): Json | undefined {
  return (component.traits.find((trait) => trait.type === type) as OtherTrait | undefined)?.properties;
}

/** The manifest's version: its annotation, or undefined when whoever stores it has to make one. */
export function versionOf(manifest: Manifest): string | undefined {
  const { annotations } = manifest.metadata;
  return Object.hasOwn(annotations, "version") ? annotations.version : undefined;
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
