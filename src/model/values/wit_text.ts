// A component's imports and exports as WIT text, for `holdfast component inspect`: the world first, then every interface
// with its types and functions, under its package.

import {
  type ComponentWit,
  parseInterfaceName,
  type WitFunction,
  type WitInterface,
  type WitResource,
  type WitType,
} from "../wit.ts";

/** Words that WIT reserves; as names they are written with `%`. */
const RESERVED = new Set(
  ("as async bool borrow char constructor enum export f32 f64 flags from func future import include interface list option " +
    "own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 use variant with world " +
    "error-context").split(" "),
);

/** Nesting of types that is written out; hostile types are cut there. */
const DEPTH_MAX = 64;

type Item = WitFunction | WitType | WitResource;

/** Where each named type is defined: the first interface that has it; the others `use` it from there. */
type Homes = Map<Item, { interface: string; name: string }>;

/** The WIT of a component: `world`, then packages. For reading; imports of unnamed types are written in place. */
export function formatWit(wit: ComponentWit, world = "component"): string {
  const packages = groupByPackage(wit);
  const homes = findHomes(wit);
  const lines = [`world ${writeName(world)} {`];
  for (const [word, entries] of [["import", wit.imports], ["export", wit.exports]] as const) {
    for (const [name, entry] of Object.entries(entries)) lines.push(...writeWorldItem(word, name, entry));
  }
  lines.push("}");
  for (const [packageName, interfaces] of packages) {
    lines.push("", `package ${packageName} {`);
    for (const [name, item] of interfaces) {
      const body = writeItems(item, homes, fullName(packageName, name));
      lines.push(...indent([`interface ${writeName(name)} {`, ...indent(body), "}"]));
    }
    lines.push("}");
  }
  return `${lines.join("\n")}\n`;
}

/** One function as WIT writes it: `func(key: string) -> option<u64>`. */
export function formatFunction(func: WitFunction): string {
  const params = func.params.map(([name, type]) => `${writeName(name)}: ${writeType(type)}`).join(", ");
  const result = func.result === null ? "" : ` -> ${writeType(func.result)}`;
  return `${func.async ? "async " : ""}func(${params})${result}`;
}

function writeWorldItem(word: "import" | "export", name: string, entry: WitInterface | Item): string[] {
  if (entry.kind === "func") return [`  ${word} ${writeName(name)}: ${formatFunction(entry)};`];
  if (entry.kind !== "instance") return indent(writeItem(name, entry));
  if (parseInterfaceName(name)) return [`  ${word} ${name};`];
  return [
    `  ${word} ${writeName(name)}: interface {`,
    ...indent(indent(writeItems(entry, new Map(), ""))),
    "  }",
  ];
}

/** Interfaces by package, each once: an interface that is both imported and exported is the same in both. */
function groupByPackage(wit: ComponentWit): Map<string, Map<string, WitInterface>> {
  const packages = new Map<string, Map<string, WitInterface>>();
  for (const [name, entry] of [...Object.entries(wit.imports), ...Object.entries(wit.exports)]) {
    const parts = parseInterfaceName(name);
    if (!parts || entry.kind !== "instance") continue;
    const version = parts.version === "" ? "" : `@${parts.version}`;
    const packageName = `${parts.namespace}:${parts.package}${version}`;
    const interfaces = packages.get(packageName) ?? new Map<string, WitInterface>();
    packages.set(packageName, interfaces);
    const before = interfaces.get(parts.interface);
    // An import lists only what is used of an interface; show whichever of the two knows more.
    if (before && Object.keys(before.exports).length >= Object.keys(entry.exports).length) continue;
    interfaces.set(parts.interface, entry);
  }
  return packages;
}

/** `wasi:io@0.2.0` and `streams` -> `wasi:io/streams@0.2.0`. */
function fullName(packageName: string, name: string): string {
  const [path, version] = packageName.split("@", 2);
  return `${path}/${name}${version === undefined ? "" : `@${version}`}`;
}

function findHomes(wit: ComponentWit): Homes {
  const homes: Homes = new Map();
  for (const [full, item] of [...Object.entries(wit.imports), ...Object.entries(wit.exports)]) {
    if (item.kind !== "instance" || !parseInterfaceName(full)) continue;
    for (const [name, entry] of Object.entries(item.exports)) {
      if (entry.kind === "func" || homes.has(entry)) continue;
      homes.set(entry, { interface: full, name });
    }
  }
  return homes;
}

/** What stands within the braces of an interface. */
function writeItems(item: WitInterface, homes: Homes, here: string): string[] {
  const uses = new Map<string, string[]>();
  const lines: string[] = [];
  const entries = Object.entries(item.exports);
  for (const [name, entry] of entries) {
    if (entry.kind === "func") continue;
    const home = homes.get(entry);
    if (home && home.interface !== here) {
      const renamed = home.name === name ? writeName(name) : `${writeName(home.name)} as ${writeName(name)}`;
      uses.set(home.interface, [...uses.get(home.interface) ?? [], renamed]);
    } else if (home && home.name !== name) lines.push(`type ${writeName(name)} = ${writeName(home.name)};`);
    else if (entry.kind === "resource") lines.push(...writeResource(name, entries));
    else lines.push(...writeItem(name, entry));
  }
  for (const [name, entry] of entries) {
    if (entry.kind === "func" && !name.startsWith("[")) {
      lines.push(`${writeName(name)}: ${formatFunction(entry)};`);
    }
  }
  return [...[...uses].map(([from, names]) => `use ${from}.{${names.join(", ")}};`), ...lines];
}

/** A resource with the functions that carry its name: `[method]bucket.get`. */
function writeResource(resource: string, entries: readonly [string, Item][]): string[] {
  const members: string[] = [];
  for (const [name, entry] of entries) {
    if (entry.kind !== "func") continue;
    const found = name.match(/^\[(constructor|method|static|async method|async static)\]([^.]+)(?:\.(.*))?$/);
    if (found?.[2] !== resource) continue;
    const [, kind, , member] = found;
    if (kind === "constructor") {
      members.push(`constructor${formatFunction(entry).replace(/^func|( -> .*)$/g, "")};`);
    } else if (kind.endsWith("static")) {
      members.push(`${writeName(member)}: static ${formatFunction(entry)};`);
    } else {members.push(
        `${writeName(member)}: ${formatFunction({ ...entry, params: entry.params.slice(1) })};`,
      );}
  }
  return members.length === 0
    ? [`resource ${writeName(resource)};`]
    : [`resource ${writeName(resource)} {`, ...indent(members), "}"];
}

/** The definition of a named type. */
function writeItem(name: string, item: Item): string[] {
  const block = (word: string, lines: string[]) => [`${word} ${writeName(name)} {`, ...indent(lines), "}"];
  if ("name" in item && item.name !== undefined && item.name !== name) {
    return [`type ${writeName(name)} = ${writeName(item.name)};`];
  }
  switch (item.kind) {
    case "func":
      return [`${writeName(name)}: ${formatFunction(item)};`];
    case "resource":
      return [`resource ${writeName(name)};`];
    case "record":
      return block("record", item.fields.map(([field, type]) => `${writeName(field)}: ${writeType(type)},`));
    case "variant":
      return block(
        "variant",
        item.cases.map(([one, type]) => `${writeName(one)}${type === null ? "" : `(${writeType(type)})`},`),
      );
    case "enum":
    case "flags":
      return block(item.kind, item.names.map((one) => `${writeName(one)},`));
    default:
      return [`type ${writeName(name)} = ${writeType({ ...item, name: undefined })};`];
  }
}

/** A type where it is used: by its name where it has one. */
function writeType(type: WitType, depth = 0): string {
  if (depth > DEPTH_MAX) return "…";
  if (type.name !== undefined) return writeName(type.name);
  const inner = (of: WitType | null) => of === null ? "_" : writeType(of, depth + 1);
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
      return writeName(type.of?.name ?? "resource");
    case "borrow":
      return `borrow<${writeName(type.of?.name ?? "resource")}>`;
    case "stream":
    case "future":
      return type.of === null ? type.kind : `${type.kind}<${inner(type.of)}>`;
    case "record":
      return `record { ${type.fields.map(([field, of]) => `${writeName(field)}: ${inner(of)}`).join(", ")} }`;
    case "variant":
      return `variant { ${
        type.cases.map(([one, of]) => of === null ? one : `${one}(${inner(of)})`).join(", ")
      } }`;
    case "enum":
    case "flags":
      return `${type.kind} { ${type.names.join(", ")} }`;
    default:
      return type.kind;
  }
}

function writeName(name: string): string {
  return RESERVED.has(name) ? `%${name}` : name;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
