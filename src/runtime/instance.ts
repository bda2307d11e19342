// One instance of a component: its exports are called, its imports leave as Calls, under a deadline and quotas. One
// call at a time (the pool sees to that): the glue has no guard against a second. An instance that failed is dropped.

import type { Call, CallTarget } from "../model/call.ts";
import { deriveCall, WitError } from "../model/call.ts";
import type { ComponentSpec } from "../model/component.ts";
import { Fault, isFault } from "../model/fault.ts";
import { HTTP_INCOMING, type HttpRequest, type HttpResponse } from "../model/http.ts";
import type { Clock, Log } from "../model/ports.ts";
import { type CalledFunction, GuestExit } from "./context.ts";
import { eventLoopTurn } from "./fair_share.ts";
import { deadlineFault, FuelMeter } from "./fuel.ts";
import type { GlueHost } from "./glue.ts";
import { dropHandle, type ImportContext, makeImports } from "./imports.ts";
import type { FunctionPlan, Program } from "./program.ts";
import { type GuestHandle, type Handle, isGuestHandle, type ResourceMap } from "./resources.ts";
import type { SuspendingImport } from "./suspending.ts";
import type { CliOptions } from "./wasi/cli.ts";
import { type GuestAnswer, IncomingRequest, ResponseOutparam } from "./wasi/http_types.ts";
import { IoError } from "./wasi/io.ts";

/** What an instance needs of its surroundings; the same for all instances of a component. */
export interface InstanceHost {
  readonly spec: ComponentSpec;
  readonly clock: Clock;
  readonly log: Log;
  readonly switchboard: CallTarget;
  /** For a command called by hand: where its standard streams go. */
  readonly cli?: CliOptions;
  /** A call failed after its response had begun: the client sees it break off, the call's result is long given. */
  readonly onLateFailure?: (call: Call, reason: unknown) => void;
}

/** A call on its way. */
export interface RunningCall {
  /** Not a promise where the guest was done before anything had to wait. */
  result: unknown | Promise<unknown>;
  /** When the instance is free again (a streaming response goes on after its head); undefined: it is free already. */
  settled?: Promise<void>;
}

/**
 * Microtask turns that a response may take to be complete after the guest set it. Guests that write a short body and
 * finish need fewer, and their response goes out as plain bytes instead of a stream.
 */
const SETTLE_TURNS = 64;

type Exports = Record<string, Record<string, unknown>>;

/** One running copy of a program. */
export class Instance implements ImportContext, GlueHost {
  readonly spec: ComponentSpec;
  readonly clock: Clock;
  readonly log: Log;
  readonly fuel: FuelMeter;
  readonly cli: CliOptions | undefined;
  /** When the running call must have ended, on the monotonic scale: the caller's deadline or our own. */
  deadlineMs = Infinity;
  /** Calls served so far. */
  calls = 0;
  /** Handles that others hold into this instance; while there are any it must live. */
  guestHandles = 0;
  /** Not to be used again: it failed, exited or was dropped. */
  isBroken = false;
  /** Told whenever a handle into this instance goes out. */
  onHandleMade: (() => void) | undefined;
  /** Told whenever a handle into this instance is given up. */
  onHandleDropped: (() => void) | undefined;

  readonly #switchboard: CallTarget;
  readonly #program: Program;
  readonly #exports: Exports;
  readonly #held = new Set<Handle>();
  readonly #drops = new Set<() => void>();
  readonly #onLateFailure: InstanceHost["onLateFailure"];
  #flush: (() => void) | undefined;
  #isHandled = false;
  #call: Call | undefined;
  #cutWait: ((reason: unknown) => void) | undefined;
  #logBytes = 0;

  constructor(program: Program, host: InstanceHost) {
    this.spec = host.spec;
    this.clock = host.clock;
    this.log = host.log;
    this.cli = host.cli;
    this.#onLateFailure = host.onLateFailure;
    this.#switchboard = host.switchboard;
    this.#program = program;
    this.fuel = new FuelMeter(host.spec.limits, () => this.#isHandled = true);
    try {
      this.#exports = program.instantiate(
        (name) => program.modules.get(name)!,
        makeImports(program, this),
        (module, imports) => this.fuel.instantiateCore(module, imports),
        this,
      ) as Exports;
    } catch (error) {
      this.drop();
      throw guestFault(error, this.spec);
    }
  }

  // ---- calls in ----------------------------------------------------------------------------------------------------

  /** Starts one call. The caller holds the instance until `settled` resolves (it never rejects). */
  run(call: Call, deadlineMs: number): RunningCall {
    this.#call = call;
    this.deadlineMs = deadlineMs;
    this.#logBytes = 0;
    this.calls++;
    this.fuel.begin(deadlineMs);
    if (call.interface === HTTP_INCOMING) return this.#runHttp(call, call.args[0] as HttpRequest);
    const result = this.#runFunction(call).catch((error) => {
      throw this.#ended(error);
    });
    const settled = result.then(() => {}, () => {}).then(() => this.#finish());
    return { result, settled };
  }

  /** Ends the running call with `reason`, wherever it is. */
  stop(reason: unknown): void {
    this.fuel.stop(reason);
    this.#cutWait?.(reason);
  }

  /** The running call's abort signal. */
  get signal(): AbortSignal | undefined {
    return this.#call?.signal;
  }

  /** Frees all that the instance holds outside itself. Safe to call twice. */
  drop(): void {
    this.isBroken = true;
    for (const free of [...this.#drops]) free();
    this.#drops.clear();
    for (const handle of [...this.#held]) this.releaseHandle(handle, true);
  }

  #finish(): void {
    this.#flush?.();
    this.#call = undefined;
    this.#cutWait = undefined;
  }

  async #runFunction(call: Call): Promise<unknown> {
    const plan = this.#program.exported.get(call.interface);
    const func = plan?.functions.get(call.function);
    if (!plan || !func) {
      const wanted = call.interface ? `${call.interface}#${call.function}` : call.function;
      throw new Fault("not_found", `component ${this.spec.id} does not export ${wanted}`);
    }
    const exports = plan.fullName ? this.#exports[plan.fullName] : this.#exports as Record<string, unknown>;
    const { params, hasResourceParams, ok, err } = func.converters;
    const args = hasResourceParams
      ? call.args.map((arg, i) => params[i]?.(arg, this.#fromHandle) ?? arg)
      : call.args as unknown[];
    try {
      const result = await invoke(func, exports, args);
      return ok ? ok(result, this.#toHandle) : result;
    } catch (error) {
      // The glue throws the err case of a result as an Error with an own `payload`.
      if (error instanceof Error && Object.hasOwn(error, "payload") && !(error instanceof WitError)) {
        const payload = (error as Error & { payload: unknown }).payload;
        throw new WitError(err ? err(payload, this.#toHandle) : payload);
      }
      throw error;
    }
  }

  /** A handle into this instance becomes the glue's object again. */
  readonly #fromHandle: ResourceMap = (value, _resource, isOwn) => {
    if (!isGuestHandle(value)) return value;
    if (value.owner !== this) {
      throw new Fault("bad_request", `a resource given to ${this.spec.id} belongs to another instance`);
    }
    if (isOwn) this.#handleGone();
    return value.value;
  };

  /** A resource of ours that goes out becomes a handle that keeps this instance alive. */
  readonly #toHandle: ResourceMap = (value) => {
    const object = value as Partial<Disposable>;
    if (typeof object?.[Symbol.dispose] !== "function" || !isGlueObject(object)) return value;
    this.guestHandles++;
    this.onHandleMade?.();
    let isDropped = false;
    const handle: GuestHandle = {
      isGuestHandle: true,
      owner: this,
      value: object,
      drop: () => {
        if (isDropped) return;
        isDropped = true;
        if (!this.isBroken) this.fuel.quietly(() => object[Symbol.dispose]!());
        this.#handleGone();
      },
    };
    return handle;
  };

  #handleGone(): void {
    this.guestHandles--;
    this.onHandleDropped?.();
  }

  #runHttp(call: Call, request: HttpRequest): RunningCall {
    const plan = this.#program.exported.get(HTTP_INCOMING);
    if (!plan) {
      const fault = new Fault("not_found", `component ${this.spec.id} does not export ${HTTP_INCOMING}`);
      return { result: Promise.reject(fault), settled: Promise.resolve() };
    }
    let answer: GuestAnswer | undefined;
    let respond: ((answer: GuestAnswer) => void) | undefined;
    let refuse: ((reason: unknown) => void) | undefined;
    const outparam = new ResponseOutparam((given) => {
      answer = given;
      if (given.tag === "ok") given.val.prepare(this.spec.limits);
      respond?.(given);
    });
    const handler = this.#exports[plan.fullName] as {
      handle(r: IncomingRequest, o: ResponseOutparam): Promise<void>;
    };
    this.#isHandled = false;
    const handling = handler.handle(new IncomingRequest(request, this.spec.limits), outparam);
    const whole = this.#isHandled ? wholeResponse(answer) : undefined;
    if (whole) {
      this.#finish();
      return { result: whole };
    }
    const answered = answer
      ? Promise.resolve(answer)
      : new Promise<GuestAnswer>((resolve, reject) => (respond = resolve, refuse = reject));
    const settled = handling.then(() => {
      if (!answer) refuse?.(new NoResponse(this.spec.id));
    }, (error) => {
      const reason = this.#ended(error);
      if (answer?.tag === "ok") answer.val.outgoingBody?.fail(reason);
      refuse?.(reason);
    }).then(() => {
      const body = answer?.tag === "ok" ? answer.val.outgoingBody : undefined;
      // Nobody will write the rest any more; its reader must not wait for it.
      if (body && !body.isFinished) body.fail(new Error("the guest returned without finishing the body"));
      const broken = body?.isSent ? body.failure : undefined;
      if (broken !== undefined) this.#onLateFailure?.(call, broken);
      this.#finish();
    });
    return { result: answered.then((given) => toHttpResponse(given, this.spec)), settled };
  }

  /** The call failed: whatever is thrown through a guest leaves it in no state to go on. */
  #ended(error: unknown): unknown {
    if (error instanceof WitError) return error;
    if (isFault(error) && (error.code === "not_found" || error.code === "bad_request")) return error;
    this.isBroken = true;
    return guestFault(error, this.spec);
  }

  // ---- calls out ---------------------------------------------------------------------------------------------------

  callOut(target: CalledFunction, args: readonly unknown[]): unknown | Promise<unknown> {
    const origin = this.#call;
    const own = {
      source: this.spec.id,
      linkName: "default",
      interface: target.interface,
      version: target.version,
      function: target.function,
      args,
      held: this.#held.size ? this.#held : undefined,
      depth: (origin?.depth ?? 0) + 1,
    };
    return this.#switchboard.call(origin ? deriveCall(origin, own) : { ...own, deadlineMs: Infinity });
  }

  chargeLog(bytes: number): boolean {
    const before = this.#logBytes;
    this.#logBytes += bytes;
    const max = this.spec.limits.logBytesMax;
    if (this.#logBytes <= max) return true;
    if (before <= max) {
      this.log.error(`log output of one call exceeds ${max} bytes (runtime.log); the rest is dropped`);
    }
    return false;
  }

  onDrop(free: () => void): () => void {
    this.#drops.add(free);
    return () => this.#drops.delete(free);
  }

  onCallEnd(flush: () => void): void {
    this.#flush = flush;
  }

  holdHandle(handle: Handle): void {
    if (this.#held.size >= this.spec.limits.handlesMax) throw this.tooManyHandles();
    this.#held.add(handle);
  }

  releaseHandle(handle: Handle, drop: boolean): void {
    if (this.#held.delete(handle) && drop) dropHandle(handle);
  }

  // ---- what the glue asks ------------------------------------------------------------------------------------------

  quietly<T>(work: () => T): T {
    return this.fuel.quietly(work);
  }

  get handlesMax(): number {
    return this.spec.limits.handlesMax;
  }

  tooManyHandles(): Error {
    return new Fault(
      "trapped",
      `an instance holds more than ${this.handlesMax} resource handles (runtime.handles)`,
    );
  }

  suspending(hostFunction: (...args: unknown[]) => Generator<unknown, unknown, unknown>): SuspendingImport {
    let value: unknown;
    let pending: Promise<unknown>;
    return {
      isSuspendingImport: true,
      attempt: (...args) => {
        this.fuel.countHostCall();
        const work = hostFunction(...args);
        for (let step = work.next();; step = work.next(step.value)) {
          if (step.done) {
            value = step.value;
            return 0;
          }
          if (step.value instanceof Promise) {
            pending = this.#wait(work, step.value);
            return 1;
          }
        }
      },
      take: () => value,
      wait: () => pending,
    };
  }

  /** Goes on with a host function that waits, in such a way that {@linkcode stop} can end the wait. */
  async #wait(work: Generator<unknown, unknown, unknown>, first: Promise<unknown>): Promise<unknown> {
    let step: IteratorResult<unknown, unknown> = { done: false, value: first };
    while (!step.done) {
      let value: unknown;
      try {
        value = await this.#cuttable(step.value);
      } catch (error) {
        step = work.throw(error);
        continue;
      }
      step = work.next(value);
    }
    // A guest whose waits are always over at once would otherwise never let the event loop turn.
    if (this.fuel.mustGiveWay()) await eventLoopTurn();
    return step.value;
  }

  #cuttable(pending: unknown): unknown {
    if (!(pending instanceof Promise)) return pending;
    return new Promise((resolve, reject) => {
      this.#cutWait = reject;
      pending.then(resolve, reject);
    });
  }
}

/** The guest returned from `handle` without answering. */
export class NoResponse extends Fault {
  constructor(id: string) {
    super("trapped", `component ${id} returned without a response`);
  }
}

/** Objects the glue makes for exported resources carry its own symbol; host classes' objects do not. */
function isGlueObject(object: object): boolean {
  return Object.getOwnPropertySymbols(object).some((symbol) => symbol.description === "handle");
}

function invoke(func: FunctionPlan, exports: Record<string, unknown>, args: unknown[]): unknown {
  type Functions = Record<string, (...args: unknown[]) => unknown>;
  switch (func.kind) {
    case "free":
      return (exports as Functions)[func.jsName](...args);
    case "constructor":
      return (exports[func.className] as Functions).$new(...args);
    case "static":
      return (exports[func.className] as Functions)[func.jsName](...args);
    case "method": {
      const [self, ...rest] = args;
      return (self as Functions)[func.jsName](...rest);
    }
  }
}

/** The response of a guest that has returned, where nothing of it is outstanding. */
function wholeResponse(answer: GuestAnswer | undefined): HttpResponse | undefined {
  if (answer?.tag !== "ok") return undefined;
  const body = answer.val.outgoingBody;
  if (body && (!body.isFinished || body.failure !== undefined)) return undefined;
  return answer.val.toHttpResponse();
}

async function toHttpResponse(answer: GuestAnswer, spec: ComponentSpec): Promise<HttpResponse> {
  if (answer.tag === "err") {
    const code = answer.val.tag;
    const text = typeof answer.val.val === "string" ? `: ${answer.val.val}` : "";
    throw new Fault("trapped", `component ${spec.id} answered with the error ${code}${text}`);
  }
  const response = answer.val;
  const body = response.outgoingBody;
  for (let turn = 0; body && !body.isFinished && turn < SETTLE_TURNS; turn++) await undefined;
  // Nothing is sent yet: better an error that says why than a response that breaks off.
  if (body?.failure !== undefined) throw brokenResponse(body.failure, spec);
  return response.toHttpResponse();
}

/** Why a response did not come to its end, as a fault that names the component. */
export function brokenResponse(reason: unknown, { id }: Pick<ComponentSpec, "id">): Fault {
  if (isFault(reason)) return reason;
  const text = reason instanceof Error || reason instanceof IoError ? reason.message : String(reason);
  return new Fault("trapped", `the response of ${id} broke off: ${text}`);
}

/** Anything thrown through a guest, as a fault that names the component. */
export function guestFault(error: unknown, spec: Pick<ComponentSpec, "id">): Error {
  if (isFault(error) || error instanceof GuestExit) return error as Error;
  const text = error instanceof Error ? error.message : String(error);
  const isRecursion = error instanceof RangeError && text.startsWith("Maximum call stack");
  const reason = isRecursion ? "endless recursion (the stack is full)" : text;
  return new Fault("trapped", `component ${spec.id} trapped: ${reason}`, { cause: error });
}

export { deadlineFault };
