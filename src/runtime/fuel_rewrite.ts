// Rewrites a core module so that it can be stopped, time-sliced and bounded on the thread it shares with others: an
// added global counts down at function entries and loop heads, and at zero the guest calls out through an added
// one-slot table (see `fuel.ts` for the other end). Memories and tables get a maximum. Only appends to index spaces,
// so no existing index moves. Done once per artifact, when it is transpiled.

import { Fault } from "../model/fault.ts";
import { ByteReader, concatBytes, encodeU32 } from "./byte_reader.ts";

/** Export names under which `fuel.ts` finds the counter and the call-out slot. */
export const FUEL_EXPORT = "__holdfast_fuel";
export const TICK_EXPORT = "__holdfast_tick";

/**
 * What the counter starts with. Only a start function runs on it (the slot is filled right after); about 0.3 s, then
 * it traps.
 */
const START_FUEL = 0x0fff_ffff;

export interface RewriteLimits {
  /** Upper bound of each memory, in 64 KiB pages. */
  memoryPagesMax: number;
  /** Upper bound of each table, in elements. */
  tableElementsMax: number;
}

interface Section {
  id: number;
  start: number;
  end: number;
}

const ID = { custom: 0, type: 1, import: 2, table: 4, memory: 5, global: 6, export: 7, code: 10 } as const;

/** Order in which sections must stand (13 is tags, 12 the data count). */
const SECTION_ORDER = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

/** Returns the rewritten module; a module that asks for more than the limits is refused with `over_limit`. */
export function rewriteCoreModule(module: Uint8Array, limits: RewriteLimits): Uint8Array<ArrayBuffer> {
  return new Rewriter(module, limits).rewrite();
}

class Rewriter {
  readonly #r: ByteReader;
  readonly #sections: Section[] = [];
  readonly #out: ArrayLike<number>[] = [];
  #tick: Uint8Array = new Uint8Array(0);
  #isRunaway = false;

  constructor(readonly bytes: Uint8Array, readonly limits: RewriteLimits) {
    this.#r = new ByteReader(bytes);
  }

  rewrite(): Uint8Array<ArrayBuffer> {
    const r = this.#r;
    r.offset = 8;
    while (r.offset < this.bytes.length) {
      const id = r.byte();
      const length = r.u32();
      this.#sections.push({ id, start: r.offset, end: r.offset + length });
      r.offset += length;
    }
    const imported = this.#importedCounts();
    const type = this.#count(ID.type);
    const global = imported.globals + this.#count(ID.global);
    const table = imported.tables + this.#count(ID.table);
    this.#tick = tickCode({ type, global, table });

    // A module that neither loops nor calls itself cannot run away; the trampolines between core modules are such.
    const code = this.#find(ID.code);
    const newCode = code ? this.#codeSection(code) : undefined;
    const added = new Map<number, () => void>();
    if (this.#isRunaway) {
      added.set(ID.type, () => this.#append(ID.type, 1, [0x60, 0, 0]));
      added.set(ID.table, () => this.#tableSection(true));
      added.set(ID.global, () => this.#append(ID.global, 1, [0x7f, 1, 0x41, ...signedLeb(START_FUEL), 0x0b]));
      added.set(
        ID.export,
        () =>
          this.#append(ID.export, 2, [
            ...name(FUEL_EXPORT),
            3,
            ...encodeU32(global),
            ...name(TICK_EXPORT),
            1,
            ...encodeU32(table),
          ]),
      );
    }
    this.#emit(added, this.#isRunaway ? newCode : undefined);
    return concatBytes(this.#out);
  }

  #emit(added: Map<number, () => void>, newCode: Uint8Array | undefined): void {
    this.#out.push(this.bytes.subarray(0, 8));
    let position = 0;
    const addUpTo = (id: number) => {
      for (; position < SECTION_ORDER.length && SECTION_ORDER[position] !== id; position++) {
        added.get(SECTION_ORDER[position])?.();
        added.delete(SECTION_ORDER[position]);
      }
    };
    for (const section of this.#sections) {
      if (section.id === ID.custom) {
        this.#customSection(section);
        continue;
      }
      addUpTo(section.id);
      position++;
      const add = added.get(section.id);
      added.delete(section.id);
      if (add) add();
      else if (section.id === ID.memory) this.#memorySection(section);
      else if (section.id === ID.table) this.#tableSection(false);
      else if (section.id === ID.code && newCode) this.#put(ID.code, newCode);
      else this.#put(section.id, this.bytes.subarray(section.start, section.end));
    }
    addUpTo(-1);
  }

  #find(id: number): Section | undefined {
    return this.#sections.find((section) => section.id === id);
  }

  #count(id: number): number {
    const section = this.#find(id);
    if (!section) return 0;
    this.#r.offset = section.start;
    return this.#r.u32();
  }

  #put(id: number, content: Uint8Array): void {
    this.#out.push([id, ...encodeU32(content.length)], content);
  }

  /** Adds items to the end of a section, or makes the section. */
  #append(id: number, count: number, items: ArrayLike<number>): void {
    const section = this.#find(id);
    if (!section) return this.#put(id, concatBytes([encodeU32(count), items]));
    this.#r.offset = section.start;
    const before = this.#r.u32();
    const rest = this.bytes.subarray(this.#r.offset, section.end);
    this.#put(id, concatBytes([encodeU32(before + count), rest, items]));
  }

  /** Debug information is dropped: nobody reads it here, and it can be most of a file. Names stay for stack traces. */
  #customSection(section: Section): void {
    this.#r.offset = section.start;
    const title = this.#r.string();
    if (title === "name") this.#put(ID.custom, this.bytes.subarray(section.start, section.end));
  }

  #importedCounts(): { tables: number; globals: number } {
    const counts = { tables: 0, globals: 0 };
    const section = this.#find(ID.import);
    if (!section) return counts;
    const r = this.#r;
    r.offset = section.start;
    r.times(() => {
      r.string();
      r.string();
      const kind = r.byte();
      if (kind === 0) r.u32();
      else if (kind === 1) {
        counts.tables++;
        skipValueType(r);
        this.#limits();
      } else if (kind === 2) this.#limits();
      else if (kind === 3) {
        counts.globals++;
        skipValueType(r);
        r.byte();
      } else {
        r.byte();
        r.u32();
      }
    });
    return counts;
  }

  #limits(): { flags: number; min: number; max: number } {
    const flags = this.#r.byte();
    const min = this.#r.u32();
    return { flags, min, max: flags & 1 ? this.#r.u32() : Infinity };
  }

  #memorySection(section: Section): void {
    this.#r.offset = section.start;
    const parts: number[] = [];
    let count = 0;
    this.#r.times(() => {
      const { flags, min, max } = this.#limits();
      if (flags & 6) {
        throw new Fault(
          "bad_request",
          "the component uses a shared or 64-bit memory, which is not supported",
        );
      }
      this.#check("memory pages of 64 KiB", min, this.limits.memoryPagesMax, "runtime.memory");
      parts.push(1, ...encodeU32(min), ...encodeU32(Math.min(max, this.limits.memoryPagesMax)));
      count++;
    });
    this.#put(ID.memory, concatBytes([encodeU32(count), parts]));
  }

  #tableSection(addSlot: boolean): void {
    const r = this.#r;
    const parts: ArrayLike<number>[] = [];
    let count = 0;
    const section = this.#find(ID.table);
    if (section) {
      r.offset = section.start;
      r.times(() => {
        count++;
        const from = r.offset;
        if (r.peek() === 0x40) {
          throw new Fault(
            "bad_request",
            "the component has a table with an initializer, which is not supported",
          );
        }
        skipValueType(r);
        const type = this.bytes.subarray(from, r.offset);
        const { min, max } = this.#limits();
        this.#check("table elements", min, this.limits.tableElementsMax, "runtime");
        parts.push(type, [1], encodeU32(min), encodeU32(Math.min(max, this.limits.tableElementsMax)));
      });
    }
    if (addSlot) parts.push([0x70, 1, 1, 1]);
    this.#put(ID.table, concatBytes([encodeU32(count + (addSlot ? 1 : 0)), ...parts]));
  }

  #check(what: string, min: number, max: number, where: string): void {
    if (min <= max) return;
    throw new Fault(
      "over_limit",
      `the component needs ${min} ${what}, its limit is ${max}; raise it in the trait ${where}`,
    );
  }

  #codeSection(section: Section): Uint8Array {
    const r = this.#r;
    r.offset = section.start;
    const count = r.u32();
    const parts: ArrayLike<number>[] = [encodeU32(count)];
    let next = r.offset;
    for (let i = 0; i < count; i++) {
      r.offset = next;
      const length = r.u32();
      const start = r.offset;
      next = start + length;
      const body = this.#body(start, next);
      parts.push(encodeU32(body.length), body);
    }
    return concatBytes(parts);
  }

  #body(start: number, end: number): Uint8Array {
    const r = this.#r;
    r.offset = start;
    r.times(() => {
      r.u32();
      skipValueType(r);
    });
    const parts: Uint8Array[] = [];
    let from = start;
    const insert = () => {
      parts.push(this.bytes.subarray(from, r.offset), this.#tick);
      from = r.offset;
    };
    insert();
    while (r.offset < end) {
      const opcode = r.byte();
      if (opcode === 0x03) { // loop
        this.#isRunaway = true;
        r.skipLeb();
        insert();
      } else {
        if (opcode === 0x10 || opcode === 0x12) this.#isRunaway = true; // call, return_call
        skipImmediates(r, opcode);
      }
    }
    return concatBytes([...parts, this.bytes.subarray(from, end)]);
  }
}

/** `fuel -= 1; if (fuel == 0) slot()`, in WebAssembly. */
function tickCode(at: { type: number; global: number; table: number }): Uint8Array {
  const global = encodeU32(at.global);
  // deno-fmt-ignore
  return Uint8Array.from([
    0x23, ...global, 0x41, 1, 0x6b, 0x24, ...global, // global.get, i32.const 1, i32.sub, global.set
    0x23, ...global, 0x45, 0x04, 0x40, // global.get, i32.eqz, if
    0x41, 0, 0x11, ...encodeU32(at.type), ...encodeU32(at.table), 0x0b, // i32.const 0, call_indirect, end
  ]);
}

function skipValueType(r: ByteReader): void {
  const byte = r.byte();
  if (byte === 0x63 || byte === 0x64) r.skipLeb();
}

function skipMemoryArgument(r: ByteReader): void {
  if (r.u32() & 0x40) r.u32();
  r.skipLeb();
}

/** Opcodes whose only immediate is one LEB128 number. */
// deno-fmt-ignore
const ONE_LEB = new Set([
  0x02, 0x04, 0x06, // block, if, try
  0x07, 0x08, 0x09, 0x18, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
  0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2, 0xd5, 0xd6,
]);

/** Moves past the immediates of any instruction but `loop`. */
function skipImmediates(r: ByteReader, opcode: number): void {
  if (ONE_LEB.has(opcode)) return r.skipLeb();
  if (opcode >= 0x28 && opcode <= 0x3e) return skipMemoryArgument(r);
  switch (opcode) {
    case 0x0e: // br_table: the labels, then the default
      r.times(() => r.u32());
      r.u32();
      return;
    case 0x11: // call_indirect
    case 0x13:
      r.u32();
      r.u32();
      return;
    case 0x1c: // select with types
      return r.times(() => skipValueType(r));
    case 0x1f: // try_table
      r.skipLeb();
      return r.times(() => {
        if (r.byte() < 2) r.u32();
        r.u32();
      });
    case 0x43:
      r.offset += 4;
      return;
    case 0x44:
      r.offset += 8;
      return;
    case 0xfb:
      throw new Fault(
        "bad_request",
        "the component uses garbage-collected WebAssembly types, which are not supported",
      );
    case 0xfc:
      return skipBulk(r);
    case 0xfd:
      return skipVector(r);
    case 0xfe:
      if (r.u32() === 3) r.offset++;
      else skipMemoryArgument(r);
  }
}

function skipBulk(r: ByteReader): void {
  const code = r.u32();
  if (code === 8 || code === 10 || code === 12 || code === 14) {
    r.u32();
    r.u32();
  } else if (code >= 9 && code <= 17) r.u32();
}

function skipVector(r: ByteReader): void {
  const code = r.u32();
  if (code <= 11 || code === 92 || code === 93) skipMemoryArgument(r);
  else if (code === 12 || code === 13) r.offset += 16;
  else if (code >= 21 && code <= 34) r.offset++;
  else if (code >= 84 && code <= 91) {
    skipMemoryArgument(r);
    r.offset++;
  }
}

function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...encodeU32(bytes.length), ...bytes];
}

function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}
