// 10,000 damaged manifests: bytes flipped, lines moved, values replaced by odd ones. Whatever arrives, the answer is a
// manifest or a Fault, soon; what is taken can be planned, written and read again.

import assert from "node:assert/strict";
import { isFault } from "../../src/model/fault.ts";
import { formatManifest } from "../../src/model/manifest/format.ts";
import type { Json } from "../../src/model/manifest/manifest.ts";
import { type ParsedManifest, parseManifests } from "../../src/model/manifest/parse.ts";
import { planApplication } from "../../src/model/manifest/plan.ts";
import type { PlannedKinds } from "../../src/model/manifest/planning.ts";
import { Seeded } from "../support/seeded.ts";

const ROUNDS = 10_000;
/** One manifest on a busy machine; a hundredth of this is usual. */
const ONE_MS_MAX = 5_000;

const KINDS: PlannedKinds = {
  "http-server": { offers: [], calls: ["wasi:http/incoming-handler"], implicit: false },
  "http-client": { offers: ["wasi:http/outgoing-handler"], calls: [], implicit: false },
  keyvalue: {
    offers: ["wasi:keyvalue/store", "wasi:keyvalue/atomics", "wasi:keyvalue/batch"],
    calls: [],
    implicit: false,
  },
};

const SMALL = `apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: small, annotations: { version: "1" }, labels: { "example.com/site": a } }
spec:
  policies:
    - { name: vault, type: policy.secret.wasmcloud.dev/v1alpha1, properties: { backend: b } }
  components:
    - name: http
      type: capability
      properties: { image: ghcr.io/wasmcloud/http-server:0.27.0 }
      traits:
        - type: link
          properties:
            target: { name: todo }
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: { config: [{ name: route, properties: { path: / } }] }
    - name: todo
      type: component
      properties:
        image: ./todo.wasm
        config: [{ name: one, properties: { a: "1" } }, { name: outside }]
      traits:
        - { type: spreadscaler, properties: { instances: 2, spread: [{ name: all, requirements: {}, weight: 3 }] } }
        - { type: link, properties: { target: kv, namespace: wasi, package: keyvalue, interfaces: [store, atomics] } }
        - { type: runtime, properties: { memory: 64MiB, deadline: 10s, args: [-v], environment: { A: b } } }
        - { type: filesystem, properties: { preopens: [{ guest: /data, host: ./data }] } }
        - { type: network, properties: { connect: ["db.local:5432"] } }
        - { type: stranger, properties: { deep: [1, { x: null }] } }
    - &kv
      name: kv
      type: capability
      properties: { id: the-store, image: builtin://keyvalue }
`;

/** Pieces of text that mean something to a YAML reader, or to us. */
const PIECES = [
  ..."[]{}:,-?&*!|>'\"#%@`~\n\t \\\0\r\ufeff\u2028",
  ..."--- ... <<: *kv &a !!binary !x ? >- |2 __proto__: constructor null true .inf 1e999 0x1F latest 64MiB"
    .split(" ").map((
      piece,
    ) => ` ${piece} `),
  "\n  - name: x\n",
  "\n---\n",
  "[".repeat(50),
  "{a: ".repeat(50),
  "9".repeat(400),
];

const ODD: Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  "",
  " ",
  "x",
  "latest",
  "\0",
  "a".repeat(300),
  "../..",
  "file://",
  "ghcr.io/x:1",
  "builtin://x",
  "🌊",
  [],
  {},
  [[]],
  [null],
  { "": 1 },
  { name: "x" },
  { name: {}, properties: [] },
  { target: null },
  { toString: 1, valueOf: 2 },
];

const WORDS = [
  "name",
  "type",
  "properties",
  "traits",
  "config",
  "instances",
  "target",
  "image",
  "id",
  "spread",
  "toString",
  "",
];

/** A text with some of its bytes damaged. */
function damageText(random: Seeded, text: string): string {
  let bytes = [...new TextEncoder().encode(text)];
  for (let count = 1 + random.below(4); count > 0 && bytes.length > 0; count--) {
    const at = random.below(bytes.length);
    const length = random.below(random.pick([2, 20, 200]));
    switch (random.below(6)) {
      case 0:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 1:
        bytes.splice(at, length);
        break;
      case 2:
        bytes.splice(random.below(bytes.length), 0, ...bytes.slice(at, at + length));
        break;
      case 3:
        bytes.splice(at, random.below(3), ...new TextEncoder().encode(random.pick(PIECES)));
        break;
      case 4:
        bytes[at] = random.below(256);
        break;
      default:
        if (random.oneIn(5)) bytes = bytes.slice(0, at);
        else bytes.splice(at, 1);
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** A value with some of its parts replaced, removed, renamed, doubled or moved. */
function damageValue(random: Seeded, value: Json): Json {
  const copy = structuredClone(value);
  for (let count = 1 + random.below(3); count > 0; count--) {
    const places = listPlaces(copy);
    if (places.length === 0) break;
    const { holder, key } = random.pick(places);
    const other = random.pick(places);
    const map = holder as Record<string | number, Json>;
    switch (random.below(5)) {
      case 0:
        map[key] = structuredClone(random.pick(ODD));
        break;
      case 1:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete map[key];
        break;
      case 2:
        map[random.pick(WORDS)] = structuredClone(map[key]) ?? null;
        break;
      case 3:
        if (Array.isArray(holder)) holder.push(structuredClone(map[key]) ?? null);
        else map[key] = [structuredClone(map[key]) ?? null];
        break;
      default:
        map[key] = structuredClone((other.holder as Record<string | number, Json>)[other.key]) ?? null;
    }
  }
  return copy;
}

type Holder = Json[] | { [key: string]: Json };

function listPlaces(value: Json, into: { holder: Holder; key: string | number }[] = []) {
  if (typeof value !== "object" || value === null) return into;
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    into.push({ holder: value, key });
    listPlaces((value as Record<string | number, Json>)[key], into);
  }
  return into;
}

/** What came of one text: taken, planned, or refused as it should be. */
function tryText(text: string, seed: number): "refused" | "unplanned" | "planned" {
  const started = performance.now();
  let all: ParsedManifest[];
  try {
    all = parseManifests(text, { source: "fuzz.yaml" });
  } catch (error) {
    checkFault(error, seed, text);
    return "refused";
  } finally {
    assert.ok(
      performance.now() - started < ONE_MS_MAX,
      `seed ${seed} took ${performance.now() - started} ms`,
    );
  }
  let outcome: "unplanned" | "planned" = "planned";
  for (const { manifest, places } of all) {
    for (const as of ["yaml", "json"] as const) {
      const [again] = parseManifests(formatManifest(manifest, as), { source: "again" });
      assert.deepEqual(again.manifest, manifest, `seed ${seed}: ${text}`);
    }
    try {
      planApplication(manifest, { source: "fuzz.yaml", folder: "/srv", kinds: KINDS, places });
    } catch (error) {
      checkFault(error, seed, text);
      outcome = "unplanned";
    }
  }
  return outcome;
}

function checkFault(error: unknown, seed: number, text: string): void {
  const shown = `seed ${seed}: ${(error as Error)?.stack}\n${text.slice(0, 2_000)}`;
  assert.ok(isFault(error) && ["bad_request", "unavailable"].includes(error.code), shown);
  assert.match(error.message, /^fuzz\.yaml.*: ./, shown);
  assert.ok(error.message.length < 20_000, shown);
  assert.ok(Array.isArray(error.detail.problems) && error.detail.problems.length > 0, shown);
}

Deno.test("10,000 damaged manifests end in a manifest or a fault, never in a crash", async () => {
  const shop = await Deno.readTextFile(new URL("../../fixtures/manifests/shop.yaml", import.meta.url));
  const values = [SMALL, shop].map((text): Json =>
    JSON.parse(formatManifest(parseManifests(text, { source: "sample" })[0].manifest, "json"))
  );
  const outcomes = { refused: 0, unplanned: 0, planned: 0 };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Seeded(seed);
    const large = random.oneIn(20) ? 1 : 0;
    let text: string;
    if (random.oneIn(2)) text = damageText(random, [SMALL, shop][large]);
    else {
      text = JSON.stringify(damageValue(random, values[large]), null, random.pick([0, 2]));
      if (random.oneIn(10)) text = damageText(random, text);
    }
    outcomes[tryText(text, seed)]++;
  }
  for (const [outcome, count] of Object.entries(outcomes)) {
    assert.ok(count > ROUNDS / 200, `${outcome}: only ${count}`);
  }
});
