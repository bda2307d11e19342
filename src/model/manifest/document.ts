// YAML and JSON text to Nodes and back: the only file that knows a YAML library. Bounded against hostile text: size,
// depth, number of values with aliases written out, cycles, tags, merge keys and duplicate keys all end in problems.

import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  type ParsedNode,
  Parser,
  type Scalar,
  stringify,
} from "yaml";
import { LIMITS } from "../limits.ts";
import type { Json } from "./manifest.ts";
import { type Findings, join, type Node, type Place, quote } from "./reading.ts";

/** Errors of the YAML library after which the rest of a text is left unread. */
const YAML_ERRORS_MAX = 100;
/** The library repeats what it found in its messages; longer ones are cut. */
const MESSAGE_LENGTH_MAX = 200;

/** Tags that say what plain YAML says anyway. */
const CORE_TAGS = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

/**
 * Reads every document of a text; empty ones are left out. YAML 1.2, of which JSON is a part. What cannot be read is
 * noted in `found`, and the documents returned then are not to be used.
 */
export function readDocuments(found: Findings, text: string): Node[] {
  const start = { path: "", at: { line: 1, column: 1 } };
  if (new TextEncoder().encode(text).length > LIMITS.manifestBytesMax) {
    found.refuse(
      start,
      `Unable to parse manifest: larger than ${LIMITS.manifestBytesMax} bytes`,
      "split it into several applications",
    );
    return [];
  }
  const lines = new LineCounter();
  const nodes: Node[] = [];
  for (const document of composeDocuments(found, text, lines)) {
    for (const { pos, message } of document.errors) refuseYaml(found, lines, { offset: pos[0], message });
    if (document.errors.length > 0 || document.contents === null) continue;
    const walk = new Walk(found, lines);
    const node = walk.read(document.contents, "", placeAt(lines, document.contents.range[0]), 0);
    if (node && !(node.kind === "scalar" && node.value === null)) nodes.push(node);
  }
  return nodes;
}

/** The documents of a text; none, and a problem, when the library gives up or is stopped. */
function composeDocuments(found: Findings, text: string, lines: LineCounter): Document.Parsed[] {
  const start = { path: "", at: { line: 1, column: 1 } };
  try {
    if (countIndicators(text) > LIMITS.manifestNodesMax) {
      const mend = "split it into several applications";
      found.refuse(start, `Unable to parse manifest: more than ${LIMITS.manifestNodesMax} values`, mend);
      return [];
    }
    // Duplicate keys are looked for in our own walk: the library's search grows with the square of a map.
    const composer = new Composer({
      version: "1.2",
      schema: "core",
      merge: false,
      resolveKnownTags: false,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    });
    stopAtErrors(composer);
    return [...composer.compose(new Parser(lines.addNewLine).parse(text), false, text.length)];
  } catch (error) {
    // The library reads LOG_TOKENS and LOG_STREAM: a process that may not is set up wrongly, the text is not at fault.
    if (error instanceof Error && error.name === "NotCapable") throw error;
    if (error instanceof TooManyErrors) {
      for (const one of error.first) refuseYaml(found, lines, one);
      return [];
    }
    const what = error instanceof RangeError ? "nested too deep" : String(error);
    found.refuse(
      start,
      `Unable to parse manifest: ${what}`,
      `nest at most ${LIMITS.manifestDepthMax} levels`,
    );
    return [];
  }
}

function refuseYaml(found: Findings, lines: LineCounter, error: { offset: number; message: string }): void {
  const where = { path: "", at: placeAt(lines, error.offset) };
  const message = `Unable to parse manifest: ${error.message.split("\n", 1)[0].slice(0, MESSAGE_LENGTH_MAX)}`;
  found.refuse(where, message, "check the indentation and quotes there");
}

/** Marks in a text that each begin a value: counted first, because the library takes its time with millions. */
function countIndicators(text: string): number {
  let count = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme.length === 1 ? "-?:,[{".includes(lexeme) : lexeme === "---") count++;
    if (count > LIMITS.manifestNodesMax) return count;
  }
  return count;
}

/** Thrown out of the library once a text has more errors than anybody reads. */
class TooManyErrors extends Error {
  readonly first: { offset: number; message: string }[] = [];
}

/** Makes the library give up after some errors: each costs it a stack trace, a megabyte of quotes ten seconds. */
function stopAtErrors(composer: Composer): void {
  type OnError = (
    source: number | [number, number] | { offset: number },
    ...rest: [string, string, boolean?]
  ) => void;
  const inner = composer as unknown as { onError: OnError };
  const onError = inner.onError;
  const stop = new TooManyErrors("too many errors");
  inner.onError = (source, ...rest) => {
    const offset = typeof source === "number" ? source : Array.isArray(source) ? source[0] : source.offset;
    if (stop.first.length < YAML_ERRORS_MAX) stop.first.push({ offset, message: rest[1] });
    else throw stop;
    onError(source, ...rest);
  };
}

/** Writes a value as YAML: block style, strings that look like something else in quotes. */
export function writeYaml(value: Json): string {
  return stringify(value, { lineWidth: 110, aliasDuplicateObjects: false });
}

/** Whether a text is JSON, and if not, why. */
export function checkJson(found: Findings, text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error);
    found.refuse(
      { path: "" },
      `Unable to parse manifest: not JSON: ${why}`,
      "mend the JSON, or send it as YAML",
    );
  }
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(Math.max(0, offset));
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** One pass over one document, counting what it has seen. */
class Walk {
  readonly #found: Findings;
  readonly #lines: LineCounter;
  readonly #anchors = new Map<string, ParsedNode>();
  readonly #open = new Set<ParsedNode>();
  #nodes = 0;
  #items = 0;

  constructor(found: Findings, lines: LineCounter) {
    this.#found = found;
    this.#lines = lines;
  }

  /** The Node of one YAML node; undefined after a problem that ends the document. */
  read(yaml: ParsedNode | null, path: string, at: Place, depth: number): Node | undefined {
    if (yaml === null) return { path, at, kind: "scalar", value: null, text: "" };
    this.#nodes++;
    if (this.#nodes > LIMITS.manifestNodesMax) {
      return this.#stop(
        { path, at },
        `more than ${LIMITS.manifestNodesMax} values once aliases are written out`,
      );
    }
    if (depth > LIMITS.manifestDepthMax) {
      return this.#stop({ path, at }, `nested more than ${LIMITS.manifestDepthMax} levels`);
    }
    if (isAlias(yaml)) return this.#readAlias(yaml, path, at, depth);
    if (yaml.anchor) this.#anchors.set(yaml.anchor, yaml);
    if (yaml.tag && !CORE_TAGS.has(yaml.tag)) {
      this.#found.refuse({ path, at }, `the YAML tag ${quote(yaml.tag)} means nothing here`, "leave it out");
    }
    if (isScalar(yaml)) return readScalar(yaml as Scalar, path, at);
    this.#open.add(yaml);
    const node = isMap(yaml)
      ? this.#readMap(yaml.items as Pair<ParsedNode, ParsedNode | null>[], path, at, depth)
      : isSeq(yaml)
      ? this.#readList(yaml.items as (ParsedNode | null)[], path, at, depth)
      : undefined;
    this.#open.delete(yaml);
    return node;
  }

  #readAlias(alias: Alias, path: string, at: Place, depth: number): Node | undefined {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      return this.#stop({ path, at }, `the alias ${quote(`*${alias.source}`)} names no anchor above it`);
    }
    if (this.#open.has(target)) {
      return this.#stop({ path, at }, `the alias ${quote(`*${alias.source}`)} contains itself`);
    }
    return this.read(target, path, at, depth);
  }

  #readMap(pairs: Pair<ParsedNode, ParsedNode | null>[], path: string, at: Place, depth: number) {
    const entries = new Map<string, Node>();
    for (const { key, value } of pairs) {
      const offset = key?.range?.[0];
      const keyAt = offset === undefined ? at : placeAt(this.#lines, offset);
      const name = isScalar(key) ? (typeof key.value === "string" ? key.value : key.source ?? "") : undefined;
      if (name === undefined) {
        this.#found.refuse({ path, at: keyAt }, "a key must be plain text", "write the key as one word");
        continue;
      }
      const childPath = join(path, name);
      this.#checkKey(name, { path: childPath, at: keyAt }, entries);
      const child = this.read(value, childPath, keyAt, depth + 1);
      if (child === undefined) return undefined;
      entries.set(name, child);
    }
    return { path, at, kind: "map" as const, entries };
  }

  #checkKey(name: string, where: { path: string; at: Place }, entries: ReadonlyMap<string, Node>): void {
    if (entries.has(name)) {
      this.#found.refuse(where, `duplicate key ${quote(name)}`, "keep one of them");
    }
    if (name === "<<") this.#found.refuse(where, "merge keys are not supported", "write the keys out");
    if (name === "__proto__") this.#found.refuse(where, `the key "__proto__" is not allowed`, "rename it");
  }

  #readList(yamls: (ParsedNode | null)[], path: string, at: Place, depth: number): Node | undefined {
    const items: Node[] = [];
    this.#items += yamls.length;
    if (this.#items > LIMITS.manifestEntriesMax) {
      return this.#stop({ path, at }, `more than ${LIMITS.manifestEntriesMax} list entries in one manifest`);
    }
    for (const [index, yaml] of yamls.entries()) {
      const itemAt = yaml?.range ? placeAt(this.#lines, yaml.range[0]) : at;
      const item = this.read(yaml, `${path}[${index}]`, itemAt, depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { path, at, kind: "list", items };
  }

  #stop(where: { path: string; at: Place }, what: string): undefined {
    this.#found.refuse(
      where,
      `Unable to parse manifest: ${what}`,
      "write the manifest out plainly, in smaller parts",
    );
  }
}

function readScalar(scalar: Scalar, path: string, at: Place): Node {
  const { value } = scalar;
  const text = scalar.source ?? String(value);
  if (typeof value === "string" || typeof value === "boolean" || value === null) {
    return { path, at, kind: "scalar", value, text };
  }
  return { path, at, kind: "scalar", value: typeof value === "number" ? value : text, text };
}
