// TypeScript source as a list of tokens, with comments, strings, templates and regular expressions told apart: enough
// for `check.ts` to see imports, names and braces without a compiler to download.

export type TokenKind = "word" | "number" | "string" | "template" | "regex" | "punctuation" | "comment";

export interface Token {
  kind: TokenKind;
  /** As written; a string without its quotes. */
  text: string;
  /** From 1. */
  line: number;
}

/** Behind these a `/` begins a regular expression, not a division. */
const BEFORE_REGEX = new Set(
  "return typeof case in of do else void delete throw await yield instanceof new".split(" "),
);
const PUNCTUATION = /=>|\?\.(?!\d)|\.\.\.|[^\s]/y;
const PATTERNS: [TokenKind, RegExp][] = [
  ["comment", /\/\/[^\n]*|\/\*[^]*?\*\//y],
  ["word", /[#@]?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy],
  ["number", /\d[\w.]*/y],
  ["string", /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y],
];
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
/** A template up to its end or its next `${`. */
const TEMPLATE_PART = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y;

/** Takes a source apart. Never fails: what it cannot read becomes punctuation. */
export function readTokens(source: string): Token[] {
  const tokens: Token[] = [];
  /** For every open brace: whether its end goes on with a template. */
  const braces: boolean[] = [];
  let line = 1;
  let at = 0;
  const take = (kind: TokenKind, text: string, length: number) => {
    tokens.push({ kind, text, line });
    line += source.slice(at, at + length).split("\n").length - 1;
    at += length;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  const takeTemplate = (opening: number) => {
    const part = source.slice(at, at + opening);
    at += opening;
    const rest = match(TEMPLATE_PART) ?? source.slice(at);
    at -= opening;
    take("template", part + rest, opening + rest.length);
    if (!rest.endsWith("${")) return;
    // Stands for the brace, which the template's text holds.
    tokens.push({ kind: "punctuation", text: "{", line });
    braces.push(true);
  };
  scan: while (at < source.length) {
    const space = /\s+/y;
    const skipped = match(space);
    if (skipped) {
      line += skipped.split("\n").length - 1;
      at += skipped.length;
      continue;
    }
    for (const [kind, pattern] of PATTERNS) {
      const text = match(pattern);
      if (text === undefined) continue;
      take(kind, kind === "string" ? text.slice(1, -1) : text, text.length);
      continue scan;
    }
    if (source[at] === "`") {
      takeTemplate(1);
      continue;
    }
    const regex = source[at] === "/" && canBeginRegex(tokens) ? match(REGEX) : undefined;
    if (regex !== undefined) {
      take("regex", regex, regex.length);
      continue;
    }
    const text = match(PUNCTUATION)!;
    if (text === "{") braces.push(false);
    const goesOn = text === "}" && braces.pop();
    take("punctuation", text, text.length);
    if (goesOn) takeTemplate(0);
  }
  return tokens;
}

function canBeginRegex(tokens: readonly Token[]): boolean {
  const before = tokens.findLast((token) => token.kind !== "comment");
  if (!before) return true;
  if (before.kind === "word") return BEFORE_REGEX.has(before.text);
  return before.kind === "punctuation" && ![")", "]", "}"].includes(before.text);
}

/** The index of each opening bracket's end, and the reverse; brackets without a partner are left out. */
export function matchBrackets(tokens: readonly Token[]): Map<number, number> {
  const partners: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
  const open: number[] = [];
  const pairs = new Map<number, number>();
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== "punctuation") continue;
    if (text === "(" || text === "[" || text === "{") open.push(index);
    else if (partners[text] && tokens[open.at(-1)!]?.text === partners[text]) {
      const start = open.pop()!;
      pairs.set(start, index);
      pairs.set(index, start);
    }
  }
  return pairs;
}
