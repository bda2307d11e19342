// argv and environment -> which verb, with which options and positionals; everything unknown is refused with the nearest
// spelling. Pure. `node:util` takes the words apart, the verb table says what they mean.

import { parseArgs } from "node:util";
import { Fault } from "../model/fault.ts";
import { suggest } from "../model/nearest.ts";
import { type GivenValue, Values } from "./values.ts";
import { nameOf, type OptionSpec, type PositionalSpec, variableOf, type Verb } from "./verb.ts";

/** What a command line asks for. */
export type Request =
  | { kind: "run"; verb: Verb; argv: readonly string[]; values: Values; positionals: readonly string[] }
  /** Help on the words given: none, a verb, or the first word of several. */
  | { kind: "help"; path: readonly string[] }
  | { kind: "version" };

/** Flags of every verb. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "help", summary: "Show help" },
];

const VERSION_OPTION: OptionSpec = { name: "version", summary: "Show the version" };
const SHORT_OPTIONS: Readonly<Record<string, string>> = { h: "help", V: "version" };

/** Reads a command line. Throws a {@linkcode Fault} `bad_request` that says what to write instead. */
export function readArguments(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  verbs: readonly Verb[],
): Request {
  const { verb, path, rest } = findVerb(argv, verbs);
  if (verb?.internal) {
    return { kind: "run", verb, argv: rest, values: new Values([], new Map()), positionals: rest };
  }
  const options = verb ? [...verb.options, ...COMMON_OPTIONS] : [...COMMON_OPTIONS, VERSION_OPTION];
  const { given, positionals } = readWords(rest, options, path.join(" "));
  if (given.has("help")) return { kind: "help", path: [...path, ...verb ? [] : positionals] };
  if (given.has("version")) return { kind: "version" };
  if (!verb) throw refuseVerb(path, positionals, verbs);
  readVariables(given, verb.options, environment);
  checkPositionals(verb, positionals);
  return {
    kind: "run",
    verb,
    argv: rest,
    values: new Values(verb.options.map((option) => option.name), given),
    positionals,
  };
}

/** The verb that the first one or two words name; without one, the words that begin some verb. */
function findVerb(argv: readonly string[], verbs: readonly Verb[]) {
  for (const length of [2, 1]) {
    const verb = verbs.find((one) =>
      one.path.length === length && nameOf(one) === argv.slice(0, length).join(" ")
    );
    if (verb && argv.length >= length) return { verb, path: verb.path, rest: argv.slice(length) };
  }
  const isGroup = verbs.some((verb) => verb.path.length === 2 && verb.path[0] === argv[0]);
  const path = isGroup ? argv.slice(0, 1) : [];
  return { verb: undefined, path, rest: argv.slice(path.length) };
}

function refuseVerb(path: readonly string[], words: readonly string[], verbs: readonly Verb[]): Fault {
  const shown = verbs.filter((verb) =>
    !verb.internal && path.every((word, index) => verb.path[index] === word)
  );
  const known = [...new Set(shown.map((verb) => verb.path[path.length]))];
  const before = ["holdfast", ...path].join(" ");
  if (words.length === 0) {
    return new Fault("bad_request", `"${before}" needs a verb; ${suggest("", known)}`);
  }
  return new Fault(
    "bad_request",
    `no verb ${JSON.stringify(words[0])} in "${before}"; ${suggest(words[0], known)}`,
  );
}

function readWords(argv: readonly string[], options: readonly OptionSpec[], verb: string) {
  const byName = new Map(options.map((option) => [option.name, option]));
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      options.map((option) =>
        [option.name, { type: option.value === undefined ? "boolean" : "string" }] as const
      ),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, GivenValue>();
  const positionals: string[] = [];
  let numberAt = -1;
  for (const token of tokens) {
    if (token.kind === "option-terminator" || token.index === numberAt) continue;
    if (token.kind === "positional") {
      positionals.push(token.value);
      continue;
    }
    // A negative number is a value, for `component call`; no option of ours is a digit.
    if (/^-\.?\d/.test(argv[token.index])) {
      numberAt = token.index;
      positionals.push(argv[token.index]);
      continue;
    }
    const isShort = !token.rawName.startsWith("--");
    const option = byName.get(isShort ? SHORT_OPTIONS[token.name] ?? "" : token.name);
    if (!option) throw refuseOption(token.rawName, options, verb);
    give(given, option, token);
  }
  return { given, positionals };
}

function give(
  given: Map<string, GivenValue>,
  option: OptionSpec,
  token: { value?: string; inlineValue?: boolean },
): void {
  const origin = `--${option.name}`;
  let text = token.value;
  if (option.value === undefined) text = readFlag(origin, text ?? "true");
  else if (text === undefined || (text.startsWith("-") && text !== "-" && !token.inlineValue)) {
    throw new Fault("bad_request", `${origin} needs a value; write ${origin}=${option.value}`);
  }
  checkChoice(origin, text, option.choices);
  const before = option.repeat ? given.get(option.name)?.texts ?? [] : [];
  given.set(option.name, { origin, texts: [...before, text] });
}

/** Variables fill in what no flag gave. An empty one counts as not set, as a unit's `Environment=X=` leaves it. */
function readVariables(
  given: Map<string, GivenValue>,
  options: readonly OptionSpec[],
  environment: Readonly<Record<string, string>>,
): void {
  for (const option of options) {
    const origin = variableOf(option);
    const text = environment[origin];
    if (!text || given.has(option.name)) continue;
    const texts = option.value === undefined
      ? [readFlag(origin, text)]
      : option.repeat
      ? text.split(option.repeat.separator).filter((part) => part !== "")
      : [text];
    for (const one of texts) checkChoice(origin, one, option.choices);
    given.set(option.name, { origin, texts });
  }
}

function readFlag(origin: string, text: string): "true" | "false" {
  if (/^(?:true|1|yes|on)$/i.test(text)) return "true";
  if (/^(?:false|0|no|off)$/i.test(text)) return "false";
  throw new Fault(
    "bad_request",
    `${origin} ${JSON.stringify(text)} is neither on nor off; write true or false`,
  );
}

function checkChoice(what: string, text: string, choices: readonly string[] | undefined): void {
  if (choices && !choices.includes(text)) {
    throw new Fault("bad_request", `${what} cannot be ${JSON.stringify(text)}; ${suggest(text, choices)}`);
  }
}

function refuseOption(rawName: string, options: readonly OptionSpec[], verb: string): Fault {
  const known = options.map((option) => `--${option.name}`);
  const where = ["holdfast", ...verb === "" ? [] : [verb]].join(" ");
  const mend = verb === ""
    ? `options stand after the verb; ${suggest(rawName, known)}`
    : suggest(rawName, known);
  return new Fault("bad_request", `"${where}" has no option ${rawName}; ${mend}`);
}

function checkPositionals(verb: Verb, words: readonly string[]): void {
  const specs = verb.positionals ?? [];
  const usage = `usage: holdfast ${[nameOf(verb), ...specs.map(formatPositional)].join(" ")}`;
  const required = specs.filter((spec) => !spec.optional);
  if (words.length < required.length) {
    const missing = required[words.length];
    throw new Fault(
      "bad_request",
      `"holdfast ${nameOf(verb)}" needs ${missing.name} (${missing.summary}); ${usage}`,
    );
  }
  const repeats = specs.at(-1)?.repeat ?? false;
  if (words.length > specs.length && !repeats) {
    const extra = JSON.stringify(words[specs.length]);
    throw new Fault("bad_request", `"holdfast ${nameOf(verb)}" does not take ${extra}; ${usage}`);
  }
  for (const [index, word] of words.entries()) {
    const spec = specs[Math.min(index, specs.length - 1)];
    checkChoice(spec.name, word, spec.choices);
  }
}

/** A positional in a usage line: `FILE…`, `[VERB]`. */
export function formatPositional(spec: PositionalSpec): string {
  const name = spec.repeat ? `${spec.name}…` : spec.name;
  return spec.optional ? `[${name}]` : name;
}
