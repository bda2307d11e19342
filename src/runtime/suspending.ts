// Host functions that may wait, as a guest imports them. V8 suspends a guest at every call of a `Suspending` import,
// waiting or not, and takes 2 us and a turn of the microtask queue for it. So each such import is put behind a few lines
// of wasm: ask plainly first, and suspend only when the answer is not there yet.

import { ByteReader, concatBytes, encodeU32 } from "./byte_reader.ts";

/** What the glue's import objects hold for a host function that may wait. */
export interface SuspendingImport {
  readonly isSuspendingImport: true;
  /** Calls the host function; 0: {@linkcode take} has the result; 1: {@linkcode wait} for it. */
  attempt(...args: unknown[]): number;
  take(): unknown;
  wait(): Promise<unknown>;
}

/** A core function type: its parameters' and its result's type bytes. */
interface CoreType {
  params: number[];
  results: number[];
}

/** The wrapping of one core module: made once, instantiated with each of its instances. */
interface Wrapper {
  module: WebAssembly.Module;
  imports: [module: string, name: string][];
}

// The JSPI half of WebAssembly's JS API is newer than the type library's.
const Suspending =
  (WebAssembly as unknown as { Suspending: new (f: () => unknown) => WebAssembly.ImportValue }).Suspending;

const types = new WeakMap<WebAssembly.Module, Map<string, CoreType>>();
const wrappers = new WeakMap<WebAssembly.Module, Wrapper>();

/** Compiles a core module, and remembers the types of the functions it imports. */
export function compileCoreModule(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const module = new WebAssembly.Module(bytes);
  types.set(module, readImportTypes(bytes));
  return module;
}

function isSuspendingImport(value: unknown): value is SuspendingImport {
  return typeof value === "object" && (value as SuspendingImport | null)?.isSuspendingImport === true;
}

/** Replaces the suspending imports of `module` in `imports` (an object of ours, changed in place) by wasm functions. */
export function wireSuspending(module: WebAssembly.Module, imports: WebAssembly.Imports): void {
  const found: [string, string][] = [];
  for (const [from, values] of Object.entries(imports)) {
    for (const [name, value] of Object.entries(values)) {
      if (isSuspendingImport(value)) found.push([from, name]);
    }
  }
  if (!found.length) return;
  let wrapper = wrappers.get(module);
  if (!wrapper) {
    wrappers.set(
      module,
      wrapper = { module: makeWrapper(found.map((pair) => typeOf(module, pair))), imports: found },
    );
  }
  const host: WebAssembly.ModuleImports = {};
  wrapper.imports.forEach(([from, name], i) => {
    const { attempt, take, wait } = imports[from][name] as unknown as SuspendingImport;
    host[`a${i}`] = attempt;
    host[`t${i}`] = take;
    host[`w${i}`] = new Suspending(wait);
  });
  const { exports } = new WebAssembly.Instance(wrapper.module, { h: host });
  wrapper.imports.forEach(([from, name], i) => {
    imports[from][name] = exports[`f${i}`];
  });
}

function typeOf(module: WebAssembly.Module, [from, name]: [string, string]): CoreType {
  const type = types.get(module)?.get(`${from} ${name}`);
  if (!type) throw new Error(`the core module has no import ${from} ${name}`);
  return type;
}

function readImportTypes(bytes: Uint8Array): Map<string, CoreType> {
  const r = new ByteReader(bytes);
  const functions: CoreType[] = [];
  const found = new Map<string, CoreType>();
  r.offset = 8;
  while (r.offset < bytes.length) {
    const id = r.byte();
    const next = r.u32() + r.offset;
    if (id === 1) {
      r.times(() => {
        if (r.byte() !== 0x60) throw new Error("a core type is no function type");
        functions.push({ params: r.list(() => r.byte()), results: r.list(() => r.byte()) });
      });
    } else if (id === 2) {
      r.times(() => readImport(r, functions, found));
      return found;
    } else if (id > 2 && id < 13) return found;
    r.offset = next;
  }
  return found;
}

function readImport(r: ByteReader, functions: CoreType[], found: Map<string, CoreType>): void {
  const name = `${r.string()} ${r.string()}`;
  const kind = r.byte();
  if (kind === 0) found.set(name, functions[r.u32()]);
  else if (kind === 3) r.offset += 2;
  else {
    if (kind === 1) r.byte();
    const flags = r.byte();
    r.u32();
    if (flags & 1) r.u32();
  }
}

/**
 * For each type: (import "h" "aN" (func (param …) (result i32))) (import "h" "tN" (func (result …)))
 * (import "h" "wN" (func (result …))) (func (export "fN") (param …) (result …) (if (call aN …) (call wN) (call tN)))
 */
function makeWrapper(wanted: CoreType[]): WebAssembly.Module {
  const typeSection: ArrayLike<number>[] = [encodeU32(wanted.length * 3)];
  const imports: ArrayLike<number>[] = [encodeU32(wanted.length * 3)];
  const functions: number[] = [...encodeU32(wanted.length)];
  const exports: ArrayLike<number>[] = [encodeU32(wanted.length)];
  const code: ArrayLike<number>[] = [encodeU32(wanted.length)];
  wanted.forEach(({ params, results }, i) => {
    typeSection.push(
      [0x60, ...encodeU32(params.length), ...params, 1, 0x7f],
      [0x60, 0, ...encodeU32(results.length), ...results],
      [0x60, ...encodeU32(params.length), ...params, ...encodeU32(results.length), ...results],
    );
    const [attemptType, valueType, ownType] = [3 * i, 3 * i + 1, 3 * i + 2].map(encodeU32);
    const hostImport = (name: string, type: number[]) => [...text("h"), ...text(name), 0, ...type];
    imports.push(
      hostImport(`a${i}`, attemptType),
      hostImport(`t${i}`, valueType),
      hostImport(`w${i}`, valueType),
    );
    functions.push(...ownType);
    exports.push([...text(`f${i}`), 0, ...encodeU32(wanted.length * 3 + i)]);
    const body = [
      0, // no locals
      ...params.flatMap((_, n) => [0x20, ...encodeU32(n)]),
      ...[0x10, ...encodeU32(3 * i)], // call aN
      ...[0x04, results[0] ?? 0x40, 0x10, ...encodeU32(3 * i + 2)], // if (result …) call wN
      ...[0x05, 0x10, ...encodeU32(3 * i + 1), 0x0b, 0x0b], // else call tN, end, end
    ];
    code.push([...encodeU32(body.length), ...body]);
  });
  const section = (id: number, parts: ArrayLike<number>[]) => {
    const content = concatBytes(parts);
    return concatBytes([[id], encodeU32(content.length), content]);
  };
  return new WebAssembly.Module(concatBytes([
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, typeSection),
    section(2, imports),
    section(3, [functions]),
    section(7, exports),
    section(10, code),
  ]));
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...encodeU32(bytes.length), ...bytes];
}
