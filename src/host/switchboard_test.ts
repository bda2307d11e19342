import assert from "node:assert/strict";
import type { Call } from "../model/call.ts";
import { isFault } from "../model/fault.ts";
import type { EntityId } from "../model/ids.ts";
import { LIMITS } from "../model/limits.ts";
import type { ResolvedLink } from "../model/link.ts";
import { Switchboard } from "./switchboard.ts";

function link(source: string, target: string, name = "default"): ResolvedLink {
  return {
    key: `${source}-${target}-${name}`,
    source: source as EntityId,
    target: target as EntityId,
    name,
    namespace: "wasi",
    package: "keyvalue",
    interfaces: ["store"],
    sourceConfig: {},
    targetConfig: {},
  };
}

function call(source: string, more: Partial<Call> = {}): Call {
  return {
    source,
    linkName: "default",
    interface: "wasi:keyvalue/store",
    function: "open",
    args: [],
    deadlineMs: Infinity,
    depth: 0,
    ...more,
  };
}

function board(links: ResolvedLink[]): Switchboard {
  const switchboard = new Switchboard();
  switchboard.connect({
    components: { has: (id) => id === "b", call: (id, { interface: name }) => `component ${id} ${name}` },
    providers: {
      get: (id) => id === "kv" ? { call: (_, { target }) => `provider ${target}` } : undefined,
      implicitLink: () => undefined,
    },
  });
  switchboard.setLinks(links);
  return switchboard;
}

Deno.test("the switchboard refuses a call that no link allows, and says who called what", () => {
  assert.throws(
    () => board([]).call(call("a")),
    (error) =>
      isFault(error) && error.code === "denied" && /a called wasi:keyvalue\/store/.test(error.message),
  );
});

Deno.test("the switchboard leads a call along its link, to a component or a provider", () => {
  assert.equal(board([link("a", "kv")]).call(call("a")), "provider kv");
  assert.equal(board([link("a", "b")]).call(call("a")), "component b wasi:keyvalue/store");
});

Deno.test("the switchboard tells links apart by name and, for providers, by target", () => {
  const switchboard = board([link("a", "kv"), link("a", "b", "second")]);
  assert.equal(switchboard.call(call("a", { linkName: "second" })), "component b wasi:keyvalue/store");
  assert.equal(switchboard.call(call("a", { target: "kv" })), "provider kv");
  assert.throws(() => switchboard.call(call("a", { target: "b" })), /no link allows/);
});

Deno.test("the switchboard ends a cycle of calls", () => {
  assert.throws(
    () => board([link("a", "b")]).call(call("a", { depth: LIMITS.callDepthMax + 1 })),
    (error) => isFault(error) && error.code === "over_limit",
  );
});

Deno.test("an outgoing request that leads to a component enters it as an incoming one", () => {
  const http = { ...link("a", "b"), package: "http", interfaces: ["outgoing-handler"] };
  assert.equal(
    board([http]).call(call("a", { interface: "wasi:http/outgoing-handler", function: "handle" })),
    "component b wasi:http/incoming-handler",
  );
});
