// Manifests made for measuring: the same fixtures, many times or with particular limits.

import { repositoryPath } from "../../tests/support/host_process.ts";

interface Part {
  name: string;
  fixture: string;
  path: string;
  /** Another listener than the host's, for components that know only their own paths. */
  address?: string;
  runtime?: Record<string, string | number>;
  bucket?: boolean;
}

/** One application with an HTTP server in front of `parts`, as JSON (which is YAML too). */
export function manifestOf(name: string, parts: Part[]): string {
  const link = (
    target: string,
    packageName: string,
    interfaces: string[],
    source?: Record<string, string>,
  ) => ({
    type: "link",
    properties: {
      target: { name: target },
      namespace: "wasi",
      package: packageName,
      interfaces,
      ...(source
        ? { name: target, source: { config: [{ name: `route-${target}`, properties: source }] } }
        : {}),
    },
  });
  const components = parts.map(({ name: part, fixture, runtime, bucket }) => ({
    name: part,
    type: "component",
    properties: { image: repositoryPath(`fixtures/components/${fixture}/${fixture}.wasm`) },
    traits: [
      { type: "spreadscaler", properties: { instances: 1 } },
      ...(runtime ? [{ type: "runtime", properties: runtime }] : []),
      ...(bucket ? [link("store", "keyvalue", ["store", "atomics", "batch"])] : []),
    ],
  }));
  const http = {
    name: "http",
    type: "capability",
    properties: { image: "builtin://http-server" },
    traits: parts.map(({ name: part, path, address }) =>
      link(part, "http", ["incoming-handler"], address ? { path, address } : { path })
    ),
  };
  const store = { name: "store", type: "capability", properties: { image: "builtin://keyvalue" } };
  const needsStore = parts.some(({ bucket }) => bucket);
  return JSON.stringify({
    apiVersion: "core.oam.dev/v1beta1",
    kind: "Application",
    metadata: { name, annotations: {} },
    spec: { components: [...components, http, ...(needsStore ? [store] : [])] },
  });
}
