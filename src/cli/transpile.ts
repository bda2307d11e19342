// `holdfast transpile JOB`: the transpiling process that `runtime/program_store.ts` starts. Not for people; says faults
// as JSON on standard output.

import { toFaultData } from "../model/fault.ts";
import { writeWholeFile } from "../store/whole_file.ts";
import type { CliContext } from "./context.ts";
import { transpile, type TranspileJob } from "../runtime/program_store.ts";

/** Runs the job in the first argument; resolves with the exit code. */
export async function run({ argv }: Pick<CliContext, "argv">): Promise<number> {
  try {
    const job = JSON.parse(argv[0]) as TranspileJob;
    await writeWholeFile(job.program, await transpile(job));
    return 0;
  } catch (error) {
    console.log(JSON.stringify(toFaultData(error, "bad_request")));
    return 2;
  }
}
