// The completion script of zsh: works as a file `_holdfast` in $fpath and sourced.

import {
  nextWords,
  type Offer,
  offerFor,
  optionsOf,
  positionalOffers,
  quoteForShell,
} from "./completions_words.ts";
import { nameOf, type Verb } from "./verb.ts";

/** The script; descriptions come with the words. */
export function formatZsh(verbs: readonly Verb[]): string {
  const names = [...new Set(verbs.flatMap((verb) => [verb.path[0], nameOf(verb)]))];
  const values = verbs.flatMap((verb) =>
    verb.options.filter((option) => option.value !== undefined)
      .map((option) =>
        `    ${quoteForShell(`${nameOf(verb)} --${option.name}`)}) ${offer(offerFor(option))}; return ;;`
      )
  );
  const options = verbs.map((verb) => {
    const words = optionsOf(verb).map((option) => describe(`--${option.name}`, option.summary));
    return `      ${quoteForShell(nameOf(verb))}) found=(${words.join(" ")}) ;;`;
  });
  const next = [...nextWords(verbs)].map(([path, words]) =>
    `    ${quoteForShell(path)}) found=(${
      [...words].map(([word, summary]) => describe(word, summary)).join(" ")
    }) ;;`
  );
  const positionals = positionalOffers(verbs).map(([name, what]) =>
    `    ${quoteForShell(name)}) ${offer(what)}; return ;;`
  );
  return `#compdef holdfast
# zsh completion of holdfast. Load it with: source <(holdfast completions zsh)
_holdfast() {
  local verb="" word previous="\${words[CURRENT-1]}"
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${verb:+$verb }$word" in
      ${
    names.map((name) => `(${quoteForShell(name)})`).join("|").replaceAll(")|(", "|")
  }) verb="\${verb:+$verb }$word" ;;
      *) break ;;
    esac
  done
  # --data=DIR: what is completed begins behind the "=".
  if [[ "\${words[CURRENT]}" == --*=* ]]; then
    previous="\${words[CURRENT]%%=*}"
    compset -P '*='
  fi
  case "$verb $previous" in
${values.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    found=('--help:Show help' '--version:Show the version')
    case "$verb" in
${options.join("\n")}
    esac
    _describe option found
    return
  fi
  case "$verb" in
${[...next, ...positionals].join("\n")}
  esac
  _describe verb found
}
if [[ "\${funcstack[1]}" == _holdfast ]]; then
  _holdfast "$@"
else
  compdef _holdfast holdfast
fi`;
}

/** \`word:what it does\` for \`_describe\`. */
function describe(word: string, summary: string): string {
  return quoteForShell(`${word}:${summary}`);
}

function offer(what: Offer): string {
  switch (what.kind) {
    case "files":
      return "_files";
    case "folders":
      return "_files -/";
    case "words":
      return `compadd -- ${what.words.join(" ")}`;
    case "nothing":
      return "true";
  }
}
