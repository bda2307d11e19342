// wasi:random: every flavour from the system's secure source; there is no cheaper one worth having.

/** Bytes `crypto.getRandomValues` gives at a time. */
const PIECE = 65_536;
/** Most bytes one call may ask for: a guest's buffer, not a way to fill the host's heap. */
const BYTES_MAX = 16 * 1024 * 1024;

function getRandomBytes(length: bigint): Uint8Array {
  if (length > BigInt(BYTES_MAX)) {
    throw new Error(`get-random-bytes asked for ${length} bytes, the limit is ${BYTES_MAX}`);
  }
  const bytes = new Uint8Array(Number(length));
  for (let i = 0; i < bytes.length; i += PIECE) crypto.getRandomValues(bytes.subarray(i, i + PIECE));
  return bytes;
}

function getRandomU64(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0];
}

/** The import objects of `wasi:random`. */
export const randomImports: Record<string, unknown> = {
  "wasi:random/random": { getRandomBytes, getRandomU64 },
  "wasi:random/insecure": { getInsecureRandomBytes: getRandomBytes, getInsecureRandomU64: getRandomU64 },
  "wasi:random/insecure-seed": { insecureSeed: () => [getRandomU64(), getRandomU64()] },
};
