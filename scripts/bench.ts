// `deno task bench [NAME…]`: measures what the README claims, on the compiled binary (HOLDFAST_BIN, else dist/holdfast),
// each figure beside its yardstick in one run. Exit code 1 when a bound is not kept.

import { measureHttp } from "./bench/http.ts";
import { measureKeyvalue } from "./bench/keyvalue.ts";
import { measureMemory } from "./bench/memory.ts";
import { measureNeighbours } from "./bench/neighbours.ts";
import { type Program, Report } from "./bench/report.ts";
import { measureBoot, measureColdStart } from "./bench/start.ts";

const MEASUREMENTS: Record<string, (report: Report) => Promise<void>> = {
  http: measureHttp,
  cold: measureColdStart,
  boot: measureBoot,
  keyvalue: measureKeyvalue,
  memory: measureMemory,
  neighbours: measureNeighbours,
};

/** The bare server, compiled with the same runtime as the binary, so that both are measured alike. */
async function compileBareServer(): Promise<Program> {
  const source = new URL("bench/bare_server.ts", import.meta.url).pathname;
  const output = new URL("../dist/bare_server", import.meta.url).pathname;
  const args = [
    "compile",
    "-A",
    "--unstable-net",
    "--no-check",
    "--no-code-cache",
    "--output",
    output,
    source,
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" })
    .output();
  if (code !== 0) {
    throw new Error(`the bare server could not be compiled: ${new TextDecoder().decode(stderr)}`);
  }
  return { program: output, args: [] };
}

const unknown = Deno.args.filter((name) => !(name in MEASUREMENTS));
if (unknown.length) {
  console.error(
    `bench: there is no ${unknown.join(", ")}; there are: ${Object.keys(MEASUREMENTS).join(", ")}`,
  );
  Deno.exit(2);
}
if (!Deno.env.get("HOLDFAST_BIN")) {
  console.error("bench: set HOLDFAST_BIN to the compiled binary (deno task compile makes dist/holdfast)");
  Deno.exit(2);
}
const report = new Report(await compileBareServer());
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (Deno.args.length === 0 || Deno.args.includes(name)) await measure(report);
}
await report.print();
Deno.exit(report.isEverythingReached ? 0 : 1);
