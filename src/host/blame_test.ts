import assert from "node:assert/strict";
import { LIMITS } from "../model/limits.ts";
import { judge } from "./blame.ts";

Deno.test("judge() forgives the first loss", () => {
  const verdict = judge({}, { suspects: ["a"], atMs: 0 });
  assert.deepEqual(verdict, { record: { a: [0] }, quarantine: [], stop: [] });
});

Deno.test("judge() quarantines a component that was running at every loss, not its changing neighbours", () => {
  const first = judge({}, { suspects: ["bad", "x"], atMs: 0 });
  const second = judge(first.record, { suspects: ["bad", "y"], atMs: 1000 });
  assert.deepEqual(second.quarantine, ["bad"]);
});

Deno.test("judge() forgets losses older than the window", () => {
  const first = judge({}, { suspects: ["a"], atMs: 0 });
  const late = judge(first.record, { suspects: ["a"], atMs: LIMITS.blameWindowMs + 1 });
  assert.deepEqual(late.quarantine, []);
});

Deno.test("judge() stops a component that keeps losing its own cell", () => {
  let record = {};
  let stop: string[] = [];
  for (let i = 0; i < LIMITS.quarantineAfter; i++) {
    record = judge(record, { suspects: ["a"], atMs: i }).record;
  }
  for (let i = 0; i < LIMITS.stopAfter; i++) {
    assert.deepEqual(stop, []);
    ({ record, stop } = judge(record, { suspects: ["a"], own: "a", atMs: 10 + i }));
  }
  assert.deepEqual(stop, ["a"]);
});
