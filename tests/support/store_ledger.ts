// Checks what store writers left against what they were told: each acknowledged write is there, none twice, none out of
// order, and no more than the one each loop had under way beside it.

import assert from "node:assert/strict";
import type { Store } from "../../src/model/ports.ts";

export const countKey = (name: string, loop: number) => `${name}.${loop}`;
export const logKey = (name: string, loop: number, n: number) =>
  `${name}.${loop}.${String(n).padStart(9, "0")}`;

/** What all writers so far were told. */
export class Ledger {
  /** Loop -> the last write it was told of. */
  readonly #told = new Map<string, number>();
  /** Loop -> the last write that must be there. */
  readonly #owed = new Map<string, number>();

  /**
   * Takes over the lines of a writer that has ended. What it was told from `endMs` on (wall clock) may or may not be
   * there: a file system that is being shut down can tell a lie, where a power cut would tell nothing.
   */
  add(name: string, lines: readonly string[], endMs = Infinity): void {
    for (const line of lines) {
      const found = line.match(/^(\d+) (\d+) ([\d.]+)$/);
      if (!found) continue;
      const [loop, n, atMs] = found.slice(1).map(Number);
      this.#told.set(countKey(name, loop), n);
      if (atMs < endMs) this.#owed.set(countKey(name, loop), n);
    }
  }

  /** Acknowledged writes in all. */
  get size(): number {
    return this.#owed.values().reduce((sum, n) => sum + n, 0);
  }

  /** Acknowledged writes that are not there, and what was told too late to count; throws for all else that is wrong. */
  countLost(store: Store): { lost: number; late: number } {
    const found = new Map<string, number>();
    let page = store.keys("log", undefined, 10_000);
    for (; page.length > 0; page = store.keys("log", page.at(-1), 10_000)) {
      for (const key of page) {
        const loop = key.slice(0, key.lastIndexOf("."));
        const n = Number(key.slice(loop.length + 1));
        assert.equal(n, (found.get(loop) ?? 0) + 1, `${loop}: a write is missing before ${n}`);
        found.set(loop, n);
        assert.equal(store.get("log", key)![0], n % 256);
      }
    }
    let [sum, lost, late] = [0, 0, 0];
    for (const [loop, n] of found) {
      assert.equal(readNumber(store, "count", loop), n, `${loop}: the counter differs from the writes`);
      assert.ok(n <= (this.#told.get(loop) ?? 0) + 1, `${loop}: more writes than were made`);
      sum += n;
    }
    assert.equal(readNumber(store, "total", "all"), sum, "the common counter differs from all writes");
    for (const [loop, n] of this.#owed) lost += Math.max(0, n - (found.get(loop) ?? 0));
    for (const [loop, n] of this.#told) late += Math.max(0, n - (found.get(loop) ?? 0));
    return { lost, late: late - lost };
  }
}

function readNumber(store: Store, bucket: string, key: string): number {
  return Number(new TextDecoder().decode(store.get(bucket, key) ?? new Uint8Array()));
}
