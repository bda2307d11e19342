// Durable keyvalue as components see it: HTTP request -> component -> atomics.increment -> disk (synced) -> answer, at
// 64 clients; and the same without HTTP, 64 calls at a time from inside a component. Reads beside.

import { disposableFolder, HostProcess } from "../../tests/support/host_process.ts";
import { manifestOf } from "./manifests.ts";
import type { Report } from "./report.ts";
import { findWrk, load, median } from "./tools.ts";

const ROUNDS = 3;
const SECONDS = 4;
const CLIENTS = 64;

export async function measureKeyvalue(report: Report): Promise<void> {
  const wrk = await findWrk();
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/count.json`;
  const count = {
    name: "count",
    fixture: "count",
    path: "/",
    runtime: { instancing: "reuse", hostCalls: 100_000_000 },
    bucket: true,
  };
  await Deno.writeTextFile(manifest, manifestOf("bench", [count]));
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: 2,
  });
  const writes: number[] = [];
  const reads: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const write = await load(wrk, `${host.url}/`, { seconds: SECONDS, connections: CLIENTS });
    const read = await load(wrk, `${host.url}/read`, { seconds: SECONDS, connections: CLIENTS });
    if (write.errors || read.errors) throw new Error(`errors under load:\n${host.output.slice(-2000)}`);
    writes.push(write.perSecond);
    reads.push(read.perSecond);
    report.progress(`keyvalue: round ${round + 1} of ${ROUNDS}`);
  }
  const [write, read] = [median(writes), median(reads)];
  report.row("Durable increments/s over HTTP, 64 clients", write, "at least 10000", write >= 10_000);
  report.row(
    "Keyvalue reads/s over HTTP, 64 clients",
    read,
    `${(read / write).toFixed(1)} times the increments; at least 3`,
    read >= 3 * write,
  );
}
