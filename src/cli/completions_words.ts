// What completion scripts of all shells are made from: every place where something can be completed, as data.

import { COMMON_OPTIONS } from "./arguments.ts";
import { nameOf, type OptionSpec, type PositionalSpec, type Verb } from "./verb.ts";

/** What a value can be: files, folders, one of these words, or nothing a shell knows. */
export type Offer = { kind: "files" | "folders" | "nothing" } | { kind: "words"; words: readonly string[] };

/** The words that may follow others, with their descriptions: `app` -> apply, list, … */
export function nextWords(verbs: readonly Verb[]): Map<string, Map<string, string>> {
  const next = new Map<string, Map<string, string>>();
  const add = (path: string, word: string, summary: string) => {
    const words = next.get(path) ?? new Map<string, string>();
    if (!words.has(word)) words.set(word, summary);
    next.set(path, words);
  };
  for (const verb of verbs) {
    const group = verbs.filter((other) => other.path[0] === verb.path[0]).map((other) => other.path[1]);
    add("", verb.path[0], verb.path.length === 1 ? verb.summary : group.join(", "));
    if (verb.path.length === 2) add(verb.path[0], verb.path[1], verb.summary);
  }
  // `help` takes a verb.
  for (const [word, summary] of next.get("") ?? []) add("help", word, summary);
  return next;
}

/** Every option of a verb, those of all verbs included. */
export function optionsOf(verb: Verb): OptionSpec[] {
  return [...verb.options, ...COMMON_OPTIONS];
}

/** What to offer for the value of an option, or for the positionals of a verb. */
export function offerFor(spec: Pick<OptionSpec | PositionalSpec, "choices" | "complete">): Offer {
  if (spec.choices) return { kind: "words", words: spec.choices };
  if (spec.complete === "file") return { kind: "files" };
  return { kind: spec.complete === "folder" ? "folders" : "nothing" };
}

/** Verbs by name with the offer for their positionals, where there is one. */
export function positionalOffers(verbs: readonly Verb[]): [name: string, offer: Offer][] {
  return verbs.flatMap((verb): [string, Offer][] => {
    const offer = verb.positionals?.[0] && offerFor(verb.positionals[0]);
    return offer && offer.kind !== "nothing" ? [[nameOf(verb), offer]] : [];
  });
}

/** A text in single quotes, as bash and zsh read it. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
