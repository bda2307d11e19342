// The completion script of fish: one `complete` line for every word and option.

import { nextWords, type Offer, offerFor, optionsOf, positionalOffers } from "./completions_words.ts";
import { nameOf, type Verb } from "./verb.ts";

/** The script. Two functions tell it where it is: exactly behind some words, or anywhere behind them. */
export function formatFish(verbs: readonly Verb[]): string {
  const next = [...nextWords(verbs)].flatMap(([path, words]) =>
    [...words].map(([word, summary]) =>
      complete([`-n ${quote(isAt(path))}`, `-a ${word}`, `-d ${quote(summary)}`])
    )
  );
  const positionals = positionalOffers(verbs).map(([name, what]) =>
    complete([`-n ${quote(`__holdfast_in ${name}`)}`, offer(what)])
  );
  const options = verbs.flatMap((verb) =>
    optionsOf(verb).map((option) => {
      const what = offerFor(option);
      const value = option.value === undefined
        ? ""
        : `-r ${what.kind === "files" ? "" : "-f "}${offer(what)}`.trimEnd();
      const where = `-n ${quote(`__holdfast_in ${nameOf(verb)}`)}`;
      return complete([where, `-l ${option.name}`, value, `-d ${quote(option.summary)}`]);
    })
  );
  return `# fish completion of holdfast. Load it with: holdfast completions fish | source
function __holdfast_at
    set -l words (commandline -opc)[2..-1]
    test "$words" = "$argv"
end
function __holdfast_in
    set -l words (commandline -opc)[2..-1]
    set -l length (count $argv)
    test (count $words) -ge $length; and test "$words[1..$length]" = "$argv"
end
complete -c holdfast -f
${complete([`-n ${quote("__holdfast_at")}`, "-l version", `-d ${quote("Show the version")}`])}
${[...next, ...positionals, ...options].join("\n")}`;
}

function isAt(path: string): string {
  return `__holdfast_at ${path}`.trimEnd();
}

function complete(parts: readonly string[]): string {
  return ["complete -c holdfast", ...parts.filter((part) => part !== "")].join(" ");
}

function offer(what: Offer): string {
  switch (what.kind) {
    case "files":
      return "-F";
    case "folders":
      return `-a ${quote("(__fish_complete_directories)")}`;
    case "words":
      return `-a ${quote(what.words.join(" "))}`;
    case "nothing":
      return "";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
