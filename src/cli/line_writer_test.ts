// The line writer with readers that are slow, stuck, gone or full.

import { equal, ok } from "node:assert/strict";
import { type ByteSink, LineWriter } from "./line_writer.ts";

/** A sink that takes a few bytes at a time, and waits while `gate` is closed. */
class SlowSink implements ByteSink {
  text = "";
  gate: Promise<void> = Promise.resolve();
  failures: Error[] = [];
  readonly #decoder = new TextDecoder();

  async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    const failure = this.failures.shift();
    if (failure) throw failure;
    return this.writeSync(bytes);
  }

  writeSync(bytes: Uint8Array): number {
    const part = bytes.subarray(0, 1000);
    this.text += this.#decoder.decode(part, { stream: true });
    return part.length;
  }
}

const open = (sink: ByteSink) => new LineWriter(sink, (lines) => `dropped ${lines}\n`);

Deno.test("lines arrive whole and in order, however little the reader takes", async () => {
  const sink = new SlowSink();
  const writer = open(sink);
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index} ${"x".repeat(index)}\n`);
  for (const line of lines) writer.write(line);
  await writer.flush();
  equal(sink.text, lines.join(""));
});

Deno.test("a stuck reader costs a bounded memory; what was dropped is counted once it reads on", async () => {
  const sink = new SlowSink();
  const { promise, resolve } = Promise.withResolvers<void>();
  sink.gate = promise;
  const writer = open(sink);
  for (let index = 0; index < 5_000; index++) writer.write(`${"x".repeat(999)}\n`);
  resolve();
  await writer.flush();
  ok(sink.text.length < 1_100_000);
  const kept = sink.text.split("\n").filter((line) => line.startsWith("x")).length;
  equal(sink.text.slice(-20).split("\n").at(-2), `dropped ${5_000 - kept}`);
});

Deno.test("a pipe that is full for a moment loses nothing", async () => {
  const sink = new SlowSink();
  sink.failures = [new Deno.errors.WouldBlock("full"), new Deno.errors.WouldBlock("full")];
  const writer = open(sink);
  writer.write("one\n");
  await writer.flush();
  equal(sink.text, "one\n");
});

Deno.test("a reader that is gone never fails the writer", async () => {
  const sink = new SlowSink();
  sink.failures = [new Deno.errors.BrokenPipe("gone")];
  const writer = open(sink);
  writer.write("lost\n");
  await writer.flush();
  writer.write("kept\n");
  await writer.flush();
  equal(sink.text, "kept\n");
});

Deno.test("what waits when the process ends is written then", () => {
  const sink = new SlowSink();
  sink.gate = new Promise(() => {});
  const writer = open(sink);
  writer.write("first\n");
  writer.write("second\n");
  writer.flushSync();
  equal(sink.text, "first\nsecond\n");
});

Deno.test("a stuck reader does not keep a stopping host", async () => {
  const sink = new SlowSink();
  sink.gate = new Promise(() => {});
  const writer = open(sink);
  writer.write("never read\n");
  await writer.flush();
  writer.flushSync();
  equal(sink.text, "");
});
