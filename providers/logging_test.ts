// logging: lines of the host's log with the component's name on them, bounded.

import assert from "node:assert/strict";
import { isFault } from "../src/model/fault.ts";
import { LIMITS } from "../src/model/limits.ts";
import { fakeProviderContext, type ProviderLogLine, testLink } from "../tests/support/provider_context.ts";
import { testProvider } from "../tests/suites/provider_suite.ts";
import { LOGGING } from "./logging.ts";

testProvider({
  name: "logging",
  kind: LOGGING,
  makeContext: () =>
    Promise.resolve({ context: fakeProviderContext({ kind: "logging" }), free: () => Promise.resolve() }),
  link: testLink({}),
  badLinks: [],
  badConfigs: [],
});

function write(args: unknown[], name = "log"): ProviderLogLine {
  const context = fakeProviderContext({ kind: "logging" });
  const call = {
    source: "shop-till",
    linkName: "default",
    interface: "wasi:logging/logging",
    function: name,
    args,
    deadlineMs: Infinity,
    depth: 1,
  };
  LOGGING.create(context).call(call, testLink({}));
  assert.equal(context.lines.length, 1);
  return context.lines[0];
}

Deno.test("logging writes a line at the host's level and keeps the guest's own", () => {
  const levels = {
    trace: "debug",
    debug: "debug",
    info: "info",
    warn: "info",
    error: "error",
    critical: "error",
  };
  for (const [level, ours] of Object.entries(levels)) {
    assert.deepEqual(write([level, "cart", "added"]), {
      level: ours,
      message: "added",
      fields: { component: "shop-till", level, context: "cart" },
    });
  }
  assert.ok(!("context" in write(["info", "", "x"]).fields));
});

Deno.test("logging cuts a long message at a whole character, and says so", () => {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  for (const unit of ["a", "ü", "€", "😀"]) {
    const fits = unit.repeat(Math.floor(LIMITS.logMessageBytesMax / bytes(unit)));
    assert.equal(write(["info", "", fits]).message, fits);
    const { message } = write(["info", "", fits + unit.repeat(10)]);
    assert.match(message, /… \(\d+ characters cut\)$/);
    assert.ok(message.startsWith(fits) && message.isWellFormed());
    assert.ok(bytes(message) < LIMITS.logMessageBytesMax + 64);
  }
  const context = write(["info", "c".repeat(10_000), "x"]).fields.context as string;
  assert.ok(context.length < LIMITS.logContextBytesMax + 64);
});

Deno.test("logging has no other function", () => {
  assert.throws(() => write(["info"], "flush"), (error) => isFault(error) && error.code === "not_found");
});
