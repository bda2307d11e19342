// Help pages, made from the verb table: all verbs, the verbs that begin with one word, or one verb with its options and
// their variables. Also the verb `help`.

import { Fault, FAULTS } from "../model/fault.ts";
import { suggest } from "../model/nearest.ts";
import { VERSION } from "../model/version.ts";
import { COMMON_OPTIONS, formatPositional } from "./arguments.ts";
import type { CliContext } from "./context.ts";
import { nameOf, type OptionSpec, variableOf, type Verb } from "./verb.ts";
import { VERBS } from "./verbs.ts";

/** `holdfast help [VERB]`. */
export function run(context: CliContext): Promise<void> {
  context.terminal.print(formatHelp(context.positionals, VERBS));
  return Promise.resolve();
}

/** The page for some words; throws a {@linkcode Fault} `bad_request` when they begin no verb. */
export function formatHelp(path: readonly string[], verbs: readonly Verb[]): string {
  const shown = verbs.filter((verb) => !verb.internal);
  const exact = shown.find((verb) => nameOf(verb) === path.join(" "));
  if (exact) return formatVerb(exact);
  const group = shown.filter((verb) => path.every((word, index) => verb.path[index] === word));
  if (group.length > 0) return path.length === 0 ? formatAll(shown) : formatGroup(path, group);
  const known = [...new Set(shown.flatMap((verb) => [nameOf(verb), verb.path[0]]))];
  throw new Fault(
    "bad_request",
    `no verb ${JSON.stringify(path.join(" "))}; ${suggest(path.join(" "), known)}`,
  );
}

function formatAll(verbs: readonly Verb[]): string {
  return [
    `holdfast ${VERSION}: runs WebAssembly components on a box that may stand alone.`,
    "",
    "Usage: holdfast VERB [OPTIONS]",
    "",
    "Verbs:",
    ...formatColumns(verbs.map((verb) => [nameOf(verb), verb.summary])),
    "",
    "Options:",
    ...formatColumns([["-h, --help", "Show help, on a verb after one"], [
      "-V, --version",
      "Show the version",
    ]]),
    "",
    "Every option is a variable too: --http is HOLDFAST_HTTP. A flag wins over its variable.",
    `Exit codes: ${
      ["0 done", "1 a bug", ...Object.entries(FAULTS).map(([code, { exit }]) => `${exit} ${code}`)].join(", ")
    }.`,
    "",
    "Start here: holdfast up --manifest FILE",
  ].join("\n");
}

function formatGroup(path: readonly string[], verbs: readonly Verb[]): string {
  const usage = `Usage: holdfast ${path.join(" ")} VERB [OPTIONS]`;
  return [usage, "", "Verbs:", ...formatColumns(verbs.map((verb) => [nameOf(verb), verb.summary]))].join(
    "\n",
  );
}

function formatVerb(verb: Verb): string {
  const positionals = verb.positionals ?? [];
  const words = [
    nameOf(verb),
    ...positionals.map(formatPositional),
    ...verb.options.length > 0 ? ["[OPTIONS]"] : [],
  ];
  const lines = [`${verb.summary}.`, "", `Usage: holdfast ${words.join(" ")}`];
  if (verb.details) lines.push("", ...verb.details);
  if (positionals.length > 0) {
    lines.push("", "Arguments:", ...formatColumns(positionals.map((one) => [one.name, one.summary])));
  }
  const options = verb.options.map((
    option,
  ): [string, string] => [formatOption(option), describeOption(option)]);
  const common = COMMON_OPTIONS.map((option): [string, string] => [`-h, --${option.name}`, option.summary]);
  lines.push("", "Options:", ...formatColumns([...options, ...common]));
  return lines.join("\n");
}

function formatOption(option: OptionSpec): string {
  return option.value === undefined ? `--${option.name}` : `--${option.name} ${option.value}`;
}

function describeOption(option: OptionSpec): string {
  const notes = [variableOf(option)];
  if (option.choices) notes.unshift(option.choices.join("|"));
  if (option.default !== undefined) notes.unshift(`default: ${option.default}`);
  return `${option.summary} [${notes.join("; ")}]`;
}

/** Two columns, the first as wide as its widest entry. */
function formatColumns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
