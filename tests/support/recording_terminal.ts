// A terminal that keeps what verbs write, for tests of the command line.

import type { Terminal } from "../../src/cli/terminal.ts";

/** Everything written so far: results and notes apart, a line break after each. */
export class RecordingTerminal implements Terminal {
  readonly isScreen = false;
  readonly colour = false;
  printed = "";
  noted = "";
  readonly #input: string;

  constructor(input = "") {
    this.#input = input;
  }

  print(text: string): void {
    this.printed += `${text}\n`;
  }

  note(text: string): void {
    this.noted += `${text}\n`;
  }

  clear(): void {}

  readInput(): Promise<Uint8Array> {
    return Promise.resolve(new TextEncoder().encode(this.#input));
  }
}
