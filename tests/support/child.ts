// A child process that runs one of our scripts and talks in lines; for tests that kill.

import assert from "node:assert/strict";

/** A running script. */
export class Child {
  readonly process: Deno.ChildProcess;
  /** Every line it printed so far. */
  readonly lines: string[] = [];
  readonly #reading: Promise<void>;
  #listeners: (() => void)[] = [];

  constructor(script: URL, args: string[]) {
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", script.pathname, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#reading = this.#read();
  }

  /** Resolves when `isTrue` holds after a line; rejects if it never will, because the output has ended. */
  async until(isTrue: () => boolean): Promise<void> {
    let hasEnded = false;
    this.#reading.then(() => hasEnded = true);
    while (!isTrue()) {
      assert.ok(!hasEnded, `the child ended early, after ${this.lines.length} lines`);
      await Promise.race([new Promise<void>((resolve) => this.#listeners.push(resolve)), this.#reading]);
    }
  }

  /** `kill -9`; resolves when the process is gone and all it printed is read. */
  async kill(): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await this.end();
  }

  /** Closes its input and waits for its end; its exit code. */
  async end(): Promise<number> {
    await this.process.stdin.close().catch(() => {});
    const { code } = await this.process.status;
    await this.#reading;
    return code;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      this.lines.push(...parts);
      for (const listener of this.#listeners.splice(0)) listener();
    }
  }
}
