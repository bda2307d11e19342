// Component bytes -> the exact types of every import and export, by decoding the component's own type sections. Takes
// about a millisecond even for 12 MB, since code sections are skipped by length. Called when an artifact is taken in;
// the result is cached beside the glue.

import { Fault } from "../model/fault.ts";
import type {
  ComponentWit,
  WitFunction,
  WitInterface,
  WitPrimitive,
  WitResource,
  WitType,
} from "../model/wit.ts";
import { ByteReader } from "./byte_reader.ts";

type Entity = WitFunction | WitInterface | WitType | WitResource | ComponentType;

/** A component type, or a nested component that can be instantiated for its exports. */
interface ComponentType {
  kind: "component";
  exports: Record<string, Entity>;
  instantiate?: (args: Record<string, Entity>) => Scope;
}

/** An item of one of the component model's index spaces. */
interface Item {
  sort: number;
  value: Entity | undefined;
}

const SORT = { core: 0, func: 1, value: 2, type: 3, component: 4, instance: 5 } as const;

const PRIMITIVES: Record<number, WitPrimitive> = {
  0x7f: "bool",
  0x7e: "s8",
  0x7d: "u8",
  0x7c: "s16",
  0x7b: "u16",
  0x7a: "s32",
  0x79: "u32",
  0x78: "s64",
  0x77: "u64",
  0x76: "f32",
  0x75: "f64",
  0x74: "char",
  0x73: "string",
  0x64: "error-context",
};

/** Nested components deeper than this are refused: composition tools produce two or three levels. */
const NESTING_MAX = 32;
/** Nested components that one file may instantiate; without a bound, nesting multiplies them without end. */
const INSTANTIATIONS_MAX = 2_000;

/** Whether `bytes` begin like a component, a core module, or neither. */
export function sniffWasm(bytes: Uint8Array): "component" | "module" | "other" {
  const magic = bytes.length >= 8 && bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 &&
    bytes[3] === 0x6d;
  if (!magic) return "other";
  return bytes[6] === 1 ? "component" : "module";
}

/** Decodes the types of a component; anything else is refused with a `bad_request` fault that says what it is. */
export function decodeComponent(bytes: Uint8Array, what: string): ComponentWit {
  const kind = sniffWasm(bytes);
  if (kind === "module") {
    throw new Fault(
      "bad_request",
      `${what} is a core WebAssembly module, not a component; build it as a component (wasm32-wasip2, or \`wasm-tools component new\`)`,
    );
  }
  if (kind === "other") {
    throw new Fault("bad_request", `${what} is not a WebAssembly file (no \\0asm at its start)`);
  }
  try {
    const scope = new Decoder(new ByteReader(bytes)).component(0, bytes.length, undefined, undefined, 0);
    return { imports: scope.imports, exports: scope.exports } as ComponentWit;
  } catch (error) {
    const reason = (error as Error).message;
    throw new Fault("bad_request", `${what} is not a readable component, it may be cut short: ${reason}`, {
      cause: error,
    });
  }
}

/** The index spaces of one component (or of one component or instance type). */
class Scope {
  readonly types: (Entity | undefined)[] = [];
  readonly functions: (Entity | undefined)[] = [];
  readonly instances: (Entity | undefined)[] = [];
  readonly components: (Entity | undefined)[] = [];
  readonly imports: Record<string, Entity> = {};
  readonly exports: Record<string, Entity> = {};

  constructor(readonly outer?: Scope) {}

  space(sort: number): (Entity | undefined)[] | undefined {
    if (sort === SORT.func) return this.functions;
    if (sort === SORT.type) return this.types;
    if (sort === SORT.component) return this.components;
    if (sort === SORT.instance) return this.instances;
    return undefined;
  }

  add(item: Item): Entity | undefined {
    this.space(item.sort)?.push(item.value);
    return item.value;
  }
}

class Decoder {
  #instantiations = 0;

  constructor(readonly r: ByteReader) {}

  /** Reads the component between two offsets; `args` are the instances a nested one is instantiated with. */
  component(
    start: number,
    end: number,
    outer: Scope | undefined,
    args: Record<string, Entity> | undefined,
    depth: number,
  ): Scope {
    if (depth > NESTING_MAX) throw new Error(`components nested deeper than ${NESTING_MAX}`);
    const scope = new Scope(outer);
    this.r.offset = start + 8;
    while (this.r.offset < end) {
      const id = this.r.byte();
      const length = this.r.u32();
      const next = this.r.offset + length;
      if (next > end) throw new Error(`section ${id} runs past the end`);
      this.section(id, scope, { start: this.r.offset, end: next, args, depth });
      this.r.offset = next;
    }
    return scope;
  }

  private section(
    id: number,
    scope: Scope,
    at: { start: number; end: number; args: Record<string, Entity> | undefined; depth: number },
  ): void {
    switch (id) {
      case 4: { // nested component: decoded again for each instantiation, with its arguments
        const { start, end, depth } = at;
        const instantiate = (args: Record<string, Entity>) => {
          if (++this.#instantiations > INSTANTIATIONS_MAX) {
            throw new Error(`more than ${INSTANTIATIONS_MAX} nested instances`);
          }
          const back = this.r.offset;
          const inner = this.component(start, end, scope, args, depth + 1);
          this.r.offset = back;
          return inner;
        };
        scope.components.push({ kind: "component", exports: {}, instantiate });
        return;
      }
      case 5:
        return this.r.times(() => this.instance(scope));
      case 6:
        return this.r.times(() => this.alias(scope));
      case 7:
        return this.r.times(() => void scope.types.push(this.defType(scope)));
      case 8:
        return this.canonicals(scope);
      case 10:
        return this.r.times(() => this.importDecl(scope, at.args));
      case 11:
        return this.r.times(() => this.exportDecl(scope));
    }
  }

  private importDecl(scope: Scope, args: Record<string, Entity> | undefined): void {
    const name = this.externName();
    const item = this.externDesc(scope);
    if (args && Object.hasOwn(args, name)) item.value = args[name];
    const added = scope.add(this.named(item, name));
    if (added) scope.imports[name] = added;
  }

  private exportDecl(scope: Scope): void {
    const name = this.externName();
    const { sort, index } = this.sortIndex();
    let value = scope.space(sort)?.[index];
    if (this.r.byte()) { // an ascribed type: more precise for functions, needed where an instance is opaque
      const ascribed = this.externDesc(scope).value;
      const opaque = sort === SORT.instance && !Object.keys((value as WitInterface)?.exports ?? {}).length;
      if (sort === SORT.func || !value || opaque) value = ascribed ?? value;
    }
    const added = scope.add(this.named({ sort, value }, name));
    if (added) scope.exports[name] = added;
  }

  private instance(scope: Scope): void {
    const exports: Record<string, Entity> = {};
    if (this.r.byte() === 0) {
      const component = scope.components[this.r.u32()] as ComponentType | undefined;
      const args: Record<string, Entity> = {};
      this.r.times(() => {
        const name = this.r.string();
        const { sort, index } = this.sortIndex();
        const value = scope.space(sort)?.[index];
        if (value) args[name] = value;
      });
      const made = component?.instantiate?.(args).exports ?? component?.exports ?? {};
      scope.instances.push({ kind: "instance", exports: made } as WitInterface);
      return;
    }
    this.r.times(() => {
      const name = this.externName();
      const { sort, index } = this.sortIndex();
      const value = scope.space(sort)?.[index];
      if (value) exports[name] = value;
    });
    scope.instances.push({ kind: "instance", exports } as WitInterface);
  }

  private canonicals(scope: Scope): void {
    const count = this.r.u32();
    for (let i = 0; i < count; i++) {
      // Only lifts define component functions; tools put them in sections of their own, so others end the reading.
      if (this.r.byte() !== 0) return;
      this.r.byte();
      this.r.u32();
      this.r.times(() => {
        const option = this.r.byte();
        if ((option >= 3 && option <= 5) || option === 7) this.r.u32();
      });
      scope.functions.push(scope.types[this.r.u32()]);
    }
  }

  private alias(scope: Scope): void {
    const sort = this.r.byte();
    if (sort === SORT.core) this.r.byte();
    const target = this.r.byte();
    if (target === 0) {
      const instance = scope.instances[this.r.u32()] as WitInterface | undefined;
      const name = this.r.string();
      if (sort !== SORT.core) scope.add({ sort, value: instance?.exports?.[name] as Entity });
    } else if (target === 1) {
      this.r.u32();
      this.r.string();
    } else {
      let count = this.r.u32();
      const index = this.r.u32();
      let from: Scope | undefined = scope;
      while (count-- > 0) from = from?.outer;
      if (sort !== SORT.core) scope.add({ sort, value: from?.space(sort)?.[index] });
    }
  }

  private defType(scope: Scope): Entity {
    const opcode = this.r.byte();
    if (PRIMITIVES[opcode]) return { kind: PRIMITIVES[opcode] } as WitType;
    switch (opcode) {
      case 0x40:
      case 0x43:
        return this.func(scope, opcode === 0x43);
      case 0x3f:
        this.r.byte();
        if (this.r.byte()) this.r.u32();
        return { kind: "resource" };
      case 0x42: {
        const inner = new Scope(scope);
        this.r.times(() => this.declaration(inner, this.r.byte()));
        return { kind: "instance", exports: inner.exports } as WitInterface;
      }
      case 0x41: {
        const inner = new Scope(scope);
        this.r.times(() => {
          const tag = this.r.byte();
          if (tag === 3) this.importDecl(inner, undefined);
          else this.declaration(inner, tag);
        });
        return { kind: "component", exports: inner.exports };
      }
    }
    return this.valueDef(opcode, scope);
  }

  private valueDef(opcode: number, scope: Scope): WitType {
    switch (opcode) {
      case 0x72:
        return { kind: "record", fields: this.r.list(() => [this.r.string(), this.value(scope)]) };
      case 0x71:
        return {
          kind: "variant",
          cases: this.r.list(() => {
            const entry: [string, WitType | null] = [this.r.string(), this.optional(scope)];
            this.r.byte(); // refines: reserved
            return entry;
          }),
        };
      case 0x70:
        return { kind: "list", of: this.value(scope) };
      case 0x67:
        return { kind: "list", of: this.value(scope), length: this.r.u32() };
      case 0x6f:
        return { kind: "tuple", items: this.r.list(() => this.value(scope)) };
      case 0x6e:
        return { kind: "flags", names: this.r.list(() => this.r.string()) };
      case 0x6d:
        return { kind: "enum", names: this.r.list(() => this.r.string()) };
      case 0x6b:
        return { kind: "option", of: this.value(scope) };
      case 0x6a:
        return { kind: "result", ok: this.optional(scope), err: this.optional(scope) };
      case 0x69:
        return { kind: "own", of: scope.types[this.r.u32()] as WitResource };
      case 0x68:
        return { kind: "borrow", of: scope.types[this.r.u32()] as WitResource };
      case 0x66:
        return { kind: "stream", of: this.optional(scope) };
      case 0x65:
        return { kind: "future", of: this.optional(scope) };
    }
    throw new Error(`unknown type opcode 0x${opcode.toString(16)} at byte ${this.r.offset - 1}`);
  }

  private func(scope: Scope, async: boolean): WitFunction {
    const params = this.r.list((): [string, WitType] => [this.r.string(), this.value(scope)]);
    if (this.r.byte() === 0) return { kind: "func", async, params, result: this.value(scope) };
    this.r.u32(); // an empty list of named results
    return { kind: "func", async, params, result: null };
  }

  private value(scope: Scope): WitType {
    const primitive = PRIMITIVES[this.r.peek()];
    if (primitive) {
      this.r.byte();
      return { kind: primitive };
    }
    const type = scope.types[this.r.u32()];
    if (!type) throw new Error(`a type refers to one that is not there (byte ${this.r.offset})`);
    return type as WitType;
  }

  private optional(scope: Scope): WitType | null {
    return this.r.byte() ? this.value(scope) : null;
  }

  private declaration(scope: Scope, tag: number): void {
    if (tag === 1) scope.types.push(this.defType(scope));
    else if (tag === 2) this.alias(scope);
    else if (tag === 4) {
      const name = this.externName();
      const added = scope.add(this.named(this.externDesc(scope), name));
      if (added) scope.exports[name] = added;
    } else throw new Error(`unknown declaration ${tag} at byte ${this.r.offset - 1}`);
  }

  private externDesc(scope: Scope): Item {
    const sort = this.r.byte();
    if (sort === SORT.core) {
      this.r.byte();
      this.r.u32();
      return { sort, value: undefined };
    }
    if (sort === SORT.value) {
      if (this.r.byte()) this.value(scope);
      else this.r.u32();
      return { sort, value: undefined };
    }
    if (sort === SORT.type) {
      if (this.r.byte() === 0) return { sort, value: scope.types[this.r.u32()] };
      return { sort, value: { kind: "resource" } };
    }
    return { sort, value: scope.types[this.r.u32()] };
  }

  /** Gives a type the name it is first exported or imported by. Resources keep identity; other types are copied. */
  private named(item: Item, name: string): Item {
    const value = item.value as (WitType | WitResource) & { name?: string } | undefined;
    if (item.sort !== SORT.type || !value || value.name) return item;
    if (value.kind === "resource") {
      value.name = name;
      return item;
    }
    return { sort: item.sort, value: { ...value, name } as WitType };
  }

  private externName(): string {
    const tag = this.r.byte();
    const name = this.r.string();
    if (tag === 2) {
      this.r.times(() => {
        this.r.byte();
        this.r.string();
      });
    }
    return name;
  }

  private sortIndex(): { sort: number; index: number } {
    const sort = this.r.byte();
    if (sort === SORT.core) this.r.byte();
    return { sort, index: this.r.u32() };
  }
}
