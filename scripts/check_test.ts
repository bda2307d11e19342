// The house rules' program, on small houses made up for it: each rule is broken once, and once nearly.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { checkHouse } from "./check.ts";
import { findFunctions } from "./check_functions.ts";
import { mayImport, partOf, readImports } from "./check_imports.ts";
import { readTokens } from "./check_tokens.ts";

/** Checks a house of these files; each gets its opening comment, and is imported by a test unless it says otherwise. */
function check(files: Record<string, string>, config: unknown = {}): string[] {
  const sources = new Map<string, string>([["deno.json", JSON.stringify(config)]]);
  for (const [file, text] of Object.entries(files)) sources.set(file, `// A file.\n${text}`);
  const all = Object.keys(files).filter((file) => file.endsWith(".ts"));
  const imports = all.map((file) => `import "../../${file}";\n`).join("");
  sources.set("tests/suites/all_test.ts", `// Imports all.\n${imports}`);
  return checkHouse(sources, []).map(({ file, line, what }) => `${file}:${line} ${what}`);
}

const keeps = (files: Record<string, string>) => deepEqual(check(files), []);

function breaks(files: Record<string, string>, message: RegExp): void {
  const breaches = check(files);
  equal(breaches.length, 1, `one rule is broken: ${JSON.stringify(breaches)}`);
  match(breaches[0], message);
}

Deno.test("tokens tell comments, strings, templates and regular expressions apart", () => {
  const kinds = (source: string) => readTokens(source).map(({ kind, text }) => `${kind}:${text}`);
  deepEqual(kinds(`a /* b */ "c'd" // e\n`), ["word:a", "comment:/* b */", "string:c'd", "comment:// e"]);
  deepEqual(kinds("x / y / z"), ["word:x", "punctuation:/", "word:y", "punctuation:/", "word:z"]);
  deepEqual(kinds('(/a\\/[/"]/g)'), ["punctuation:(", 'regex:/a\\/[/"]/g', "punctuation:)"]);
  deepEqual(kinds("return /x/"), ["word:return", "regex:/x/"]);
  deepEqual(kinds("`a${b + `c${d}`}e` f"), [
    "template:`a${",
    "punctuation:{",
    "word:b",
    "punctuation:+",
    "template:`c${",
    "punctuation:{",
    "word:d",
    "punctuation:}",
    "template:`",
    "punctuation:}",
    "template:e`",
    "word:f",
  ]);
  deepEqual(readTokens("a\n`\n\n${b}\n`\nc").filter(({ kind }) => kind === "word").map(({ line }) => line), [
    1,
    4,
    6,
  ]);
});

Deno.test("functions are found in every form, and types and blocks are not taken for them", () => {
  const names = (source: string) => findFunctions(readTokens(source)).map(({ name }) => name);
  deepEqual(names("function a() {} const b = (x: { y: 1 }) => {}; const c = async z => {};"), [
    "a",
    "b",
    "c",
  ]);
  deepEqual(
    names("class A { b(): { x: number } {} #c<T>(x: T): Promise<Map<T, {}>> {} get d() { return 1; } }"),
    [
      "b",
      "#c",
      "d",
    ],
  );
  deepEqual(names("function a(x: number): asserts x is { y: 1 } | undefined {}"), ["a"]);
  deepEqual(names("if (a) {} for (;;) {} while (b(c)) {} switch (d) {} try {} catch (e) {}"), []);
  deepEqual(names("interface A { b(): { c: 1 }; d(x: 1): void } declare function e(): void;"), []);
  deepEqual(names("const x = a ? f(b) : { c: 1 };"), []);
  const [{ start, end }] = findFunctions(readTokens("\nfunction a(\n  b: 1,\n) {\n  c();\n}\n"));
  deepEqual([start, end], [2, 6]);
});

Deno.test("imports are read in every form, and names of files in strings", () => {
  const source =
    `import a from "./a.ts"; import type { B } from "b"; export { c } from "./c.ts"; import "./d.ts";
    const e = await import("./e.ts"); type F = import("./f.ts").F; // import "./no.ts"
    new Worker(new URL("./g.ts", import.meta.url)); const from = 'import "./no.ts"';`;
  const { imports, mentions } = readImports(source);
  deepEqual(imports.map(({ specifier }) => specifier), [
    "./a.ts",
    "b",
    "./c.ts",
    "./d.ts",
    "./e.ts",
    "./f.ts",
  ]);
  deepEqual(mentions, ["./g.ts"]);
});

Deno.test("who may import whom: the table of the house", () => {
  const parts = "model store runtime bus control sync host scheduler dashboard cli".split(" ");
  const allowed = (from: string) => parts.filter((to) => mayImport(from, to)).join(" ");
  equal(allowed("model"), "model");
  equal(allowed("store"), "model store");
  equal(allowed("control"), "model control");
  equal(allowed("host"), "model control sync host");
  equal(allowed("scheduler"), "model control scheduler");
  equal(allowed("cli"), parts.join(" "));
  equal(allowed("main.ts"), "cli");
  equal(allowed("providers/keyvalue"), "model");
  equal(allowed("tests"), parts.join(" "));
  equal(allowed("scripts"), parts.join(" "));
  ok(
    parts.every((from) =>
      !mayImport(from, "tests") && !mayImport(from, "scripts") && !mayImport(from, "main.ts")
    ),
  );
  ok(mayImport("main.ts", "providers/mod.ts") && !mayImport("cli", "providers/mod.ts"));
  ok(
    mayImport("providers/mod.ts", "providers/keyvalue") &&
      !mayImport("providers/config", "providers/keyvalue"),
  );
  equal(partOf("providers/keyvalue/batch.ts"), partOf("providers/keyvalue.ts"));
  equal(partOf("src/store/x_test.ts"), "tests");
});

Deno.test("an import across the house is refused, type-only ones too", () => {
  breaks(
    { "src/control/a.ts": 'import type { X } from "../store/b.ts";', "src/store/b.ts": "" },
    /^src\/control\/a.ts:2 control imports src\/store\/b.ts/,
  );
  breaks({ "src/store/a.ts": 'import "npm:left-pad@1";' }, /imports npm:left-pad@1/);
  breaks({ "src/host/a.ts": 'import "../../vendor/x.js";' }, /imports vendor\/x.js/);
  keeps({ "src/store/a_test.ts": 'import "../runtime/b.ts";', "src/runtime/b.ts": "", "src/store/a.ts": "" });
});

Deno.test("logic and model ask the world through ports", () => {
  for (
    const text of [
      "Date.now()",
      "new Date()",
      "setTimeout(f, 1)",
      "Math.random()",
      "crypto.randomUUID()",
      "fetch(x)",
      "Deno.cwd()",
      "console.log(1)",
      "performance.now()",
      "AbortSignal.timeout(1)",
      "const f = () => `${Date.now()}`",
    ]
  ) {
    breaks({ "src/host/a.ts": text }, /^src\/host\/a.ts:2 touches /);
    breaks({ "src/model/a/b.ts": text }, /touches /);
    keeps({ "src/store/a.ts": text });
    keeps({ "src/host/a_test.ts": text });
  }
  keeps({
    "src/host/a.ts":
      "x.fetch(1); // Date.now()\n'Deno.cwd()'; new Date(5); interface A { fetch: 1; console?: 2 }",
  });
});

Deno.test("sizes: a file of 501 lines and a function of 71 are refused", () => {
  const lines = (count: number) => "x;\n".repeat(count);
  keeps({ "src/cli/a.ts": lines(499) });
  breaks({ "src/cli/a.ts": lines(500) }, /a.ts:500 501 lines/);
  keeps({ "src/cli/a.ts": `function f() {\n${lines(68)}}` });
  breaks({ "src/cli/a.ts": `function f() {\n${lines(69)}}` }, /a.ts:2 f has 71 lines/);
});

Deno.test("barrels are refused, a single name passed on is not", () => {
  breaks({ "src/cli/a.ts": 'export * from "./b.ts";', "src/cli/b.ts": "" }, /exports all of another file/);
  keeps({ "src/cli/a.ts": 'export { b } from "./b.ts";', "src/cli/b.ts": "" });
});

Deno.test("a file that nobody or only its own test imports is dead", () => {
  const sources = new Map([
    ["main.ts", '// A file.\nimport "./src/cli/mod.ts";\n'],
    ["src/cli/mod.ts", '// A file.\nconst load = () => import("./used.ts");\n'],
    ["src/cli/used.ts", "// A file.\n"],
    ["src/cli/dead.ts", "// A file.\n"],
    ["src/cli/dead_test.ts", 'import "./dead.ts";\n'],
    ["scripts/task.ts", "// A file.\n"],
    ["deno.json", '{ "tasks": { "x": "deno run scripts/task.ts" } }'],
  ]);
  deepEqual(checkHouse(sources, []).map(({ file, rule }) => [file, rule]), [["src/cli/dead.ts", "dead"]]);
});

Deno.test("names, openings and leftovers", () => {
  breaks({ "src/cli/aB.ts": "" }, /file name "aB.ts"/);
  breaks({ "src/cli/log_helper.ts": "" }, /"log_helper.ts" says nothing/);
  keeps({ "src/cli/database.ts": "", "src/cli/servicing.ts": "" });
  const leftover = "TO" + "DO";
  breaks({ "src/cli/a.ts": `// ${leftover}: later` }, /was left over/);
  breaks({ "README.md": `${leftover} list` }, /was left over/);
  keeps({ "src/cli/a.ts": "const todo = 1; const MASTODON = 2;" });
  const bare = new Map([["deno.json", "{}"], ["main.ts", "run();\n"]]);
  match(checkHouse(bare, [])[0].what, /opens without a comment/);
});

Deno.test("paths of a machine and registries are refused, variables and relative paths are not", () => {
  const home = ["", "home", "someone", "x"].join("/");
  breaks({ "README.md": `see ${home}` }, /is a path of one machine/);
  breaks({ "a.toml": `url = "https://registry.${"npmjs"}.org/x"` }, /names a registry/);
  breaks({ "a.toml": `url = "https://${"artifactory"}.corp.example/x"` }, /names a registry/);
  keeps({ "README.md": "$HOME/work/x ./root/y ${STATE}/root/usr ~/home/x/ registry.example:5000/a" });
  const built = (path: string) => checkHouse(new Map([["deno.json", "{}"], ["a.wasm", `\0asm ${path}`]]), []);
  equal(built(home).length, 1);
  equal(built(["", "home", "runner", ".cargo"].join("/")).length, 0);
});

Deno.test("each name of the import map has one owner, tests aside", () => {
  const config = { imports: { yaml: "npm:yaml@2", "shim/": "./shim/", unused: "npm:unused@1" } };
  const files = {
    "src/model/a.ts": 'import "yaml";',
    "src/runtime/b.ts": 'import "shim/io.js";',
    "src/store/c.ts": 'import "yaml";',
    "tests/suites/d_test.ts": 'import "shim/io.js";',
  };
  deepEqual(check(files, config), [
    'deno.json:1 "yaml" is imported by model and store',
    'deno.json:1 nothing imports "unused"',
  ]);
});

Deno.test("an exception excuses its file from its rule, and must excuse something", () => {
  const sources = new Map([["deno.json", "{}"], ["main.ts", "run();\n"]]);
  const exception = { file: "main.ts", rule: "opening", reason: "a test" };
  deepEqual(checkHouse(sources, [exception]), []);
  const [stale] = checkHouse(new Map([["deno.json", "{}"]]), [exception]);
  match(stale.what, /the exception of main.ts from "opening" excuses nothing/);
});
