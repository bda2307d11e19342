import assert from "node:assert/strict";
import { isFault } from "../fault.ts";
import type { Json } from "../manifest/manifest.ts";
import type { WitPrimitive, WitType } from "../wit.ts";
import { fromJson, toJson } from "./wit_json.ts";

const of = (kind: WitPrimitive): WitType => ({ kind });
const option = (type: WitType): WitType => ({ kind: "option", of: type });
const BYTES: WitType = { kind: "list", of: of("u8") };
const SALE: WitType = {
  kind: "record",
  name: "sale",
  fields: [["line-items", { kind: "list", of: of("string") }], ["total-cents", of("u64")], [
    "note",
    option(of("string")),
  ]],
};

function refuses(type: WitType, values: Json[], message = /./): void {
  for (const value of values) {
    try {
      fromJson(type, value);
    } catch (error) {
      const shown = JSON.stringify(value);
      assert.ok(isFault(error) && error.code === "bad_request", shown);
      assert.match(error.message, /^value.*: .+; .+/, shown);
      assert.match(error.message, message, shown);
      continue;
    }
    assert.fail(`${JSON.stringify(value)} was taken`);
  }
}

Deno.test("fromJson() takes 64-bit integers as numbers or strings; toJson() prints numbers where they are exact", () => {
  assert.equal(fromJson(of("u64"), 7), 7n);
  assert.equal(fromJson(of("u64"), "18446744073709551615"), 2n ** 64n - 1n);
  assert.equal(fromJson(of("s64"), "-9223372036854775808"), -(2n ** 63n));
  assert.equal(fromJson(of("u8"), "255"), 255);
  refuses(of("u64"), [
    -1,
    1.5,
    2 ** 60,
    "18446744073709551616",
    "",
    "1e3",
    "0x1",
    null,
    true,
    [],
    "9".repeat(1_000),
  ]);
  refuses(of("s8"), [128, -129, NaN]);
  assert.equal(toJson(of("u64"), 2n ** 53n - 1n), 2 ** 53 - 1);
  assert.equal(toJson(of("u64"), 2n ** 53n), "9007199254740992");
});

Deno.test("fromJson() takes floats that JSON has no number for as words", () => {
  assert.deepEqual(["nan", "inf", "-inf", "-0"].map((word) => fromJson(of("f64"), word)), [
    NaN,
    Infinity,
    -Infinity,
    -0,
  ]);
  assert.equal(fromJson(of("f32"), 0.1), Math.fround(0.1));
  assert.equal(toJson(of("f32"), Math.fround(0.1)), 0.1);
  refuses(of("f64"), ["1", "NaN", null]);
});

Deno.test("fromJson() takes bytes as numbers, text or base64; toJson() prints text where it is text", () => {
  for (const json of [[104, 105], { text: "hi" }, { base64: "aGk=" }] as Json[]) {
    assert.deepEqual(fromJson(BYTES, json), new TextEncoder().encode("hi"));
  }
  refuses(BYTES, ["hi", [256], { base64: "%" }, { text: 1 }, { text: "a", base64: "" }, {}, { hex: "00" }]);
  assert.deepEqual(toJson(BYTES, new TextEncoder().encode("hi ☃")), { text: "hi ☃" });
  assert.deepEqual(toJson(BYTES, new Uint8Array([0, 255])), { base64: "AP8=" });
  assert.deepEqual(fromJson({ kind: "list", of: of("u16") }, [1]), new Uint16Array([1]));
});

Deno.test("fromJson() takes records by their WIT names, with options left out", () => {
  assert.deepEqual(fromJson(SALE, { "line-items": ["tea"], "total-cents": 250 }), {
    lineItems: ["tea"],
    totalCents: 250n,
    note: undefined,
  });
  refuses(SALE, [{ lineItems: [], "total-cents": 1 }], /no field "lineItems"; did you mean "line-items"\?/);
  refuses(SALE, [{ "line-items": [] }], /missing field "total-cents"; give it a u64/);
  refuses(SALE, [{ "line-items": ["a", 1], "total-cents": 1 }], /^value\.line-items\[1\]: 1 is no string/);
  refuses(SALE, [null, [], "x"]);
});

Deno.test("fromJson() takes variants, results, enums and flags by name", () => {
  const variant: WitType = { kind: "variant", cases: [["none-at-all", null], ["some-text", of("string")]] };
  assert.deepEqual(fromJson(variant, "none-at-all"), { tag: "none-at-all" });
  assert.deepEqual(fromJson(variant, { "some-text": "x" }), { tag: "some-text", val: "x" });
  refuses(variant, ["some-text", { "none-at-all": 1 }, { "some-text": "x", more: 1 }, {}, null, 1]);
  refuses(variant, ["some-txt"], /did you mean "some-text"\?/);
  const result: WitType = { kind: "result", ok: of("u8"), err: null };
  assert.deepEqual(fromJson(result, { ok: 1 }), { tag: "ok", val: 1 });
  assert.deepEqual(fromJson(result, "err"), { tag: "err" });
  assert.deepEqual(toJson(result, { tag: "err" }), { err: null });
  refuses(result, ["ok", 1, { okay: 1 }]);
  const flags: WitType = { kind: "flags", names: ["read-only", "hidden"] };
  assert.deepEqual(fromJson(flags, ["read-only"]), { readOnly: true, hidden: false });
  refuses(flags, [["read"], "read-only", { "read-only": true }, [1]]);
  refuses({ kind: "enum", names: ["low", "high"] }, ["lo", 1, null]);
});

Deno.test("fromJson() tells none from some(none)", () => {
  const nested = option(option(of("u8")));
  for (
    const [json, value] of [[null, { tag: "none" }], [{ some: null }, { tag: "some", val: undefined }], [{
      some: 1,
    }, { tag: "some", val: 1 }]] as const
  ) {
    assert.deepEqual(fromJson(nested, json), value);
    assert.deepEqual(toJson(nested, value), json);
  }
  refuses(nested, [1, { none: null }]);
});

Deno.test("fromJson() and toJson() refuse handles, and values that are not of the type", () => {
  const own: WitType = { kind: "own", of: { kind: "resource", name: "bucket" } };
  assert.throws(() => fromJson(own, 1), /bucket is a handle/);
  assert.throws(() => toJson({ kind: "stream", of: null }, 1), /stream is a handle/);
  assert.throws(
    () => toJson(SALE, { lineItems: [1] }),
    (error) => isFault(error) && error.code === "trapped" && /^value\.line-items\[0\]/.test(error.message),
  );
  refuses(of("string"), ["\ud800"]);
  refuses(of("char"), ["", "ab", "\ud800"]);
});
