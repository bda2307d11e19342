// What a host costs when nothing happens: empty, and with a thousand components deployed and idle. Memory is the
// proportional set size of all its processes: every page counted once.

import { disposableFolder, HostProcess } from "../../tests/support/host_process.ts";
import { manifestOf } from "./manifests.ts";
import type { Report } from "./report.ts";
import { memoryOf } from "./tools.ts";

const COMPONENTS = 1000;
const SETTLE_MS = 15_000;

export async function measureMemory(report: Report): Promise<void> {
  const empty = await idleMemory(0);
  const full = await idleMemory(COMPONENTS);
  const each = (full - empty) / COMPONENTS / 1024;
  report.row(
    "Empty host with two cells, MB",
    empty / 1e6,
    "resident, all processes; at most 120",
    empty <= 120e6,
  );
  report.row(`Idle component, KB of ${COMPONENTS}`, each, "over the empty host; at most 32", each <= 32);
  const binary = Deno.env.get("HOLDFAST_BIN");
  if (binary) {
    const { size } = await Deno.stat(binary);
    report.row("Binary, MB", size / 1e6, "at most 100", size <= 100e6);
  }
}

async function idleMemory(components: number): Promise<number> {
  await using folder = await disposableFolder();
  const data = `${folder.path}/data`;
  if (components) {
    const parts = Array.from(
      { length: components },
      (_, i) => ({ name: `c${i}`, fixture: "hello", path: `/c${i}` }),
    );
    const manifest = `${folder.path}/many.json`;
    await Deno.writeTextFile(manifest, manifestOf("many", parts));
    await (await HostProcess.start({ data, manifests: [manifest], cells: 2 })).stop();
  }
  await using host = await HostProcess.start({ data, cells: 2 });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return memoryOf(host.pid);
}
