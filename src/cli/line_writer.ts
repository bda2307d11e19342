// Lines to standard error without ever waiting for whoever reads it: a stalled journal or a full pipe must not stop a
// host. Lines wait in memory up to a bound, further ones are dropped and counted, and the count is written once there is
// room again. What still waits when the process ends is written then.

/** What is written to: `Deno.stderr`, or a test's own. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/** Bytes that may wait: seconds of a busy log, and nothing that a small box misses. */
const WAITING_BYTES_MAX = 1024 * 1024;

/** Between two tries at a full pipe. */
const FULL_PIPE_WAIT_MS = 20;

/** How long a stopping host waits for its log's reader. */
const FLUSH_MS = 1_000;

export class LineWriter {
  readonly #sink: ByteSink;
  readonly #describeDropped: (lines: number) => string;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #running: Promise<void> | undefined;

  /** `describeDropped` words the line that stands for lines that were dropped. */
  constructor(sink: ByteSink, describeDropped: (lines: number) => string) {
    this.#sink = sink;
    this.#describeDropped = describeDropped;
  }

  /** Takes one line with its newline. */
  write(line: string): void {
    const bytes = new TextEncoder().encode(line);
    if (this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#add(bytes);
    this.#running ??= this.#run();
  }

  /** Resolves once every line taken so far is written, or nobody took them for a while: then they are given up. */
  async flush(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((done) => timer = setTimeout(done, FLUSH_MS));
    await Promise.race([running.then(() => clearTimeout(timer)), patience]);
    if (!this.#running) return;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  /** Writes at once what waits, for a process about to end; what is just being written may come out twice. */
  flushSync(): void {
    const rest = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    try {
      for (const bytes of rest) {
        for (let written = 0; written < bytes.length;) {
          written += this.#sink.writeSync(bytes.subarray(written));
        }
      }
    } catch {
      // Nobody reads: there is nobody to tell.
    }
  }

  #add(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  async #run(): Promise<void> {
    // One turn later, so that lines written together leave together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = concat(this.#waiting);
      const lines = this.#waiting.length;
      await this.#writeWhole(batch);
      this.#waiting.splice(0, lines);
      this.#waitingBytes = this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0);
      if (this.#dropped > 0) {
        this.#add(new TextEncoder().encode(this.#describeDropped(this.#dropped)));
        this.#dropped = 0;
      }
    }
    this.#running = undefined;
  }

  async #writeWhole(batch: Uint8Array): Promise<void> {
    for (let written = 0; written < batch.length;) {
      try {
        written += await this.#sink.write(batch.subarray(written));
      } catch (error) {
        // Unless a pipe that someone made non-blocking is full just now, the reader is gone: the host lives on, and a
        // later line tries again.
        if (!(error instanceof Deno.errors.WouldBlock)) return;
        await new Promise((done) => setTimeout(done, FULL_PIPE_WAIT_MS));
      }
    }
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
