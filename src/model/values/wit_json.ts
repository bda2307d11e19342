// WIT values as JSON, for `component call` and the local API. Records are objects by their WIT names, variants
// `{"case": value}` or `"case"`, options the value or null (an option of an option `{"some": …}` or null), results
// `{"ok": …}` or `{"err": …}`, flags a list of names, bytes an array, `{"text": …}` or `{"base64": …}`.

import { Fault } from "../fault.ts";
import type { Json } from "../manifest/manifest.ts";
import { suggest } from "../nearest.ts";
import { toCamelCase, type WitType } from "../wit.ts";
import {
  describeType,
  formatFloat,
  INTEGERS,
  isChar,
  makeInteger,
  makeList,
  makeOption,
  readOption,
  refuseHandle,
  refuseShape,
} from "./shape.ts";

type TypeOf<Kind extends WitType["kind"]> = Extract<WitType, { kind: Kind }>;

/**
 * The JS value of a JSON value. u64 and s64 may be numbers or decimal strings, floats also `"nan"`, `"inf"`, `"-inf"`
 * and `"-0"`. Throws a {@linkcode Fault} `bad_request` that names the path within `path`.
 */
export function fromJson(type: WitType, json: Json, path = "value"): unknown {
  switch (type.kind) {
    case "bool":
      return typeof json === "boolean" ? json : refuse(path, type, json, "write true or false");
    case "char":
      return isChar(json) ? json : refuse(path, type, json, "write one character in quotes");
    case "string":
      if (typeof json === "string" && json.isWellFormed()) return json;
      return refuse(path, type, json, "write a text in quotes");
    case "f32":
    case "f64":
      return readFloat(type, json, path);
    case "list":
      return readList(type, json, path);
    case "tuple":
      if (!Array.isArray(json) || json.length !== type.items.length) {
        return refuse(path, type, json, `write an array of ${type.items.length}`);
      }
      return type.items.map((item, index) => fromJson(item, json[index], `${path}[${index}]`));
    case "record":
      return readRecord(type, json, path);
    case "variant":
      return readVariant(type, json, path);
    case "enum":
      if (typeof json === "string" && type.names.includes(json)) return json;
      return refuse(
        path,
        type,
        json,
        typeof json === "string" ? suggest(json, type.names) : `write ${oneOf(type.names)}`,
      );
    case "flags":
      return readFlags(type, json, path);
    case "option":
      return readOptionJson(type, json, path);
    case "result":
      return readResult(type, json, path);
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      throw refuseHandle(path, type);
    default:
      return readInteger(type, json, path);
  }
}

function refuse(path: string, type: WitType, json: Json, mend: string): never {
  const text = JSON.stringify(json) ?? "nothing";
  const what = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  throw new Fault("bad_request", `${path}: ${what} is no ${describeType(type)}; ${mend}`, {
    detail: { path, type: describeType(type) },
  });
}

function oneOf(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

function readInteger(type: WitType, json: Json, path: string): number | bigint {
  const [min, max] = INTEGERS[type.kind];
  const whole = typeof json === "number" && Number.isInteger(json);
  const text = typeof json === "string" && /^-?\d{1,20}$/.test(json);
  const value = whole || text ? makeInteger(type.kind, BigInt(json as number | string)) : undefined;
  if (value === undefined || (whole && !Number.isSafeInteger(json))) {
    return refuse(
      path,
      type,
      json,
      `write a whole number from ${min} to ${max}${max > 2n ** 53n ? ", large ones in quotes" : ""}`,
    );
  }
  return value;
}

const FLOAT_WORDS: Readonly<Record<string, number>> = {
  nan: NaN,
  inf: Infinity,
  "-inf": -Infinity,
  "-0": -0,
};

function readFloat(type: WitType, json: Json, path: string): number {
  const value = typeof json === "string" && Object.hasOwn(FLOAT_WORDS, json) ? FLOAT_WORDS[json] : json;
  if (typeof value !== "number") return refuse(path, type, json, 'write a number, "nan", "inf" or "-inf"');
  return type.kind === "f32" ? Math.fround(value) : value;
}

function readList(type: TypeOf<"list">, json: Json, path: string): unknown {
  const items = type.of.kind === "u8" && isMap(json) ? readBytes(type, json, path) : json;
  const length = items instanceof Uint8Array || Array.isArray(items) ? items.length : -1;
  if (length < 0) {
    return refuse(
      path,
      type,
      json,
      type.of.kind === "u8" ? 'write an array, {"text": …} or {"base64": …}' : "write an array",
    );
  }
  if (type.length !== undefined && length !== type.length) {
    return refuse(path, type, json, `write exactly ${type.length} elements, not ${length}`);
  }
  if (items instanceof Uint8Array) return items;
  return makeList(
    type.of,
    (items as Json[]).map((item, index) => fromJson(type.of, item, `${path}[${index}]`)),
  );
}

function readBytes(type: WitType, json: { [key: string]: Json }, path: string): Uint8Array {
  const [key, ...more] = Object.keys(json);
  const text = json[key];
  if (more.length === 0 && typeof text === "string") {
    if (key === "text") return new TextEncoder().encode(text);
    try {
      if (key === "base64") return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    } catch {
      return refuse(path, type, json, "write standard base64: A-Z a-z 0-9 + / and = at the end");
    }
  }
  return refuse(path, type, json, 'write an array, {"text": …} or {"base64": …}');
}

function isMap(json: Json): json is { [key: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function readRecord(type: TypeOf<"record">, json: Json, path: string): unknown {
  if (!isMap(json)) {
    return refuse(
      path,
      type,
      json,
      `write an object with ${oneOf(type.fields.map(([name]) => name))}`,
    );
  }
  const names = type.fields.map(([name]) => name);
  for (const key of Object.keys(json)) {
    if (names.includes(key)) continue;
    throw new Fault(
      "bad_request",
      `${path}: ${describeType(type)} has no field ${JSON.stringify(key)}; ${suggest(key, names)}`,
    );
  }
  const record: Record<string, unknown> = {};
  for (const [name, field] of type.fields) {
    if (Object.hasOwn(json, name)) {
      record[toCamelCase(name)] = fromJson(field, json[name], `${path}.${name}`);
    } else if (field.kind === "option") {
      record[toCamelCase(name)] = makeOption(field.of, false);
    } else {
      throw new Fault(
        "bad_request",
        `${path}: missing field ${JSON.stringify(name)}; give it a ${describeType(field)}`,
      );
    }
  }
  return record;
}

/** `"case"` or `{"case": value}` in its parts. */
function readCase(
  type: WitType,
  json: Json,
  path: string,
  names: readonly string[],
): [name: string, payload?: Json] {
  const keys = isMap(json) ? Object.keys(json) : typeof json === "string" ? [json] : [];
  if (keys.length !== 1) return refuse(path, type, json, `write one of ${oneOf(names)}, or {"case": value}`);
  if (!names.includes(keys[0])) return refuse(path, type, json, suggest(keys[0], names));
  return isMap(json) ? [keys[0], json[keys[0]]] : [keys[0]];
}

function readVariant(type: TypeOf<"variant">, json: Json, path: string): unknown {
  const [tag, payload] = readCase(type, json, path, type.cases.map(([name]) => name));
  const of = type.cases.find(([name]) => name === tag)![1];
  return readPayload({ type, tag, of, payload }, json, path);
}

function readResult(type: TypeOf<"result">, json: Json, path: string): unknown {
  const [tag, payload] = readCase(type, json, path, ["ok", "err"]);
  return readPayload({ type, tag, of: tag === "ok" ? type.ok : type.err, payload }, json, path);
}

function readPayload(
  input: { type: WitType; tag: string; of: WitType | null; payload: Json | undefined },
  json: Json,
  path: string,
): unknown {
  const { type, tag, of, payload } = input;
  if (of === null) {
    if (payload === undefined || payload === null) return { tag };
    return refuse(path, type, json, `${JSON.stringify(tag)} takes no value`);
  }
  if (payload === undefined) {
    return refuse(path, type, json, `write {${JSON.stringify(tag)}: …} with a ${describeType(of)}`);
  }
  return { tag, val: fromJson(of, payload, `${path}.${tag}`) };
}

function readFlags(type: TypeOf<"flags">, json: Json, path: string): unknown {
  if (!Array.isArray(json)) return refuse(path, type, json, `write an array of some of ${oneOf(type.names)}`);
  const flags: Record<string, boolean> = {};
  for (const name of type.names) flags[toCamelCase(name)] = false;
  for (const [index, name] of json.entries()) {
    if (typeof name !== "string" || !type.names.includes(name)) {
      return refuse(`${path}[${index}]`, type, name, suggest(String(name), type.names));
    }
    flags[toCamelCase(name)] = true;
  }
  return flags;
}

function readOptionJson(type: TypeOf<"option">, json: Json, path: string): unknown {
  if (json === null) return makeOption(type.of, false);
  if (type.of.kind !== "option") return makeOption(type.of, true, fromJson(type.of, json, path));
  if (isMap(json) && Object.keys(json).length === 1 && Object.hasOwn(json, "some")) {
    return makeOption(type.of, true, fromJson(type.of, json.some, `${path}.some`));
  }
  return refuse(path, type, json, 'write null or {"some": …}');
}

/**
 * The JSON value of a JS value. 64-bit integers are numbers where those are exact, else strings. Throws a
 * {@linkcode Fault} `trapped` for a value that is not of the type, `bad_request` for handles.
 */
export function toJson(type: WitType, value: unknown, path = "value"): Json {
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean" ? value : fail(path, type, value);
    case "char":
    case "string":
      return typeof value === "string" ? value : fail(path, type, value);
    case "enum":
      return typeof value === "string" && type.names.includes(value) ? value : fail(path, type, value);
    case "f32":
    case "f64": {
      if (typeof value !== "number") return fail(path, type, value);
      const text = formatFloat(type.kind, value);
      return Object.hasOwn(FLOAT_WORDS, text) ? text : Number(text);
    }
    case "list":
      return writeList(type, value, path);
    case "tuple":
      if (!Array.isArray(value) || value.length !== type.items.length) return fail(path, type, value);
      return type.items.map((item, index) => toJson(item, value[index], `${path}[${index}]`));
    case "record": {
      const record = asObject(path, type, value);
      return Object.fromEntries(
        type.fields.map((
          [name, field],
        ) => [name, toJson(field, record[toCamelCase(name)], `${path}.${name}`)]),
      );
    }
    case "variant":
      return writeTagged(type, value, path, new Map(type.cases));
    case "result":
      return writeTagged(type, value, path, new Map([["ok", type.ok], ["err", type.err]]));
    case "flags": {
      const flags = asObject(path, type, value);
      return type.names.filter((name) => flags[toCamelCase(name)]);
    }
    case "option": {
      if (type.of.kind === "option") asObject(path, type, value);
      const { some, inner } = readOption(type.of, value);
      if (!some) return null;
      const json = toJson(type.of, inner, path);
      return type.of.kind === "option" ? { some: json } : json;
    }
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      throw refuseHandle(path, type);
    default: {
      if (typeof value !== "number" && typeof value !== "bigint") return fail(path, type, value);
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
  }
}

function fail(path: string, type: WitType, value: unknown): never {
  throw refuseShape(path, type, value);
}

function asObject(path: string, type: WitType, value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null
    ? value as Record<string, unknown>
    : fail(path, type, value);
}

function writeList(type: TypeOf<"list">, value: unknown, path: string): Json {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return fail(path, type, value);
  if (type.of.kind === "u8") return writeBytes(Uint8Array.from(value as unknown as ArrayLike<number>));
  return Array.from(
    value as unknown as ArrayLike<unknown>,
    (item, index) => toJson(type.of, item, `${path}[${index}]`),
  );
}

/** Bytes as text where they are text that a person can read, else as base64. */
function writeBytes(bytes: Uint8Array): Json {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // deno-lint-ignore no-control-regex
    if (!/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return { text };
  } catch {
    // Not UTF-8: base64 it is.
  }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { base64: btoa(binary) };
}

function writeTagged(
  type: WitType,
  value: unknown,
  path: string,
  cases: ReadonlyMap<string, WitType | null>,
): Json {
  const { tag, val } = asObject(path, type, value) as { tag: string; val?: unknown };
  const of = cases.get(tag);
  if (of === undefined) return fail(path, type, value);
  if (of !== null) return { [tag]: toJson(of, val, `${path}.${tag}`) };
  return type.kind === "result" ? { [tag]: null } : tag;
}
