// Checks what store writers left against what they were told: each acknowledged write is there, none twice, none out of
// order, and no more than the one each loop had under way beside it.

import assert from "node:assert/strict";
import type { Store } from "../../src/model/ports.ts";

export const countKey = (name: string, loop: number) => `${name}.${loop}`;
export const logKey = (name: string, loop: number, n: number) =>
  `${name}.${loop}.${String(n).padStart(9, "0")}`;

/** What all writers so far were told. */
export class Ledger {
  /** Loop -> its last acknowledged write. */
  readonly #acknowledged = new Map<string, number>();

  /** Takes over the lines of a writer that has ended. */
  add(name: string, lines: readonly string[]): void {
    for (const line of lines) {
      const found = line.match(/^(\d+) (\d+)$/);
      if (found) this.#acknowledged.set(countKey(name, Number(found[1])), Number(found[2]));
    }
  }

  /** Acknowledged writes in all. */
  get size(): number {
    return this.#acknowledged.values().reduce((sum, n) => sum + n, 0);
  }

  /** The acknowledged writes that are not there; throws for anything else that is wrong. */
  countLost(store: Store): number {
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
    let [sum, lost] = [0, 0];
    for (const [loop, n] of found) {
      assert.equal(readNumber(store, "count", loop), n, `${loop}: the counter differs from the writes`);
      assert.ok(n <= (this.#acknowledged.get(loop) ?? 0) + 1, `${loop}: more writes than were made`);
      sum += n;
    }
    assert.equal(readNumber(store, "total", "all"), sum, "the common counter differs from all writes");
    for (const [loop, n] of this.#acknowledged) lost += Math.max(0, n - (found.get(loop) ?? 0));
    return lost;
  }
}

function readNumber(store: Store, bucket: string, key: string): number {
  return Number(new TextDecoder().decode(store.get(bucket, key) ?? new Uint8Array()));
}
