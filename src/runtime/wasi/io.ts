// wasi:io: errors, pollables and streams. One set of classes for every other WASI package, since the glue checks
// `instanceof`. In-memory only: what a stream reads from or writes to is a ByteSource or ByteSink of its maker.
//
// Convention of the glue: a thrown plain value becomes the WIT's err case; a thrown Error traps the guest. Functions
// that may wait return a promise only when they must (see `generate.ts` for the list).

import { WitError } from "../../model/call.ts";

/** `wasi:io/error.error`. `code` carries what a package's downcast function returns, e.g. an HTTP error code. */
export class IoError {
  constructor(readonly message: string, readonly code?: unknown) {}
  toDebugString(): string {
    return this.message;
  }
}

/** The err case of every stream function. */
type StreamError = { tag: "closed" } | { tag: "last-operation-failed"; val: IoError };

const CLOSED: StreamError = { tag: "closed" };

/** Something that becomes ready once. */
export class Pollable {
  #isReady: boolean;
  readonly #promise: Promise<unknown> | undefined;
  readonly #onDispose: (() => void) | undefined;

  /** Without a promise it is ready already; `onDispose` frees what feeds the promise, a timer for one. */
  constructor(promise?: Promise<unknown>, onDispose?: () => void) {
    this.#isReady = !promise;
    this.#onDispose = onDispose;
    const settle = () => {
      this.#isReady = true;
    };
    this.#promise = promise?.then(settle, settle);
  }

  ready(): boolean {
    return this.#isReady;
  }

  block(): void | Promise<void> {
    return this.#isReady ? undefined : this.#promise as Promise<void>;
  }

  [Symbol.dispose](): void {
    this.#onDispose?.();
  }
}

/**
 * A pollable that is asked anew each time: guests subscribe once to a stream and wait on that again and again, and one
 * that stayed ready would make them spin.
 */
export class LivePollable extends Pollable {
  readonly #subscribe: () => Pollable;

  constructor(subscribe: () => Pollable) {
    super();
    this.#subscribe = subscribe;
  }

  override ready(): boolean {
    return this.#subscribe().ready();
  }

  override block(): void | Promise<void> {
    return this.#subscribe().block();
  }
}

const READY = new Pollable();

/** `wasi:io/poll.poll`: indexes of those that are ready, waiting for the first. */
export function poll(pollables: Pollable[]): Uint32Array | Promise<Uint32Array> {
  if (!pollables.length) throw new Error("poll was called with an empty list");
  const readyOnes = () => Uint32Array.from(pollables.flatMap((pollable, i) => pollable.ready() ? [i] : []));
  const now = readyOnes();
  return now.length
    ? now
    : Promise.race(pollables.map((pollable) => pollable.block())).then(() => poll(pollables));
}

/** What an {@linkcode InputStream} reads from. */
export interface ByteSource {
  /** The next bytes, at most `max` of them, or null at the end; a promise only when it must wait. Rejects with anything. */
  read(max: number): Uint8Array | null | Promise<Uint8Array | null>;
  /** The reader lost interest. */
  cancel?(): void;
}

/** Longest piece one read hands to a guest: bounds what a guest's `read(u64::MAX)` can make us allocate. */
const READ_MAX = 64 * 1024;

/** `wasi:io/streams.input-stream`. */
export class InputStream {
  #buffer: Uint8Array | null = null;
  #isEnded = false;
  #failure: IoError | undefined;
  #pending: Promise<void> | undefined;
  #pollable: Pollable | undefined;
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  read(length: bigint): Uint8Array {
    if (this.#buffer) return this.#take(length);
    this.#raiseIfOver();
    if (!this.#fill() || !this.#buffer) {
      this.#raiseIfOver();
      if (!this.#buffer) return new Uint8Array(0);
    }
    return this.#take(length);
  }

  blockingRead(length: bigint): Uint8Array | Promise<Uint8Array> {
    if (this.#buffer) return this.#take(length);
    this.#raiseIfOver();
    if (this.#fill()) return this.blockingRead(length);
    return this.#pending!.then(() => this.blockingRead(length));
  }

  skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  blockingSkip(length: bigint): bigint | Promise<bigint> {
    const bytes = this.blockingRead(length);
    return bytes instanceof Promise ? bytes.then((read) => BigInt(read.length)) : BigInt(bytes.length);
  }

  subscribe(): Pollable {
    return new LivePollable(() => {
      const isReady = this.#buffer || this.#isEnded || this.#failure || this.#fill();
      return isReady ? READY : new Pollable(this.#pending);
    });
  }

  [Symbol.dispose](): void {
    if (!this.#isEnded) this.#source.cancel?.();
    this.#isEnded = true;
    this.#buffer = null;
  }

  /** Asks the source for more; true when the answer is there already. */
  #fill(): boolean {
    if (this.#pending) return false;
    try {
      const got = this.#source.read(READ_MAX);
      if (!(got instanceof Promise)) {
        this.#accept(got);
        return true;
      }
      this.#pending = got.then((bytes) => this.#accept(bytes), (error) => this.#fail(error)).finally(() => {
        this.#pending = undefined;
      });
      return false;
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  #accept(bytes: Uint8Array | null): void {
    if (bytes === null) this.#isEnded = true;
    else if (bytes.length) this.#buffer = bytes;
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof IoError
      ? error
      // A provider's stream may break with an error the WIT knows (an HTTP error code); the guest can ask for it.
      : new IoError(
        error instanceof Error ? error.message : String(error),
        error instanceof WitError ? error.payload : undefined,
      );
  }

  #raiseIfOver(): void {
    if (this.#failure) {
      const val = this.#failure;
      this.#failure = undefined;
      this.#isEnded = true; // "last operation failed" is said once; afterwards the stream is closed
      throw { tag: "last-operation-failed", val } satisfies StreamError;
    }
    if (this.#isEnded) throw CLOSED;
  }

  #take(length: bigint): Uint8Array {
    const bytes = this.#buffer!;
    const wanted = length > BigInt(bytes.length) ? bytes.length : Number(length);
    if (wanted >= bytes.length) {
      this.#buffer = null;
      return bytes;
    }
    this.#buffer = bytes.subarray(wanted);
    return bytes.subarray(0, wanted);
  }
}

/** What an {@linkcode OutputStream} writes to. */
export interface ByteSink {
  /** Takes the bytes (they are the sink's own); a promise when no more should come until it resolves. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Waits until what was written is out. */
  flush?(): void | Promise<void>;
}

/** What `check-write` permits while the sink is free. */
const WRITE_PERMIT = 64 * 1024;

/** `wasi:io/streams.output-stream`. */
export class OutputStream {
  #busy: Promise<void> | undefined;
  #failure: IoError | undefined;
  #isClosed = false;
  readonly #sink: ByteSink;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  checkWrite(): bigint {
    this.#raiseIfOver();
    return this.#busy ? 0n : BigInt(WRITE_PERMIT);
  }

  write(bytes: Uint8Array): void {
    this.#raiseIfOver();
    if (bytes.length > WRITE_PERMIT) {
      throw new Error(`write of ${bytes.length} bytes exceeds the permit of check-write`);
    }
    this.#send(bytes);
    this.#raiseIfOver();
  }

  blockingWriteAndFlush(bytes: Uint8Array): void | Promise<void> {
    this.#raiseIfOver();
    if (this.#busy) return this.#busy.then(() => this.blockingWriteAndFlush(bytes));
    this.#send(bytes);
    return this.blockingFlush();
  }

  writeZeroes(length: bigint): void {
    if (length > BigInt(WRITE_PERMIT)) throw new Error("write-zeroes exceeds the permit of check-write");
    this.write(new Uint8Array(Number(length)));
  }

  blockingWriteZeroesAndFlush(length: bigint): void | Promise<void> {
    if (length > BigInt(WRITE_PERMIT)) throw new Error("write-zeroes exceeds the permit of check-write");
    return this.blockingWriteAndFlush(new Uint8Array(Number(length)));
  }

  flush(): void {
    this.#raiseIfOver();
    if (!this.#busy) this.#wait(this.#sink.flush?.());
  }

  blockingFlush(): void | Promise<void> {
    this.#raiseIfOver();
    if (!this.#busy) this.#wait(this.#sink.flush?.());
    if (this.#busy) return this.#busy.then(() => this.#raiseIfOver());
  }

  splice(source: InputStream, length: bigint): bigint {
    const permit = this.checkWrite();
    const bytes = source.read(length < permit ? length : permit);
    if (bytes.length) this.write(bytes);
    return BigInt(bytes.length);
  }

  async blockingSplice(source: InputStream, length: bigint): Promise<bigint> {
    while (this.#busy) await this.#busy;
    this.#raiseIfOver();
    const bytes = await source.blockingRead(length < BigInt(WRITE_PERMIT) ? length : BigInt(WRITE_PERMIT));
    if (bytes.length) this.write(bytes);
    return BigInt(bytes.length);
  }

  subscribe(): Pollable {
    return new LivePollable(() => this.#busy ? new Pollable(this.#busy) : READY);
  }

  /** Ends the stream from the host's side: later writes see `closed`. */
  close(): void {
    this.#isClosed = true;
  }

  #send(bytes: Uint8Array): void {
    try {
      this.#wait(this.#sink.write(bytes));
    } catch (error) {
      this.#fail(error);
    }
  }

  #wait(pending: void | Promise<void>): void {
    if (!pending) return;
    this.#busy = pending.then(() => {
      this.#busy = undefined;
    }, (error) => {
      this.#busy = undefined;
      this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    if (error === CLOSED) this.#isClosed = true;
    else if (error instanceof IoError) this.#failure = error;
    else this.#failure = new IoError(error instanceof Error ? error.message : String(error));
  }

  #raiseIfOver(): void {
    if (this.#failure) {
      const val = this.#failure;
      this.#failure = undefined;
      this.#isClosed = true;
      throw { tag: "last-operation-failed", val } satisfies StreamError;
    }
    if (this.#isClosed) throw CLOSED;
  }
}

/** Thrown by a sink whose other end is gone: the guest sees `closed`. */
export const SINK_CLOSED = CLOSED;

/** A source over bytes that are all there. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  let rest: Uint8Array | null = bytes.length ? bytes : null;
  return {
    read() {
      const all = rest;
      rest = null;
      return all;
    },
  };
}

/** A source over a web stream. */
export function webSource(stream: ReadableStream<Uint8Array>): ByteSource {
  const reader = stream.getReader();
  return {
    read: () => reader.read().then(({ value, done }) => done ? null : value),
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** The import objects of `wasi:io`. */
export const ioImports: Record<string, unknown> = {
  "wasi:io/error": { Error: IoError },
  "wasi:io/poll": { Pollable, poll },
  "wasi:io/streams": { InputStream, OutputStream },
};
