// Bugs, as opposed to faults: a broken assertion is never caught to carry on; it ends the instance or the process.
// Asserts ship in production builds.

/** Thrown when our own code is wrong. Not a {@linkcode Fault}: no caller is expected to handle it. */
export class Bug extends Error {
  override name = "Bug";
}

/** Ends the current work with a {@linkcode Bug} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message);
}

/** Marks a branch that the types say cannot happen; `value` is what arrived all the same. */
export function unreachable(value: never, message = "unreachable"): never {
  throw new Bug(`${message}: ${JSON.stringify(value)}`);
}
