// Component bytes on disk, one file per digest, written whole or not at all and checked when read: what does not match
// its name is set aside, never used.

import { Fault } from "../model/fault.ts";
import type { Digest } from "../model/ids.ts";
import { LIMITS } from "../model/limits.ts";
import { writeWholeFile } from "./whole_file.ts";

/** Files by SHA-256 in one folder. */
export class ArtifactStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Opens (and makes) the folder; rejects with `unavailable` when it cannot be written. */
  static async open(folder: string): Promise<ArtifactStore> {
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      throw new Fault("unavailable", `the folder ${folder} cannot be made: ${(error as Error).message}`, {
        cause: error,
      });
    }
    return new ArtifactStore(folder);
  }

  path(digest: string): string {
    return `${this.#folder}/${digest}.wasm`;
  }

  /** Keeps bytes under their digest; what is there already is not written again. */
  async put(bytes: Uint8Array<ArrayBuffer>): Promise<Digest> {
    if (bytes.length > LIMITS.artifactBytesMax) {
      throw new Fault(
        "over_limit",
        `the artifact has ${bytes.length} bytes, the limit is ${LIMITS.artifactBytesMax}`,
      );
    }
    const digest = await digestOf(bytes);
    const path = this.path(digest);
    if (await this.#isWhole(path, digest)) return digest;
    try {
      await writeWholeFile(path, bytes);
    } catch (error) {
      const reason = (error as Error).message;
      throw new Fault(
        "over_limit",
        `the artifact cannot be kept in ${this.#folder}: ${reason}; is the disk full?`,
        {
          cause: error,
        },
      );
    }
    return digest;
  }

  /** The bytes of a digest; `not_found`, or `corrupt` when they no longer match (they are set aside then). */
  async get(digest: string): Promise<Uint8Array<ArrayBuffer>> {
    const path = this.path(digest);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await Deno.readFile(path);
    } catch (error) {
      throw new Fault(
        "not_found",
        `the artifact sha256:${digest} is not on this host: ${(error as Error).message}`,
      );
    }
    if (await digestOf(bytes) === digest) return bytes;
    await Deno.rename(path, `${path}.damaged`).catch(() => {});
    throw new Fault(
      "corrupt",
      `the artifact sha256:${digest} is damaged on disk (set aside as ${path}.damaged); apply its application again`,
    );
  }

  async #isWhole(path: string, digest: string): Promise<boolean> {
    try {
      return await digestOf(await Deno.readFile(path)) === digest;
    } catch {
      return false; // not there, or not readable: written again either way
    }
  }
}

/** SHA-256 as lower-case hex. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") as Digest;
}
