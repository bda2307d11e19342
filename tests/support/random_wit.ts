// Random WIT types and values of them, for tests of the codecs: every kind but handles, with the names and numbers that
// go wrong first.

import { INTEGERS, makeInteger, makeList, makeOption } from "../../src/model/values/shape.ts";
import { toCamelCase, type WitPrimitive, type WitType } from "../../src/model/wit.ts";
import type { Seeded } from "./seeded.ts";

const PRIMITIVES: readonly WitPrimitive[] = [
  "bool",
  "s8",
  "u8",
  "s16",
  "u16",
  "s32",
  "u32",
  "s64",
  "u64",
  "f32",
  "f64",
  "char",
  "string",
];

/** Labels, among them WAVE's keywords, JavaScript's pitfalls and WIT's odder spellings. */
const LABELS =
  ("true false some none ok err inf nan a b two-words HTTP3 method-GET x1-y2 constructor to-string value-of text base64 " +
    "list string null tag val").split(" ");

const CHARACTERS = [
  "a",
  "Z",
  "0",
  " ",
  '"',
  "'",
  "\\",
  "\n",
  "\r",
  "\t",
  "\0",
  "\u007f",
  "\u2028",
  "é",
  "☃",
  "👋",
  "{",
  "/",
];

/** Some labels, each once. */
function labels(random: Seeded, count: number): string[] {
  const names = new Set<string>();
  while (names.size < count) names.add(random.pick(LABELS));
  return [...names];
}

/** A type nested at most `depth` levels. */
export function randomType(random: Seeded, depth: number): WitType {
  if (depth <= 0 || random.oneIn(4)) return { kind: random.pick(PRIMITIVES) };
  const inner = () => randomType(random, depth - 1);
  const maybe = () => random.oneIn(3) ? null : inner();
  const count = 1 + random.below(4);
  switch (random.below(9)) {
    case 0:
      return { kind: "list", of: inner() };
    case 1:
      return { kind: "list", of: inner(), length: count };
    case 2:
      return { kind: "tuple", items: random.list(count, inner) };
    case 3:
      return { kind: "record", fields: labels(random, count).map((name) => [name, inner()]) };
    case 4:
      return { kind: "variant", cases: labels(random, count).map((name) => [name, maybe()]) };
    case 5:
      return { kind: "enum", names: labels(random, count) };
    case 6:
      return { kind: "flags", names: labels(random, count) };
    case 7:
      return { kind: "result", ok: maybe(), err: maybe() };
    default:
      return { kind: "option", of: inner() };
  }
}

/** A value of a type, in the convention of `src/model/wit.ts`. */
export function randomValue(random: Seeded, type: WitType): unknown {
  switch (type.kind) {
    case "bool":
      return random.oneIn(2);
    case "char":
      return random.pick(CHARACTERS);
    case "string":
      return random.list(random.below(6), () => random.pick(CHARACTERS)).join("");
    case "f32":
      return Math.fround(randomFloat(random));
    case "f64":
      return randomFloat(random);
    case "list":
      return makeList(
        type.of,
        random.list(type.length ?? random.below(4), () => randomValue(random, type.of)),
      );
    case "tuple":
      return type.items.map((item) => randomValue(random, item));
    case "record":
      return Object.fromEntries(
        type.fields.map(([name, of]) => [toCamelCase(name), randomValue(random, of)]),
      );
    case "variant":
      return tagged(random, ...random.pick(type.cases));
    case "enum":
      return random.pick(type.names);
    case "flags":
      return Object.fromEntries(type.names.map((name) => [toCamelCase(name), random.oneIn(2)]));
    case "result":
      return random.oneIn(2) ? tagged(random, "ok", type.ok) : tagged(random, "err", type.err);
    case "option":
      return random.oneIn(2)
        ? makeOption(type.of, false)
        : makeOption(type.of, true, randomValue(random, type.of));
    default:
      return randomInteger(random, type.kind);
  }
}

function tagged(random: Seeded, tag: string, of: WitType | null): { tag: string; val?: unknown } {
  return of === null ? { tag } : { tag, val: randomValue(random, of) };
}

function randomFloat(random: Seeded): number {
  if (random.oneIn(3)) {
    return random.pick([0, -0, NaN, Infinity, -Infinity, 1e-320, 1.5, -2, 1e21, 1e300, 0.1]);
  }
  return (random.below(2 ** 32) - 2 ** 31) / 2 ** random.below(40);
}

function randomInteger(random: Seeded, kind: string): number | bigint {
  const [min, max] = INTEGERS[kind];
  if (random.oneIn(3)) return makeInteger(kind, random.pick([min, max, 0n]))!;
  const wide = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32));
  return makeInteger(kind, min + (wide % (max - min + 1n)))!;
}
