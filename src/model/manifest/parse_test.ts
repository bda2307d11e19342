import assert from "node:assert/strict";
import { isFault } from "../fault.ts";
import { LIMITS } from "../limits.ts";
import { formatManifest } from "./format.ts";
import type { Json, LinkTrait, Manifest } from "./manifest.ts";
import { parseManifest, parseManifests } from "./parse.ts";
import type { Problem } from "./reading.ts";

/** A manifest with everything in it; tests change one thing at a time. */
function sample() {
  return {
    apiVersion: "core.oam.dev/v1beta1",
    kind: "Application",
    metadata: {
      name: "shop",
      annotations: { version: "1" } as Record<string, Json>,
      labels: {} as Record<string, Json>,
    },
    spec: {
      policies: [{
        name: "vault",
        type: "policy.secret.wasmcloud.dev/v1alpha1",
        properties: { backend: "b" },
      }] as Json[],
      components: [
        {
          name: "http",
          type: "capability",
          properties: { image: "ghcr.io/wasmcloud/http-server:0.27.0" } as Record<string, Json>,
          traits: [
            link({
              target: { name: "todo" },
              namespace: "wasi",
              package: "http",
              interfaces: ["incoming-handler"],
            }),
          ],
        },
        {
          name: "todo",
          type: "component",
          properties: { image: "file:///todo.wasm" } as Record<string, Json>,
          traits: [
            link({ target: { name: "kv" }, namespace: "wasi", package: "keyvalue", interfaces: ["store"] }),
            { type: "spreadscaler", properties: { instances: 2 } as Record<string, Json> },
          ] as { type: string; properties: Record<string, Json> }[],
        },
        {
          name: "kv",
          type: "capability",
          properties: { image: "builtin://keyvalue" } as Record<string, Json>,
          traits: [] as { type: string; properties: Record<string, Json> }[],
        },
      ],
    },
  };
}

function link(properties: Record<string, Json>) {
  return { type: "link", properties };
}

type Sample = ReturnType<typeof sample>;

function parse(value: unknown) {
  return parseManifest(JSON.stringify(value), { source: "shop.json" });
}

/** The problems of a manifest that must be refused. */
function problemsOf(text: string, options: { contentType?: string } = {}): Problem[] {
  try {
    parseManifests(text, { source: "shop.yaml", ...options });
  } catch (error) {
    assert.ok(isFault(error), `not a fault: ${error}`);
    assert.equal(error.code, "bad_request");
    assert.match(error.message, /^shop\.yaml/);
    return error.detail.problems as Problem[];
  }
  assert.fail("the manifest was taken");
}

/** Changes the sample and expects one problem, at a path, with a text. */
function refuses(change: (value: Sample) => void, path: string, message: RegExp): void {
  const value = sample();
  change(value);
  const problems = problemsOf(JSON.stringify(value));
  const shown = JSON.stringify(problems, null, 1);
  assert.equal(problems.length, 1, shown);
  assert.equal(problems[0].path, path, shown);
  assert.match(problems[0].message, message);
  assert.ok(problems[0].mend.length > 0 && problems[0].line !== undefined, shown);
}

Deno.test("parseManifest() reads YAML and JSON into the same normal form", () => {
  const yaml = `
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: shop, annotations: { version: 1.10 } }
spec:
  components:
    - name: todo
      type: actor
      properties: { image: ./todo.wasm, config: [{ name: a, properties: { port: 8080, on: true } }, { name: b }] }
      traits:
        - type: link
          properties: { target: todo, target_config: [{ name: c }], source_config: [{ name: d }], namespace: shop, package: x, interfaces: [y] }
        - type: daemonscaler
          properties: { replicas: 3, spread: [{ name: all }] }
        - type: stranger
          properties: { deep: [1, { a: null }] }
`;
  const { manifest, warnings } = parseManifest(yaml, { source: "shop.yaml" });
  assert.deepEqual(manifest.metadata, { name: "shop", annotations: { version: "1.10" }, labels: {} });
  const [todo] = manifest.spec.components;
  assert.equal(todo.type, "component");
  assert.deepEqual(todo.properties.config, [{ name: "a", properties: { port: "8080", on: "true" } }, {
    name: "b",
  }]);
  assert.deepEqual((todo.traits[0] as LinkTrait).properties, {
    name: "default",
    namespace: "shop",
    package: "x",
    interfaces: ["y"],
    source: { config: [{ name: "d" }], secrets: [] },
    target: { name: "todo", config: [{ name: "c" }], secrets: [] },
  });
  assert.deepEqual(todo.traits[1].properties, { instances: 3, spread: [{ name: "all", requirements: {} }] });
  assert.deepEqual(todo.traits[2], { type: "stranger", properties: { deep: [1, { a: null }] } });
  assert.deepEqual(warnings.map((warning) => warning.mend), [
    "please use source:config:",
    "please use target:config:",
  ]);
  const json = parseManifest(JSON.stringify(manifest), { source: "x", contentType: "application/json" });
  assert.deepEqual(json.manifest, manifest);
});

Deno.test("parseManifest() names file, line, path, cause and mend", () => {
  const text = formatManifest(parse(sample()).manifest).replace("name: kv\n", "name: kw\n");
  assert.throws(() => parseManifest(text, { source: "shop.yaml" }), (error) => {
    assert.ok(isFault(error));
    assert.match(
      error.message,
      /^shop\.yaml:\d+:\d+: spec\.components\[\d\]\.traits\[0\]\.properties\.target\.name: .*"k[vw]"; did you mean "k[vw]"\?$/,
    );
    return true;
  });
});

Deno.test("parseManifest() reports every problem, and spells out twenty", () => {
  const value = sample() as Sample & { extra?: unknown };
  for (let index = 0; index < 30; index++) {
    value.spec.components[1].traits.push(
      link({
        target: { name: `none-${index}` },
        name: `n${index}`,
        namespace: "a",
        package: "b",
        interfaces: ["c"],
      }),
    );
  }
  try {
    parse(value);
    assert.fail("taken");
  } catch (error) {
    assert.ok(isFault(error));
    assert.equal((error.detail.problems as Problem[]).length, 30);
    assert.equal(error.message.split("\n").length, 22);
    assert.match(error.message, /^shop\.json: 30 problems\n/);
    assert.match(error.message, /… and 10 more$/);
  }
});

Deno.test("parseManifest() refuses what wadm refuses, with its words", () => {
  const todo = "spec.components[1]";
  refuses(
    (v) => v.metadata.annotations.version = "latest",
    "metadata.annotations.version",
    /latest is not allowed in wadm/,
  );
  refuses(
    (v) => v.metadata.name = "my shop",
    "metadata.name",
    /manifest name \[.*\] is not allowed.*contains invalid characters/,
  );
  refuses((v) => v.metadata.labels["-x"] = "1", "metadata.labels.-x", /Invalid OAM label:/);
  refuses(
    (v) => v.metadata.annotations["1a.b/c"] = "1",
    'metadata.annotations["1a.b/c"]',
    /Invalid OAM annotation:/,
  );
  refuses(
    (v) => v.spec.components.push({ ...v.spec.components[2] }),
    "spec.components[3].name",
    /Duplicate component name in manifest:/,
  );
  refuses(
    (v) => {
      v.spec.components[1].properties.id = "same";
      v.spec.components[2].properties.id = "same";
    },
    "spec.components[2].properties.id",
    /Duplicate component identifier in manifest:/,
  );
  refuses(
    (v) => v.spec.components[1].traits[0].properties.target = { name: "gone" },
    `${todo}.traits[0].properties.target.name`,
    /is not a listed component.*missing from the manifest:/,
  );
  refuses(
    (v) => delete v.spec.components[1].traits[0].properties.package,
    `${todo}.traits[0].properties.package`,
    /deserialized as custom trait, ensure fields are correct/,
  );
  refuses(
    (v) => v.spec.components[1].traits[1].properties.instances = "2",
    `${todo}.traits[1].properties.instances`,
    /deserialized as custom trait/,
  );
  refuses((v) => delete v.spec.components[1].properties.image, `${todo}.properties`, /must have either/);
  refuses(
    (v) => v.spec.components[1].properties.application = { name: "a", component: "b" },
    `${todo}.properties`,
    /cannot have both/,
  );
  refuses(
    (v) =>
      v.spec.components[1].traits.push(
        link({ target: { name: "kv" }, namespace: "wasi", package: "keyvalue", interfaces: ["store"] }),
      ),
    `${todo}.traits[2].properties.interfaces[0]`,
    /Duplicate link found inside component/,
  );
});

Deno.test("parseManifest() refuses bad secrets and shared references with wadm's words", () => {
  const secret = (policy: string) => [{ name: "s", properties: { policy, key: "k" } }];
  const path = "spec.components[1].properties.secrets[0]";
  refuses((v) => v.spec.components[1].properties.secrets = secret("none"), path, /mapped to unknown policy/);
  refuses(
    (v) => {
      v.spec.policies.push({ name: "other", type: "x", properties: {} });
      v.spec.components[1].properties.secrets = secret("other");
    },
    path,
    /is not a secret policy/,
  );
  refuses(
    (v) => {
      v.spec.policies = [{ name: "vault", type: "policy.secret.wasmcloud.dev/v1alpha1", properties: {} }];
      v.spec.components[1].properties.secrets = secret("vault");
    },
    path,
    /does not include a 'backend'/,
  );
  const share = (v: Sample, more: Record<string, Json>) => {
    v.spec.components[1].properties = { application: { name: "base", component: "todo" }, ...more };
    v.spec.components[1].traits.pop();
  };
  refuses(
    (v) => share(v, { config: [{ name: "c" }] }),
    "spec.components[1].properties.config",
    /cannot specify additional/,
  );
  refuses(
    (v) => share(v, { secrets: secret("vault") }),
    "spec.components[1].properties.secrets",
    /cannot specify additional/,
  );
  refuses(
    (v) => {
      share(v, {});
      v.spec.components[1].traits.push({ type: "spreadscaler", properties: { instances: 1 } });
    },
    "spec.components[1].traits[1]",
    /cannot include a scaler trait/,
  );
});

Deno.test("parseManifest() refuses link configs of one name, and links between capabilities", () => {
  refuses(
    (v) => {
      const config = [{ name: "c", properties: { a: "1" } }];
      v.spec.components[1].traits[0].properties.source = { config };
      v.spec.components[1].traits[0].properties.target = { name: "kv", config };
    },
    "spec.components[1].traits[0].properties.target.config[0].name",
    /Duplicate link config name found:/,
  );
  refuses(
    (v) =>
      v.spec.components[2].traits.push(
        link({ target: { name: "http" }, namespace: "a", package: "b", interfaces: ["c"] }),
      ),
    "spec.components[2].traits[0].properties.target.name",
    /both capabilities/,
  );
});

Deno.test("parseManifest() refuses unquoted numbers inside traits only, and says to quote them", () => {
  const text = formatManifest(parse(sample()).manifest).replace("package: keyvalue", "package: 7");
  const problems = problemsOf(text);
  assert.match(problems[0].mend, /quote it: "7"/);
  for (const value of [null, 1, true, [], {}]) {
    for (const key of ["namespace", "package", "name"]) {
      refuses(
        (v) => v.spec.components[1].traits[0].properties[key] = value,
        `spec.components[1].traits[0].properties.${key}`,
        /deserialized as custom trait/,
      );
    }
    refuses(
      (v) => v.spec.components[1].traits[0].properties.interfaces = [value],
      "spec.components[1].traits[0].properties.interfaces[0]",
      /deserialized as custom trait/,
    );
  }
});

Deno.test("parseManifest() refuses unknown fields where wadm does, and warns where wadm is silent", () => {
  refuses((v) => (v as unknown as Record<string, Json>).specs = 1, "specs", /unknown field "specs"/);
  refuses(
    (v) => v.spec.components[1].properties.imag = "x",
    "spec.components[1].properties.imag",
    /unknown field/,
  );
  refuses(
    (v) => (v.spec.components[1].traits[1] as Record<string, Json>).name = "x",
    "spec.components[1].traits[1].name",
    /unknown field/,
  );
  refuses(
    (v) => v.spec.components[1].traits[1].properties.instance = 1,
    "spec.components[1].traits[1].properties.instance",
    /unknown field/,
  );
  const value = sample();
  Object.assign(value.metadata, { nam: "x" });
  Object.assign(value.spec.components[1], { trait: [] });
  Object.assign(value.spec.components[1].traits[0].properties, { sorce: {} });
  const { warnings } = parse(value);
  assert.deepEqual(warnings.map((warning) => warning.path), [
    "metadata.nam",
    "spec.components[1].trait",
    "spec.components[1].traits[0].properties.sorce",
  ]);
});

Deno.test("parseManifest() keeps foreign traits, and warns of misspelt ones, other kinds and unknown interfaces", () => {
  const value = sample();
  const traits = value.spec.components[1].traits;
  for (const type of ["partition", "failover", "rollout", "health", "stranger"]) {
    traits.push({ type, properties: { a: 1 } });
  }
  assert.deepEqual(parse(value).warnings, []);
  traits.push({ type: "spredscaler", properties: {} });
  value.kind = "Deployment";
  (traits[0].properties.interfaces as string[])[0] = "stor";
  const { warnings, manifest } = parse(value);
  assert.equal(manifest.spec.components[1].traits.length, 8);
  assert.deepEqual(warnings.map((warning) => warning.mend), [
    "write kind: Application",
    'did you mean "spreadscaler"?',
    'did you mean "store"?',
  ]);
  assert.match(warnings[2].message, /unrecognized interface \[wasi:keyvalue\/stor\]/);
});

Deno.test("parseManifests() reads several documents, parseManifest() one", () => {
  const one = formatManifest(parse(sample()).manifest);
  const other = one.replace("name: shop", "name: second");
  const all = parseManifests(`---\n${one}---\n\n---\n${other}---\n`, { source: "x" });
  assert.deepEqual(all.map(({ manifest }) => manifest.metadata.name), ["shop", "second"]);
  assert.throws(
    () => parseManifest(`${one}---\n${other}`, { source: "x" }),
    /2 documents where one is expected/,
  );
  assert.match(problemsOf(`${one}---\n${one}`)[0].message, /two documents name the application "shop"/);
});

Deno.test("parseManifest() refuses text that is no manifest", () => {
  for (
    const text of [
      "",
      "---\n",
      "# nothing\n",
      "\0",
      "[]",
      "7",
      "null",
      "a: [",
      "a: b: c",
      "\t- x",
      "{",
      "%YAML 9\n---\n",
      "\ud800",
    ]
  ) {
    problemsOf(text);
  }
  assert.match(problemsOf("a: [")[0].message, /^Unable to parse manifest:/);
  assert.match(problemsOf("{}", { contentType: "text/plain" })[0].message, /^Unsupported content type/);
  assert.match(
    problemsOf("a: b", { contentType: "application/json" })[0].message,
    /^Unable to parse manifest: not JSON/,
  );
});

Deno.test("parseManifest() survives bombs: depth, aliases, cycles, tags, merges, duplicates, size", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (let index = 1; index < 9; index++) {
    const [name, before] = [String.fromCharCode(97 + index), String.fromCharCode(96 + index)];
    bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(", ")}]`);
  }
  const texts: Record<string, [string, RegExp]> = {
    aliases: [bomb.join("\n"), /more than \d+ (list entries|values)/],
    cycle: ["a: &a [*a]", /contains itself/],
    "cycle in a map": ["&a b: &c { d: *c }", /contains itself/],
    "no anchor": ["a: *b", /names no anchor/],
    depth: ["[".repeat(5_000) + "]".repeat(5_000), /nested|deep|stack/i],
    "depth in blocks": ["- ".repeat(20_000), /nested|deep|stack/i],
    "depth in keys": ["? ".repeat(20_000), /nested|deep|stack|key/i],
    tags: ["a: !!js/function x", /tag/],
    "local tags": ["a: !include /etc/passwd", /tag/],
    merge: ["a: {<<: {b: 1}}", /merge keys/],
    duplicate: ["a: 1\na: 2", /duplicate key "a"/],
    proto: ["__proto__: { a: 1 }", /__proto__/],
    "map keys": ["? [a]\n: b", /a key must be plain text/],
    size: ["a".repeat(LIMITS.manifestBytesMax + 1), /larger than/],
    entries: ["- a\n".repeat(LIMITS.manifestEntriesMax + 1), /list entries/],
  };
  for (const [name, [text, message]] of Object.entries(texts)) {
    const problems = problemsOf(text);
    assert.ok(
      problems.some((problem) => message.test(problem.message)),
      `${name}: ${JSON.stringify(problems[0])}`,
    );
  }
  assert.equal(({} as Record<string, unknown>).a, undefined);
});

Deno.test("parseManifest() refuses huge and odd numbers", () => {
  for (
    const count of ["1e400", "-1", "1.5", "99999999999999999999", ".nan", "0x1ffffffff", "true", "~", "[]"]
  ) {
    const text = formatManifest(parse(sample()).manifest).replace("instances: 2", `instances: ${count}`);
    assert.match(problemsOf(text)[0].path, /instances$/);
  }
});

Deno.test("formatManifest() writes what parseManifest() reads back, requirements and annotations included", () => {
  const value = sample();
  value.metadata.annotations = {};
  value.metadata.labels = { "example.com/a": "007" };
  value.spec.components[1].traits[1].properties.spread = [{ name: "all", requirements: {} }];
  value.spec.components[1].traits.push({
    type: "runtime",
    properties: { memory: "64MiB", args: ["1", "yes", "~", ""] },
  });
  value.spec.components[1].properties.config = [{ name: "x" }, {
    name: "y",
    properties: { a: "multi\nline\n", b: "" },
  }];
  const { manifest } = parse(value);
  for (const as of ["yaml", "json"] as const) {
    const text = formatManifest(manifest, as);
    assert.deepEqual(parseManifest(text, { source: "again" }).manifest, manifest, text);
    assert.match(text, /"?requirements"?: \{\}/);
    assert.match(text, /"?annotations"?: \{\}/);
  }
  const again: Manifest = JSON.parse(JSON.stringify(manifest));
  assert.deepEqual(parse(again).manifest, manifest);
});
