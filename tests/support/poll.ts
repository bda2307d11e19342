// Waiting in tests: looks again until something holds or a deadline passes. Never a fixed sleep that a loaded machine
// makes too short.

/** Resolves with the first result of `look` that is neither undefined nor false; rejects naming `what` after `withinMs`. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 15_000,
): Promise<T> {
  const untilMs = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > untilMs) {
      throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
    }
    await pause(20);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
