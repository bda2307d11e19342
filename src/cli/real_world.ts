// The real clock, for every process of the host.

import type { Clock } from "../model/ports.ts";

/** Longest delay a JS timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** {@linkcode Clock} of this machine. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, Math.min(ms, TIMER_MS_MAX));
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  },
};
