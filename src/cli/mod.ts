// The command line: argv -> verb -> exit code. Called by `main.ts` alone. Faults become one message on standard error
// and the exit code of their row in FAULTS; anything else thrown is a bug, shown with its stack, exit code 1.

import { FAULTS, isFault } from "../model/fault.ts";
import { findNearest } from "../model/nearest.ts";
import type { ProviderTable } from "../model/provider.ts";
import { VERSION } from "../model/version.ts";
import { readArguments } from "./arguments.ts";
import { formatHelp } from "./help.ts";
import { escapeControls } from "./log.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { variableOf } from "./verb.ts";
import { VERBS } from "./verbs.ts";

/** What a shell gives a program that wrote to a pipe nobody reads: 128 and SIGPIPE. */
const EXIT_BROKEN_PIPE = 141;
const EXIT_BUG = 1;

/** Carries out one command line of this process; resolves with its exit code and never rejects. */
export async function runCli(argv: readonly string[], providers: ProviderTable): Promise<number> {
  // Deno 2.9 loads its timers at the first use, and runs waiting microtasks in the middle of that call: here, where none
  // wait, rather than between two statements that belong together.
  clearTimeout(setTimeout(() => {}, 0));
  const environment = Deno.env.toObject();
  const terminal = openTerminal(environment);
  try {
    return await carryOut(argv, { environment, providers, terminal });
  } catch (error) {
    return report(error, terminal);
  }
}

/** As {@linkcode runCli}, with the process's parts given and failures thrown: what tests run. */
export async function carryOut(
  argv: readonly string[],
  world: { environment: Readonly<Record<string, string>>; providers: ProviderTable; terminal: Terminal },
): Promise<number> {
  const { terminal, environment } = world;
  if (argv.length === 0) {
    terminal.note(formatHelp([], VERBS));
    return FAULTS.bad_request.exit;
  }
  const request = readArguments(argv, environment, VERBS);
  if (request.kind === "help") terminal.print(formatHelp(request.path, VERBS));
  else if (request.kind === "version") terminal.print(`holdfast ${VERSION}`);
  else {
    if (request.verb.path[0] === "up") warnOfUnknownVariables(environment, terminal);
    const { run } = await request.verb.load();
    return await run({ ...request, ...world }) ?? 0;
  }
  return 0;
}

/** A misspelt variable in a unit file would otherwise do nothing, in silence. */
function warnOfUnknownVariables(environment: Readonly<Record<string, string>>, terminal: Terminal): void {
  const known = VERBS.flatMap((verb) => verb.options).map(variableOf);
  for (const name of Object.keys(environment).filter((one) => one.startsWith("HOLDFAST_"))) {
    if (known.includes(name)) continue;
    const nearest = findNearest(name, known);
    terminal.note(
      `warning: nothing reads the variable ${name}${nearest ? `; did you mean ${nearest}?` : ""}`,
    );
  }
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT_BROKEN_PIPE;
  try {
    if (isFault(error)) {
      const lines = error.message.split("\n").map(escapeControls);
      terminal.note(`error[${error.code}]: ${lines.join("\n")}`);
      return FAULTS[error.code].exit;
    }
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    terminal.note(`bug: ${text}\nThis is holdfast's own mistake; please report it with the lines above.`);
  } catch {
    // Standard error is closed: the exit code alone has to say it.
  }
  return isFault(error) ? FAULTS[error.code].exit : EXIT_BUG;
}
