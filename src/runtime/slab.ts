// Short byte arrays cut from one larger buffer. V8 takes a microsecond to make even a small ArrayBuffer, and a guest
// with a few header fields needs a dozen. The arrays are ordinary ones, but for sharing their `buffer`: whoever gets
// one must never transfer that.

const SLAB_BYTES = 16 * 1024;
/** Longer arrays have a buffer of their own: a slab lives as long as the last array cut from it. */
const SHORT_BYTES_MAX = 512;

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

/** A zeroed array of `length` bytes. */
export function allocateBytes(length: number): Uint8Array {
  if (length > SHORT_BYTES_MAX) return new Uint8Array(length);
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  const bytes = slab.subarray(used, used + length);
  used += length;
  return bytes;
}
