// Where programs come from: the program file of a digest, made from the component's bytes when it is missing or
// damaged. Making is done in a process of its own and at most one at a time: it takes 100 MB and a core for a second.

import type { ComponentSpec } from "../model/component.ts";
import { Fault, type FaultData, fromFaultData, isFault } from "../model/fault.ts";
import type { ComponentLimits } from "../model/limits.ts";
import { LIMITS } from "../model/limits.ts";
import type { Log } from "../model/ports.ts";
import { encodeProgram } from "./program_file.ts";
import { generateProgram, TOOLCHAIN } from "./generate.ts";
import { loadProgram, type Program } from "./program.ts";
import { selfCommand } from "./self_command.ts";

type Baked = Pick<ComponentLimits, "memoryBytesMax" | "tableElementsMax">;

/** What to make, handed to the transpiling process. */
export interface TranspileJob {
  component: string;
  /** What the component's bytes have to come to. */
  digest: string;
  program: string;
  what: string;
  limits: Baked;
}

/** Programs of one data folder. Component files are named by digest; `componentPath` says where. */
export class ProgramStore {
  readonly #folder: string;
  readonly #componentPath: (digest: string) => string;
  readonly #log: Log;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: { folder: string; componentPath: (digest: string) => string; log: Log }) {
    this.#folder = options.folder;
    this.#componentPath = options.componentPath;
    this.#log = options.log;
  }

  /** Where the program of a digest lies; limits that are baked into the code are part of the name. */
  path(digest: string, limits: Baked): string {
    const pages = Math.floor(limits.memoryBytesMax / 65_536);
    return `${this.#folder}/${digest}.${TOOLCHAIN}.${pages}-${limits.tableElementsMax}.program`;
  }

  /** Makes the program if it is not there; faults are those of {@linkcode generateProgram}. */
  async prepare(digest: string, limits: Baked, what: string): Promise<void> {
    const program = this.path(digest, limits);
    if (await exists(program)) return;
    await this.#make({ component: this.#componentPath(digest), digest, program, what, limits });
  }

  /** Loads a component's program; a missing or damaged file is made again, once. */
  async load(spec: ComponentSpec): Promise<Program> {
    const path = this.path(spec.digest, spec.limits);
    try {
      return await loadProgram(path);
    } catch (error) {
      if (!isFault(error) || (error.code !== "corrupt" && error.code !== "not_found")) throw error;
      this.#log.info("makes the program again", { component: spec.id, reason: error.message });
      const component = this.#componentPath(spec.digest);
      await this.#make({ component, digest: spec.digest, program: path, what: spec.id, limits: spec.limits });
      return await loadProgram(path);
    }
  }

  #make(job: TranspileJob): Promise<void> {
    const done = this.#queue.then(() => transpileInChild(job));
    this.#queue = done.catch(() => {});
    return done;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function transpileInChild(job: TranspileJob): Promise<void> {
  const { program, args } = selfCommand(["transpile", JSON.stringify(job)]);
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMITS.transpileMs);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (code === 0) return;
  const text = new TextDecoder().decode(stdout).trim();
  if (text.startsWith("{")) throw fromFaultData(JSON.parse(text) as FaultData);
  const reason = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" ");
  throw new Fault(
    "bad_request",
    `${job.what} cannot be made ready to run: the transpiler ended with code ${code}: ${reason}`,
  );
}

/** The transpiling process's work: the program file of a job, for its caller to write. */
export async function transpile(job: TranspileJob): Promise<Uint8Array> {
  const bytes = await readComponent(job);
  const generated = await generateProgram(bytes, job.what, job.limits);
  return await encodeProgram(generated, job.limits.memoryBytesMax);
}

async function readComponent({ component, digest, what }: TranspileJob): Promise<Uint8Array> {
  const mend = `apply the application of ${what} again, which puts it back`;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(component);
  } catch (error) {
    throw new Fault(
      "corrupt",
      `the artifact ${component} cannot be read: ${(error as Error).message}; ${mend}`,
    );
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== digest) {
    throw new Fault(
      "corrupt",
      `the artifact ${component} is damaged, its bytes do not fit its name; ${mend}`,
    );
  }
  return bytes;
}
