// Reading command lines and variables: what is taken, and how everything else is refused.

import { deepEqual, equal, throws } from "node:assert/strict";
import { isFault } from "../model/fault.ts";
import { readArguments, type Request } from "./arguments.ts";
import { variableOf, type Verb } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const load = () => Promise.reject(new Error("not called here"));

const TABLE: readonly Verb[] = [
  {
    path: ["serve"],
    summary: "Serve",
    options: [
      { name: "port", value: "N", summary: "Port" },
      { name: "file", value: "FILE", summary: "File", repeat: { separator: ":" } },
      { name: "quiet", summary: "Say nothing" },
      { name: "log-level", value: "LEVEL", summary: "Level", choices: ["debug", "info"] },
    ],
    load,
  },
  {
    path: ["box", "open"],
    summary: "Open",
    positionals: [{ name: "BOX", summary: "a box" }, {
      name: "ARG",
      summary: "more",
      optional: true,
      repeat: true,
    }],
    options: [],
    load,
  },
  { path: ["box", "list"], summary: "List", options: [], load },
  { path: ["hidden"], summary: "Hidden", options: [], internal: true, load },
];

function read(line: string, environment: Record<string, string> = {}): Request {
  return readArguments(line.split(" ").filter((word) => word !== ""), environment, TABLE);
}

function run(line: string, environment: Record<string, string> = {}): Extract<Request, { kind: "run" }> {
  const request = read(line, environment);
  if (request.kind !== "run") throw new Error(`"${line}" reads as ${request.kind}`);
  return request;
}

function refuses(line: string, message: RegExp, environment: Record<string, string> = {}): void {
  throws(
    () => read(line, environment),
    (error) => isFault(error) && error.code === "bad_request" && message.test(error.message),
    `${line} is refused with ${message}`,
  );
}

Deno.test("a value is taken behind a space or an equals sign, and the last of several counts", () => {
  equal(run("serve --port 80").values.text("port"), "80");
  equal(run("serve --port=80").values.text("port"), "80");
  equal(run("serve --port 80 --port=81").values.text("port"), "81");
  equal(run("serve --port=--odd").values.text("port"), "--odd");
  equal(run("serve").values.text("port"), undefined);
});

Deno.test("an option that repeats keeps every value in order", () => {
  deepEqual(run("serve --file a --file=b").values.list("file"), ["a", "b"]);
  deepEqual(run("serve", { HOLDFAST_FILE: "a::b" }).values.list("file"), ["a", "b"]);
});

Deno.test("a flag is on by its name, and on or off by a word", () => {
  equal(run("serve --quiet").values.flag("quiet"), true);
  equal(run("serve --quiet=false").values.flag("quiet"), false);
  equal(run("serve", { HOLDFAST_QUIET: "1" }).values.flag("quiet"), true);
  equal(run("serve", { HOLDFAST_QUIET: "off" }).values.flag("quiet"), false);
  equal(run("serve --quiet=no", { HOLDFAST_QUIET: "1" }).values.flag("quiet"), false);
  refuses("serve", /HOLDFAST_QUIET "perhaps" is neither on nor off/, { HOLDFAST_QUIET: "perhaps" });
});

Deno.test("a variable stands for its flag, the flag wins, an empty variable is none", () => {
  const environment = { HOLDFAST_PORT: "80", HOLDFAST_LOG_LEVEL: "debug" };
  const { values } = run("serve", environment);
  equal(values.text("port"), "80");
  equal(values.text("log-level"), "debug");
  equal(values.origin("port"), "HOLDFAST_PORT");
  equal(run("serve --port 81", environment).values.text("port"), "81");
  equal(run("serve --port 81", environment).values.origin("port"), "--port");
  equal(run("serve", { HOLDFAST_PORT: "" }).values.text("port"), undefined);
});

Deno.test("every option of every verb has a variable of its own name", () => {
  for (const option of VERBS.flatMap((verb) => verb.options)) {
    equal(variableOf(option), `HOLDFAST_${option.name.replaceAll("-", "_").toUpperCase()}`);
  }
});

Deno.test("an unknown option is refused with the nearest one", () => {
  refuses("serve --prot 80", /"holdfast serve" has no option --prot; did you mean "--port"\?/);
  refuses("serve -p 80", /has no option -p/);
  refuses("--port 80 serve", /options stand after the verb/);
});

Deno.test("an unknown verb is refused with the nearest one, and a lone first word with the list", () => {
  refuses("serv", /no verb "serv" in "holdfast"; did you mean "serve"\?/);
  refuses("box opne x", /no verb "opne" in "holdfast box"; did you mean "open"\?/);
  refuses("box", /"holdfast box" needs a verb; known here: open, list/);
});

Deno.test("a value that is missing is refused, also where the next option stands in its place", () => {
  refuses("serve --port", /--port needs a value; write --port=N/);
  refuses("serve --port --quiet", /--port needs a value/);
});

Deno.test("a value outside the choices is refused, naming flag or variable", () => {
  refuses("serve --log-level inof", /--log-level cannot be "inof"; did you mean "info"\?/);
  refuses("serve", /HOLDFAST_LOG_LEVEL cannot be "loud"/, { HOLDFAST_LOG_LEVEL: "loud" });
});

Deno.test("positionals: too few and too many are refused with the usage", () => {
  deepEqual(run("box open a b c").positionals, ["a", "b", "c"]);
  refuses("box open", /needs BOX \(a box\); usage: holdfast box open BOX \[ARG…\]/);
  refuses("box list x", /does not take "x"; usage: holdfast box list/);
});

Deno.test("negative numbers are arguments, and so is everything behind --", () => {
  deepEqual(run("box open a -5 -.5e3 -12").positionals, ["a", "-5", "-.5e3", "-12"]);
  deepEqual(run("box open -- --help -x").positionals, ["--help", "-x"]);
});

Deno.test("help is asked for anywhere, short and long", () => {
  deepEqual(read("--help"), { kind: "help", path: [] });
  deepEqual(read("-h serve"), { kind: "help", path: ["serve"] });
  deepEqual(read("serve --port 80 -h"), { kind: "help", path: ["serve"] });
  deepEqual(read("box --help"), { kind: "help", path: ["box"] });
  deepEqual(read("box open --help"), { kind: "help", path: ["box", "open"] });
});

Deno.test("the version is asked for before any verb", () => {
  deepEqual(read("--version"), { kind: "version" });
  deepEqual(read("-V"), { kind: "version" });
  refuses("serve --version", /no option --version/);
});

Deno.test("an internal verb gets its words unread", () => {
  deepEqual(run("hidden --whatever x -h").argv, ["--whatever", "x", "-h"]);
});
