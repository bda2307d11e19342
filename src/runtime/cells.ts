// The cells as the supervisor sees them: started, watched, killed when silent, replaced when lost. What a loss means for
// the component that caused it is decided elsewhere (`host/blame.ts`); here are processes and pipes.

import type {
  CallByHand,
  CallOutcome,
  CellSettings,
  ComponentCounters,
  FromCell,
  ToCell,
} from "../model/cell_protocol.ts";
import type { Assignment } from "../model/cell_protocol.ts";
import { Fault, type FaultData, fromFaultData } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import { MessageWriter, readMessages } from "./json_lines.ts";
import { selfCommand } from "./self_command.ts";

/** How a cell ended without being asked to. */
export interface CellLoss {
  pid: number;
  reason: string;
  /** Whether it ended by its own doing (a crash, silence), and not by a signal from outside. */
  isOwnDoing: boolean;
  /** Components whose calls were running when it last spoke. */
  running: string[];
}

export interface CellEvents {
  onMessage(cell: Cell, message: FromCell): void;
  onLost(cell: Cell, loss: CellLoss): void;
  onStarted(cell: Cell): void;
}

export type CellState = "starting" | "ready" | "draining" | "lost";

/** What the end of the child's error output may have to say; the V8 fatal error report is about 2 KB. */
const STDERR_KEPT = 4096;

/** One cell process and its successors. */
export class Cell {
  readonly settings: CellSettings;
  state: CellState = "starting";
  pid = 0;
  restarts = 0;
  memoryBytes = 0;
  counters: Record<string, ComponentCounters> = {};
  running: string[] = [];

  readonly #events: CellEvents;
  #child: Deno.ChildProcess | undefined;
  #writer: MessageWriter<ToCell> | undefined;
  #assignment: Assignment | undefined;
  #assigned: { revision: number; resolve(problems: Record<string, FaultData>): void }[] = [];
  readonly #replies = new Map<number, { resolve(outcome: CallOutcome): void; reject(fault: Fault): void }>();
  #nextId = 1;
  #lastHeardMs = 0;
  #killedFor: string | undefined;
  #ended: Promise<void> = Promise.resolve();
  #watch: ReturnType<typeof setInterval> | undefined;
  #losses: number[] = [];

  constructor(settings: CellSettings, events: CellEvents) {
    this.settings = settings;
    this.#events = events;
  }

  start(): void {
    const { program, args } = selfCommand(["cell", String(this.settings.cell)]);
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#child = child;
    this.pid = child.pid;
    this.state = "starting";
    this.#killedFor = undefined;
    this.#lastHeardMs = performance.now();
    this.#writer = new MessageWriter<ToCell>(child.stdin);
    this.#writer.send({ type: "settings", settings: this.settings });
    if (this.#assignment) this.#writer.send({ type: "assign", assignment: this.#assignment });
    const stderr = readTail(child.stderr);
    const listening = this.#listen(child.stdout);
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.#checkSilence(), LIMITS.cellPulseMs);
    this.#ended = child.status.then(async (status) => {
      await listening;
      await this.#onExit(status, await stderr);
    });
    this.#events.onStarted(this);
  }

  /** Sends an assignment; resolves with what the cell refused. A lost cell's successor gets it too. */
  assign(assignment: Assignment): Promise<Record<string, FaultData>> {
    this.#assignment = assignment;
    this.#writer?.send({ type: "assign", assignment });
    return new Promise((resolve) => this.#assigned.push({ revision: assignment.revision, resolve }));
  }

  call(call: CallByHand): Promise<CallOutcome> {
    return this.#ask((id) => ({ type: "call", id, call }));
  }

  run(component: string): Promise<CallOutcome> {
    return this.#ask((id) => ({ type: "run", id, component }));
  }

  /** Lets running work end within `withinMs`, then makes sure that the process is gone. */
  async stop(withinMs: number): Promise<void> {
    const isGone = this.state === "lost";
    this.state = "draining"; // from now on an end is what was asked for, and nothing starts again
    if (isGone) return clearInterval(this.#watch);
    this.#writer?.send({ type: "drain", withinMs });
    const timer = setTimeout(() => this.kill("did not stop in time"), withinMs + 1_000);
    await this.#ended;
    clearTimeout(timer);
    clearInterval(this.#watch);
  }

  kill(reason: string): void {
    this.#killedFor ??= reason;
    try {
      this.#child?.kill("SIGKILL");
    } catch { /* it ended by itself in the meantime */ }
  }

  #ask(message: (id: number) => ToCell): Promise<CallOutcome> {
    const id = this.#nextId++;
    if (this.state === "lost") {
      throw new Fault("unavailable", `cell ${this.settings.cell} is being replaced; try again`);
    }
    return new Promise((resolve, reject) => {
      this.#replies.set(id, { resolve, reject });
      this.#writer?.send(message(id));
    });
  }

  async #listen(stdout: ReadableStream<Uint8Array>): Promise<void> {
    try {
      for await (const message of readMessages<FromCell>(stdout)) {
        this.#lastHeardMs = performance.now();
        this.#take(message);
        this.#events.onMessage(this, message);
      }
    } catch (error) {
      this.kill(`spoke nonsense: ${(error as Error).message}`);
    }
  }

  #take(message: FromCell): void {
    if (message.type === "ready" && this.state === "starting") this.state = "ready";
    else if (message.type === "assigned") {
      // An older revision's waiter is answered by the newer one: the cell holds what was asked last.
      const done = this.#assigned.filter(({ revision }) => revision <= message.revision);
      this.#assigned = this.#assigned.filter(({ revision }) => revision > message.revision);
      for (const { resolve } of done) resolve(message.problems);
    } else if (message.type === "pulse") {
      this.memoryBytes = message.memoryBytes;
      this.counters = message.counters;
      this.running = message.running;
    } else if (message.type === "reply") {
      const waiting = this.#replies.get(message.id);
      this.#replies.delete(message.id);
      if (message.fault) waiting?.reject(fromFaultData(message.fault));
      else if (message.outcome) waiting?.resolve(message.outcome);
    }
  }

  #checkSilence(): void {
    const silentMs = performance.now() - this.#lastHeardMs;
    if (silentMs > LIMITS.cellSilenceMs) this.kill(`was silent for ${Math.round(silentMs)} ms`);
  }

  #onExit(status: Deno.CommandStatus, stderr: string): void {
    for (const { reject } of this.#replies.values()) {
      reject(new Fault("unavailable", `the cell was lost while the call ran; the work may have happened`));
    }
    this.#replies.clear();
    if (this.state === "draining") return;
    this.state = "lost";
    const isOutOfMemory = stderr.includes("JavaScript heap out of memory") ||
      stderr.includes("Fatal process out of memory");
    const reason = this.#killedFor ?? (isOutOfMemory ? "ran out of memory" : describe(status, stderr));
    const isOwnDoing = this.#killedFor !== undefined ||
      (status.signal !== "SIGKILL" && status.signal !== "SIGTERM");
    const loss = { pid: this.pid, reason, isOwnDoing, running: this.running };
    this.restarts++;
    this.running = [];
    this.counters = {};
    this.memoryBytes = 0;
    const delays = LIMITS.cellRestartMs;
    const now = performance.now();
    // Ten quiet seconds forgive: the next loss is replaced at once again.
    this.#losses = [...this.#losses.filter((at) => now - at < 10_000), now];
    const delayMs = delays[Math.min(this.#losses.length - 1, delays.length - 1)];
    this.#events.onLost(this, loss);
    if (delayMs === 0) this.start();
    else setTimeout(() => this.state === "lost" && this.start(), delayMs);
  }
}

function describe(status: Deno.CommandStatus, stderr: string): string {
  const last = stderr.trim().split("\n").at(-1);
  const how = status.signal ? `ended by ${status.signal}` : `ended with code ${status.code}`;
  return last ? `${how}: ${last}` : how;
}

async function readTail(stream: ReadableStream<Uint8Array>): Promise<string> {
  let tail = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    tail = (tail + text).slice(-STDERR_KEPT);
  }
  return tail;
}
