// What the code of a verb is given: the command line as read, the environment, the terminal and the provider table.
// Verbs touch the process through nothing else, so tests run them with a terminal of their own.

import type { ProviderTable } from "../model/provider.ts";
import type { Terminal } from "./terminal.ts";
import type { Values } from "./values.ts";
import type { Verb } from "./verb.ts";

export interface CliContext {
  readonly verb: Verb;
  /** Everything after the verb's words, unread: for internal verbs, which have no option table. */
  readonly argv: readonly string[];
  /** The options, from flags and variables. */
  readonly values: Values;
  readonly positionals: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly providers: ProviderTable;
  readonly terminal: Terminal;
}
