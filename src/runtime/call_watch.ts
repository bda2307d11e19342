// One timer for all running calls of a cell: ends those past their deadline and those whose caller went away. A timer
// per call would cost more than most calls.

import type { Instance } from "./instance.ts";
import { Fault } from "../model/fault.ts";
import { deadlineFault } from "./fuel.ts";

/** How often running calls are looked at; a deadline is kept to this many milliseconds. */
const TICK_MS = 20;

/** Ticks before a caller's signal is looked at: most calls end sooner, and making a signal is not free. */
const TICKS_BEFORE_SIGNAL = 3;

const watched = new Map<Instance, number>();
let timer: ReturnType<typeof setInterval> | undefined;

function look(): void {
  const now = performance.now();
  for (const [instance, ticks] of watched) {
    watched.set(instance, ticks + 1);
    if (now > instance.deadlineMs) instance.stop(deadlineFault());
    else if (ticks >= TICKS_BEFORE_SIGNAL && instance.signal?.aborted) {
      instance.stop(new Fault("unavailable", "the caller went away"));
    }
  }
  if (!watched.size) {
    clearInterval(timer);
    timer = undefined;
  }
}

/** Watches the running call of `instance` until the returned function is called. */
export function watchCall(instance: Instance): () => void {
  watched.set(instance, 0);
  timer ??= setInterval(look, TICK_MS);
  return () => watched.delete(instance);
}
