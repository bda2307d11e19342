// HTTP through a small component against its yardsticks: a bare Deno.serve with as many processes, and `jco serve` on
// the same file. All run at once and are loaded in turn, so that a slow minute of the machine hits each.

import { disposableFolder, freePort, HostProcess, repositoryPath } from "../../tests/support/host_process.ts";
import { manifestOf } from "./manifests.ts";
import type { Report } from "./report.ts";
import { Background, findWrk, load, median, untilAnswers } from "./tools.ts";

const ROUNDS = 5;
const SECONDS = 4;
const CONNECTIONS = 64;
const CELLS = 2;

export async function measureHttp(report: Report): Promise<void> {
  const wrk = await findWrk();
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/hello.json`;
  const hello = { name: "hello", fixture: "hello", path: "/", runtime: { instancing: "reuse" } };
  await Deno.writeTextFile(manifest, manifestOf("bench", [hello]));
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: CELLS,
  });
  const barePort = freePort();
  const bareArgs = report.bareServer.args.concat(String(barePort), String(CELLS));
  await using _bare = new Background(report.bareServer.program, bareArgs);
  const jcoPort = freePort();
  const component = repositoryPath("fixtures/components/hello/hello.wasm");
  await using _jco = new Background("npx", [
    "-y",
    "@bytecodealliance/jco@1.15.0",
    "serve",
    "--port",
    String(jcoPort),
    component,
  ]);
  const targets = {
    holdfast: `${host.url}/`,
    bare: `http://127.0.0.1:${barePort}/`,
    jco: `http://127.0.0.1:${jcoPort}/`,
  };
  for (const url of Object.values(targets)) await untilAnswers(url, 120);
  const rates: Record<string, number[]> = { holdfast: [], bare: [], jco: [] };
  const p99: Record<string, number[]> = { holdfast: [], bare: [], jco: [] };
  let errors = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, url] of Object.entries(targets)) {
      const seconds = name === "jco" ? 2 : SECONDS;
      const result = await load(wrk, url, { seconds, connections: CONNECTIONS });
      if (round === 0) continue; // warm-up
      rates[name].push(result.perSecond);
      p99[name].push(result.p99Ms);
      if (name === "holdfast") errors += result.errors;
    }
    report.progress(`http: round ${round} of ${ROUNDS}`);
  }
  const [ours, bare, jco] = [rates.holdfast, rates.bare, rates.jco].map(median);
  report.row(
    "HTTP hello, requests/s",
    ours,
    `bare Deno.serve ${bare.toFixed(0)}, jco serve ${jco.toFixed(0)}, ${errors} errors`,
  );
  report.row("HTTP hello, of a bare Deno.serve", ours / bare, "at least 0.6", ours / bare >= 0.6);
  report.row("HTTP hello, times jco serve", ours / jco, "at least 5", ours / jco >= 5);
  report.row("HTTP hello, p99 ms", median(p99.holdfast), `bare Deno.serve ${median(p99.bare).toFixed(2)}`);
}
