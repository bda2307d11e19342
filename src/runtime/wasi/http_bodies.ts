// wasi:http bodies, both directions: what a guest receives (IncomingBody over a source) and what it sends
// (OutgoingBody into a bounded queue that becomes bytes, where it was all there at once, or a web stream with
// back-pressure). Byte limits are enforced here, while bytes move.

import type { HttpBody, HttpFields } from "../../model/http.ts";
import { type ErrorCode, Fields, internalError } from "./http_fields.ts";
import {
  type ByteSource,
  bytesSource,
  InputStream,
  IoError,
  OutputStream,
  Pollable,
  SINK_CLOSED,
  webSource,
} from "./io.ts";

/** Bytes of a response kept before the guest has to wait for the client: a TCP send buffer's worth. */
const QUEUE_BYTES = 64 * 1024;

/** An error whose HTTP error code the guest can ask for with `http-error-code`. */
export function httpIoError(code: ErrorCode, text: string): IoError {
  return new IoError(text, code);
}

/** A source that fails once more than `max` bytes came. */
function limited(source: ByteSource, max: number, tag: string): ByteSource {
  let seen = 0;
  const count = (bytes: Uint8Array | null) => {
    seen += bytes?.length ?? 0;
    if (seen > max) {
      source.cancel?.();
      throw httpIoError({ tag, val: BigInt(seen) }, `the body exceeds ${max} bytes`);
    }
    return bytes;
  };
  return {
    read(length) {
      const got = source.read(length);
      return got instanceof Promise ? got.then(count) : count(got);
    },
    cancel: () => source.cancel?.(),
  };
}

/** `wasi:http/types.incoming-body`. */
export class IncomingBody {
  #stream: InputStream | undefined;
  #isTaken = false;
  readonly #trailers: Promise<HttpFields | undefined> | undefined;

  constructor(
    body: HttpBody,
    trailers: Promise<HttpFields | undefined> | undefined,
    limit: { max: number; tag: string },
  ) {
    const source = body === null
      ? bytesSource(new Uint8Array(0))
      : body instanceof Uint8Array
      ? bytesSource(body)
      : webSource(body);
    this.#stream = new InputStream(limited(source, limit.max, limit.tag));
    this.#trailers = trailers;
  }

  stream(): InputStream {
    if (this.#isTaken || !this.#stream) throw undefined;
    this.#isTaken = true;
    return this.#stream;
  }

  static finish(body: IncomingBody): FutureTrailers {
    body[Symbol.dispose]();
    return new FutureTrailers(body.#trailers);
  }

  [Symbol.dispose](): void {
    // A stream the guest still holds goes on; one it never took is given up.
    if (!this.#isTaken) this.#stream?.[Symbol.dispose]();
    this.#stream = undefined;
  }
}

/** `wasi:http/types.future-trailers`. */
export class FutureTrailers {
  #value: { tag: "ok"; val: Fields | undefined } | { tag: "err"; val: ErrorCode } | undefined;
  #isTaken = false;
  readonly #pending: Promise<void> | undefined;

  constructor(trailers: Promise<HttpFields | undefined> | undefined) {
    if (!trailers) this.#value = { tag: "ok", val: undefined };
    this.#pending = trailers?.then((fields) => {
      this.#value = { tag: "ok", val: fields && new Fields(fields, true) };
    }, (error) => {
      this.#value = { tag: "err", val: internalError(String(error)) };
    });
  }

  subscribe(): Pollable {
    return this.#value ? new Pollable() : new Pollable(this.#pending);
  }

  get(): unknown {
    if (!this.#value) return undefined;
    if (this.#isTaken) return { tag: "err" };
    this.#isTaken = true;
    return { tag: "ok", val: this.#value };
  }
}

/** What {@linkcode OutgoingBody} tells whoever sends it. */
export interface OutgoingLimits {
  /** Bytes the body may have. */
  max: number;
  /** The error code that names the excess. */
  tag: string;
}

/** `wasi:http/types.outgoing-body`, and the host's end of it. */
export class OutgoingBody {
  #chunks: Uint8Array[] = [];
  #queued = 0;
  #written = 0;
  #expected: number | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #resume: (() => void) | undefined;
  #isStreamTaken = false;
  #isGone = false;
  #limits: OutgoingLimits = { max: Infinity, tag: "internal-error" };
  #failure: unknown;
  #settleTrailers: ((fields: HttpFields | undefined) => void) | undefined;
  #trailerFields: HttpFields | undefined;
  /** The guest called `finish`, or the body broke. */
  isFinished = false;
  /** On its way to the receiver: what fails now can no longer be answered, only broken off. */
  isSent = false;

  // The glue hands out bodies only through their messages; a guest cannot construct one.

  write(): OutputStream {
    if (this.#isStreamTaken) throw undefined;
    this.#isStreamTaken = true;
    return new OutputStream({
      write: (bytes) => this.#push(bytes),
      flush: () => this.#controller && this.#queued > 0 ? this.#untilDrained() : undefined,
    });
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    if (body.isFinished) return;
    if (body.#expected !== undefined && body.#written !== body.#expected) {
      const text = `the body has ${body.#written} bytes, its content-length says ${body.#expected}`;
      body.fail(new Error(text));
      throw internalError(text);
    }
    body.isFinished = true;
    body.#trailerFields = trailers?.list();
    body.#settleTrailers?.(body.#trailerFields);
    try {
      body.#controller?.close();
    } catch { /* the client is gone already: nobody is left to tell */ }
  }

  /** Dropped without `finish`: the message is incomplete and must look so to its receiver. */
  [Symbol.dispose](): void {
    if (!this.isFinished) this.fail(new Error("the guest dropped the body without finishing it"));
  }

  /** Set by the message before sending. */
  setLimits(limits: OutgoingLimits, contentLength: number | undefined): void {
    this.#limits = limits;
    this.#expected = contentLength;
  }

  /** Breaks the body off: a receiver sees an aborted stream, never a short one that looks whole. */
  fail(error: unknown): void {
    this.isFinished = true;
    this.#failure = error;
    this.#settleTrailers?.(undefined);
    try {
      this.#controller?.error(error);
    } catch { /* closed already */ }
    this.#release();
  }

  /** Why the body broke, if it did. */
  get failure(): unknown {
    return this.#failure;
  }

  trailers(): Promise<HttpFields | undefined> | undefined {
    if (this.isFinished) return this.#trailerFields && Promise.resolve(this.#trailerFields);
    return new Promise((resolve) => this.#settleTrailers = resolve);
  }

  /** The body as it stands: bytes if it is finished, else a stream of what is there and what comes. */
  toHttpBody(): HttpBody {
    this.isSent = true;
    if (this.isFinished && this.#failure === undefined) {
      const [only] = this.#chunks;
      if (!only) return null;
      return this.#chunks.length === 1 ? only : this.#join();
    }
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        for (const chunk of this.#chunks) controller.enqueue(chunk);
        this.#chunks = [];
        if (this.#failure !== undefined) controller.error(this.#failure);
      },
      pull: () => {
        this.#queued = 0;
        this.#release();
      },
      cancel: () => {
        this.#isGone = true;
        this.#release();
      },
    }, { highWaterMark: QUEUE_BYTES, size: (chunk) => chunk!.length });
  }

  #join(): Uint8Array {
    const joined = new Uint8Array(this.#written);
    let offset = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, offset);
      offset += chunk.length;
    }
    return joined;
  }

  #push(bytes: Uint8Array): void | Promise<void> {
    if (this.#isGone || this.isFinished) throw SINK_CLOSED;
    this.#written += bytes.length;
    if (this.#written > this.#limits.max) {
      const error = httpIoError(
        { tag: this.#limits.tag, val: BigInt(this.#written) },
        `the body exceeds ${this.#limits.max} bytes`,
      );
      this.fail(error);
      throw error;
    }
    if (!bytes.length) return;
    this.#queued += bytes.length;
    if (this.#controller) this.#controller.enqueue(bytes);
    else this.#chunks.push(bytes);
    const isFull = this.#controller ? (this.#controller.desiredSize ?? 0) <= 0 : this.#queued >= QUEUE_BYTES;
    return isFull ? this.#untilDrained() : undefined;
  }

  #untilDrained(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#resume = () => this.#isGone ? reject(SINK_CLOSED) : resolve();
    });
  }

  #release(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }
}
