// `holdfast component call`: calls one function by hand and prints what comes back. The function's own error is a result
// too: printed, exit code 1. A command's output and exit code are passed on as if it had been run here.

import { isFault } from "../model/fault.ts";
import { parseDuration } from "../model/quantity.ts";
import type { CliContext } from "./context.ts";
import { connectHost } from "./host_connection.ts";
import type { Values } from "./values.ts";

const EXIT_ERROR_RESULT = 1;

export async function run(context: CliContext): Promise<number> {
  const { values, terminal, positionals } = context;
  const [id, interfaceName, functionName, ...args] = positionals;
  const deadlineMs = readTimeout(values);
  using host = await connectHost(context);
  const { result, isError, output } = await host.client.call(id, {
    interface: interfaceName,
    function: functionName,
    args,
    format: values.flag("json") ? "json" : "wave",
    deadlineMs,
  });
  if (output) {
    if (output.stdout !== "") terminal.print(output.stdout.replace(/\n$/, ""));
    if (output.stderr !== "") terminal.note(output.stderr.replace(/\n$/, ""));
    return output.exitCode;
  }
  if (result !== "") terminal.print(result);
  return isError ? EXIT_ERROR_RESULT : 0;
}

function readTimeout(values: Values): number | undefined {
  const text = values.text("timeout");
  if (text === undefined) return undefined;
  try {
    return parseDuration(text);
  } catch (error) {
    if (!isFault(error)) throw error;
    throw values.refuse(
      "timeout",
      "is no duration",
      'write a number with a unit, like "250ms", "10s" or "5m"',
    );
  }
}
