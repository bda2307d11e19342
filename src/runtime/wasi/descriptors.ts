// The files and sockets one instance holds open: how many (`LIMITS.descriptorsMax`, both packages together), and that
// none outlives the instance. Whoever opens something asks here first, and says here that it is closed.

import { LIMITS } from "../../model/limits.ts";
import type { InstanceContext } from "../context.ts";

/** What one instance holds open. */
export class HeldDescriptors {
  readonly #frees = new Set<() => void>();
  #isDropped = false;

  constructor(context: InstanceContext) {
    context.onDrop(() => {
      this.#isDropped = true;
      for (const free of this.#frees) free();
      this.#frees.clear();
    });
  }

  /** Whether one more would be too many. */
  isFull(): boolean {
    return this.#frees.size >= LIMITS.descriptorsMax;
  }

  /**
   * Holds something until the returned function is called, which frees it; so does dropping the instance. What arrives
   * after that (a connection that was being made) is freed at once.
   */
  hold(free: () => void): () => void {
    if (this.#isDropped) {
      free();
      return () => {};
    }
    this.#frees.add(free);
    return () => {
      if (this.#frees.delete(free)) free();
    };
  }
}

const held = new WeakMap<InstanceContext, HeldDescriptors>();

/** The one count of `context`, shared by filesystem and sockets. */
export function heldDescriptors(context: InstanceContext): HeldDescriptors {
  let found = held.get(context);
  if (!found) held.set(context, found = new HeldDescriptors(context));
  return found;
}
