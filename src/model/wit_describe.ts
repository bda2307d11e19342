// Types in one line, structure only: what two ends of a link must agree on, and what a person reads in a message.

import type { WitFunction, WitType } from "./wit.ts";

/** A type's structure as text. */
export function describeType(type: WitType | null, depth = 0): string {
  if (!type) return "_";
  if (depth > 64) return "…";
  const inner = (of: WitType | null) => describeType(of, depth + 1);
  const named = (entries: [string, WitType | null][]) =>
    entries.map(([name, of]) => of ? `${name}: ${inner(of)}` : name).join(", ");
  switch (type.kind) {
    case "record":
      return `record{${named(type.fields)}}`;
    case "variant":
      return `variant{${named(type.cases)}}`;
    case "list":
      return `list<${inner(type.of)}${type.length === undefined ? "" : `, ${type.length}`}>`;
    case "tuple":
      return `tuple<${type.items.map(inner).join(", ")}>`;
    case "flags":
    case "enum":
      return `${type.kind}{${type.names.join(", ")}}`;
    case "option":
      return `option<${inner(type.of)}>`;
    case "result":
      return `result<${inner(type.ok)}, ${inner(type.err)}>`;
    case "own":
    case "borrow":
      // Each end may know the resource by another name (of the type, of its import); which it is follows from the interface.
      return type.kind;
    case "stream":
    case "future":
      return `${type.kind}<${inner(type.of)}>`;
    default:
      return type.kind;
  }
}

/** A function's signature as text. */
export function describeFunction(func: WitFunction): string {
  const params = func.params.map(([name, type]) => `${name}: ${describeType(type)}`).join(", ");
  return `func(${params})${func.result ? ` -> ${describeType(func.result)}` : ""}`;
}
