import assert from "node:assert/strict";
import { isFault } from "../fault.ts";
import type { WitPrimitive, WitType } from "../wit.ts";
import { parseWave, parseWaveArguments } from "./wave.ts";
import { formatWave } from "./wave_format.ts";

const of = (kind: WitPrimitive): WitType => ({ kind });
const option = (type: WitType): WitType => ({ kind: "option", of: type });
const result = (ok: WitType | null, err: WitType | null): WitType => ({ kind: "result", ok, err });
const list = (type: WitType, length?: number): WitType => ({ kind: "list", of: type, length });

const BASIC: WitType = {
  kind: "record",
  name: "basic",
  fields: [["required", of("u8")], ["optional", option(of("u8"))]],
};
const SPARSE: WitType = { kind: "record", fields: [["a", option(of("u8"))], ["b", option(of("u8"))]] };
const WORDS: WitType = {
  kind: "enum",
  names: ["true", "false", "some", "none", "ok", "err", "inf", "nan", "left"],
};
const RESPONSE: WitType = {
  kind: "variant",
  cases: [["empty", null], ["body", list(of("u8"))], ["err", of("string")]],
};
const FLAGS: WitType = { kind: "flags", names: ["read", "write-all"] };

function reads(type: WitType, cases: [text: string, value: unknown][]): void {
  for (const [text, value] of cases) assert.deepEqual(parseWave(type, text), value, text);
}

function refuses(type: WitType, texts: string[], message = /./): void {
  for (const text of texts) {
    try {
      parseWave(type, text);
    } catch (error) {
      assert.ok(isFault(error) && error.code === "bad_request", text);
      assert.match(error.message, /^value: line \d+, column \d+: .+; .+/, text);
      assert.match(error.message, message, text);
      continue;
    }
    assert.fail(`${text} was taken`);
  }
}

Deno.test("parseWave() reads numbers within their range, and nothing else as one", () => {
  reads(of("u8"), [["0", 0], ["255", 255], [" 7 ", 7], ["-0", 0]]);
  refuses(of("u8"), ["256", "-1", "1.0", "1e2", "01", "+1", "0x1", "'1'", "", "1 2", "1,", "9".repeat(60)]);
  reads(of("s64"), [["-9223372036854775808", -(2n ** 63n)]]);
  reads(of("u64"), [["18446744073709551615", 2n ** 64n - 1n]]);
  reads(of("f64"), [["1", 1], ["-3.5e-2", -0.035], ["-0.0", -0], ["inf", Infinity], ["-inf", -Infinity], [
    "nan",
    NaN,
  ]]);
  reads(of("f32"), [["0.1", Math.fround(0.1)], ["3.4028234664e39", Infinity]]);
  refuses(of("f64"), ["-nan", "NaN", "infinity", "-infinity", "Inf", "-INF", ".5", "1.", "- 1", "%inf"]);
});

Deno.test("parseWave() reads chars and strings with their escapes", () => {
  reads(of("char"), [["'x'", "x"], ["'👋'", "👋"], [String.raw`'\''`, "'"], [`'"'`, '"'], [
    String.raw`'\u{2603}'`,
    "☃",
  ]]);
  refuses(of("char"), [
    "''",
    "'ab'",
    "'☃☃'",
    String.raw`'\n\n'`,
    String.raw`'\z'`,
    String.raw`'\u{}'`,
    String.raw`'\u{110000}'`,
  ]);
  refuses(of("char"), [String.raw`'\u{d800}'`, "'\ud800'", "'", "'x", "x'", "'\n'", "'''", "'\\'", '"x"']);
  reads(of("string"), [['""', ""], ['"WAVE🌊"', "WAVE🌊"], [String.raw`"\\\'\"\t\n\r"`, "\\'\"\t\n\r"]]);
  refuses(of("string"), [
    '"',
    '"\\"',
    '"\n"',
    String.raw`"\u{-1}"`,
    String.raw`"\j"`,
    '"\ud800"',
    "x",
    "'x'",
  ]);
});

Deno.test("parseWave() reads texts over several lines, dedented by their last line", () => {
  reads(of("string"), [
    ['"""\n"""', ""],
    ['"""\n  A single line\n  """', "A single line"],
    ['"""\n    Two\n      more\n  """', "  Two\n    more"],
    ['"""\r\na\r\nb\r\n"""', "a\nb"],
    ['"""\n\nempty lines stay\n\n"""', "\nempty lines stay\n"],
    ['"""\n  a\n\n  b\n  """', "a\n\nb"],
    [String.raw`"""` + "\n" + String.raw`quotes: ""\""\t\r` + '\n"""', 'quotes: """"\t\r'],
  ]);
  refuses(of("string"), [
    '""""""',
    '""" """',
    '"""x\n"""',
    '"""\n""',
    '"""\n x"""',
    '"""\n""""',
    '"""\nx\n  """',
  ]);
});

Deno.test("parseWave() reads lists, tuples and flags with commas at the end", () => {
  reads(list(of("u8")), [["[]", new Uint8Array()], ["[1, 2,]", new Uint8Array([1, 2])]]);
  reads(list(of("string"), 2), [['["a", "b"]', ["a", "b"]]]);
  refuses(list(of("string")), ["[,]", '["a",,]', '[,"a"]', "[)", "[}", "(]", '["a" "b"]', "[1]"]);
  refuses(list(of("string"), 2), ['["a"]', '["a", "b", "c"]'], /write exactly 2/);
  reads({ kind: "tuple", items: [of("u8"), of("string")] }, [['(1, "a",)', [1, "a"]]]);
  refuses(
    { kind: "tuple", items: [of("u8"), of("string")] },
    ["(1)", "()", '(1, "a", 2)'],
    /write exactly 2/,
  );
  reads(FLAGS, [["{}", { read: false, writeAll: false }], ["{write-all, %read,}", {
    read: true,
    writeAll: true,
  }]]);
  refuses(FLAGS, ["{read, read}", "{execute}", "{:}", "{,}", "read"]);
});

Deno.test("parseWave() reads record fields in any order, and leaves out those that are none", () => {
  reads(BASIC, [
    ["{required: 1}", { required: 1, optional: undefined }],
    ["{ optional: 2, %required: 1, }", { required: 1, optional: 2 }],
    ["{required: 1, optional: none}", { required: 1, optional: undefined }],
    ["{ // what it\n required: 1 // is\n}", { required: 1, optional: undefined }],
  ]);
  reads(SPARSE, [["{:}", { a: undefined, b: undefined }], ["{ : }", { a: undefined, b: undefined }], [
    "{b: 2}",
    { a: undefined, b: 2 },
  ]]);
  refuses(BASIC, ["{optional: 1}", "{:}"], /missing field "required"/);
  refuses(BASIC, ["{required: 1, required: 1}"], /duplicate field/);
  refuses(BASIC, ["{required: 1,,}", "{, required: 1}", "{required 1}", "{required: 1", "{requird: 1}"]);
  refuses(BASIC, ['{"required": 1}'], /without quotes/);
  refuses(SPARSE, ["{}"], /write \{:\}/);
});

Deno.test("parseWave() asks for % where a case is a keyword", () => {
  reads(WORDS, [["%true", "true"], ["%nan", "nan"], ["left", "left"], ["%left", "left"]]);
  refuses(WORDS, ["true", "none", "ok", "inf"], /write %/);
  reads(RESPONSE, [["empty", { tag: "empty" }], ['%err("x")', { tag: "err", val: "x" }], ["body([79])", {
    tag: "body",
    val: new Uint8Array([79]),
  }]]);
  refuses(RESPONSE, ['err("x")', "empty()", "empty(1)", "body", "body()", "bodi([1])"]);
});

Deno.test("parseWave() lets some() and ok() be left out around plain values only", () => {
  reads(option(of("u8")), [["1", 1], ["some(1)", 1], ["none", undefined]]);
  refuses(option(of("u8")), ["some", "some()", "some(some(0))", "none()", "none(0)"]);
  const nested = option(option(of("u8")));
  reads(
    nested,
    [["none", { tag: "none" }], ["some(none)", { tag: "some" }], ["some(1)", { tag: "some", val: 1 }], [
      "some(some(1))",
      { tag: "some", val: 1 },
    ]]
      .map((
        [text, value],
      ) => [text as string, text === "some(none)" ? { tag: "some", val: undefined } : value]),
  );
  refuses(nested, ["1"], /write some\(…\) or none/);
  reads(option(WORDS), [["%some", "some"], ["some(%none)", "none"]]);
  reads(result(of("u8"), of("string")), [["1", { tag: "ok", val: 1 }], ["ok(1)", { tag: "ok", val: 1 }], [
    'err("x")',
    { tag: "err", val: "x" },
  ]]);
  reads(result(null, null), [["ok", { tag: "ok" }], ["err", { tag: "err" }]]);
  refuses(result(of("u8"), null), ["ok", "ok()", "err(0)", "o(0)", "err()"]);
  refuses(result(null, of("u8")), ["1", "ok(0)", "err", "err()"]);
  refuses(result(option(of("u8")), null), ["1", "none"]);
});

Deno.test("parseWave() names line and column, in characters", () => {
  refuses(list(of("u8")), ["[1,\n  👋]"], /^value: line 2, column 3: /);
  refuses(
    list(of("string")),
    ['["👋", 1]'],
    /^value: line 1, column 7: value\[1\]: expected string, found "1"/,
  );
  assert.throws(
    () => parseWave(of("bool"), "yes", "flag"),
    /^Fault: flag: line 1, column 1: flag: expected bool, found "yes"; write true or false$/,
  );
});

Deno.test("parseWave() and formatWave() refuse handles by name", () => {
  const bucket: WitType = { kind: "borrow", of: { kind: "resource", name: "bucket" } };
  assert.throws(() => parseWave(list(bucket), "[1]"), /value\[0\]: borrow<bucket> is a handle/);
  assert.throws(() => formatWave(bucket, 1), (error) => isFault(error) && error.code === "bad_request");
});

Deno.test("parseWaveArguments() reads a call's arguments and fills in options", () => {
  const params: [string, WitType][] = [["key", of("string")], ["delta", option(of("u64"))], [
    "more",
    option(of("u8")),
  ]];
  assert.deepEqual(parseWaveArguments(params, '("a", 2)'), ["a", 2n, undefined]);
  assert.deepEqual(parseWaveArguments(params, '"a"'), ["a", undefined, undefined]);
  assert.deepEqual(parseWaveArguments([], "()"), []);
  assert.deepEqual(parseWaveArguments([], ""), []);
  assert.deepEqual(parseWaveArguments([["pair", { kind: "tuple", items: [of("u8"), of("u8")] }]], "(1, 2)"), [
    [1, 2],
  ]);
  assert.throws(() => parseWaveArguments(params, "()"), /missing argument key; give it a string/);
  assert.throws(() => parseWaveArguments(params, '("a", 1, 2, 3)'), /more than 3 arguments/);
});

Deno.test("formatWave() prints what people read: short floats, escapes, labels, no empty fields", () => {
  const cases: [WitType, unknown, string][] = [
    [of("f32"), Math.fround(0.1), "0.1"],
    [of("f32"), Math.fround(3.4028234664e38), "3.4028235e+38"],
    [of("f64"), -0, "-0"],
    [of("char"), "'", String.raw`'\''`],
    [of("string"), 'it\'s "a"\n\0', String.raw`"it's \"a\"\n\u{0}"`],
    [BASIC, { required: 1, optional: undefined }, "{required: 1}"],
    [SPARSE, {}, "{:}"],
    [FLAGS, { read: true, writeAll: true }, "{read, write-all}"],
    [WORDS, "ok", "%ok"],
    [RESPONSE, { tag: "err", val: "x" }, '%err("x")'],
    [list(option(of("u64"))), [1n, undefined], "[some(1), none]"],
    [result(null, of("u8")), { tag: "err", val: 1 }, "err(1)"],
  ];
  for (const [type, value, text] of cases) assert.equal(formatWave(type, value), text);
});
