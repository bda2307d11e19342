import assert from "node:assert/strict";
import { isFault } from "../fault.ts";
import type { WitType } from "../wit.ts";
import { fromJsonArguments, parseArgument, parseArguments } from "./arguments.ts";

const TEXT: WitType = { kind: "string" };
const COUNT: WitType = { kind: "option", of: { kind: "u64" } };
const ITEM: WitType = { kind: "record", fields: [["name", TEXT], ["count", COUNT]] };
const PARAMS: [string, WitType][] = [["key", TEXT], ["count", COUNT]];

Deno.test("parseArgument() reads WAVE, JSON and bare words", () => {
  for (const text of ['{name: "tea", count: 2}', '{"name": "tea", "count": 2}']) {
    assert.deepEqual(parseArgument(ITEM, text), { name: "tea", count: 2n });
  }
  for (const text of ["tea", '"tea"', '"t\\u0065a"']) assert.equal(parseArgument(TEXT, text), "tea");
  assert.equal(parseArgument({ kind: "enum", names: ["low", "true"] }, "true"), "true");
  assert.equal(parseArgument({ kind: "option", of: TEXT }, "two words"), "two words");
  assert.equal(parseArgument(TEXT, "42"), "42");
  assert.equal(parseArgument(COUNT, "null"), undefined);
});

Deno.test("parseArgument() says what is wrong in the form that was used", () => {
  assert.throws(
    () => parseArgument(ITEM, "{name: tea}", "item"),
    /^Fault: item: line 1, column 8: item\.name: expected string/,
  );
  assert.throws(
    () => parseArgument(ITEM, '{"nam": "tea"}', "item"),
    /^Fault: item: .*has no field "nam"; did you mean "name"\?/,
  );
  assert.throws(() => parseArgument(TEXT, '"tea'), (error) => isFault(error) && error.code === "bad_request");
});

Deno.test("parseArguments() counts, and fills in options at the end", () => {
  assert.deepEqual(parseArguments(PARAMS, ["a"]), ["a", undefined]);
  assert.deepEqual(parseArguments(PARAMS, ["a", "3"]), ["a", 3n]);
  assert.throws(
    () => parseArguments(PARAMS, []),
    /missing argument key of \(key: string, count: option<u64>\)/,
  );
  assert.throws(
    () => parseArguments(PARAMS, ["a", "1", "2"]),
    /3 arguments for \(key: string, count: option<u64>\)/,
  );
});

Deno.test("fromJsonArguments() takes an array in order or an object by name", () => {
  assert.deepEqual(fromJsonArguments(PARAMS, ["a", 1]), ["a", 1n]);
  assert.deepEqual(fromJsonArguments(PARAMS, { count: 1, key: "a" }), ["a", 1n]);
  assert.deepEqual(fromJsonArguments(PARAMS, ["a"]), ["a", undefined]);
  assert.throws(() => fromJsonArguments(PARAMS, ["a", 1, 2]), /arguments: the parameters has no field "2"/);
  assert.throws(() => fromJsonArguments(PARAMS, "a"), /expected a JSON array or object/);
});
