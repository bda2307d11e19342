import assert from "node:assert/strict";
import { isFault } from "./fault.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./quantity.ts";

Deno.test("parseDuration() reads units, sums of units and plain milliseconds", () => {
  const cases: [string | number, number][] = [
    [0, 0],
    [250, 250],
    ["250", 250],
    ["500us", 0.5],
    ["10s", 10_000],
    [" 1.5h ", 5_400_000],
    ["1m30s", 90_000],
    ["2d", 172_800_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, String(text));
});

Deno.test("parseDuration() refuses what is no duration with a mend", () => {
  const bad = [
    "",
    "ten",
    "10 weeks",
    "-5s",
    "5s5s",
    "30s1m",
    "1e9s",
    "s",
    -1,
    NaN,
    Infinity,
    2 ** 60,
    "9".repeat(100),
  ];
  for (const text of bad) {
    assert.throws(
      () => parseDuration(text),
      (error) => isFault(error) && error.code === "bad_request",
      String(text),
    );
  }
  assert.throws(
    () => parseDuration("ten"),
    /"ten" is not a duration; write a number with a unit, like "250ms"/,
  );
});

Deno.test("parseSize() reads decimal, binary and Kubernetes units", () => {
  const cases: [string | number, number][] = [
    [7, 7],
    ["7", 7],
    ["7B", 7],
    ["1KB", 1_000],
    ["1KiB", 1_024],
    ["64 Mi", 64 * 2 ** 20],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["64mib", 64 * 2 ** 20],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, String(text));
});

Deno.test("parseSize() refuses what is no size with a mend", () => {
  for (
    const text of ["", "big", "1XB", "-1", "1 2", "1e3", "constructor", "9constructor", -1, NaN, 2 ** 60]
  ) {
    assert.throws(
      () => parseSize(text),
      (error) => isFault(error) && error.code === "bad_request",
      String(text),
    );
  }
});

Deno.test("formatDuration() and formatSize() print what their parsers read back", () => {
  for (const ms of [0, 0.5, 1, 999, 1_000, 1_500, 90_000, 86_400_000, 86_400_001, 12_345_678.25]) {
    assert.equal(parseDuration(formatDuration(ms)), ms, formatDuration(ms));
  }
  for (const bytes of [0, 1, 1_023, 1_024, 1_500, 64 * 2 ** 20, 2 ** 40 + 1]) {
    assert.equal(parseSize(formatSize(bytes)), bytes, formatSize(bytes));
  }
  assert.deepEqual([formatDuration(90_000), formatDuration(10_000)], ["1m30s", "10s"]);
  assert.deepEqual([formatSize(64 * 2 ** 20), formatSize(1_500)], ["64MiB", "1500B"]);
});
