// WAVE, the WebAssembly Value Encoding: values as text on one line. Writing; `wave.ts` reads.

import { toCamelCase, type WitType } from "../wit.ts";
import { formatFloat, readOption, refuseHandle, refuseShape } from "./shape.ts";
import { KEYWORDS } from "./wave_lexer.ts";

type TypeOf<Kind extends WitType["kind"]> = Extract<WitType, { kind: Kind }>;

/**
 * The WAVE text of a JS value, on one line. Throws a {@linkcode Fault} `trapped` for a value that is not of the type,
 * `bad_request` for handles.
 */
export function formatWave(type: WitType, value: unknown, path = "value"): string {
  switch (type.kind) {
    case "bool":
      return typeof value === "boolean" ? String(value) : fail(path, type, value);
    case "char":
      return typeof value === "string" ? `'${escapeText(value, "'")}'` : fail(path, type, value);
    case "string":
      return typeof value === "string" ? `"${escapeText(value, '"')}"` : fail(path, type, value);
    case "enum":
      return typeof value === "string" && type.names.includes(value)
        ? writeLabel(value)
        : fail(path, type, value);
    case "f32":
    case "f64":
      return typeof value === "number" ? formatFloat(type.kind, value) : fail(path, type, value);
    case "list": {
      if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return fail(path, type, value);
      const items = Array.from(value as unknown as ArrayLike<unknown>);
      return `[${items.map((item, index) => formatWave(type.of, item, `${path}[${index}]`)).join(", ")}]`;
    }
    case "tuple":
      if (!Array.isArray(value) || value.length !== type.items.length) return fail(path, type, value);
      return `(${
        type.items.map((of, index) => formatWave(of, value[index], `${path}[${index}]`)).join(", ")
      })`;
    case "record":
      return writeRecord(type, asObject(path, type, value), path);
    case "variant":
      return writeTagged(type, value, path, new Map(type.cases));
    case "result":
      return writeTagged(type, value, path, new Map([["ok", type.ok], ["err", type.err]]));
    case "flags": {
      const flags = asObject(path, type, value);
      return `{${type.names.filter((name) => flags[toCamelCase(name)]).join(", ")}}`;
    }
    case "option": {
      if (type.of.kind === "option") asObject(path, type, value);
      const { some, inner } = readOption(type.of, value);
      return some ? `some(${formatWave(type.of, inner, path)})` : "none";
    }
    case "own":
    case "borrow":
    case "stream":
    case "future":
    case "error-context":
      throw refuseHandle(path, type);
    default:
      return typeof value === "number" || typeof value === "bigint" ? String(value) : fail(path, type, value);
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

function writeRecord(type: TypeOf<"record">, record: Record<string, unknown>, path: string): string {
  const parts: string[] = [];
  for (const [name, of] of type.fields) {
    const value = record[toCamelCase(name)];
    if (of.kind === "option" && !readOption(of.of, value).some) continue;
    parts.push(`${name}: ${formatWave(of, value, `${path}.${name}`)}`);
  }
  return parts.length === 0 ? "{:}" : `{${parts.join(", ")}}`;
}

function writeTagged(
  type: WitType,
  value: unknown,
  path: string,
  cases: ReadonlyMap<string, WitType | null>,
): string {
  const { tag, val } = asObject(path, type, value) as { tag: string; val?: unknown };
  const of = cases.get(tag);
  if (of === undefined) return fail(path, type, value);
  const label = type.kind === "result" ? tag : writeLabel(tag);
  return of === null ? label : `${label}(${formatWave(of, val, `${path}.${tag}`)})`;
}

function writeLabel(label: string): string {
  return KEYWORDS.includes(label) ? `%${label}` : label;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

function escapeText(text: string, quote: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\\'"\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g, (letter) => {
    if (letter === "'" || letter === '"') return letter === quote ? `\\${letter}` : letter;
    return SHORT_ESCAPES[letter] ?? `\\u{${letter.charCodeAt(0).toString(16)}}`;
  });
}
