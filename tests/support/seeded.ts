// Random choices that a seed repeats, for tests that try many cases and print the seed of a failing one.

import { randomWords } from "./random_words.ts";

/** Choices from one seed. */
export class Seeded {
  /** A whole number from 0 to `below` - 1. */
  readonly below: (below: number) => number;

  constructor(seed: number) {
    this.below = randomWords(seed);
  }

  /** Whether something that happens once in `times` happens. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** `length` results of `make`. */
  list<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, index) => make(index));
  }
}
