// A day of a busy box in short: shop traffic, rogue calls beside it, and the memory of every process watched. After the
// warm-up memory stays flat, and nobody but the rogue ever gets an error. HOLDFAST_SOAK sets how long (20s; 10m for the
// long one).

import assert from "node:assert/strict";
import { parseDuration } from "../../src/model/quantity.ts";
import { application } from "../support/applications.ts";
import { type Answer, ask } from "../support/asking.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { childrenOf, memoryOf } from "../support/processes.ts";
import { eventsOf, statusOf } from "../support/watching.ts";
import { pause } from "../support/write_load.ts";

const SOAK_MS = parseDuration(Deno.env.get("HOLDFAST_SOAK") ?? "20s");
/** Programs are compiled, heaps find their size, caches fill. */
const WARM_UP_MS = Math.min(SOAK_MS * 0.4, 60_000);
const SAMPLE_MS = 500;
const IS_LONG = SOAK_MS >= 180_000;
/**
 * How much the median of the last third may lie over that of the first. In the first minute heaps still find their size
 * (200 to 300 MiB together here), so a short run notices gross leaks only. After it they stay within 10 MiB; a leak of
 * 1 KiB a request would come to 100 MiB in ten minutes.
 */
const GROWTH_BYTES_MAX = (IS_LONG ? 24 : 128) * 1024 * 1024;
const CELLS = 2;

const STORE = (interfaces: string) => [{ to: "store", interfaces: `wasi:keyvalue/${interfaces}` }];
const BOX = application("box", [
  { name: "web", fixture: "hello", route: { path: "/" } },
  { name: "unread", fixture: "unread", route: { path: "/unread" }, runtime: { instancing: "reuse" } },
  { name: "todo", fixture: "todo", route: { path: "/todos" }, links: STORE("store,atomics,batch") },
  {
    name: "count",
    fixture: "count",
    route: { path: "/count" },
    links: STORE("store,atomics"),
    runtime: { instancing: "reuse" },
  },
  {
    name: "rogue",
    fixture: "rogue",
    route: { host: "rogue.test" },
    runtime: { deadline: "300ms", memory: "16MiB", body: "256KiB" },
  },
]);

const MISBEHAVIOUR = [
  "/trap",
  "/loop",
  "/recurse",
  "/grow",
  "/hostloop",
  "/leak",
  "/leak-small",
  "/sleep-forever",
  "/bad-pointer",
  "/flood-log",
  "/giant-body",
  "/giant-header",
  "/never-respond",
  "/double-respond",
  "/trap-mid-body",
  "/unfinished-body",
  "/hang-mid-body",
  "/allocate?mib=8",
  "/spin?ms=100",
  "/ok",
];

/** Clients of one box until the time is up: how often each asked, and every answer that should not have been. */
class Visitors {
  readonly #port: number;
  readonly #untilMs: number;
  asked = 0;
  readonly surprises: string[] = [];

  constructor(port: number, untilMs: number) {
    this.#port = port;
    this.#untilMs = untilMs;
  }

  async run(): Promise<void> {
    const shop = [
      () => this.#expect("/", 200),
      () => this.#expect("/unread", 200),
      () => this.#expect("/count", 200),
      () => this.#addAndDelete(),
    ];
    await Promise.all([...shop.map((visit) => this.#repeat(visit, 5)), this.#misbehave()]);
  }

  async #repeat(visit: () => Promise<unknown>, pauseMs: number): Promise<void> {
    while (performance.now() < this.#untilMs) {
      await visit();
      await pause(pauseMs);
    }
  }

  /** One after the other, so that all come round, and whatever comes of them is right. */
  async #misbehave(): Promise<void> {
    let next = 0;
    await this.#repeat(async () => {
      const path = MISBEHAVIOUR[next++ % MISBEHAVIOUR.length];
      await ask(this.#port, path, { host: "rogue.test" }).catch(() => {});
    }, 50);
  }

  async #addAndDelete(): Promise<void> {
    const added = await this.#expect("/todos", 201, { method: "POST", json: { title: "soaked" } });
    if (!added) return;
    const { id } = JSON.parse(added.text) as { id: number };
    await this.#expect(`/todos/${id}`, 200);
    await this.#expect(`/todos/${id}`, 204, { method: "DELETE" });
  }

  async #expect(path: string, status: number, options = {}): Promise<Answer | undefined> {
    this.asked++;
    try {
      const answer = await ask(this.#port, path, options);
      if (answer.status === status) return answer;
      this.surprises.push(`${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
    } catch (error) {
      this.surprises.push(`${path}: ${(error as Error).message}`);
    }
  }
}

/** Memory of all processes of the host together, from the end of the warm-up on. */
async function sampleMemory(host: HostProcess, fromMs: number, untilMs: number): Promise<number[]> {
  const samples: number[] = [];
  while (performance.now() < untilMs) {
    if (performance.now() >= fromMs) {
      samples.push([host.pid, ...childrenOf(host.pid)].reduce((sum, pid) => sum + memoryOf(pid), 0));
    }
    await pause(SAMPLE_MS);
  }
  return samples;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function inMebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

Deno.test("under mixed and rogue load memory stays flat, and nobody but the rogue gets an error", async () => {
  await using folder = await disposableFolder();
  const manifest = `${folder.path}/box.json`;
  await Deno.writeTextFile(manifest, BOX);
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: CELLS,
    args: ["--log-level", "error"],
  });
  const startMs = performance.now();
  const cells = childrenOf(host.pid);
  const visitors = new Visitors(host.port, startMs + SOAK_MS);
  const [samples] = await Promise.all([
    sampleMemory(host, startMs + WARM_UP_MS, startMs + SOAK_MS),
    visitors.run(),
  ]);

  const third = Math.floor(samples.length / 3);
  const [first, last] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  console.log(
    `${visitors.asked} requests in ${Math.round(SOAK_MS / 1000)} s; memory of all processes ` +
      `${inMebibytes(first)}, then ${inMebibytes(last)} (${inMebibytes(Math.min(...samples))} to ` +
      `${inMebibytes(Math.max(...samples))}, ${samples.length} samples)`,
  );
  assert.deepEqual(visitors.surprises.slice(0, 20), [], host.output.slice(-4_000));
  assert.ok(samples.length >= 9, `${samples.length} samples`);
  assert.ok(
    last - first < GROWTH_BYTES_MAX,
    `memory grew from ${inMebibytes(first)} to ${inMebibytes(last)}`,
  );
  assert.deepEqual(childrenOf(host.pid), cells, "no cell was lost");
  assert.ok(!(await eventsOf(host)).some(({ type }) => type === "cell_lost"), host.output.slice(-4_000));
  const { components } = await statusOf(host);
  for (const { name, failures, state } of components) {
    if (name !== "rogue") assert.deepEqual([name, failures, state], [name, 0, "ready"]);
  }
  assert.equal(await host.stop(), 0, host.output.slice(-4_000));
});
