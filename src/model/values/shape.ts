// How WIT values look in JS, in the few places where it is not obvious: integer ranges, lists that are typed arrays,
// options of options, type names for messages. Shared by the JSON and WAVE codecs; the convention itself is that of
// `../wit.ts`.

import { Fault } from "../fault.ts";
import type { WitType } from "../wit.ts";

/** Inclusive bounds of the integer types. */
export const INTEGERS: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  u8: [0n, 0xffn],
  s8: [-0x80n, 0x7fn],
  u16: [0n, 0xffffn],
  s16: [-0x8000n, 0x7fffn],
  u32: [0n, 0xffff_ffffn],
  s32: [-0x8000_0000n, 0x7fff_ffffn],
  u64: [0n, 0xffff_ffff_ffff_ffffn],
  s64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
};

const ARRAYS: Readonly<Record<string, { from(items: Iterable<never>): ArrayLike<unknown> }>> = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
};

/** A list value of its items: a typed array where the elements are numbers, else an array. */
export function makeList(of: WitType, items: unknown[]): unknown {
  return Object.hasOwn(ARRAYS, of.kind) ? ARRAYS[of.kind].from(items as never[]) : items;
}

/** The JS value of an integer: a bigint for 64 bits, else a number. Undefined when out of range. */
export function makeInteger(kind: string, value: bigint): number | bigint | undefined {
  const [min, max] = INTEGERS[kind];
  if (value < min || value > max) return undefined;
  return kind === "u64" || kind === "s64" ? value : Number(value);
}

/** The JS value of an option; `inner` counts only where there is `some`. */
export function makeOption(of: WitType, some: boolean, inner?: unknown): unknown {
  if (of.kind === "option") return some ? { tag: "some", val: inner } : { tag: "none" };
  return some ? inner : undefined;
}

/** The reverse of {@linkcode makeOption}. */
export function readOption(of: WitType, value: unknown): { some: boolean; inner?: unknown } {
  if (of.kind !== "option") {
    return value === undefined || value === null ? { some: false } : { some: true, inner: value };
  }
  const tagged = value as { tag: string; val?: unknown } | undefined;
  return tagged?.tag === "some" ? { some: true, inner: tagged.val } : { some: false };
}

/** Whether a text is one Unicode scalar value: what a `char` holds. */
export function isChar(text: unknown): text is string {
  return typeof text === "string" && [...text].length === 1 && text.isWellFormed();
}

/** The shortest decimal that reads back as the same f32 (or f64); `nan`, `inf` and `-inf` by those names. */
export function formatFloat(kind: "f32" | "f64", value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0";
  if (kind === "f32") {
    for (let digits = 1; digits <= 9; digits++) {
      const shorter = Number(value.toPrecision(digits));
      if (Math.fround(shorter) === Math.fround(value)) return String(shorter);
    }
  }
  return String(value);
}

/** Nesting of types that messages write out. */
const DEPTH_SHOWN = 8;

/** A type as WIT writes it, by its name where it has one; deep ones are cut. */
export function describeType(type: WitType | null, depth = 0): string {
  if (type === null) return "_";
  if (type.name !== undefined) return type.name;
  if (depth > DEPTH_SHOWN) return "…";
  const inner = (of: WitType | null) => describeType(of, depth + 1);
  switch (type.kind) {
    case "list":
      return `list<${inner(type.of)}${type.length === undefined ? "" : `, ${type.length}`}>`;
    case "option":
      return `option<${inner(type.of)}>`;
    case "tuple":
      return `tuple<${type.items.map(inner).join(", ")}>`;
    case "result":
      if (type.ok === null && type.err === null) return "result";
      return type.err === null
        ? `result<${inner(type.ok)}>`
        : `result<${inner(type.ok)}, ${inner(type.err)}>`;
    case "own":
      return type.of?.name ?? "resource";
    case "borrow":
      return `borrow<${type.of?.name ?? "resource"}>`;
    case "stream":
    case "future":
      return type.of === null ? type.kind : `${type.kind}<${inner(type.of)}>`;
    default:
      return type.kind;
  }
}

/** The refusal of a type whose values live inside one instance only and have no text. */
export function refuseHandle(path: string, type: WitType): Fault {
  return new Fault(
    "bad_request",
    `${path}: ${describeType(type)} is a handle into a running component and cannot be written as text; ` +
      "call a function that takes and gives plain values",
    { detail: { path, type: describeType(type) } },
  );
}

/** A value that does not fit the type it was said to have: the guest, or who called it, broke the interface. */
export function refuseShape(path: string, type: WitType, value: unknown): Fault {
  const what = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  return new Fault("trapped", `${path}: expected ${describeType(type)}, the component gave ${what}`, {
    detail: { path, type: describeType(type) },
  });
}
