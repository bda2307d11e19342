// Where functions begin and end in a list of tokens, by their brackets: declarations, methods, arrows with a body.

import { matchBrackets, type Token } from "./check_tokens.ts";

export interface FunctionSpan {
  name: string;
  /** Lines, from 1, both counted. */
  start: number;
  end: number;
}

/** Words before a parenthesis that make no function of it. */
const CONTROL = new Set([
  "if",
  "for",
  "while",
  "switch",
  "catch",
  "with",
  "return",
  "await",
  "typeof",
  "new",
]);
/** Behind these a brace opens a type, not a body. */
const BEFORE_TYPE = new Set([
  ":",
  "|",
  "&",
  "<",
  ",",
  "=>",
  "(",
  "[",
  "is",
  "keyof",
  "extends",
  "?",
  "readonly",
]);

/** Every function with a body in braces, in the order of their bodies. */
export function findFunctions(all: readonly Token[]): FunctionSpan[] {
  const tokens = all.filter((token) => token.kind !== "comment");
  const pairs = matchBrackets(tokens);
  const spans: FunctionSpan[] = [];
  const add = (name: string, start: number, body: number) => {
    const end = pairs.get(body);
    if (end !== undefined) spans.push({ name, start: tokens[start].line, end: tokens[end].line });
  };
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "punctuation") continue;
    if (token.text === "=>" && tokens[index + 1]?.text === "{") {
      add(nameOfArrow(tokens, pairs, index), index, index + 1);
    } else if (token.text === "(" && isParameterList(tokens, index)) {
      const body = findBody(tokens, pairs, (pairs.get(index) ?? tokens.length) + 1);
      if (body !== undefined) add(nameBefore(tokens, index), index, body);
    }
  }
  return spans;
}

function isParameterList(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  if (!before) return false;
  if (before.kind === "word") return !CONTROL.has(before.text);
  return before.kind === "string" || before.text === "]" || before.text === ">";
}

/** The brace of the body behind a parameter list, a return type between them skipped. */
function findBody(
  tokens: readonly Token[],
  pairs: ReadonlyMap<number, number>,
  start: number,
): number | undefined {
  if (tokens[start]?.text === "{") return start;
  if (tokens[start]?.text !== ":") return undefined;
  let angles = 0;
  for (let index = start + 1; index < tokens.length; index++) {
    const { kind, text } = tokens[index];
    if (kind !== "punctuation") continue;
    if (text === "{" && angles === 0 && !BEFORE_TYPE.has(tokens[index - 1].text)) return index;
    if (text === "{" || text === "(" || text === "[") {
      index = pairs.get(index) ?? tokens.length;
      continue;
    }
    if (text === "<") angles++;
    else if (text === ">") angles--;
    else if (text === ";" || text === ")" || text === "]" || text === "}" || text === "=") return undefined;
    else if (text === "," && angles === 0) return undefined;
  }
  return undefined;
}

function nameBefore(tokens: readonly Token[], index: number): string {
  let at = index - 1;
  // Type parameters stand between.
  if (tokens[at].text === ">") {
    for (let angles = 0; at >= 0; at--) {
      if (tokens[at].text === ">") angles++;
      if (tokens[at].text === "<" && --angles === 0) break;
    }
    at--;
  }
  const before = tokens[at];
  return before?.kind === "word" && before.text !== "function" ? before.text : "a function";
}

/** `const name = (…) => {` and `name: (…) => {`; other arrows go by where they stand. */
function nameOfArrow(tokens: readonly Token[], pairs: ReadonlyMap<number, number>, arrow: number): string {
  const last = tokens[arrow - 1];
  let index = last?.text === ")" ? (pairs.get(arrow - 1) ?? arrow) - 1 : arrow - 2;
  if (tokens[index]?.text === "async") index--;
  const name = tokens[index - 1];
  const isNamed = (tokens[index]?.text === "=" || tokens[index]?.text === ":") && name?.kind === "word";
  return isNamed ? name.text : "a function";
}
