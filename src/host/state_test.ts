import assert from "node:assert/strict";
import type { ComponentSpec } from "../model/component.ts";
import { isFault } from "../model/fault.ts";
import { COMPONENT_LIMITS } from "../model/limits.ts";
import { decide, EMPTY_STATE, type StoredApplication, toAssignment } from "./state.ts";

function application(name: string, ids: string[], manifest = ""): StoredApplication {
  const components = ids.map((id) => ({
    id,
    application: name,
    name: id,
    image: `./${id}.wasm`,
    digest: "0".repeat(64),
    instances: 1,
    configNames: [],
    config: {},
    limits: COMPONENT_LIMITS,
    preopens: [],
    sockets: { connect: [], listen: [], lookup: [] },
    args: [],
    environment: {},
  } as unknown as ComponentSpec));
  return {
    name,
    version: "1",
    description: "",
    manifest,
    source: "",
    appliedAtMs: 0,
    components,
    commands: [],
    providers: [],
    links: [],
    configs: {},
  };
}

Deno.test("decide() applies, updates and leaves alone", () => {
  const created = decide(EMPTY_STATE, { type: "apply", application: application("shop", ["a"]) });
  assert.equal(created.change, "created");
  const same = decide(created.state, {
    type: "apply",
    application: { ...application("shop", ["a"]), appliedAtMs: 9 },
  });
  assert.equal(same.change, "unchanged");
  assert.equal(same.state, created.state);
  const updated = decide(created.state, { type: "apply", application: application("shop", ["a", "b"]) });
  assert.equal(updated.change, "updated");
});

Deno.test("decide() refuses an id that another application has", () => {
  const { state } = decide(EMPTY_STATE, { type: "apply", application: application("shop", ["a"]) });
  assert.throws(
    () => decide(state, { type: "apply", application: application("other", ["a"]) }),
    (error) =>
      isFault(error) && error.code === "conflict" &&
      /already deployed in a different application/.test(error.message),
  );
});

Deno.test("decide() refuses to delete what is not there, and names what is", () => {
  const { state } = decide(EMPTY_STATE, { type: "apply", application: application("shop", ["a"]) });
  assert.throws(
    () => decide(state, { type: "delete", application: "shpo" }),
    (error) => isFault(error) && error.code === "not_found" && error.message.includes("shop"),
  );
});

Deno.test("a stopped component is left out of assignments until its application is applied anew", () => {
  let { state } = decide(EMPTY_STATE, { type: "apply", application: application("shop", ["a", "b"]) });
  ({ state } = decide(state, { type: "stop", component: "a", reason: "crashed" }));
  const ids = () =>
    toAssignment(state, { revision: 1, elsewhere: {}, failed: {} }).components.map(({ id }) => id);
  assert.deepEqual(ids(), ["b"]);
  ({ state } = decide(state, { type: "apply", application: application("shop", ["a", "b"], "changed") }));
  assert.deepEqual(ids(), ["a", "b"]);
});

Deno.test("a stopped component runs again, apart, when its application is applied again unchanged", () => {
  let { state } = decide(EMPTY_STATE, { type: "apply", application: application("shop", ["a", "b"]) });
  ({ state } = decide(state, { type: "quarantine", component: "a", reason: "crashed" }));
  ({ state } = decide(state, { type: "stop", component: "a", reason: "crashed" }));
  const again = decide(state, { type: "apply", application: application("shop", ["a", "b"]) });
  assert.equal(again.change, "unchanged");
  assert.deepEqual(again.state.stopped, {});
  assert.deepEqual(Object.keys(again.state.quarantined), ["a"]);
});
