// A program: one component made ready to instantiate. Loaded on the first call from its program file, dropped when
// idle; holds compiled modules, the evaluated glue and, per called interface, how its functions map to the glue's.

import { Fault } from "../model/fault.ts";
import {
  type ComponentWit,
  functionsOf,
  parseInterfaceName,
  toCamelCase,
  type WitFunction,
  withoutVersion,
  type WitInterface,
  type WitResource,
} from "../model/wit.ts";
import { evaluateGlue, type Instantiate } from "./glue.ts";
import { decodeProgram, type ProgramParts } from "./program_file.ts";
import { compileCoreModule } from "./suspending.ts";
import { compileFunction, type FunctionConverters } from "./resources.ts";

/** One function as the glue knows it. */
export interface FunctionPlan {
  /** WIT name, e.g. `[method]basket.add`. */
  name: string;
  kind: "free" | "constructor" | "method" | "static";
  /** The glue's class, for functions of a resource. */
  className: string;
  /** The glue's function name. */
  jsName: string;
  type: WitFunction;
  converters: FunctionConverters;
}

/** One interface as the glue knows it. */
export interface InterfacePlan {
  /** `ns:pkg/iface`, without version. */
  name: string;
  /** As the component spells it, with version. */
  fullName: string;
  version?: string;
  functions: Map<string, FunctionPlan>;
  /** Resources by the glue's class name. */
  resources: [className: string, resource: WitResource][];
}

/** One component, ready to instantiate. */
export interface Program {
  readonly imports: readonly string[];
  readonly wit: ComponentWit;
  readonly instantiate: Instantiate;
  readonly modules: ReadonlyMap<string, WebAssembly.Module>;
  /** Imports that leave as Calls. */
  readonly called: readonly InterfacePlan[];
  /** Exports by interface name without version; world-level functions under the empty name. */
  readonly exported: ReadonlyMap<string, InterfacePlan>;
}

/** `kebab-case` to `PascalCase`, as the glue spells classes. */
export function toClassName(name: string): string {
  const camel = toCamelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** How the glue spells a function of this WIT name. */
export function planFunction(name: string, type: WitFunction): FunctionPlan {
  const converters = compileFunction(type);
  const resource = name.match(/^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/);
  if (!resource) return { name, kind: "free", className: "", jsName: toCamelCase(name), type, converters };
  const [, kind, resourceName, functionName] = resource;
  return {
    name,
    kind: kind as FunctionPlan["kind"],
    className: toClassName(resourceName),
    jsName: functionName ? toCamelCase(functionName) : "",
    type,
    converters,
  };
}

function planInterface(fullName: string, entry: WitInterface): InterfacePlan {
  const resources = Object.entries(entry.exports)
    .filter((pair): pair is [string, WitResource] => pair[1].kind === "resource")
    .map(([name, resource]): [string, WitResource] => [toClassName(name), resource]);
  const functions = new Map(functionsOf(entry).map(([name, type]) => [name, planFunction(name, type)]));
  const version = parseInterfaceName(fullName)?.version;
  return { name: withoutVersion(fullName), fullName, version, functions, resources };
}

function planExports(wit: ComponentWit): Map<string, InterfacePlan> {
  const plans = new Map<string, InterfacePlan>();
  const worldLevel: InterfacePlan = { name: "", fullName: "", functions: new Map(), resources: [] };
  for (const [name, entry] of Object.entries(wit.exports)) {
    if (entry.kind === "func") worldLevel.functions.set(name, planFunction(name, entry));
    else if (entry.kind === "instance") plans.set(withoutVersion(name), planInterface(name, entry));
  }
  if (worldLevel.functions.size) plans.set("", worldLevel);
  return plans;
}

/** Makes a program from its parts. Compiles synchronously: the asynchronous way queues behind V8's tier-up jobs. */
export function buildProgram(parts: ProgramParts): Program {
  return {
    imports: parts.imports,
    wit: parts.wit,
    instantiate: evaluateGlue(parts.glue),
    modules: new Map([...parts.coreModules].map(([name, bytes]) => [name, compileCoreModule(bytes)])),
    called: Object.entries(parts.wit.imports)
      .filter((pair): pair is [string, WitInterface] => pair[1].kind === "instance")
      .map(([name, entry]) => planInterface(name, entry)),
    exported: planExports(parts.wit),
  };
}

/** Reads and builds the program in `path`; a `corrupt` fault when the file is not what was written. */
export async function loadProgram(path: string): Promise<Program> {
  let file: Uint8Array<ArrayBuffer>;
  try {
    file = await Deno.readFile(path);
  } catch (error) {
    throw new Fault("not_found", `the program file ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return buildProgram(await decodeProgram(file, `the program file ${path}`));
}
