// Messages between supervisor and cells: one JSON value a line over a pipe. Bounded, since the other end may be broken.

import { Fault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";

/** Reads messages until the pipe ends. A line over the bound is a fault: the other end is not what we think. */
export async function* readMessages<T>(pipe: ReadableStream<Uint8Array>): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of pipe) {
    rest += decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      if (end > start) yield JSON.parse(rest.slice(start, end)) as T;
      start = end + 1;
    }
    rest = rest.slice(start);
    if (rest.length > LIMITS.cellMessageBytesMax) {
      throw new Fault(
        "over_limit",
        `a message between host and cell exceeds ${LIMITS.cellMessageBytesMax} bytes`,
      );
    }
  }
}

/** Writes messages in order. What is written after the other end is gone is dropped: its loss is noticed elsewhere. */
export class MessageWriter<T> {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #last: Promise<void> = Promise.resolve();

  constructor(pipe: WritableStream<Uint8Array>) {
    this.#writer = pipe.getWriter();
    this.#writer.closed.catch(() => {});
  }

  send(message: T): void {
    this.#last = this.#writer.write(this.#encoder.encode(`${JSON.stringify(message)}\n`)).catch(() => {});
  }

  /** Messages that the other end has not taken yet. */
  get backlog(): number {
    return 1 - (this.#writer.desiredSize ?? 1);
  }

  /** Resolves when everything sent so far is in the pipe. */
  flushed(): Promise<void> {
    return this.#last;
  }
}
