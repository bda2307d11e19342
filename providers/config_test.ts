// config: each component reads its own merged configs, and nothing else.

import assert from "node:assert/strict";
import { isFault } from "../src/model/fault.ts";
import { fakeProviderContext, testLink } from "../tests/support/provider_context.ts";
import { testProvider } from "../tests/suites/provider_suite.ts";
import { CONFIG } from "./config.ts";

const context = () => fakeProviderContext({ kind: "config" });

testProvider({
  name: "config",
  kind: CONFIG,
  makeContext: () => Promise.resolve({ context: context(), free: () => Promise.resolve() }),
  link: testLink({}),
  badLinks: [],
  badConfigs: [],
});

function ask(name: string, args: unknown[], config: Record<string, string>, spelling = "store"): unknown {
  const call = {
    source: "component",
    linkName: "default",
    interface: `wasi:config/${spelling}`,
    function: name,
    args,
    deadlineMs: Infinity,
    depth: 1,
  };
  return CONFIG.create(context()).call(call, testLink({ targetConfig: config }));
}

Deno.test("config returns a key's value, or nothing, in both spellings of the interface", () => {
  for (const spelling of ["runtime", "store"]) {
    assert.equal(ask("get", ["greeting"], { greeting: "hi" }, spelling), "hi");
    assert.equal(ask("get", ["missing"], { greeting: "hi" }, spelling), undefined);
    assert.deepEqual(ask("get-all", [], { a: "1", b: "" }, spelling), [["a", "1"], ["b", ""]]);
    assert.ok(CONFIG.offers.includes(`wasi:config/${spelling}`));
  }
});

Deno.test("config keeps what JavaScript puts on every object to itself", () => {
  for (const key of ["constructor", "__proto__", "toString"]) assert.equal(ask("get", [key], {}), undefined);
});

Deno.test("config has no other function", () => {
  assert.throws(() => ask("set", ["a", "b"], {}), (error) => isFault(error) && error.code === "not_found");
});
