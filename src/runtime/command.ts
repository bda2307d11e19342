// Commands: components that export `wasi:cli/run`. Each run has an instance of its own and ends with an exit code.

import { isFault } from "../model/fault.ts";
import { unwatchCall, watchCall } from "./call_watch.ts";
import { GuestExit } from "./context.ts";
import { Instance, type InstanceHost } from "./instance.ts";
import type { Program } from "./program.ts";

/** The interface of a command. */
export const COMMAND = "wasi:cli/run";

/** What exit code a run that returned its `err` case has: wasmtime's too. */
const EXIT_ERROR = 1;

/** Runs a command to its end; resolves with the exit code, rejects with a fault when it trapped or ran out of time. */
export async function runCommand(program: Program, host: InstanceHost, deadlineMs: number): Promise<number> {
  const instance = new Instance(program, host);
  const call = {
    source: "host",
    linkName: "default",
    interface: COMMAND,
    function: "run",
    args: [],
    deadlineMs,
    depth: 0,
  };
  const { result, settled } = instance.run(call, deadlineMs);
  watchCall(instance);
  try {
    await result;
    return 0;
  } catch (error) {
    if (error instanceof GuestExit) return error.exitCode;
    if (isFault(error)) throw error;
    return EXIT_ERROR;
  } finally {
    await settled;
    unwatchCall(instance);
    instance.drop();
  }
}
