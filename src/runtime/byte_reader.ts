// Reads a WebAssembly binary front to back: bytes, LEB128 numbers, names and vectors. Every read past the end is an
// error, so that a truncated file is refused and never read as zeros.

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A cursor over bytes. `offset` may be moved freely. */
export class ByteReader {
  offset = 0;

  constructor(readonly bytes: Uint8Array) {}

  peek(): number {
    if (this.offset >= this.bytes.length) throw new Error(`the file ends at byte ${this.bytes.length}`);
    return this.bytes[this.offset];
  }

  byte(): number {
    const value = this.peek();
    this.offset++;
    return value;
  }

  /** An unsigned LEB128 number of at most 32 bits (some encodings use up to 35). */
  u32(): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      result += (byte & 0x7f) * 2 ** shift;
      if (!(byte & 0x80)) return result;
    }
    throw new Error(`a number at byte ${this.offset} is too long`);
  }

  /** Skips one LEB128 number of any size. */
  skipLeb(): void {
    while (this.byte() & 0x80);
  }

  string(): string {
    const length = this.u32();
    const end = this.offset + length;
    if (end > this.bytes.length) throw new Error(`a name at byte ${this.offset} runs past the end`);
    const text = decoder.decode(this.bytes.subarray(this.offset, end));
    this.offset = end;
    return text;
  }

  /** A vector's items; the count is checked against the bytes left, so that a lying count cannot fill memory. */
  list<T>(read: () => T): T[] {
    const items: T[] = [];
    this.times(() => void items.push(read()));
    return items;
  }

  /** Reads a count, then runs `read` as many times. */
  times(read: () => void): void {
    const count = this.u32();
    if (count > this.bytes.length - this.offset) {
      throw new Error(`a list at byte ${this.offset} runs past the end`);
    }
    for (let i = 0; i < count; i++) read();
  }
}

/** An unsigned number in LEB128. */
export function encodeU32(value: number): number[] {
  const bytes: number[] = [];
  do {
    let byte = value % 128;
    value = Math.floor(value / 128);
    if (value) byte |= 0x80;
    bytes.push(byte);
  } while (value);
  return bytes;
}

/** Joins byte runs. */
export function concatBytes(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
