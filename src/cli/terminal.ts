// The terminal as verbs see it: results go to standard output, everything said about them to standard error, so that
// `holdfast … --json | jq` sees results alone. Colour only for a person at a terminal who has not set NO_COLOR.

/** Where a verb writes and reads. */
export interface Terminal {
  /** Writes a result; a newline is added. */
  print(text: string): void;
  /** Writes what is not a result: progress, warnings, errors. */
  note(text: string): void;
  /** Empties the screen, where there is one. */
  clear(): void;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  /** Whether standard output is a screen. */
  readonly isScreen: boolean;
  /** Whether results may be coloured. */
  readonly colour: boolean;
}

/** The terminal of this process. */
export function openTerminal(environment: Readonly<Record<string, string>>): Terminal {
  const isScreen = Deno.stdout.isTerminal();
  return {
    print: (text) => writeWhole(Deno.stdout, `${text}\n`),
    note: (text) => writeWhole(Deno.stderr, `${text}\n`),
    clear: () => isScreen ? writeWhole(Deno.stdout, "\x1b[H\x1b[2J") : undefined,
    readInput: async () => new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
    isScreen,
    // By no-color.org the variable counts when it is there and not empty.
    colour: isScreen && !environment.NO_COLOR && environment.TERM !== "dumb",
  };
}

/** A pipe takes what it has room for, so one write may be a part. */
function writeWhole(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
}
