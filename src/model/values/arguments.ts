// The arguments of `holdfast component call`: one text for each parameter, WAVE or JSON, whichever it can be read as.

import { Fault, isFault } from "../fault.ts";
import type { Json } from "../manifest/manifest.ts";
import type { WitFunction, WitType } from "../wit.ts";
import { describeType, makeOption } from "./shape.ts";
import { parseWave } from "./wave.ts";
import { fromJson } from "./wit_json.ts";

/**
 * One argument from a text: as WAVE, else (where a string, char or enum is wanted and no quote begins it) the text itself,
 * because shells eat quotes, else as JSON. Throws a {@linkcode Fault} `bad_request`.
 */
export function parseArgument(type: WitType, text: string, name = "value"): unknown {
  try {
    return parseWave(type, text, name);
  } catch (error) {
    if (!isFault(error)) throw error;
    const json = tryJson(text);
    const isNone = json?.value === null && type.kind === "option";
    if (!isNone && takesBareText(type) && !/^\s*["']/.test(text)) return fromJson(type, text, name);
    if (json !== undefined) return fromJson(type, json.value, name);
    throw error;
  }
}

/** The arguments of a function from one text each; options left out at the end are none. */
export function parseArguments(params: WitFunction["params"], texts: readonly string[]): unknown[] {
  const signature = params.map(([name, type]) => `${name}: ${describeType(type)}`).join(", ");
  if (texts.length > params.length) {
    throw new Fault("bad_request", `${texts.length} arguments for (${signature}); leave the rest out`);
  }
  return params.map(([name, type], index) => {
    if (index < texts.length) return parseArgument(type, texts[index], name);
    if (type.kind === "option") return makeOption(type.of, false);
    throw new Fault(
      "bad_request",
      `missing argument ${name} of (${signature}); give it a ${describeType(type)}`,
    );
  });
}

/** Arguments from JSON: an array in order, or an object by name; options left out are none. */
export function fromJsonArguments(params: WitFunction["params"], json: Json): unknown[] {
  const byName = typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  if (!byName && !Array.isArray(json)) {
    throw new Fault(
      "bad_request",
      "arguments: expected a JSON array or object; write one value per parameter",
    );
  }
  const fields = byName ??
    Object.fromEntries((json as Json[]).map((value, index) => [params[index]?.[0] ?? index, value]));
  const record = { kind: "record", name: "the parameters", fields: params } as WitType;
  const values = fromJson(record, fields, "arguments") as Record<string, unknown>;
  return Object.values(values);
}

function tryJson(text: string): { value: Json } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function takesBareText(type: WitType): boolean {
  if (type.kind === "option") return type.of.kind !== "option" && takesBareText(type.of);
  return type.kind === "string" || type.kind === "char" || type.kind === "enum";
}
