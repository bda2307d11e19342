// One timer for all request bodies being read ahead of their calls: a client that stops sending is told so and let go.
// A timer for each would cost more than most bodies.

import { Fault } from "../../src/model/fault.ts";
import { LIMITS } from "../../src/model/limits.ts";

/** How often waiting reads are looked at. */
const TICK_MS = 1_000;

interface Waiting {
  untilMs: number;
  giveUp: (reason: Fault) => void;
}

const waiting = new Set<Waiting>();
let timer: ReturnType<typeof setInterval> | undefined;

function look(): void {
  const now = performance.now();
  for (const one of waiting) {
    if (now < one.untilMs) continue;
    waiting.delete(one);
    one.giveUp(
      new Fault("timeout", `the client took more than ${LIMITS.httpSmallBodyMs / 1_000} s to send the body`),
    );
  }
  rest();
}

/** Nobody waits: no timer either. */
function rest(): void {
  if (waiting.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}

/** What `reading` resolves with; rejects with `timeout` when that takes too long. */
export function boundRead<T>(reading: Promise<T>, withinMs: number = LIMITS.httpSmallBodyMs): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const one: Waiting = { untilMs: performance.now() + withinMs, giveUp: reject };
    waiting.add(one);
    timer ??= setInterval(look, TICK_MS);
    reading.then(resolve, reject).finally(() => {
      waiting.delete(one);
      rest();
    });
  });
}
