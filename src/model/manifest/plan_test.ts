import assert from "node:assert/strict";
import { Fault, isFault } from "../fault.ts";
import { COMPONENT_LIMITS } from "../limits.ts";
import type { Json } from "./manifest.ts";
import { parseManifest } from "./parse.ts";
import { planApplication } from "./plan.ts";
import type { PlannedKinds, PlanOptions } from "./planning.ts";
import type { Problem } from "./reading.ts";

const KINDS: PlannedKinds = {
  "http-server": {
    offers: [],
    calls: ["wasi:http/incoming-handler"],
    implicit: false,
    check: ({ link }) => {
      if (link && link.source.path === "/a b") {
        throw new Fault("bad_request", 'path "/a b" has a space; write it as %20');
      }
    },
  },
  "http-client": { offers: ["wasi:http/outgoing-handler"], calls: [], implicit: false },
  keyvalue: {
    offers: ["wasi:keyvalue/store", "wasi:keyvalue/atomics", "wasi:keyvalue/batch"],
    calls: [],
    implicit: false,
  },
};

interface Part {
  name: string;
  type?: string;
  image?: string;
  properties?: Record<string, Json>;
  links?: Record<string, Json>[];
  traits?: { type: string; properties: Json }[];
}

function manifestOf(parts: Part[], name = "cold-chain", annotations: Record<string, string> = {}) {
  const components = parts.map((part) => ({
    name: part.name,
    type: part.type ?? "component",
    properties: { ...part.image === undefined ? {} : { image: part.image }, ...part.properties },
    traits: [...(part.links ?? []).map((properties) => ({ type: "link", properties })), ...part.traits ?? []],
  }));
  const value = {
    apiVersion: "core.oam.dev/v1beta1",
    kind: "Application",
    metadata: { name, annotations },
    spec: { components },
  };
  return parseManifest(JSON.stringify(value), { source: "m.yaml" }).manifest;
}

function plan(parts: Part[], options: Partial<PlanOptions> = {}) {
  return planApplication(manifestOf(parts), {
    source: "m.yaml",
    folder: "/srv/shop",
    kinds: KINDS,
    ...options,
  });
}

/** Expects a refusal with one problem. */
function refuses(
  parts: Part[],
  path: string,
  message: RegExp,
  options: Partial<PlanOptions> & { code?: string } = {},
) {
  const { code = "bad_request", ...rest } = options;
  try {
    plan(parts, rest);
  } catch (error) {
    assert.ok(isFault(error), `not a fault: ${error}`);
    const problems = error.detail.problems as Problem[];
    const shown = JSON.stringify(problems, null, 1);
    assert.equal(error.code, code, shown);
    assert.equal(problems.length, 1, shown);
    assert.equal(problems[0].path, path, shown);
    assert.match(`${problems[0].message}; ${problems[0].mend}`, message);
    return;
  }
  assert.fail("the plan was taken");
}

const kv = { name: "kv", type: "capability", image: "builtin://keyvalue" };
const store = { namespace: "wasi", package: "keyvalue", interfaces: ["store"], target: { name: "kv" } };

Deno.test("planApplication() derives ids and names of configs as wadm does", () => {
  const { components, providers, links, configs, version } = plan([
    {
      name: "probe.v2",
      image: "./probe.wasm",
      properties: { config: [{ name: "Log-Level", properties: { level: "1" } }, { name: "site-wide" }] },
      links: [{
        ...store,
        target: { name: "kv", config: [{ name: "kv.url", properties: { bucket: "b" } }] },
      }],
    },
    { ...kv, properties: { id: "shared-KV" } },
  ], { configs: { "site-wide": { level: "2", region: "eu" } } });
  assert.equal(version, undefined);
  assert.equal(components[0].id, "cold_chain-probe_v2");
  assert.equal(components[0].name, "probe.v2");
  assert.deepEqual(components[0].configNames, ["cold_chain-log_level", "site-wide"]);
  assert.deepEqual(components[0].config, { level: "2", region: "eu" });
  assert.deepEqual(providers[0], {
    id: "shared-KV",
    application: "cold-chain",
    name: "kv",
    image: "builtin://keyvalue",
    kind: "keyvalue",
    configNames: [],
    config: {},
  });
  assert.deepEqual(links, [{
    source: "cold_chain-probe_v2",
    target: "shared-KV",
    name: "default",
    namespace: "wasi",
    package: "keyvalue",
    interfaces: ["store"],
    sourceConfig: [],
    targetConfig: ["cold_chain-kv_url"],
  }]);
  assert.deepEqual(configs, { "cold_chain-log_level": { level: "1" }, "cold_chain-kv_url": { bucket: "b" } });
});

Deno.test("planApplication() takes public images of providers as what is built in", () => {
  const images: Record<string, string> = {
    "builtin://http-server": "http-server",
    "wasmcloud+builtin://http-client": "http-client",
    "ghcr.io/wasmcloud/http-server:0.27.0": "http-server",
    "oci://ghcr.io/wasmcloud/http-client:0.12.1@sha256:00": "http-client",
    "ghcr.io/wasmcloud/canary/keyvalue-redis:latest": "keyvalue",
    "registry.example:5000/keyvalue-nats:0.3.1": "keyvalue",
    "wasmcloud.azurecr.io/httpserver:0.18.2": "http-server",
  };
  for (const [image, kind] of Object.entries(images)) {
    assert.equal(plan([{ name: "x", type: "capability", image }]).providers[0].kind, kind, image);
  }
  const { warnings } = plan([{
    name: "x",
    type: "capability",
    image: "ghcr.io/wasmcloud/keyvalue-redis:0.28",
  }]);
  assert.match(warnings[0].mend, /not in Redis/);
});

Deno.test("planApplication() refuses an unknown provider and names those built in", () => {
  for (
    const image of [
      "builtin://redis",
      "ghcr.io/x/sqldb-postgres:1",
      "ghcr.io/x/messaging-nats:1",
      "builtin://constructor",
      "x",
    ]
  ) {
    const path = "spec.components[0].properties.image";
    refuses([{ name: "x", type: "capability", image }], path, /built in are builtin:\/\/http-server, /, {
      code: "unavailable",
    });
  }
});

Deno.test("planApplication() finds files beside the manifest and anywhere by absolute path", () => {
  const files: Record<string, string> = {
    "./todo.wasm": "/srv/shop/todo.wasm",
    "../components/todo/todo.wasm": "/srv/components/todo/todo.wasm",
    "components/todo.wasm": "/srv/shop/components/todo.wasm",
    "todo.wasm": "/srv/shop/todo.wasm",
    "/opt//x/./todo": "/opt/x/todo",
    "file:///opt/a%20b.wasm": "/opt/a b.wasm",
    "file://./rel/todo.wasm": "/srv/shop/rel/todo.wasm",
    "file://localhost/opt/x.wasm": "/opt/x.wasm",
    "../../../../x.wasm": "/x.wasm",
  };
  for (const [image, file] of Object.entries(files)) {
    const [component] = plan([{ name: "x", image }]).components;
    assert.deepEqual([component.file, component.image], [file, image]);
  }
});

Deno.test("planApplication() refuses images it cannot get", () => {
  const path = "spec.components[0].properties.image";
  for (
    const image of ["ghcr.io/x/todo:1.0", "oci://ghcr.io/x/todo:1", "https://x/todo.wasm", "library/todo"]
  ) {
    refuses([{ name: "x", image }], path, /not supported yet by a host without a lattice; use a file/, {
      code: "unavailable",
    });
  }
  refuses([{ name: "x", image: "./x.wasm" }], path, /write an absolute path/, { folder: undefined });
  refuses([{ name: "x", image: "./folder/" }], path, /names no file/);
  refuses([{ name: "x", image: "file:///%ff%zz.wasm" }], path, /is no URL/);
  refuses([{ name: "x", image: "./a\0.wasm" }], path, /NUL/);
});

Deno.test("planApplication() counts instances: 1 without a scaler, what it says with one", () => {
  const scaler = (type: string, instances: number) => ({ type, properties: { instances } });
  const count = (traits: Part["traits"]) =>
    plan([{ name: "x", image: "./x.wasm", traits }]).components[0].instances;
  assert.equal(count([]), 1);
  assert.equal(count([scaler("spreadscaler", 5)]), 5);
  assert.equal(count([scaler("daemonscaler", 0)]), 0);
});

Deno.test("planApplication() resolves runtime, filesystem and network over the defaults", () => {
  const runtime = {
    instancing: "reuse",
    instancesMax: 8,
    idle: "1m",
    memory: "128MiB",
    deadline: "none",
    slice: 5,
    body: 1024,
    args: ["--verbose"],
    environment: { LEVEL: "2" },
  };
  const preopens: Json = [{ guest: "/data", host: "./data" }, {
    guest: "/tmp",
    host: "/tmp",
    readOnly: false,
  }];
  const network = {
    connect: ["db.local:5432", "cidr:10.0.0.0/8:*", "[::1]:80", "*:443", "10.1.1.1:1"],
    listen: ["127.0.0.1:0"],
    lookup: ["x.y"],
  };
  const [component] = plan([{
    name: "x",
    image: "./x.wasm",
    properties: { config: [{ name: "c", properties: { LEVEL: "1", MODE: "a" } }] },
    traits: [
      { type: "runtime", properties: runtime },
      { type: "filesystem", properties: { preopens } },
      { type: "network", properties: network },
    ],
  }]).components;
  assert.deepEqual(component.limits, {
    ...COMPONENT_LIMITS,
    instancing: "reuse",
    instancesMax: 8,
    idleMs: 60_000,
    memoryBytesMax: 128 * 2 ** 20,
    deadlineMs: 0,
    sliceMs: 5,
    bodyBytesMax: 1024,
  });
  assert.deepEqual(component.args, ["--verbose"]);
  assert.deepEqual(component.environment, { LEVEL: "2", MODE: "a" });
  assert.deepEqual(component.preopens, [
    { guest: "/data", host: "/srv/shop/data", readOnly: true },
    { guest: "/tmp", host: "/tmp", readOnly: false },
  ]);
  assert.deepEqual(component.sockets, { ...network, lookup: ["x.y", "db.local"] });
});

Deno.test("planApplication() refuses links that could only fail", () => {
  const todo = { name: "todo", image: "./todo.wasm" };
  const http = { namespace: "wasi", package: "http" };
  const server = { name: "http", type: "capability", image: "builtin://http-server" };
  const first = "spec.components[0].traits[0].properties";
  refuses(
    [{ ...todo, links: [{ ...store, interfaces: ["store", "watch"] }] }, kv],
    `${first}.interfaces[1]`,
    /does not offer wasi:keyvalue\/watch/,
  );
  refuses(
    [{ ...todo, links: [{ ...http, interfaces: ["incoming-handler"], target: { name: "http" } }] }, server],
    `${first}.interfaces[0]`,
    /put the link under "http"/,
  );
  refuses(
    [{ ...kv, links: [{ ...store, target: { name: "todo" } }] }, todo],
    `${first}.interfaces[0]`,
    /put the link under the component that uses it, with target: \{ name: kv \}/,
  );
  refuses(
    [{ ...server, links: [{ ...http, interfaces: ["outgoing-handler"], target: { name: "todo" } }] }, todo],
    `${first}.interfaces[0]`,
    /calls nobody over/,
  );
  const config = [{ name: "c", properties: { path: "/a b" } }];
  refuses(
    [{
      ...server,
      links: [{ ...http, interfaces: ["incoming-handler"], target: { name: "todo" }, source: { config } }],
    }, todo],
    `${first}.source`,
    /has a space; write it as %20/,
  );
});

Deno.test("planApplication() refuses two targets for one link name, and makes split links one", () => {
  const other = { ...kv, name: "kv2" };
  const links = [store, { ...store, interfaces: ["atomics"] }];
  const { links: [link, ...more] } = plan([{ name: "x", image: "./x.wasm", links }, kv]);
  assert.deepEqual([link.interfaces, more.length], [["store", "atomics"], 0]);
  const split = [store, { ...store, interfaces: ["atomics"], target: { name: "kv2" } }];
  refuses(
    [{ name: "x", image: "./x.wasm", links: split }, kv, other],
    "spec.components[0].traits[1].properties",
    /already leads wasi:keyvalue to/,
  );
  const differ = [store, {
    ...store,
    interfaces: ["atomics"],
    target: { name: "kv", config: [{ name: "c", properties: {} }] },
  }];
  refuses(
    [{ name: "x", image: "./x.wasm", links: differ }, kv],
    "spec.components[0].traits[1].properties",
    /differ in their configs/,
  );
});

Deno.test("planApplication() reports configs that do not exist, and refuses two of one name that differ", () => {
  const { problems, components } = plan([{
    name: "x",
    image: "./x.wasm",
    properties: { config: [{ name: "toString" }] },
  }]);
  assert.deepEqual(problems, [{
    path: "spec.components[0].properties.config[0].name",
    message: 'config "toString" does not exist',
    mend: "put it, or give it properties here",
  }]);
  assert.deepEqual(components[0].config, {});
  const config = (a: string) => ({ config: [{ name: a, properties: { a } }] });
  refuses(
    [
      { name: "x", image: "./x.wasm", properties: config("a.b") },
      { name: "y", image: "./x.wasm", properties: config("a-b") },
    ],
    "spec.components[1].properties.config[0]",
    /both called "cold_chain-a_b" and differ/,
  );
});

Deno.test("planApplication() links to shared applications and keeps ids apart", () => {
  const shared = { "experimental.wasmcloud.dev/shared": "true" };
  const base = manifestOf([{ ...kv, name: "store" }], "base", shared);
  const parts: Part[] = [
    { name: "x", image: "./x.wasm", links: [store] },
    { name: "kv", type: "capability", properties: { application: { name: "base", component: "store" } } },
  ];
  const { links, providers } = plan(parts, { others: [base] });
  assert.deepEqual([links[0].target, providers], ["base-store", []]);
  const path = "spec.components[1].properties.application";
  refuses(parts, path, /shared components that are not deployed/);
  refuses(parts, path, /is not shared/, { others: [manifestOf([{ ...kv, name: "store" }], "base")] });
  refuses(parts, path, /has no capability "store"/, { others: [manifestOf([kv], "base", shared)] });
  const taken = manifestOf([{ ...kv, properties: { id: "cold_chain-x" } }], "other");
  refuses([parts[0], kv], "spec.components[0]", /already deployed in a different application, "other"/, {
    others: [taken],
  });
});

Deno.test("planApplication() refuses secrets until there is something that keeps them", () => {
  const manifest = {
    apiVersion: "core.oam.dev/v1beta1",
    kind: "Application",
    metadata: { name: "a" },
    spec: {
      policies: [{ name: "p", type: "policy.secret.wasmcloud.dev/v1alpha1", properties: { backend: "b" } }],
      components: [{
        name: "x",
        type: "component",
        properties: { image: "./x.wasm", secrets: [{ name: "s", properties: { policy: "p", key: "k" } }] },
      }],
    },
  };
  const parsed = parseManifest(JSON.stringify(manifest), { source: "m" });
  assert.throws(
    () => planApplication(parsed.manifest, { source: "m", folder: "/", kinds: KINDS, places: parsed.places }),
    (error) =>
      isFault(error) && error.code === "unavailable" &&
      /^m:1:\d+: spec\.components\[0\]: secrets/.test(error.message),
  );
});

Deno.test("planApplication() plans the sample shop", async () => {
  const url = new URL("../../../fixtures/manifests/shop.yaml", import.meta.url);
  const { manifest, warnings, places } = parseManifest(await Deno.readTextFile(url), { source: "shop.yaml" });
  assert.deepEqual(warnings, []);
  const { components, providers, links, problems } = planApplication(manifest, {
    source: "shop.yaml",
    folder: "/f/manifests",
    kinds: KINDS,
    places,
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(providers.map((provider) => `${provider.id}: ${provider.kind}`), [
    "shop-http: http-server",
    "shop-store: keyvalue",
    "shop-client: http-client",
  ]);
  assert.ok(
    components.some((component) =>
      component.id === "shop-todo" && component.file === "/f/components/todo/todo.wasm"
    ),
  );
  for (const name of ["hello", "todo", "till", "counter", "kiosk"]) {
    assert.ok(links.some((link) => link.source === "shop-http" && link.target === `shop-${name}`), name);
  }
});
