// WAVE, the WebAssembly Value Encoding: values as people type them on a command line, `{item: "tea", price: 2.5}`.
// Reading; `wave_format.ts` writes. Reading is led by the type, as the encoding asks: `some(…)` and `ok(…)` may be left out around a plain value, record
// fields that are `none` too.

import { suggest } from "../nearest.ts";
import { toCamelCase, type WitFunction, type WitType } from "../wit.ts";
import { describeType, makeInteger, makeList, makeOption, refuseHandle } from "./shape.ts";
import { KEYWORDS, show, type Token, WaveLexer } from "./wave_lexer.ts";

type TypeOf<Kind extends WitType["kind"]> = Extract<WitType, { kind: Kind }>;

/** The JS value of a WAVE text. Throws a {@linkcode Fault} `bad_request` with line, column and mend. */
export function parseWave(type: WitType, text: string, what = "value"): unknown {
  const lexer = new WaveLexer(text, what);
  const value = readValue(lexer, type, what);
  expectEnd(lexer);
  return value;
}

/**
 * The arguments of a function from a text like `(1, "two")`, with or without the outer parentheses (without them where
 * the first is a tuple itself); options left out at the end are none.
 */
export function parseWaveArguments(
  params: WitFunction["params"],
  text: string,
  what = "arguments",
): unknown[] {
  const lexer = new WaveLexer(text, what);
  const wrapped = !(params.length > 0 && isTupleLike(params[0][1])) && lexer.takeIf("(");
  const values: unknown[] = [];
  const isLast = () => wrapped ? lexer.takeIf(")") : lexer.peek().kind === "end";
  while (!isLast()) {
    const param = params[values.length];
    if (!param) {
      throw lexer.refuse(lexer.peek(), `more than ${params.length} arguments`, "leave the rest out");
    }
    values.push(readValue(lexer, param[1], param[0]));
    if (isLast()) break;
    lexer.expect(",", "put a comma between arguments");
  }
  expectEnd(lexer);
  for (const [name, type] of params.slice(values.length)) {
    if (type.kind !== "option") {
      throw lexer.refuse(lexer.peek(), `missing argument ${name}`, `give it a ${describeType(type)}`);
    }
    values.push(makeOption(type.of, false));
  }
  return values;
}

function isTupleLike(type: WitType): boolean {
  if (type.kind === "option") return isTupleLike(type.of);
  return type.kind === "tuple" || (type.kind === "result" && type.ok !== null && isTupleLike(type.ok));
}

function expectEnd(lexer: WaveLexer): void {
  const token = lexer.peek();
  if (token.kind !== "end") throw lexer.refuse(token, `${show(token)} after the value`, "leave it out");
}

function readValue(lexer: WaveLexer, type: WitType, path: string): unknown {
  switch (type.kind) {
    case "bool": {
      const word = takeKeyword(lexer, ["true", "false"]);
      return word === undefined ? wrong(lexer, type, path, "write true or false") : word === "true";
    }
    case "char":
      return takeKind(lexer, "char") ?? wrong(lexer, type, path, "write one character like 'x'");
    case "string":
      return takeKind(lexer, "string") ?? wrong(lexer, type, path, 'write a text like "x"');
    case "f32":
    case "f64":
      return readFloat(lexer, type, path);
    case "list":
      return readList(lexer, type, path);
    case "tuple":
      return readTuple(lexer, type, path);
    case "record":
      return readRecord(lexer, type, path);
    case "variant":
      return readVariant(lexer, type, path);
    case "enum":
      return readLabel(lexer, type, path, type.names);
    case "flags":
      return readFlags(lexer, type, path);
    case "option":
      return readOptional(lexer, type, path);
    case "result":
      return readResult(lexer, type, path);
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      throw refuseHandle(path, type);
    default: {
      const token = lexer.peek();
      const whole = token.kind === "number" && /^-?\d{1,40}$/.test(token.text);
      const value = whole ? makeInteger(type.kind, BigInt(token.text)) : undefined;
      if (value === undefined) return wrong(lexer, type, path, "write a whole number within its range");
      lexer.take();
      return value;
    }
  }
}

function wrong(lexer: WaveLexer, type: WitType, path: string, mend: string): never {
  const token = lexer.peek();
  throw lexer.refuse(token, `${path}: expected ${describeType(type)}, found ${show(token)}`, mend);
}

function takeKind(lexer: WaveLexer, kind: Token["kind"]): string | undefined {
  return lexer.peek().kind === kind ? lexer.take().value : undefined;
}

function takeKeyword(lexer: WaveLexer, words: readonly string[]): string | undefined {
  const token = lexer.peek();
  return token.kind === "label" && words.includes(token.text) ? lexer.take().text : undefined;
}

function readFloat(lexer: WaveLexer, type: WitType, path: string): number {
  const word = takeKeyword(lexer, ["inf", "nan"]);
  if (word !== undefined) return word === "inf" ? Infinity : NaN;
  const text = takeKind(lexer, "number");
  if (text === undefined) return wrong(lexer, type, path, "write a number, inf, -inf or nan");
  const value = text === "-inf" ? -Infinity : Number(text);
  return type.kind === "f32" ? Math.fround(value) : value;
}

/** Comma-separated items up to `close`; a comma at the end is fine. */
function readItems(lexer: WaveLexer, close: string, readItem: () => void): void {
  while (!lexer.takeIf(close)) {
    readItem();
    if (lexer.takeIf(close)) return;
    lexer.expect(",", `put a comma before the next, or "${close}" at the end`);
  }
}

function readList(lexer: WaveLexer, type: TypeOf<"list">, path: string): unknown {
  const open = lexer.peek();
  if (!lexer.takeIf("[")) return wrong(lexer, type, path, "write a list like [1, 2]");
  const items: unknown[] = [];
  readItems(lexer, "]", () => items.push(readValue(lexer, type.of, `${path}[${items.length}]`)));
  if (type.length !== undefined && items.length !== type.length) {
    throw lexer.refuse(open, `${path}: ${items.length} elements`, `write exactly ${type.length}`);
  }
  return makeList(type.of, items);
}

function readTuple(lexer: WaveLexer, type: TypeOf<"tuple">, path: string): unknown {
  const open = lexer.peek();
  if (!lexer.takeIf("(")) return wrong(lexer, type, path, "write a tuple like (1, 2)");
  const items: unknown[] = [];
  readItems(lexer, ")", () => {
    const of = type.items[items.length];
    if (!of) {
      throw lexer.refuse(lexer.peek(), `${path}: too many parts`, `write exactly ${type.items.length}`);
    }
    items.push(readValue(lexer, of, `${path}[${items.length}]`));
  });
  if (items.length === type.items.length) return items;
  throw lexer.refuse(open, `${path}: ${items.length} parts`, `write exactly ${type.items.length}`);
}

function readRecord(lexer: WaveLexer, type: TypeOf<"record">, path: string): unknown {
  const open = lexer.peek();
  if (!lexer.takeIf("{")) return wrong(lexer, type, path, "write a record like {name: value}");
  const fields = new Map(type.fields);
  const found = new Map<string, unknown>();
  if (lexer.takeIf(":")) lexer.expect("}", "close the empty record {:}");
  else {
    if (lexer.takeIf("}")) {
      throw lexer.refuse(open, `${path}: {} is an empty set of flags`, "write {:} for no fields");
    }
    readItems(lexer, "}", () => {
      const token = lexer.take();
      const of = token.kind === "label" ? fields.get(token.value) : undefined;
      if (!of) {
        const names = [...fields.keys()];
        const mend = token.kind === "string"
          ? "write field names without quotes"
          : suggest(token.value, names);
        throw lexer.refuse(token, `${path}: ${show(token)} is no field of ${describeType(type)}`, mend);
      }
      if (found.has(token.value)) {
        throw lexer.refuse(token, `${path}: duplicate field ${show(token)}`, "keep one");
      }
      lexer.expect(":", "put a colon between a field and its value");
      found.set(token.value, readValue(lexer, of, `${path}.${token.value}`));
    });
  }
  const record: Record<string, unknown> = {};
  for (const [name, of] of type.fields) {
    if (!found.has(name) && of.kind !== "option") {
      throw lexer.refuse(
        open,
        `${path}: missing field ${JSON.stringify(name)}`,
        `give it a ${describeType(of)}`,
      );
    }
    record[toCamelCase(name)] = found.has(name)
      ? found.get(name)
      : makeOption((of as TypeOf<"option">).of, false);
  }
  return record;
}

/** A label out of `names`; one that is a keyword too needs its `%`. */
function readLabel(lexer: WaveLexer, type: WitType, path: string, names: readonly string[]): string {
  const token = lexer.peek();
  if (token.kind !== "label") return wrong(lexer, type, path, `write one of ${names.join(", ")}`);
  if (!names.includes(token.value)) return wrong(lexer, type, path, suggest(token.value, names));
  if (KEYWORDS.includes(token.text)) return wrong(lexer, type, path, `write %${token.text}`);
  return lexer.take().value;
}

function readVariant(lexer: WaveLexer, type: TypeOf<"variant">, path: string): unknown {
  const tag = readLabel(lexer, type, path, type.cases.map(([name]) => name));
  const of = type.cases.find(([name]) => name === tag)![1];
  return readPayload(lexer, { type, tag, of }, path);
}

/** The `(…)` after a case's label, which is there exactly when the case has a payload. */
function readPayload(
  lexer: WaveLexer,
  input: { type: WitType; tag: string; of: WitType | null },
  path: string,
): { tag: string; val?: unknown } {
  const { tag, of } = input;
  if (of === null) {
    const token = lexer.peek();
    if (lexer.takeIf("(")) {
      throw lexer.refuse(token, `${path}: ${tag} takes no value`, "leave the parentheses out");
    }
    return { tag };
  }
  lexer.expect("(", `write ${tag}(…) with a ${describeType(of)}`);
  const val = readValue(lexer, of, `${path}.${tag}`);
  lexer.expect(")", "close the parenthesis");
  return { tag, val };
}

function readFlags(lexer: WaveLexer, type: TypeOf<"flags">, path: string): unknown {
  if (!lexer.takeIf("{")) return wrong(lexer, type, path, "write flags like {read, write}");
  const flags: Record<string, boolean> = {};
  for (const name of type.names) flags[toCamelCase(name)] = false;
  readItems(lexer, "}", () => {
    const token = lexer.take();
    if (token.kind !== "label" || !type.names.includes(token.value)) {
      throw lexer.refuse(
        token,
        `${path}: ${show(token)} is no flag of ${describeType(type)}`,
        suggest(token.value, type.names),
      );
    }
    if (flags[toCamelCase(token.value)]) {
      throw lexer.refuse(token, `${path}: duplicate flag ${show(token)}`, "keep one");
    }
    flags[toCamelCase(token.value)] = true;
  });
  return flags;
}

function isFlattenable(type: WitType): boolean {
  return type.kind !== "option" && type.kind !== "result";
}

function readOptional(lexer: WaveLexer, type: TypeOf<"option">, path: string): unknown {
  const word = takeKeyword(lexer, ["some", "none"]);
  if (word === undefined) {
    if (isFlattenable(type.of)) return makeOption(type.of, true, readValue(lexer, type.of, path));
    return wrong(lexer, type, path, "write some(…) or none");
  }
  const payload = readPayload(lexer, { type, tag: word, of: word === "some" ? type.of : null }, path);
  return makeOption(type.of, word === "some", payload.val);
}

function readResult(lexer: WaveLexer, type: TypeOf<"result">, path: string): unknown {
  const word = takeKeyword(lexer, ["ok", "err"]);
  if (word !== undefined) {
    return readPayload(lexer, { type, tag: word, of: word === "ok" ? type.ok : type.err }, path);
  }
  if (type.ok !== null && isFlattenable(type.ok)) return { tag: "ok", val: readValue(lexer, type.ok, path) };
  return wrong(lexer, type, path, "write ok or err");
}
