// `holdfast completions SHELL`: the completion script of a shell, made from the verb table. A script offers the next word
// of a verb, its options, and files, folders or choices where those are meant.

import type { CliContext } from "./context.ts";
import { formatBash } from "./completions_bash.ts";
import { formatFish } from "./completions_fish.ts";
import { formatZsh } from "./completions_zsh.ts";
import type { Verb } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const SHELLS: Readonly<Record<string, (verbs: readonly Verb[]) => string>> = {
  bash: formatBash,
  zsh: formatZsh,
  fish: formatFish,
};

export function run({ terminal, positionals }: CliContext): Promise<void> {
  terminal.print(SHELLS[positionals[0]](VERBS.filter((verb) => !verb.internal)));
  return Promise.resolve();
}
