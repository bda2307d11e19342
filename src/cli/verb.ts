// What a verb of the command line is: its name, its options as data, and the code behind it. Parsing, environment
// variables, help and completions are all made from these; `verbs.ts` is the table, `context.ts` what the code is given.

import type { CliContext } from "./context.ts";

/** One option. Every option is also an environment variable, see {@linkcode variableOf}. */
export interface OptionSpec {
  /** Long name, without dashes. */
  name: string;
  /** What the value is called in help; absent: a flag, which takes none. */
  value?: string;
  /** May be given several times; in the variable, `separator` stands between the values. */
  repeat?: { separator: string };
  /** One line, without a full stop. */
  summary: string;
  /** The default as help shows it. */
  default?: string;
  /** The only values taken. */
  choices?: readonly string[];
  /** What shells should offer for the value. */
  complete?: "file" | "folder";
}

/** One positional argument. */
export interface PositionalSpec {
  /** In capitals, as help shows it. */
  name: string;
  summary: string;
  optional?: boolean;
  repeat?: boolean;
  choices?: readonly string[];
  complete?: "file" | "folder";
}

/** What a module of a verb exports as `run`: resolves with the exit code, nothing meaning 0. */
export type RunVerb = (context: CliContext) => Promise<number | void>;

/** One verb, such as `app apply`. */
export interface Verb {
  /** Its words, one or two. */
  path: readonly string[];
  /** One line, without a full stop. */
  summary: string;
  /** More, for its own help page; lines as they are printed. */
  details?: readonly string[];
  positionals?: readonly PositionalSpec[];
  options: readonly OptionSpec[];
  /** For the host itself, not for people: not in help or completions, and `argv` comes unread. */
  internal?: boolean;
  /** Loaded only when asked for, so that `holdfast status` never pays for the runtime. */
  load: () => Promise<{ run: RunVerb }>;
}

/** The environment variable that stands for an option: `--http-tls-cert` is `HOLDFAST_HTTP_TLS_CERT`. */
export function variableOf(option: Pick<OptionSpec, "name">): string {
  return `HOLDFAST_${option.name.toUpperCase().replaceAll("-", "_")}`;
}

/** The words of a verb as one text. */
export function nameOf(verb: Pick<Verb, "path">): string {
  return verb.path.join(" ");
}
