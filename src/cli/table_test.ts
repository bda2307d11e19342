// Tables and numbers for people.

import { deepEqual, equal } from "node:assert/strict";
import { formatAge, formatBytes, formatPairs, formatTable } from "./table.ts";

const PLAIN = { colour: false };

Deno.test("columns are as wide as their widest cell, numbers stand right, no line ends in spaces", () => {
  deepEqual(
    formatTable(["NAME", "N", "WHY"], [["a", 5, "because"], ["longer", 1234, ""]], PLAIN),
    ["NAME       N  WHY", "a          5  because", "longer  1234"],
  );
});

Deno.test("colour changes nothing but colour", () => {
  const rows = [[{ text: "ready", tone: "good" as const }, "x"], ["b", "y"]];
  const plain = formatTable(["STATE", "Z"], rows, PLAIN);
  const coloured = formatTable(["STATE", "Z"], rows, { colour: true });
  // deno-lint-ignore no-control-regex
  deepEqual(coloured.map((line) => line.replace(/\x1b\[\d+m/g, "")), plain);
  equal(coloured[1], "\x1b[32mready\x1b[0m  x");
});

Deno.test("a cell cannot break the table or command the terminal", () => {
  const [, row] = formatTable(["A", "B"], [["x\ny", "\x1b[2J"]], PLAIN);
  equal(row, "x\\ny  \\u001b[2J");
  deepEqual(formatPairs([["a", "1\n2"], ["long", ""]], PLAIN), ["a     1\\n2", "long"]);
});

Deno.test("sizes and ages keep the digits that a reader takes in", () => {
  deepEqual([0, 999, 1000, 1024, 12_902_400, 2 ** 40].map(formatBytes), [
    "0 B",
    "999 B",
    "0.977 KiB",
    "1 KiB",
    "12.3 MiB",
    "1 TiB",
  ]);
  deepEqual([0, 999, 12_345, 192_000, 90_061_000].map(formatAge), ["0s", "0s", "12s", "3m12s", "1d1h"]);
});
