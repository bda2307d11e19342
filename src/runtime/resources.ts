// Resources that cross from one owner to another: handles, and the walk over values that finds them. What a component
// imports becomes, in its glue, an object of a class of ours that holds a handle; what it exports is reached through
// a handle that knows the instance it lives in.

import type { WitResource, WitType } from "../model/wit.ts";
import { toCamelCase } from "../model/wit.ts";

/** A resource as Calls carry it: a provider's own object, or a {@linkcode GuestHandle}. */
export type Handle = object;

/** A handle to a resource inside a component instance. */
export interface GuestHandle {
  readonly isGuestHandle: true;
  /** The instance that owns it: calls on the handle go there and nowhere else. */
  readonly owner: unknown;
  /** The glue's object. */
  readonly value: object;
  /** Gives it up; runs the guest's destructor. Safe to call twice. */
  drop(): void;
}

/** Whether `value` is a handle into another instance. */
export function isGuestHandle(value: unknown): value is GuestHandle {
  return typeof value === "object" && value !== null && (value as GuestHandle).isGuestHandle === true;
}

/** Replaces each resource in a value. `isOwn` tells a transfer from a loan. */
export type ResourceMap = (value: unknown, resource: WitResource, isOwn: boolean) => unknown;

/** Rebuilds a value with its resources replaced by `map`; undefined where the type holds none: use the value as is. */
export type Converter = (value: unknown, map: ResourceMap) => unknown;

/** Types nested deeper are refused: WIT text cannot express them, only a hostile binary can. */
const DEPTH_MAX = 64;

/** Builds the walk for one type; undefined when nothing in it is a resource. */
export function compileConverter(type: WitType, depth = 0): Converter | undefined {
  if (depth > DEPTH_MAX) throw new Error(`a type is nested deeper than ${DEPTH_MAX}`);
  const inner = (of: WitType | null) => of ? compileConverter(of, depth + 1) : undefined;
  switch (type.kind) {
    case "own":
    case "borrow": {
      const isOwn = type.kind === "own";
      return (value, map) => map(value, type.of, isOwn);
    }
    case "list": {
      const of = inner(type.of);
      return of && ((value, map) => Array.from(value as unknown[], (item) => of(item, map)));
    }
    case "tuple": {
      const items = type.items.map(inner);
      if (!items.some(Boolean)) return undefined;
      return (value, map) => (value as unknown[]).map((item, i) => items[i]?.(item, map) ?? item);
    }
    case "record": {
      const fields = type.fields.map(([name, of]) => [toCamelCase(name), inner(of)] as const).filter((
        [, of],
      ) => of);
      if (!fields.length) return undefined;
      return (value, map) => {
        const copy = { ...value as Record<string, unknown> };
        for (const [name, of] of fields) copy[name] = of!(copy[name], map);
        return copy;
      };
    }
    case "option": {
      const of = inner(type.of);
      if (!of) return undefined;
      // An option of an option is a tagged value, any other the value itself or undefined.
      if (type.of.kind !== "option") {
        return (value, map) => value === undefined || value === null ? value : of(value, map);
      }
      return (value, map) => {
        const tagged = value as { tag: string; val?: unknown };
        return tagged.tag === "some" ? { tag: "some", val: of(tagged.val, map) } : tagged;
      };
    }
    case "variant":
      return caseConverter(new Map(type.cases.map(([name, of]) => [name, inner(of)])));
    case "result":
      return caseConverter(new Map([["ok", inner(type.ok)], ["err", inner(type.err)]]));
    default:
      return undefined;
  }
}

function caseConverter(cases: Map<string, Converter | undefined>): Converter | undefined {
  if (![...cases.values()].some(Boolean)) return undefined;
  return (value, map) => {
    const tagged = value as { tag: string; val?: unknown };
    const of = cases.get(tagged.tag);
    return of ? { tag: tagged.tag, val: of(tagged.val, map) } : tagged;
  };
}

/** Converters of one function's parameters and of its result (a top-level result's two cases apart, as the glue has them). */
export interface FunctionConverters {
  params: (Converter | undefined)[];
  hasResourceParams: boolean;
  ok: Converter | undefined;
  err: Converter | undefined;
}

export function compileFunction(
  func: { params: [string, WitType][]; result: WitType | null },
): FunctionConverters {
  const params = func.params.map(([, type]) => compileConverter(type));
  const result = func.result;
  const ok = result?.kind === "result" ? result.ok : result;
  const err = result?.kind === "result" ? result.err : null;
  return {
    params,
    hasResourceParams: params.some(Boolean),
    ok: ok ? compileConverter(ok) : undefined,
    err: err ? compileConverter(err) : undefined,
  };
}
