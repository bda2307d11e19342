// What a misbehaving component costs its neighbours: p99 of a well-behaved one, alone and beside each kind of rogue.

import { disposableFolder, freePort, HostProcess } from "../../tests/support/host_process.ts";
import { manifestOf } from "./manifests.ts";
import type { Report } from "./report.ts";
import { findWrk, load, median } from "./tools.ts";

const ROGUES = ["trap", "loop", "recurse", "grow", "hostloop", "leak", "flood-log", "giant-body"];
const ROUNDS = 3;
const SECONDS = 2;
const CONNECTIONS = 8;

export async function measureNeighbours(report: Report): Promise<void> {
  const wrk = await findWrk();
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/neighbours.json`;
  const rogueAddress = `127.0.0.1:${freePort()}`;
  await Deno.writeTextFile(
    manifest,
    manifestOf("bench", [
      { name: "hello", fixture: "hello", path: "/hello", runtime: { instancing: "reuse" } },
      { name: "rogue", fixture: "rogue", path: "/", address: rogueAddress, runtime: { deadline: "2s" } },
    ]),
  );
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: 2,
  });
  const measure = () => load(wrk, `${host.url}/hello`, { seconds: SECONDS, connections: CONNECTIONS });
  await measure();
  for (const rogue of ROGUES) {
    const alone: number[] = [];
    const beside: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      alone.push((await measure()).p99Ms);
      const stop = new AbortController();
      const misbehaving = misbehave(`http://${rogueAddress}/${rogue}`, stop.signal);
      beside.push((await measure()).p99Ms);
      stop.abort();
      await misbehaving;
    }
    const ratio = median(beside) / median(alone);
    report.row(
      `Neighbour's p99 beside ${rogue}`,
      ratio,
      `${median(beside).toFixed(2)} ms, alone ${median(alone).toFixed(2)}; at most 2`,
      ratio <= 2,
    );
  }
}

/** One client that keeps calling the rogue, a new call as soon as the last ended. */
async function misbehave(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal });
      for await (const _ of response.body ?? []) { /* read whatever it floods us with */ }
    } catch { /* that it fails is the point */ }
  }
}
