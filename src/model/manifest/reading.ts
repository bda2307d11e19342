// Reading untrusted trees: a Node is one value of a manifest with its path and place; the readers below take it apart
// and note every problem instead of stopping at the first. Tells nothing about manifests; `document.ts` makes Nodes.

import { Fault, type FaultCode } from "../fault.ts";
import { LIMITS } from "../limits.ts";
import { suggest } from "../nearest.ts";
import type { Json } from "./manifest.ts";

/** Line and column, from 1. */
export interface Place {
  line: number;
  column: number;
}

/** One value of a document. A scalar's `text` is as written, for strings that look like something else. */
export type Node =
  & { path: string; at?: Place }
  & (
    | { kind: "map"; entries: ReadonlyMap<string, Node> }
    | { kind: "list"; items: readonly Node[] }
    | { kind: "scalar"; value: string | number | boolean | null; text: string }
  );

/** One thing wrong, as data; `message` says what is so, `mend` what to do. */
export interface Problem {
  path: string;
  line?: number;
  column?: number;
  message: string;
  mend: string;
}

/** What to do about a problem; a function where finding it out costs time, which is then spent on few. */
export type Mend = string | (() => string);

/** What a reading has found so far. Problems end in a {@linkcode Fault}; warnings are shown and change nothing. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  /** Notes what makes the document unusable. */
  refuse(where: Pick<Node, "path" | "at">, message: string, mend: Mend): undefined {
    add(this.problems, where, message, mend);
  }

  /** Notes what is odd and is taken all the same. */
  warn(where: Pick<Node, "path" | "at">, message: string, mend: Mend): void {
    add(this.warnings, where, message, mend);
  }

  /** Throws what was found, if anything: one {@linkcode Fault} naming `source` and every problem in the text's order. */
  end(source: string, code: FaultCode = "bad_request"): void {
    if (this.problems.length === 0) return;
    this.problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
    throw new Fault(code, formatProblems(source, this.problems), {
      detail: { source, problems: this.problems },
    });
  }
}

function add(list: Problem[], where: Pick<Node, "path" | "at">, message: string, mend: Mend): void {
  if (list.length >= LIMITS.manifestProblemsMax) return;
  list.push({ path: where.path, ...where.at, message, mend: typeof mend === "string" ? mend : mend() });
}

/** Problems as people read them: `file:line:column: path: what is so; what to do`, one a line. */
export function formatProblems(source: string, problems: readonly Problem[]): string {
  const lines = problems.slice(0, LIMITS.manifestProblemsShown).map((problem) =>
    formatProblem(source, problem)
  );
  if (problems.length === 1) return lines[0];
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`… and ${more} more`);
  return `${source}: ${problems.length} problems\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** One problem on one line. */
export function formatProblem(source: string, problem: Problem): string {
  const place = problem.line === undefined ? "" : `:${problem.line}:${problem.column}`;
  const path = problem.path === "" ? "" : ` ${problem.path}:`;
  return `${source}${place}:${path} ${problem.message}; ${problem.mend}`;
}

/** A text as a message quotes it: escaped, and never longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}

/** The value's kind as a message names it. */
export function describe(node: Node): string {
  if (node.kind !== "scalar") return node.kind === "map" ? "a map" : "a list";
  if (node.value === null) return "empty";
  return `${node.text === "" ? "" : `${quote(node.text)}, `}a ${typeof node.value}`;
}

export interface MapRule {
  /** Keys that are read. */
  known: readonly string[];
  /** `refuse` an unknown key as wadm does, or `warn` that it is ignored where wadm is silent. */
  unknown: "refuse" | "warn";
}

/** The entries of a map whose keys are fixed; undefined and a problem when it is none. */
export function readMap(found: Findings, node: Node, rule: MapRule): ReadonlyMap<string, Node> | undefined {
  if (node.kind !== "map") {
    return found.refuse(
      node,
      `expected a map, this is ${describe(node)}`,
      `give it ${rule.known.join(", ")}`,
    );
  }
  for (const [key, child] of node.entries) {
    if (rule.known.includes(key)) continue;
    if (rule.unknown === "refuse") {
      found.refuse(child, `unknown field ${quote(key)}`, () => suggest(key, rule.known));
    } else found.warn(child, `unknown field ${quote(key)} is ignored`, () => suggest(key, rule.known));
  }
  return node.entries;
}

/** An entry that must be there. */
export function requireEntry(
  found: Findings,
  node: Node,
  key: string,
  mend: string,
): Node | undefined {
  const entry = node.kind === "map" ? node.entries.get(key) : undefined;
  if (entry) return entry;
  found.refuse({ path: join(node.path, key), at: node.at }, `missing field ${quote(key)}`, mend);
}

/** The items of a list; an absent node is an empty list. */
export function readList(found: Findings, node: Node | undefined, what: string): readonly Node[] {
  if (node === undefined) return [];
  if (node.kind === "list") return node.items;
  found.refuse(node, `expected a list of ${what}, this is ${describe(node)}`, 'begin each entry with "- "');
  return [];
}

/**
 * A string. `coerce` takes plain numbers and booleans as they are written, as wadm does outside traits; within them it
 * does not.
 */
export function readString(
  found: Findings,
  node: Node,
  options: { coerce?: boolean } = {},
): string | undefined {
  if (node.kind === "scalar") {
    if (typeof node.value === "string") {
      if (node.value.isWellFormed()) return node.value;
      return found.refuse(node, "this text is not valid Unicode", "write it without lone surrogates");
    }
    if (node.value !== null && options.coerce) return node.text;
    const mend = node.value === null ? 'give it a value, or "" for none' : `quote it: ${quote(node.text)}`;
    return found.refuse(node, `expected a string, this is ${describe(node)}`, mend);
  }
  return found.refuse(node, `expected a string, this is ${describe(node)}`, "write one text here");
}

/** A string that is not empty. */
export function readName(
  found: Findings,
  node: Node,
  options: { coerce?: boolean } = {},
): string | undefined {
  const text = readString(found, node, options);
  if (text === "") return found.refuse(node, "is empty", "give it a name");
  return text;
}

/** A whole number between `min` and `max`. */
export function readInteger(
  found: Findings,
  node: Node,
  range: { min: number; max: number; why?: string },
): number | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "number" || !Number.isInteger(node.value)) {
    const mend = node.kind === "scalar" && typeof node.value === "string" && /^\d+$/.test(node.value)
      ? `write it without quotes: ${node.value}`
      : `write a number from ${range.min} to ${range.max}`;
    return found.refuse(node, `expected a whole number, this is ${describe(node)}`, mend);
  }
  if (node.value < range.min || node.value > range.max) {
    const why = range.why === undefined || node.value < range.min ? "" : `: ${range.why}`;
    return found.refuse(node, `${node.text} is out of range${why}`, `use ${range.min} to ${range.max}`);
  }
  return node.value;
}

/** A map of strings with free keys; an absent node is an empty one. */
export function readStringMap(
  found: Findings,
  node: Node | undefined,
  options: { coerce?: boolean } = {},
): Record<string, string> {
  const map: Record<string, string> = {};
  if (node === undefined || isNull(node)) return map;
  if (node.kind !== "map") {
    found.refuse(node, `expected a map of strings, this is ${describe(node)}`, 'write "name: value" lines');
    return map;
  }
  for (const [key, child] of node.entries) {
    const text = readString(found, child, options);
    if (text !== undefined) map[key] = text;
  }
  return map;
}

/** A list of strings; an absent node is an empty one. */
export function readStrings(found: Findings, node: Node | undefined, what: string): string[] {
  const texts = readList(found, node, what).map((item) => readString(found, item));
  return texts.filter((text) => text !== undefined);
}

/** The value as JSON has it; numbers that JSON has not are problems. */
export function readJson(found: Findings, node: Node): Json {
  if (node.kind === "map") {
    return Object.fromEntries([...node.entries].map(([key, child]) => [key, readJson(found, child)]));
  }
  if (node.kind === "list") return node.items.map((item) => readJson(found, item));
  if (typeof node.value === "number" && !Number.isFinite(node.value)) {
    found.refuse(node, `${node.text} is no JSON number`, `quote it: ${quote(node.text)}`);
    return null;
  }
  return node.value;
}

/** A JSON value as a Node without places: lets data that was saved be read by the same readers. */
export function toNode(value: Json, path = ""): Node {
  if (Array.isArray(value)) {
    return { path, kind: "list", items: value.map((item, index) => toNode(item, `${path}[${index}]`)) };
  }
  if (value === null || typeof value !== "object") {
    return { path, kind: "scalar", value, text: value === null ? "" : String(value) };
  }
  const entries = Object.entries(value).map(([key, child]) => [key, toNode(child, join(path, key))] as const);
  return { path, kind: "map", entries: new Map(entries) };
}

/** Whether a key was written with no value after it. */
export function isNull(node: Node): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** The path of an entry: `spec.components`, `annotations["a.b/c"]`. */
export function join(path: string, key: string): string {
  if (!/^[-\w]+$/.test(key)) return `${path}[${quote(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The Node at a path below `node`, or the nearest one above it that exists. */
export function at(node: Node, ...steps: (string | number)[]): Pick<Node, "path" | "at"> {
  let here: Node = node;
  for (const [index, step] of steps.entries()) {
    const next: Node | undefined = typeof step === "number"
      ? (here.kind === "list" ? here.items[step] : undefined)
      : (here.kind === "map" ? here.entries.get(step) : undefined);
    if (next === undefined) {
      const rest = steps.slice(index).reduce<string>(
        (path, s) => typeof s === "number" ? `${path}[${s}]` : join(path, s),
        here.path,
      );
      return { path: rest, at: here.at };
    }
    here = next;
  }
  return here;
}
