// Applications as tests write them: components by fixture, what leads to them and what they are linked to, made into a
// manifest. For everything that would otherwise be forty lines of YAML in front of each test.

import { repositoryPath } from "./host_process.ts";

/** A link of a component: `wasi:keyvalue/store,atomics` to a capability or to another component. */
export interface LinkTo {
  to: string;
  interfaces: string;
  name?: string;
  /** Settings at the target's end. */
  settings?: Record<string, string>;
}

/** One component. */
export interface Part {
  name: string;
  /** `hello`, or `hello/hello-0.2.0` for another file of a fixture's folder. */
  fixture: string;
  /** Settings of the HTTP server's link: `path`, `host`, `address` …; without it nothing leads to the component. */
  route?: Record<string, string>;
  config?: Record<string, string>;
  links?: LinkTo[];
  runtime?: Record<string, unknown>;
  filesystem?: { guest: string; host: string; readOnly?: boolean }[];
  network?: Record<string, string[]>;
  instances?: number;
}

/** Capabilities that parts may link to by these names. */
const CAPABILITIES: Record<string, string> = {
  http: "builtin://http-server",
  store: "builtin://keyvalue",
  client: "builtin://http-client",
};

/** The manifest of an application, as JSON (which is YAML too). */
export function application(name: string, parts: readonly Part[]): string {
  const used = new Set(["http", ...parts.flatMap(({ links }) => links ?? []).map(({ to }) => to)]);
  const capabilities = Object.entries(CAPABILITIES).filter(([name]) => used.has(name)).map((
    [name, image],
  ) => ({
    name,
    type: "capability",
    properties: { image },
    traits: name === "http" ? parts.flatMap(routeTo) : [],
  }));
  return JSON.stringify({
    apiVersion: "core.oam.dev/v1beta1",
    kind: "Application",
    metadata: { name, annotations: { version: "1.0.0" } },
    spec: { components: [...parts.map(toComponent), ...capabilities] },
  });
}

/** Writes {@linkcode application} into a folder; gives the file's path. */
export async function writeApplication(
  folder: string,
  name: string,
  parts: readonly Part[],
): Promise<string> {
  const path = `${folder}/${name}.json`;
  await Deno.writeTextFile(path, application(name, parts));
  return path;
}

/** Path of a fixture's `.wasm`. */
export function fixturePath(fixture: string): string {
  const [folder, file = folder] = fixture.split("/");
  return repositoryPath(`fixtures/components/${folder}/${file}.wasm`);
}

function routeTo({ name, route }: Part) {
  return route
    ? [{
      type: "link",
      properties: {
        name,
        target: { name },
        namespace: "wasi",
        package: "http",
        interfaces: ["incoming-handler"],
        source: { config: [{ name: `${name}-route`, properties: route }] },
      },
    }]
    : [];
}

function toComponent(part: Part) {
  const { name, fixture, config, links = [], runtime, filesystem, network, instances } = part;
  const trait = (type: string, properties: unknown) => properties === undefined ? [] : [{ type, properties }];
  return {
    name,
    type: "component",
    properties: {
      image: fixturePath(fixture),
      ...(config ? { config: [{ name: `${name}-config`, properties: config }] } : {}),
    },
    traits: [
      ...links.map((link, index) => toLink(part, link, index)),
      ...trait("runtime", runtime),
      ...trait("filesystem", filesystem && { preopens: filesystem }),
      ...trait("network", network),
      ...trait("spreadscaler", instances === undefined ? undefined : { instances }),
    ],
  };
}

function toLink(part: Part, { to, interfaces, name, settings }: LinkTo, index: number) {
  const [namespace, rest] = interfaces.split(":");
  const [packageName, list] = rest.split("/");
  const config = settings ? { config: [{ name: `${part.name}-link-${index}`, properties: settings }] } : {};
  return {
    type: "link",
    properties: {
      ...(name ? { name } : {}),
      namespace,
      package: packageName,
      interfaces: list.split(","),
      target: { name: to, ...config },
    },
  };
}
