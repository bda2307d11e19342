import assert from "node:assert/strict";
import { findNearest, suggest } from "./nearest.ts";

Deno.test("findNearest() finds slips of the finger and other spellings", () => {
  const known = ["memory", "instancesMax", "deadline", "hostCalls"];
  assert.equal(findNearest("memroy", known), "memory");
  assert.equal(findNearest("instances_max", known), "instancesMax");
  assert.equal(findNearest("HOSTCALLS", known), "hostCalls");
  assert.equal(findNearest("dedline", known), "deadline");
});

Deno.test("findNearest() stays silent when nothing is near", () => {
  assert.equal(findNearest("colour", ["memory", "deadline"]), undefined);
  assert.equal(findNearest("", ["a"]), undefined);
  assert.equal(findNearest("x".repeat(10_000), ["x"]), undefined);
});

Deno.test("suggest() lists at most twenty names", () => {
  assert.equal(suggest("memroy", ["memory"]), 'did you mean "memory"?');
  assert.equal(suggest("colour", ["memory", "idle"]), "known here: memory, idle");
  const many = Array.from({ length: 30 }, (_, index) => `name-${index}-of-many`);
  assert.match(suggest("zzz", many), /name-19-of-many, and 10 more$/);
  assert.equal(suggest("x", []), "there is nothing by that name to choose from");
});
