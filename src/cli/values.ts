// The options of one command line by name, wherever they came from. Keeps where each came from, so that a message
// about a bad value names what the user has to change: the flag or the variable.

import { assert } from "../model/assert.ts";
import { Fault } from "../model/fault.ts";

/** One option as given. */
export interface GivenValue {
  /** `--http` or `HOLDFAST_HTTP`. */
  origin: string;
  /** One text, several where it repeats; flags are `true` or `false`. */
  texts: readonly string[];
}

/** Options by name. Asking for one that the verb does not declare is a bug. */
export class Values {
  readonly #declared: ReadonlySet<string>;
  readonly #given: ReadonlyMap<string, GivenValue>;

  constructor(declared: Iterable<string>, given: ReadonlyMap<string, GivenValue>) {
    this.#declared = new Set(declared);
    this.#given = given;
  }

  /** The value of an option, or undefined where it was not given. */
  text(name: string): string | undefined {
    return this.#find(name)?.texts.at(-1);
  }

  /** Every value of an option that repeats. */
  list(name: string): readonly string[] {
    return this.#find(name)?.texts ?? [];
  }

  /** Whether a flag is set. */
  flag(name: string): boolean {
    return this.text(name) === "true";
  }

  /** What a message about the option calls it: as the user wrote it, else the flag. */
  origin(name: string): string {
    return this.#find(name)?.origin ?? `--${name}`;
  }

  /** A whole number within bounds, or the default where the option was not given. */
  integer(name: string, range: { min: number; max: number; default: number }): number {
    const text = this.text(name);
    if (text === undefined) return range.default;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= range.min && value <= range.max) return value;
    throw this.refuse(name, "is not usable", `use a whole number from ${range.min} to ${range.max}`);
  }

  /** The fault for an option's value; `what` follows the value, `mend` says what to write instead. */
  refuse(name: string, what: string, mend: string): Fault {
    const text = this.text(name);
    const value = text === undefined ? "" : ` ${JSON.stringify(text)}`;
    return new Fault("bad_request", `${this.origin(name)}${value} ${what}; ${mend}`, {
      detail: { option: name },
    });
  }

  #find(name: string): GivenValue | undefined {
    assert(this.#declared.has(name), `option --${name} is asked for, but the verb does not declare it`);
    return this.#given.get(name);
  }
}
