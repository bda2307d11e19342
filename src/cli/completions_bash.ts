// The completion script of bash: plain bash 3.2 and later, without the bash-completion package.

import { nextWords, type Offer, offerFor, optionsOf, positionalOffers } from "./completions_words.ts";
import { nameOf, type Verb } from "./verb.ts";

/** The script; it defines one function and binds it to `holdfast`. */
export function formatBash(verbs: readonly Verb[]): string {
  const names = [...new Set(verbs.flatMap((verb) => [verb.path[0], nameOf(verb)]))];
  const values = verbs.flatMap((verb) =>
    verb.options.filter((option) => option.value !== undefined)
      .map((option) =>
        `    ${JSON.stringify(`${nameOf(verb)} --${option.name}`)}) ${offer(offerFor(option))} return ;;`
      )
  );
  const options = verbs.map((verb) => {
    const words = optionsOf(verb).map((option) => `--${option.name}`).join(" ");
    return `      ${JSON.stringify(nameOf(verb))}) words=${JSON.stringify(words)} ;;`;
  });
  const next = [...nextWords(verbs)].map(([path, words]) =>
    `    ${JSON.stringify(path)}) words=${JSON.stringify([...words.keys()].join(" "))} ;;`
  );
  const positionals = positionalOffers(verbs).map(([name, what]) =>
    `    ${JSON.stringify(name)}) ${offer(what)} return ;;`
  );
  return `# bash completion of holdfast. Load it with: source <(holdfast completions bash)
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" verb="" words="" word
  COMPREPLY=()
  # bash splits --data=DIR at the "=".
  if [[ $current == "=" ]]; then
    current=""
  elif [[ $previous == "=" ]]; then
    previous="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "\${verb:+$verb }$word" in
      ${names.map((name) => JSON.stringify(name)).join(" | ")}) verb="\${verb:+$verb }$word" ;;
      *) break ;;
    esac
  done
  case "$verb $previous" in
${values.join("\n")}
  esac
  if [[ $current == -* ]]; then
    words="--help --version"
    case "$verb" in
${options.join("\n")}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
  case "$verb" in
${[...next, ...positionals].join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_holdfast_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$2"))
  compopt -o filenames 2>/dev/null
}
complete -F _holdfast holdfast`;
}

function offer(what: Offer): string {
  switch (what.kind) {
    case "files":
      return '_holdfast_files -f "$current";';
    case "folders":
      return '_holdfast_files -d "$current";';
    case "words":
      return `COMPREPLY=($(compgen -W ${JSON.stringify(what.words.join(" "))} -- "$current"));`;
    case "nothing":
      return "";
  }
}
