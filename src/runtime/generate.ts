// Component bytes -> glue and rewritten core modules: the expensive step, done once per digest in a process of its own
// (`holdfast transpile`), so that the serving processes never grow by it.

import { Fault, isFault } from "../model/fault.ts";
import { COMPONENT_LIMITS, type ComponentLimits } from "../model/limits.ts";
import { type ComponentWit, functionsOf, withoutVersion } from "../model/wit.ts";
import { isBuiltinInterface } from "./builtins.ts";
import { rewriteCoreModule } from "./fuel_rewrite.ts";
import { adaptCompactGlue } from "./glue.ts";
import { decodeComponent } from "./wit_decode.ts";

/** Names everything that shapes a program file: bump it whenever generator, options, rewriter or format change. */
export const TOOLCHAIN = "jco-1.10.2-holdfast-6";

/** What transpiling gives. `limits` are those baked into the core modules. */
export interface GeneratedProgram {
  wit: ComponentWit;
  glue: string;
  coreModules: [name: string, bytes: Uint8Array][];
}

interface Generator {
  $init: Promise<void>;
  generate(bytes: Uint8Array, options: unknown): { files: [string, Uint8Array][] };
}

/** WASI functions that may wait; everything else of WASI answers at once. Version-less names match every version. */
const WAITING_WASI_FUNCTIONS = [
  "wasi:io/poll#poll",
  "wasi:io/poll#[method]pollable.block",
  "wasi:io/streams#[method]input-stream.blocking-read",
  "wasi:io/streams#[method]input-stream.blocking-skip",
  "wasi:io/streams#[method]output-stream.blocking-flush",
  "wasi:io/streams#[method]output-stream.blocking-write-and-flush",
  "wasi:io/streams#[method]output-stream.blocking-write-zeroes-and-flush",
  "wasi:io/streams#[method]output-stream.blocking-splice",
];

/** Every function that may wait on the import side, and every export: the glue suspends only through these. */
function asyncFunctions(wit: ComponentWit): { imports: string[]; exports: string[] } {
  const named = (entries: ComponentWit["imports"], wanted: (name: string) => boolean) =>
    Object.entries(entries).filter(([name]) => wanted(name)).flatMap(([name, entry]) =>
      entry.kind === "func" ? [name] : functionsOf(entry).map(([func]) => `${name}#${func}`)
    );
  return {
    imports: [
      ...WAITING_WASI_FUNCTIONS,
      ...named(wit.imports, (name) => !isBuiltinInterface(withoutVersion(name))),
    ],
    exports: named(wit.exports, () => true),
  };
}

/** Transpiles `bytes`; faults name `what`. Memory and table bounds are baked in from `limits`. */
export async function generateProgram(
  bytes: Uint8Array,
  what: string,
  limits: Pick<ComponentLimits, "memoryBytesMax" | "tableElementsMax"> = COMPONENT_LIMITS,
): Promise<GeneratedProgram> {
  const wit = decodeComponent(bytes, what);
  const generator = await import(
    new URL("../../vendor/jco-1.10.2/bindgen.js", import.meta.url).href
  ) as Generator;
  await generator.$init;
  let files: [string, Uint8Array][];
  try {
    files = generator.generate(bytes, {
      name: "c",
      instantiation: { tag: "async" },
      noTypescript: true,
      noNodejsCompat: true,
      tlaCompat: false,
      base64Cutoff: 0,
      validLiftingOptimization: true,
      map: undefined,
      asyncMode: { tag: "jspi", val: asyncFunctions(wit) },
    }).files;
  } catch (error) {
    const reason = String((error as { payload?: unknown }).payload ?? (error as Error).message);
    throw new Fault("bad_request", `${what} cannot be made ready to run: ${reason}`, { cause: error });
  }
  const rewriteLimits = {
    memoryPagesMax: Math.floor(limits.memoryBytesMax / 65_536),
    tableElementsMax: limits.tableElementsMax,
  };
  const glue = files.find(([name]) => name.endsWith(".js"));
  if (!glue) {
    throw new Fault("bad_request", `${what} cannot be made ready to run: the generator gave no glue`);
  }
  try {
    return {
      wit,
      glue: adaptCompactGlue(new TextDecoder().decode(glue[1])),
      coreModules: files.filter(([name]) => name.endsWith(".wasm")).map((
        [name, core],
      ) => [name, rewriteCoreModule(core, rewriteLimits)]),
    };
  } catch (error) {
    if (!isFault(error)) throw error;
    throw new Fault(error.code, `${what}: ${error.message}`, { cause: error });
  }
}
