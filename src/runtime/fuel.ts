// The host's end of the fuel rewrite (`fuel_rewrite.ts`): decides, each time a guest's counter runs out, whether it
// goes on, gives way to others, or is stopped. Also counts host calls, because a loop of slow ones would otherwise
// hold the thread between two checks. One meter per instance.

import { Fault } from "../model/fault.ts";
import { nextTurn } from "./fair_share.ts";
import { FUEL_EXPORT, TICK_EXPORT } from "./fuel_rewrite.ts";
import { wireSuspending } from "./suspending.ts";

/** Function entries and loop turns between two looks at the clock: 20 to 100 us of guest code. */
const REFILL = 20_000;

/** Waits between two looks at the clock. */
const WAITS_PER_CHECK = 8;

/** Host calls between two looks at the clock; at 50 us for a slow one, 3 ms. */
const HOST_CALLS_PER_CHECK = 64;

/**
 * (import "h" "want" (func (result i32))) (import "h" "yield" (func)) (func (export "t") (if (call 0) (then (call 1))))
 * A wasm function is needed between guest and host, since only from wasm can a guest be suspended.
 */
// deno-fmt-ignore
const TICK_MODULE = new WebAssembly.Module(Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 2, 96, 0, 1, 127, 96, 0, 0, 2, 20, 2, 1, 104, 4, 119, 97, 110, 116, 0, 0, 1, 104,
  5, 121, 105, 101, 108, 100, 0, 1, 3, 2, 1, 1, 7, 5, 1, 1, 116, 0, 2, 10, 11, 1, 9, 0, 16, 0, 4, 64, 16, 1, 11, 11,
));

/**
 * (import "g" "h" (func (param i32 i32))) (import "g" "d" (func)) (func (export "h") (param i32 i32) (call 0 …) (call 1))
 * Put around a guest's request handler: a promise says only microtasks later that it returned, `d` says so at once.
 */
// deno-fmt-ignore
const HANDLED_MODULE = new WebAssembly.Module(Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 9, 2, 96, 2, 127, 127, 0, 96, 0, 0, 2, 13, 2, 1, 103, 1, 104, 0, 0, 1, 103, 1, 100, 0, 1,
  3, 2, 1, 0, 7, 5, 1, 1, 104, 0, 2, 10, 12, 1, 10, 0, 32, 0, 32, 1, 16, 0, 16, 1, 11,
));
const HTTP_HANDLER = /^wasi:http\/incoming-handler@[^#]*#handle$/;

/** The glue calls these from JS, outside any promising export; a guest must not be suspended in them. */
const CALLED_FROM_JS = /^(cabi_realloc|cabi_post|_initialize)/;

// The JSPI half of WebAssembly's JS API is newer than the type library's.
const Suspending = (WebAssembly as unknown as {
  Suspending: new (f: (...args: never[]) => unknown) => WebAssembly.ImportValue;
})
  .Suspending;

/** Limits one call runs under. */
export interface FuelLimits {
  sliceMs: number;
  hostCallsMax: number;
}

/** Meters one instance. */
export class FuelMeter {
  readonly #counters: WebAssembly.Global[] = [];
  readonly #limits: FuelLimits;
  #deadlineMs = Infinity;
  /** 0 until the clock was first looked at in this slice: short calls never look. */
  #sliceStartMs = 0;
  #waits = 0;
  #hostCalls = 0;
  #quiet = 0;
  #stopped: unknown;
  /** CPU milliseconds of finished slices. */
  cpuMs = 0;

  readonly #onHandled: () => void;

  /** `onHandled` is called the moment a guest's request handler returns. */
  constructor(limits: FuelLimits, onHandled: () => void) {
    this.#limits = limits;
    this.#onHandled = onHandled;
  }

  /** Begins a call: its own budget, and a fresh slice. */
  begin(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
    this.#sliceStartMs = 0;
    this.#hostCalls = 0;
  }

  /** Makes the guest stop at its next check with `reason`. */
  stop(reason: unknown): void {
    this.#stopped ??= reason;
    for (const counter of this.#counters) counter.value = 1;
  }

  /** Counts one host call; throws when the call's budget of them is spent. */
  countHostCall(): void {
    if (++this.#hostCalls % HOST_CALLS_PER_CHECK === 0) {
      if (this.#hostCalls > this.#limits.hostCallsMax) {
        throw new Fault(
          "trapped",
          `a call made more than ${this.#limits.hostCallsMax} host calls (runtime.hostCalls)`,
        );
      }
      for (const counter of this.#counters) counter.value = 1;
    }
  }

  /**
   * Whether a guest that has just waited must let the event loop turn before it goes on. Looked at every few waits only:
   * it is for guests whose waits are always over at once.
   */
  mustGiveWay(): boolean {
    if (++this.#waits % WAITS_PER_CHECK) return false;
    const now = performance.now();
    if (now - this.#sliceStartMs < this.#limits.sliceMs) return false;
    this.#sliceStartMs = now;
    return true;
  }

  /** Runs `work` (a call from JS into the guest) without ever suspending it. */
  quietly<T>(work: () => T): T {
    this.#quiet++;
    try {
      return work();
    } finally {
      this.#quiet--;
    }
  }

  /** `instantiateCore` for the glue: makes one core instance and wires its counter and its imports. */
  instantiateCore(
    module: WebAssembly.Module,
    imports: WebAssembly.Imports,
  ): { exports: WebAssembly.Exports } {
    const wired = this.#countImports(imports ?? {});
    wireSuspending(module, wired);
    const instance = new WebAssembly.Instance(module, wired);
    const exports: Record<string, WebAssembly.ExportValue> = { ...instance.exports };
    const counter = exports[FUEL_EXPORT] as WebAssembly.Global | undefined;
    if (counter) {
      this.#counters.push(counter);
      const tick = new WebAssembly.Instance(TICK_MODULE, {
        h: { want: () => this.#want(counter), yield: new Suspending(() => this.#giveWay()) },
      });
      (exports[TICK_EXPORT] as WebAssembly.Table).set(0, tick.exports.t as CallableFunction);
      counter.value = REFILL;
    }
    for (const name in exports) {
      const exported = exports[name];
      if (HTTP_HANDLER.test(name)) {
        const around = new WebAssembly.Instance(HANDLED_MODULE, {
          g: { h: exported as WebAssembly.ImportValue, d: this.#onHandled },
        });
        exports[name] = around.exports.h;
      }
      if (typeof exported === "function" && CALLED_FROM_JS.test(name)) {
        exports[name] = (...args: unknown[]) => this.quietly(() => exported(...args));
      }
    }
    return { exports };
  }

  /** 0: go on. 1: give way. Throws to stop the guest. */
  #want(counter: WebAssembly.Global): number {
    counter.value = REFILL;
    if (this.#stopped !== undefined) throw this.#stopped;
    const now = performance.now();
    if (now > this.#deadlineMs) throw deadlineFault();
    if (this.#sliceStartMs === 0) this.#sliceStartMs = now;
    return this.#quiet || now - this.#sliceStartMs < this.#limits.sliceMs ? 0 : 1;
  }

  async #giveWay(): Promise<void> {
    this.cpuMs += performance.now() - this.#sliceStartMs;
    await nextTurn();
    if (this.#stopped !== undefined) throw this.#stopped;
    this.#sliceStartMs = performance.now();
  }

  /** The glue's own functions are counted; other core instances' exports must stay wasm, or nothing could suspend. */
  #countImports(imports: WebAssembly.Imports): WebAssembly.Imports {
    const counted: WebAssembly.Imports = {};
    for (const [module, values] of Object.entries(imports)) {
      const into: WebAssembly.ModuleImports = counted[module] = {};
      for (const [name, value] of Object.entries(values)) {
        const isGlue = typeof value === "function" && value.name.startsWith("trampoline");
        into[name] = isGlue ? this.#counting(value as (...args: unknown[]) => unknown) : value;
      }
    }
    return counted;
  }

  /** By arity, since rest parameters would cost more than the count itself. */
  #counting(f: (...args: unknown[]) => unknown): (...args: never[]) => unknown {
    switch (f.length) {
      case 0:
        return () => (this.countHostCall(), f());
      case 1:
        return (a: unknown) => (this.countHostCall(), f(a));
      case 2:
        return (a: unknown, b: unknown) => (this.countHostCall(), f(a, b));
      case 3:
        return (a: unknown, b: unknown, c: unknown) => (this.countHostCall(), f(a, b, c));
      case 4:
        return (a: unknown, b: unknown, c: unknown, d: unknown) => (this.countHostCall(), f(a, b, c, d));
      default:
        return (...args: unknown[]) => (this.countHostCall(), f(...args));
    }
  }
}

/** Said when a call ran out of time. */
export function deadlineFault(): Fault {
  return new Fault("timeout", "the call ran out of time (runtime.deadline); the work may have happened");
}
