// What the house rules say of one file by itself: its name, its opening comment, its length and its functions' lengths,
// leftovers, globals it may not touch, and texts that belong to one machine.

import { findFunctions } from "./check_functions.ts";
import { readTokens, type Token } from "./check_tokens.ts";

/** One broken rule. `mend` completes "use …". */
export interface Breach {
  file: string;
  line: number;
  rule: string;
  what: string;
  mend: string;
}

export const FILE_LINES_MAX = 500;
export const FUNCTION_LINES_MAX = 70;

/** Words that say nothing about what a file is home to. */
const EMPTY_NAMES = /(?:^|_)(?:utils?|common|helpers?|managers?|handlers?|services?|impl|base)(?:_|\.)/;

/** Folders that ask the world through ports alone. */
const PORTS_ONLY = /^src\/(?:model|control|sync|host|scheduler|dashboard)\//;

/** Globals, and what stands for each where only ports are allowed. */
const GLOBALS: Readonly<Record<string, string>> = {
  "Date.now": "Clock.nowMs of model/ports.ts",
  "new Date()": "Clock.nowMs of model/ports.ts",
  "performance.now": "Clock.monotonicMs of model/ports.ts",
  setTimeout: "Clock.sleep of model/ports.ts",
  setInterval: "Clock.sleep of model/ports.ts",
  "AbortSignal.timeout": "Clock.sleep of model/ports.ts",
  "Math.random": "Random of model/ports.ts",
  "crypto.randomUUID": "Random of model/ports.ts",
  "crypto.getRandomValues": "Random of model/ports.ts",
  fetch: "a port that the caller picks an adapter for",
  Deno: "a port that the caller picks an adapter for",
  console: "Log of model/ports.ts",
};

/** Broken up, so that this file holds none of them. */
const LEFTOVERS = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`);

const MACHINE_PATHS = /(?<![\w.$~}])\/(?:root|work|home\/\w+|Users\/\w+)\//;
/** The home of the public build machines that made some guests' language runtimes. */
const PUBLIC_BUILD_PATH = ["", "home", "runner", ""].join("/");
/** Where package managers fetch from, and what mirrors of them are usually called. */
const REGISTRY_HOSTS = new RegExp(
  "\\b(?:" + [
    "registry\\.(?:npmjs|yarnpkg|npmmirror)\\.\\w+",
    "(?:files\\.pythonhosted|pypi)\\.org",
    "(?:static|index)\\.crates\\.io",
    "proxy\\.golang\\.org",
    "[\\w.-]*(?:artifactory|verdaccio|nexus|jfrog|codeartifact)[\\w-]*\\.[\\w.-]+",
  ].join("|") + ")\\b",
  "i",
);

/** Whether a file is a test, whose rules are looser. */
export function isTest(file: string): boolean {
  return file.startsWith("tests/") || /_(?:test|bench)\.ts$/.test(file);
}

/** Every rule about one TypeScript file of ours. */
export function checkTypeScript(file: string, text: string): Breach[] {
  const tokens = readTokens(text);
  return [
    ...checkName(file),
    ...checkOpening(file, text),
    ...checkSizes(file, text, tokens),
    ...checkBarrels(file, tokens),
    ...PORTS_ONLY.test(file) && !isTest(file) ? checkGlobals(file, tokens) : [],
  ];
}

/** Rules about any tracked text; of a binary (`text` is its bytes) only what a toolchain could leave there. */
export function checkText(file: string, text: string): Breach[] {
  if (text.includes("\0")) {
    const path = [...text.matchAll(new RegExp(MACHINE_PATHS, "g"))].find(([found]) =>
      found !== PUBLIC_BUILD_PATH
    );
    const what = path && `"${path[0]}" is a path of one machine`;
    return what ? [{ file, line: 1, rule: "machine", what, mend: "the toolchain's path prefix map" }] : [];
  }
  const breaches: Breach[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const add = (rule: string, found: RegExpMatchArray | null, why: string, mend: string) => {
      if (found) breaches.push({ file, line: index + 1, rule, what: `"${found[0]}" ${why}`, mend });
    };
    add("leftover", content.match(LEFTOVERS), "was left over", "an issue, or do it now");
    add("machine", content.match(MACHINE_PATHS), "is a path of one machine", "a relative path or a variable");
    add("machine", content.match(REGISTRY_HOSTS), "names a registry", "the package manager's own settings");
  }
  return breaches;
}

function checkName(file: string): Breach[] {
  const name = file.slice(file.lastIndexOf("/") + 1);
  const breach = (what: string, mend: string): Breach[] => [{ file, line: 1, rule: "name", what, mend }];
  if (!/^[a-z][a-z0-9_]*(?:\.d)?\.ts$/.test(name)) return breach(`the file name "${name}"`, "snake_case.ts");
  if (EMPTY_NAMES.test(name)) {
    return breach(`the file name "${name}" says nothing`, "a noun for what it holds");
  }
  return [];
}

/** A unit test's name says what it is home to: the file beside it. */
function checkOpening(file: string, text: string): Breach[] {
  if (isTest(file) && !file.startsWith("tests/")) return [];
  if (/^(?:#!.*\n)?\/\/ \S/.test(text) && !/^\/\/ deno-/.test(text)) return [];
  const mend = "two to six lines of comment that say what the file is home to";
  return [{ file, line: 1, rule: "opening", what: "opens without a comment", mend }];
}

function checkSizes(file: string, text: string, tokens: readonly Token[]): Breach[] {
  const breaches: Breach[] = [];
  const lines = text.trimEnd().split("\n").length;
  if (lines > FILE_LINES_MAX) {
    const what = `${lines} lines (at most ${FILE_LINES_MAX})`;
    breaches.push({
      file,
      line: FILE_LINES_MAX,
      rule: "size",
      what,
      mend: "several files, each with one reason",
    });
  }
  for (const { name, start, end } of findFunctions(tokens)) {
    const length = end - start + 1;
    if (length <= FUNCTION_LINES_MAX) continue;
    const what = `${name} has ${length} lines (at most ${FUNCTION_LINES_MAX})`;
    breaches.push({ file, line: start, rule: "function", what, mend: "functions for its steps" });
  }
  return breaches;
}

/** A barrel hides who imports what. */
function checkBarrels(file: string, tokens: readonly Token[]): Breach[] {
  return tokens.flatMap(({ text, line }, index): Breach[] => {
    if (text !== "export" || tokens[index + 1]?.text !== "*") return [];
    return [{ file, line, rule: "barrel", what: "exports all of another file", mend: "that file directly" }];
  });
}

function checkGlobals(file: string, all: readonly Token[]): Breach[] {
  const tokens = all.filter((token) => token.kind !== "comment");
  const breaches: Breach[] = [];
  const text = (index: number) => tokens[index]?.text ?? "";
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || text(index - 1) === "." || text(index - 1) === "?.") continue;
    const member = text(index + 1) === "." ? `${token.text}.${text(index + 2)}` : "";
    const isNewDate = token.text === "Date" && text(index - 1) === "new" && text(index + 2) === ")";
    // A name before a colon or a question mark is a field, unless it is asked for something.
    const isField = /^[:?]$/.test(text(index + 1));
    const alone = !isField && (token.text !== "Deno" && token.text !== "console" || member) ? token.text : "";
    const name = [isNewDate ? "new Date()" : "", member, alone].find((one) => Object.hasOwn(GLOBALS, one));
    if (name === undefined) continue;
    const what = `touches ${member && (name === "Deno" || name === "console") ? member : name}`;
    breaches.push({ file, line: token.line, rule: "global", what, mend: GLOBALS[name] });
  }
  return breaches;
}
