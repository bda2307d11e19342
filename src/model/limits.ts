// Every bound, with its reason; their relations are asserted on load. Per-component bounds are the defaults of
// {@linkcode ComponentLimits} and may be set in the manifest (trait `runtime`); the others are the host's own.

import { assert } from "./assert.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** What one component may use. Every number has a default below and can be set per component in its manifest. */
export interface ComponentLimits {
  /** Instances of this component in one cell at one time; further calls wait. */
  instancesMax: number;
  /** Calls waiting for an instance in one cell; one more is refused with `over_limit`. */
  waitingMax: number;
  /** `fresh`: a new instance for every call. `reuse`: an instance serves many calls, one at a time. */
  instancing: "fresh" | "reuse";
  /** Calls an instance serves before it is dropped (instancing `reuse`). */
  callsPerInstanceMax: number;
  /** An instance idle this long is dropped; the program follows when none is left. */
  idleMs: number;
  /** Linear memory of one instance. */
  memoryBytesMax: number;
  /** Elements of one table of an instance. */
  tableElementsMax: number;
  /** Wall time of one call, waiting included; 0 for none. */
  deadlineMs: number;
  /** CPU time one call may hold the event loop before others get a turn. */
  sliceMs: number;
  /** Bytes of one request or response body; a body that grows past it is cut and the call fails. */
  bodyBytesMax: number;
  /** Bytes of all header fields of one message. */
  headerBytesMax: number;
  /** Host calls one call may make. */
  hostCallsMax: number;
  /** Resource handles one instance may hold on the host. */
  handlesMax: number;
  /** Bytes of log and standard output one call may write; the rest is dropped and said so once. */
  logBytesMax: number;
}

/** Defaults for every component. */
export const COMPONENT_LIMITS: Readonly<ComponentLimits> = Object.freeze({
  // 64 concurrent calls per cell keep two cores busy even when each waits 30 ms; small instances cost 35 KB.
  instancesMax: 64,
  // A full second of work at 1,000 calls/s; a longer queue only turns overload into time-outs.
  waitingMax: 1024,
  // What wasmtime and wasmCloud do: no state leaks between calls. `reuse` is faster and is the author's choice.
  instancing: "fresh",
  // Bounds what a slow leak inside a guest can come to; renewal costs 0.25 ms per small instance.
  callsPerInstanceMax: 10_000,
  // Long enough to span the gaps of steady traffic, short enough that a shop's quiet night frees the memory.
  idleMs: 10_000,
  // StarlingMonkey and Go runtimes fit; sixteen of them fill 1 GiB, what the smallest Raspberry Pi has.
  memoryBytesMax: 64 * MiB,
  // Function tables of the largest fixture hold 12,000 entries.
  tableElementsMax: 100_000,
  // What browsers' users wait at most; long work belongs behind a queue.
  deadlineMs: 30_000,
  // A neighbour waits at most a few of these; below 1 ms the switch itself would cost.
  sliceMs: 2,
  // A photo or a day's receipts; larger uploads are asked for in the manifest.
  bodyBytesMax: 16 * MiB,
  // nginx and hyper allow 32 to 64 KiB too.
  headerBytesMax: 64 * KiB,
  // A 16 MiB body in 64 KiB pieces needs about 1,000; a million is a loop, and ends in a second.
  hostCallsMax: 1_000_000,
  // The heap behind 10,000 handles is about 6 MB; a guest that holds more leaks.
  handlesMax: 10_000,
  // A stack trace or a debug dump; a flood beyond it helps nobody.
  logBytesMax: 256 * KiB,
});

/** How far a manifest may move one numeric bound, and why not further. */
export interface LimitRange {
  min: number;
  max: number;
  /** Completes "at most …:" in the message that refuses a larger value. */
  why: string;
}

const DAY_MS = 24 * 60 * 60_000;

/** Hard ceilings of what a manifest may ask for, per bound of {@linkcode ComponentLimits}. */
export const COMPONENT_LIMITS_RANGE: Readonly<
  Record<Exclude<keyof ComponentLimits, "instancing">, LimitRange>
> = Object.freeze({
  instancesMax: { min: 1, max: 10_000, why: "10,000 small instances fill 350 MB" },
  waitingMax: { min: 0, max: 100_000, why: "a longer queue only turns overload into time-outs" },
  callsPerInstanceMax: { min: 1, max: 1_000_000_000, why: "beyond it nothing is ever renewed" },
  idleMs: { min: 0, max: DAY_MS, why: "an instance idle for a day is forgotten, not warm" },
  memoryBytesMax: { min: 64 * KiB, max: 4096 * MiB, why: "a 32-bit wasm memory ends there" },
  tableElementsMax: { min: 0, max: 10_000_000, why: "the engine allows no larger table" },
  deadlineMs: {
    min: 0,
    max: DAY_MS,
    why: 'work that outlives a day has no caller; use "none" for no deadline',
  },
  sliceMs: { min: 1, max: 40, why: "a longer slice would look like a silent cell" },
  bodyBytesMax: { min: 0, max: 64 * 1024 * MiB, why: "what is larger belongs into a blob store, in pieces" },
  headerBytesMax: { min: KiB, max: 256 * KiB, why: "the HTTP server itself takes no larger head" },
  hostCallsMax: { min: 1, max: 1_000_000_000_000, why: "beyond it no call ever ends" },
  handlesMax: { min: 1, max: 100_000, why: "100,000 handles hold 60 MB of the host" },
  logBytesMax: { min: 0, max: 64 * MiB, why: "one call must not fill the journal" },
});

/** Bounds of the host itself. */
export const LIMITS = Object.freeze({
  /** Calls that may lead to one another; deeper is a cycle of links. */
  callDepthMax: 16,
  /** A component artifact; the largest language runtimes come to 40 MB. */
  artifactBytesMax: 256 * MiB,
  /** A manifest; wadm's own are under 100 KB. Larger is a mistake or an attack. */
  manifestBytesMax: 1 * MiB,
  /** Components, links and other lists in one manifest. */
  manifestEntriesMax: 10_000,
  /** Nesting inside a manifest; ours needs 9. */
  manifestDepthMax: 32,
  /** Values in one manifest with its aliases written out: 1 MiB of text holds fewer, a bomb of aliases holds more. */
  manifestNodesMax: 200_000,
  /** Problems of a manifest spelled out in one message; `detail.problems` holds them all. */
  manifestProblemsShown: 20,
  /** Problems of a manifest kept at all. */
  manifestProblemsMax: 1_000,
  /** One keyvalue key, in UTF-8 bytes: fits a NATS KV subject token after encoding. */
  keyBytesMax: 1 * KiB,
  /** One keyvalue value: JetStream's default message limit, so that whatever is written can be carried. */
  valueBytesMax: 1 * MiB,
  /** One bucket name. */
  bucketBytesMax: 256,
  /** Keys one `list-keys` page returns. */
  listKeysPage: 1_000,
  /** Keys of one batch call. */
  batchKeysMax: 10_000,
  /** Values of one batch call together: what a request body may hold. */
  batchBytesMax: 16 * MiB,
  /** Durable writes waiting in one cell; 100 bytes each come to 10 MB at most. */
  writesWaitingMax: 100_000,
  /** Writes in one transaction: about 30 ms of SQLite work, so a slow disk's sync is shared and reads still get in. */
  writesPerCommitMax: 2_000,
  /** Time a stopping host waits for calls in flight; systemd's patience, and a user's, ends soon after. */
  drainMs: 8_000,
  /** A cell silent this long is killed and replaced; a slice is 2 ms, so this is never load. */
  cellSilenceMs: 5_000,
  /** How often a cell says that it lives. */
  cellPulseMs: 500,
  /** Losses of a cell that name the same component within `blameWindowMs`, before it gets a cell of its own. */
  quarantineAfter: 2,
  /** Losses of its own cell, after which a quarantined component is stopped. */
  stopAfter: 3,
  /** How long a loss counts against a component. */
  blameWindowMs: 10 * 60_000,
  /** Wait before a lost cell's successor starts again when it keeps dying; the first is immediate. */
  cellRestartMs: [0, 100, 500, 2_000, 5_000] as readonly number[],
  /** Events kept for `holdfast` and the dashboard; older ones are in the log. */
  eventsKept: 1_000,
  /** Transpiling one component: the largest takes 1 s here, a Pi is 10 times slower. */
  transpileMs: 120_000,
  /** JSON message between supervisor and cell: an assignment of 10,000 components is about 8 MB. */
  cellMessageBytesMax: 64 * MiB,
  /** Requests to the local control socket; holds a component pushed by value. */
  controlBodyBytesMax: 256 * MiB,
  /** A request body no longer than this is read before a component is called, so a slow client holds no instance. */
  httpSmallBodyBytes: 64 * KiB,
  /** Such a body a client may take to send; a phone on a bad line needs a few seconds for 64 KiB. */
  httpSmallBodyMs: 20_000,
  /** Path prefixes or host names of one HTTP link; each is looked at when a route table is made. */
  httpRoutesPerLinkMax: 100,
  /** Host names a listener remembers with their routes; a flood of made-up names only empties the memory. */
  httpHostsRemembered: 1_000,
  /** Default total time of an outgoing request where neither guest nor link says. */
  httpClientMs: 30_000,
  /** Outgoing requests in flight for one component in one cell. */
  httpClientInFlightMax: 256,
  /** Time to reach one address, where the guest says nothing; a packet lost twice is sent a third time after 3 s. */
  httpClientConnectMs: 5_000,
  /** Head of a response, and trailers, in bytes: what browsers take at most is 256 KiB, servers send under 16. */
  httpClientHeadBytesMax: 64 * KiB,
  /** Connections kept open for the next request, per cell and `http-client`. */
  httpClientIdleMax: 64,
  /** How long one is kept; Node servers close theirs after 5 s, most others after 60 to 75 s. */
  httpClientIdleMs: 15_000,
  /** Names whose addresses are remembered, and for how long: one page load, less than any sensible DNS record. */
  httpClientNamesKept: 1_000,
  httpClientNameMs: 10_000,
  /** One message of wasi:logging; what is longer is cut. A stack trace has 4 KiB. */
  logMessageBytesMax: 16 * KiB,
  /** The context of such a message: a module's name. */
  logContextBytesMax: 256,
  /** Open files and sockets of one instance. */
  descriptorsMax: 256,
});

assert(
  LIMITS.cellPulseMs * 4 <= LIMITS.cellSilenceMs,
  "a cell must be able to miss pulses without being killed",
);
assert(COMPONENT_LIMITS.sliceMs * 100 < LIMITS.cellSilenceMs, "a slice must never look like silence");
assert(
  COMPONENT_LIMITS_RANGE.sliceMs.max * 100 < LIMITS.cellSilenceMs,
  "no manifest may make a slice look like silence",
);
for (const [name, { min, max }] of Object.entries(COMPONENT_LIMITS_RANGE)) {
  const value = COMPONENT_LIMITS[name as keyof typeof COMPONENT_LIMITS_RANGE];
  assert(min <= value && value <= max, `the default of ${name} must be one a manifest may ask for`);
}
assert(LIMITS.drainMs < 10_000, "SIGTERM must end within 10 s");
assert(COMPONENT_LIMITS.headerBytesMax < COMPONENT_LIMITS.bodyBytesMax, "a head is smaller than a body");
