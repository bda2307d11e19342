// Calls asked for by a person or a script (`holdfast component call`): arguments and result as text, by the function's
// own types. Commands (`wasi:cli/run`) run in an instance of their own and give their output back.

import { WitError } from "../model/call.ts";
import type { CallByHand, CallOutcome } from "../model/cell_protocol.ts";
import { Fault } from "../model/fault.ts";
import { COMPONENT_LIMITS } from "../model/limits.ts";
import { parseArguments } from "../model/values/arguments.ts";
import { toJson } from "../model/values/wit_json.ts";
import { formatWave } from "../model/values/wave_format.ts";
import { withoutVersion, type WitType } from "../model/wit.ts";
import { COMMAND } from "./command.ts";
import { resultTypes } from "./elsewhere.ts";
import type { FunctionPlan, InterfacePlan } from "./program.ts";
import type { WasmRuntime } from "./wasm_runtime.ts";

/** Output of a command kept for its caller; all of it is in the log too. */
const OUTPUT_KEPT = COMPONENT_LIMITS.logBytesMax;

/** Carries out one call by hand; faults name the argument that cannot be read. */
export async function callByHand(runtime: WasmRuntime, call: CallByHand): Promise<CallOutcome> {
  const deadlineMs = call.deadlineMs ? performance.now() + call.deadlineMs : Infinity;
  const interfaceName = withoutVersion(call.interface);
  if (interfaceName === COMMAND) return await runByHand(runtime, call.component, deadlineMs);
  const func = findFunction(await runtime.exportsOf(call.component), call, interfaceName);
  requirePlain(func, call);
  const args = parseArguments(func.type.params, call.args);
  const { ok, err } = resultTypes(func.type.result);
  const print = (type: WitType | null, value: unknown) => type ? printValue(call.format, type, value) : "";
  try {
    const result = await runtime.callHere(call.component, {
      source: "hand",
      linkName: "default",
      interface: interfaceName,
      function: func.name,
      args,
      deadlineMs,
      depth: 0,
    });
    return { result: print(ok, result), isError: false };
  } catch (error) {
    if (!(error instanceof WitError)) throw error;
    return { result: print(err, error.payload), isError: true };
  }
}

/** A resource is refused before the call: what nobody can name, nobody could give back. */
function requirePlain({ name, converters }: FunctionPlan, call: CallByHand): void {
  const { hasResourceParams, ok, err } = converters;
  if (!hasResourceParams && !ok && !err) return;
  throw new Fault(
    "bad_request",
    `${name} of ${call.interface} takes or gives resources, handles into a running component that cannot be written as text; call a function of plain values`,
  );
}

async function runByHand(runtime: WasmRuntime, component: string, deadlineMs: number): Promise<CallOutcome> {
  const output = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const exitCode = await runtime.runCommand(component, {
    tap(stream, bytes) {
      if (output[stream].length < OUTPUT_KEPT) {
        output[stream] += decoders[stream].decode(bytes, { stream: true });
      }
    },
  }, deadlineMs);
  return { result: String(exitCode), isError: exitCode !== 0, output: { ...output, exitCode } };
}

function findFunction(
  exports: ReadonlyMap<string, InterfacePlan>,
  call: CallByHand,
  interfaceName: string,
): FunctionPlan {
  const plan = exports.get(interfaceName);
  if (!plan) {
    const known = [...exports.values()].map(({ fullName }) => fullName || "(world)").join(", ");
    throw new Fault(
      "not_found",
      `component ${call.component} does not export ${call.interface}; it exports ${known}`,
    );
  }
  const func = plan.functions.get(call.function);
  if (func) return func;
  const known = [...plan.functions.keys()].join(", ");
  throw new Fault(
    "not_found",
    `${call.interface} of ${call.component} has no function ${call.function}; it has ${known}`,
  );
}

function printValue(format: CallByHand["format"], type: WitType, value: unknown): string {
  return format === "wave" ? formatWave(type, value) : JSON.stringify(toJson(type, value));
}
