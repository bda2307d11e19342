// How fast things come back: a component from scale-to-zero (program on disk, nothing in memory) to its first byte, and
// a host with saved components to all of them answering.

import { disposableFolder, HostProcess } from "../../tests/support/host_process.ts";
import { manifestOf } from "./manifests.ts";
import type { Report } from "./report.ts";
import { median, quantile } from "./tools.ts";

const COLD_COMPONENTS = 300;
const BOOT_COMPONENTS = 10;
const BOOTS = 7;

async function firstByteMs(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url);
  const reader = response.body!.getReader();
  await reader.read();
  const ms = performance.now() - started;
  await reader.cancel();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return ms;
}

export async function measureColdStart(report: Report): Promise<void> {
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/cold.json`;
  const parts = Array.from(
    { length: COLD_COMPONENTS },
    (_, i) => ({ name: `c${i}`, fixture: "hello", path: `/c${i}` }),
  );
  await Deno.writeTextFile(
    manifest,
    manifestOf("cold", [...parts, { name: "warm", fixture: "count", path: "/", bucket: true }]),
  );
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: 2,
  });
  // A process's very first component also pays for V8's own warming up; another component takes that here.
  for (let i = 0; i < 200; i++) await firstByteMs(`${host.url}/read`);
  const samples: number[] = [];
  for (const { path } of parts) samples.push(await firstByteMs(`${host.url}${path}`));
  const p99 = quantile(samples, 0.99);
  report.row(
    "From zero to first byte, p50 ms",
    median(samples),
    `${COLD_COMPONENTS} components, one request each`,
  );
  report.row("From zero to first byte, p99 ms", p99, "at most 10", p99 <= 10);
}

export async function measureBoot(report: Report): Promise<void> {
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/boot.json`;
  const parts = Array.from(
    { length: BOOT_COMPONENTS },
    (_, i) => ({ name: `c${i}`, fixture: "hello", path: `/c${i}` }),
  );
  await Deno.writeTextFile(manifest, manifestOf("boot", parts));
  const data = `${folder.path}/data`;
  await (await HostProcess.start({ data, manifests: [manifest], cells: 2 })).stop();
  const samples: number[] = [];
  for (let boot = 0; boot < BOOTS; boot++) {
    const started = performance.now();
    await using host = HostProcess.spawn({ data, cells: 2 });
    await Promise.all(parts.map(({ path }) => untilOk(`${host.url}${path}`)));
    samples.push(performance.now() - started);
  }
  report.row(
    "Boot with ten saved components, ms",
    median(samples),
    "all answering; at most 1000",
    median(samples) <= 1000,
  );
}

async function untilOk(url: string): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(url);
      await response.body?.cancel();
      if (response.status === 200) return;
    } catch { /* not listening yet */ }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
