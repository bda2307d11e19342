// One timer for all running calls of a cell: ends those past their deadline and those whose caller went away. A timer
// per call would cost more than most calls; so would asking the system for the time, which is why the time is kept here.

import { Fault } from "../model/fault.ts";
import { deadlineFault } from "./fuel.ts";
import type { Instance } from "./instance.ts";

/** How often running calls are looked at; deadlines are kept to this many milliseconds. */
const TICK_MS = 20;

/** Ticks before a caller's signal is looked at: most calls end sooner, and making a signal is not free. */
const TICKS_BEFORE_SIGNAL = 3;

/** Ticks without any call before the timer rests: steady traffic has gaps. */
const IDLE_TICKS_MAX = 50;

const watched = new Map<Instance, number>();
let timer: ReturnType<typeof setInterval> | undefined;
let nowMs = 0;
let idleTicks = 0;

function look(): void {
  nowMs = performance.now();
  idleTicks = watched.size ? 0 : idleTicks + 1;
  for (const [instance, ticks] of watched) {
    watched.set(instance, ticks + 1);
    if (nowMs > instance.deadlineMs) instance.stop(deadlineFault());
    else if (ticks >= TICKS_BEFORE_SIGNAL && instance.signal?.aborted) {
      instance.stop(new Fault("unavailable", "the caller went away"));
    }
  }
  if (idleTicks > IDLE_TICKS_MAX) {
    clearInterval(timer);
    timer = undefined;
  }
}

/** The monotonic time, at most one tick old. */
export function coarseNowMs(): number {
  return timer === undefined ? performance.now() : nowMs;
}

/** Watches the running call of `instance` until {@linkcode unwatchCall}. */
export function watchCall(instance: Instance): void {
  watched.set(instance, 0);
  if (timer !== undefined) return;
  nowMs = performance.now();
  idleTicks = 0;
  timer = setInterval(look, TICK_MS);
}

export function unwatchCall(instance: Instance): void {
  watched.delete(instance);
}
