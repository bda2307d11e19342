// wasi:clocks: wall clock, monotonic clock and time zone (always UTC: a branch's zone belongs in its config).

import type { Clock } from "../../model/ports.ts";
import { Pollable } from "./io.ts";

/** Longest delay a JS timer takes; longer ones fire at once, so they are cut into pieces of this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}

/** A pollable that is ready `ms` milliseconds from now; disposing it frees the timer. */
export function timerPollable(ms: number): Pollable {
  if (ms <= 0) return new Pollable();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const promise = new Promise<void>((resolve) => {
    const arm = (left: number) => {
      timer = setTimeout(
        () => left > TIMER_MS_MAX ? arm(left - TIMER_MS_MAX) : resolve(),
        Math.min(Math.ceil(left), TIMER_MS_MAX),
      );
    };
    arm(ms);
  });
  return new Pollable(promise, () => clearTimeout(timer));
}

function wallTime(ms: number): { seconds: bigint; nanoseconds: number } {
  const whole = Math.floor(ms / 1000);
  return { seconds: BigInt(whole), nanoseconds: Math.floor((ms - whole * 1000) * 1e6) };
}

/** The import objects of `wasi:clocks`. */
export function clockImports(clock: Clock): Record<string, unknown> {
  return {
    "wasi:clocks/monotonic-clock": {
      now: () => nanoseconds(clock.monotonicMs()),
      resolution: () => 1_000n,
      subscribeDuration: (duration: bigint) => timerPollable(Number(duration) / 1e6),
      subscribeInstant: (instant: bigint) => timerPollable(Number(instant) / 1e6 - clock.monotonicMs()),
    },
    "wasi:clocks/wall-clock": {
      now: () => wallTime(clock.nowMs()),
      resolution: () => wallTime(1),
    },
    "wasi:clocks/timezone": {
      display: () => ({ utcOffset: 0, name: "UTC", inDaylightSavingTime: false }),
      utcOffset: () => 0,
    },
  };
}
