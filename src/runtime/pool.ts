// How many instances one component has in this cell, when one is reused and when dropped. Calls come in through
// `call`; what they need is decided here: an idle instance, a new one, a place in the queue, or, for a call on a
// resource, the very instance that owns it.

import { setImmediate } from "node:timers";
import type { Call } from "../model/call.ts";
import { Fault, type FaultCode, isFault } from "../model/fault.ts";
import { HTTP_INCOMING } from "../model/http.ts";
import { coarseNowMs, unwatchCall, watchCall } from "./call_watch.ts";
import { brokenResponse, Instance, type InstanceHost, NoResponse, type RunningCall } from "./instance.ts";
import type { Program } from "./program.ts";
import { isGuestHandle } from "./resources.ts";

/** What a pool needs besides what its instances need. */
export interface PoolHost extends InstanceHost {
  /** Brings the program from disk, making it again when it is not there or damaged. */
  loadProgram(): Promise<Program>;
  /** A call ended with a fault the component is to blame for. */
  onFailure(call: Call, fault: Fault): void;
}

/** Faults that tell of the component itself, `corrupt` of its bytes on the disk. */
const BLAMED = new Set<FaultCode>(["trapped", "timeout", "over_limit", "corrupt"]);

/** Counters of one component in one cell. */
export interface PoolStats {
  instances: number;
  idle: number;
  running: number;
  waiting: number;
  calls: number;
  failures: number;
  isLoaded: boolean;
}

interface Waiting {
  deadlineMs: number;
  take(instance: Instance): void;
  refuse(reason: unknown): void;
}

/** All instances of one component in one cell. */
export class Pool {
  readonly host: PoolHost;
  #program: Program | undefined;
  #loading: Promise<Program> | undefined;
  readonly #idle: Instance[] = [];
  readonly #waiting: Waiting[] = [];
  /** Instances at work, and when each is free again. */
  readonly #running = new Map<Instance, Promise<void>>();
  readonly #pinned = new Map<Instance, Promise<void>>();
  #instances = 0;
  #lastUsedMs = 0;
  #isFreshOnly: boolean;
  #isStopped = false;
  #onIdle: (() => void) | undefined;
  #calls = 0;
  #failures = 0;

  constructor(host: PoolHost) {
    this.host = host;
    this.#isFreshOnly = host.spec.limits.instancing === "fresh";
  }

  get stats(): PoolStats {
    return {
      instances: this.#instances,
      idle: this.#idle.length,
      running: this.#running.size,
      waiting: this.#waiting.length,
      calls: this.#calls,
      failures: this.#failures,
      isLoaded: this.#program !== undefined,
    };
  }

  /** Carries out one call on some instance; rejects with a fault, or with the err case of the function's result. */
  call(call: Call): unknown | Promise<unknown> {
    if (this.#isStopped) throw new Fault("unavailable", `component ${this.host.spec.id} is stopping`);
    this.#calls++;
    const { deadlineMs } = this.host.spec.limits;
    const own = deadlineMs ? coarseNowMs() + deadlineMs : Infinity;
    const untilMs = own < call.deadlineMs ? own : call.deadlineMs;
    const owner = ownerOf(call) ?? this.#ownerOfHeld(call);
    const idle = owner ? undefined : this.#idle.pop();
    const result = owner
      ? this.#callOwner(owner, call, untilMs)
      : idle
      ? this.#callOn(idle, call, untilMs)
      : this.#acquire(untilMs).then((instance) => this.#callOn(instance, call, untilMs));
    if (!(result instanceof Promise)) return result;
    return result.catch((error) => {
      if (isFault(error)) this.#failed(call, error);
      throw error;
    });
  }

  #callOn(instance: Instance, call: Call, untilMs: number): unknown | Promise<unknown> {
    const isFirst = instance.calls === 0;
    const { result } = this.#start(instance, call, untilMs);
    if (isFirst || !(result instanceof Promise) || hasBody(call)) return result;
    // Some guests answer only once per instance (JS fetch events): find out, remember, and ask a new one.
    return result.catch(async (error) => {
      if (!(error instanceof NoResponse)) throw error;
      const answer = await this.#start(await this.#acquire(untilMs, true), call, untilMs).result;
      if (!this.#isFreshOnly) {
        this.#isFreshOnly = true;
        this.host.log.info("does not answer twice per instance; from now on each call gets a new one");
      }
      return answer;
    });
  }

  /** Drops what has been idle since before `beforeMs`; with the last instance goes the program. */
  sweep(beforeMs: number): void {
    if (this.#waiting.length) this.#refuseLate();
    if (this.#lastUsedMs > beforeMs) return;
    for (const instance of this.#idle.splice(0)) this.#discard(instance);
    if (this.#instances === 0 && !this.#loading) this.#program = undefined;
  }

  /** Takes no more calls, waits for the running ones, then drops everything; at `deadline` drops them running. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#isStopped = true;
    const fault = new Fault("unavailable", `component ${this.host.spec.id} is stopping`);
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(fault);
    if (this.#running.size) {
      await Promise.race([
        deadline,
        new Promise<void>((resolve) => this.#onIdle = resolve),
      ]);
    }
    for (const instance of this.#running.keys()) instance.stop(fault);
    for (const instance of [...this.#idle.splice(0), ...this.#pinned.keys()]) this.#discard(instance);
    this.#pinned.clear();
    this.#program = undefined;
  }

  /** The program, loaded if it is not. */
  async program(): Promise<Program> {
    if (this.#program) return this.#program;
    this.#loading ??= this.host.loadProgram().finally(() => this.#loading = undefined);
    return this.#program = await this.#loading;
  }

  async #acquire(untilMs: number, isNewWanted = false): Promise<Instance> {
    const { limits, id } = this.host.spec;
    const idle = isNewWanted ? undefined : this.#idle.pop();
    if (idle) return idle;
    const program = this.#program ?? await this.program();
    if (this.#instances < limits.instancesMax) return this.#create(program);
    if (this.#waiting.length >= limits.waitingMax) {
      throw new Fault(
        "over_limit",
        `component ${id} has ${limits.instancesMax} calls running and ${limits.waitingMax} waiting (runtime.instancesMax, waitingMax)`,
      );
    }
    return new Promise<Instance>((take, refuse) => {
      this.#waiting.push({ deadlineMs: untilMs, take, refuse });
    });
  }

  #create(program: Program): Instance {
    const onLateFailure = (call: Call, reason: unknown) => this.#failedLate(call, reason);
    const instance = new Instance(program, { ...this.host, onLateFailure });
    this.#instances++;
    instance.onHandleMade = () => this.#pin(instance);
    instance.onHandleDropped = () => this.#unpin(instance);
    return instance;
  }

  #start(instance: Instance, call: Call, untilMs: number): RunningCall {
    const running = instance.run(call, untilMs);
    if (!running.settled) {
      this.#lastUsedMs = coarseNowMs();
      this.#release(instance);
      return running;
    }
    this.#running.set(instance, running.settled);
    watchCall(instance);
    void running.settled.then(() => {
      unwatchCall(instance);
      this.#running.delete(instance);
      this.#lastUsedMs = coarseNowMs();
      this.#release(instance);
      if (!this.#running.size) this.#onIdle?.();
    });
    return running;
  }

  #release(instance: Instance): void {
    const { limits } = this.host.spec;
    const isOver = instance.isBroken || this.#isStopped;
    if (this.#pinned.size && (isOver || instance.guestHandles === 0)) this.#pinned.delete(instance);
    if (isOver) this.#discard(instance);
    else if (instance.guestHandles > 0) {
      if (!this.#pinned.has(instance)) this.#pinned.set(instance, Promise.resolve());
      return;
    } else if (this.#isFreshOnly || instance.calls >= limits.callsPerInstanceMax) this.#discard(instance);
    else return this.#offer(instance);
    this.#refill();
  }

  /** Gives a usable instance to the longest waiting call, else keeps it idle. */
  #offer(instance: Instance): void {
    const now = coarseNowMs();
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (next.deadlineMs > now) return next.take(instance);
      next.refuse(this.#lateFault());
    }
    this.#idle.push(instance);
  }

  /** Calls that waited until their deadline are told so. */
  #refuseLate(): void {
    const now = coarseNowMs();
    const late = this.#waiting.filter(({ deadlineMs }) => deadlineMs <= now);
    if (!late.length) return;
    const inTime = this.#waiting.filter(({ deadlineMs }) => deadlineMs > now);
    this.#waiting.splice(0, this.#waiting.length, ...inTime);
    for (const { refuse } of late) refuse(this.#lateFault());
  }

  #lateFault(): Fault {
    return new Fault("timeout", `the call waited for an instance of ${this.host.spec.id} until its deadline`);
  }

  /** A place is free: a new instance for whoever waits, or one spare where every call needs a new one. */
  #refill(): void {
    if (this.#isStopped || !this.#program) return;
    if (!this.#waiting.length) {
      // Made once the answer is on its way.
      if (this.#isFreshOnly && !this.#idle.length) setImmediate(() => this.#makeSpare());
      return;
    }
    if (this.#instances >= this.host.spec.limits.instancesMax) return;
    try {
      this.#offer(this.#create(this.#program));
    } catch (error) {
      this.#waiting.shift()?.refuse(error);
    }
  }

  #makeSpare(): void {
    if (this.#isStopped || !this.#program || this.#idle.length) return;
    if (this.#instances >= this.host.spec.limits.instancesMax) return;
    try {
      this.#offer(this.#create(this.#program));
    } catch (error) {
      // The next call makes the same attempt, and tells its caller.
      this.host.log.debug("no spare instance could be made", { reason: (error as Error).message });
    }
  }

  #discard(instance: Instance): void {
    instance.drop();
    this.#instances--;
  }

  #failedLate(call: Call, reason: unknown): void {
    this.#failed(call, brokenResponse(reason, this.host.spec));
  }

  #failed(call: Call, fault: Fault): void {
    if (!BLAMED.has(fault.code)) return;
    this.#failures++;
    this.host.onFailure(call, fault);
  }

  // ---- resources ---------------------------------------------------------------------------------------------------

  /** Calls on resources of one instance run there, one after the other. */
  #callOwner(owner: Instance, call: Call, untilMs: number): Promise<unknown> {
    const before = this.#pinned.get(owner);
    if (owner.isBroken || !before) {
      throw new Fault("unavailable", `the instance of ${this.host.spec.id} that held this resource is gone`);
    }
    const result = before.then(() => {
      if (owner.isBroken) {
        throw new Fault(
          "unavailable",
          `the instance of ${this.host.spec.id} that held this resource is gone`,
        );
      }
      // Taken before it starts: the first thing a call does may be to give up the last handle.
      this.#running.set(owner, Promise.resolve());
      return this.#start(owner, call, untilMs);
    });
    this.#pinned.set(owner, result.then((running) => running.settled, () => {}));
    return result.then((running) => running.result);
  }

  /**
   * To its caller a linked component is one: while the caller holds resources of it, further calls go where they live,
   * so that two of them can be given to one function. Requests stay free: they may be as many as there are instances.
   */
  #ownerOfHeld(call: Call): Instance | undefined {
    if (!call.held || call.interface === HTTP_INCOMING) return undefined;
    for (const handle of call.held) {
      if (!isGuestHandle(handle)) continue;
      const owner = handle.owner as Instance;
      if (this.#pinned.has(owner) && !owner.isBroken) return owner;
    }
    return undefined;
  }

  /** The first handle goes out, with the result of the running call: its receiver may come back before that settles. */
  #pin(instance: Instance): void {
    if (!this.#pinned.has(instance)) {
      this.#pinned.set(instance, this.#running.get(instance) ?? Promise.resolve());
    }
  }

  /** The last handle into a pinned instance was dropped: it is an ordinary instance again. */
  #unpin(instance: Instance): void {
    if (instance.guestHandles > 0 || this.#running.has(instance)) return;
    if (this.#pinned.delete(instance)) this.#release(instance);
  }
}

/** The instance that owns the first handle among a call's arguments. */
function ownerOf(call: Call): Instance | undefined {
  for (const arg of call.args) {
    if (isGuestHandle(arg)) return arg.owner as Instance;
    if (Array.isArray(arg)) {
      const inner = arg.find(isGuestHandle);
      if (inner) return inner.owner as Instance;
    }
  }
  return undefined;
}

function hasBody(call: Call): boolean {
  return (call.args[0] as { body?: unknown } | undefined)?.body != null;
}
