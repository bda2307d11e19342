// The types of a component's imports and exports as data. Decoded from the component's own type section by
// `runtime/wit_decode.ts`; read by the glue options, the import objects, the value codecs and `component inspect`.

/** WIT's primitive value types, by their WIT names. */
export type WitPrimitive =
  | "bool"
  | "s8"
  | "u8"
  | "s16"
  | "u16"
  | "s32"
  | "u32"
  | "s64"
  | "u64"
  | "f32"
  | "f64"
  | "char"
  | "string"
  | "error-context";

/** A resource type; identity is the object itself (two resources of one name may be distinct types). */
export interface WitResource {
  kind: "resource";
  name?: string;
}

/**
 * A value type. `name` is the type's name in its interface where it has one. How values look in JS (the glue's
 * convention): records are objects with camelCase keys; variants `{tag, val?}`; an option is `undefined` or the value,
 * but an option of an option is `{tag: "none"|"some", val?}`; results inside other values are `{tag: "ok"|"err", val?}`;
 * enums are their kebab-case string; flags are objects of booleans in camelCase; u64/s64 are bigint; lists of
 * numbers are typed arrays, other lists arrays; tuples are arrays; chars are one-character strings.
 */
export type WitType =
  & { name?: string }
  & (
    | { kind: WitPrimitive }
    | { kind: "record"; fields: [name: string, type: WitType][] }
    | { kind: "variant"; cases: [name: string, type: WitType | null][] }
    | { kind: "list"; of: WitType; length?: number }
    | { kind: "tuple"; items: WitType[] }
    | { kind: "flags"; names: string[] }
    | { kind: "enum"; names: string[] }
    | { kind: "option"; of: WitType }
    | { kind: "result"; ok: WitType | null; err: WitType | null }
    | { kind: "own"; of: WitResource }
    | { kind: "borrow"; of: WitResource }
    | { kind: "stream"; of: WitType | null }
    | { kind: "future"; of: WitType | null }
  );

/** A function. Resource functions are named `[constructor]r`, `[method]r.f`, `[static]r.f` where they stand. */
export interface WitFunction {
  kind: "func";
  /** Declared async in WIT (component model 0.3); a WASI 0.2 function never is. */
  async: boolean;
  params: [name: string, type: WitType][];
  result: WitType | null;
}

/** An interface: its functions and named types by name. */
export interface WitInterface {
  kind: "instance";
  exports: Record<string, WitFunction | WitType | WitResource>;
}

/** What one component imports and exports, by full name (`wasi:http/types@0.2.3`) or bare function name. */
export interface ComponentWit {
  imports: Record<string, WitInterface | WitFunction>;
  exports: Record<string, WitInterface | WitFunction>;
}

/** `ns:pkg/iface@1.2.3` in its parts; `version` is empty where the name carries none. */
export interface InterfaceName {
  namespace: string;
  package: string;
  interface: string;
  version: string;
}

/** Reads a full interface name; undefined for a bare (world-level) name. */
export function parseInterfaceName(name: string): InterfaceName | undefined {
  const found = name.match(/^([^:/@]+):([^/@]+)\/([^@]+)(?:@(.+))?$/);
  if (!found) return undefined;
  return { namespace: found[1], package: found[2], interface: found[3], version: found[4] ?? "" };
}

/** The name links and Calls use: without version, since any 0.2.x speaks to any other. */
export function withoutVersion(name: string): string {
  const at = name.indexOf("@");
  return at < 0 ? name : name.slice(0, at);
}

/** `kebab-case` to `camelCase`, as the glue spells functions and fields. */
export function toCamelCase(name: string): string {
  return name.replace(/-([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

/** The functions of an interface, by WIT name. */
export function functionsOf(entry: WitInterface): [name: string, func: WitFunction][] {
  return Object.entries(entry.exports).filter((pair): pair is [string, WitFunction] =>
    pair[1].kind === "func"
  );
}
