// Acknowledged is kept: many clients write while cells and supervisors are killed at random moments, and after every kill
// nothing acknowledged is missing and nothing is there twice. HOLDFAST_ROUNDS sets how often (200, from source 20),
// HOLDFAST_SEED what is killed when; a failure names its seed.

import assert from "node:assert/strict";
import { manifestOf } from "../../scripts/bench/manifests.ts";
import { apply, fetchText } from "../support/applied.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { childrenOf, isAlive, signalProcess } from "../support/processes.ts";
import { Seeded } from "../support/seeded.ts";
import { pause, WriteLoad } from "../support/write_load.ts";
import { eventsOf, until } from "../support/watching.ts";

// From source each start takes four times as long; the binary is what users run.
const ROUNDS = Number(Deno.env.get("HOLDFAST_ROUNDS") ?? (Deno.env.get("HOLDFAST_BIN") ? 200 : 20));
const SEED = Number(Deno.env.get("HOLDFAST_SEED") ?? Math.floor(Math.random() * 1e9));
const CELLS = 2;
const CLIENTS_PER_KIND = 6;
/** The list is read after every round; emptied from this length on, it stays quick to read. */
const TODOS_MAX = 2_000;
/** Cells killed before the supervisor's turn comes: one that dies again and again has to wait, longer each time. */
const CELLS_IN_A_ROW_MAX = 3;
/** At once for the first, 0.1 s and 0.5 s for the next; the rest is for a loaded machine. */
const REPLACED_MS = 10_000;
/** A killed supervisor's cells see their pipe end and go. */
const CELLS_GONE_MS = 5_000;

const WRITERS = manifestOf("writers", [
  { name: "web", fixture: "hello", path: "/" },
  { name: "todo", fixture: "todo", path: "/todos", bucket: true, runtime: { instancing: "reuse" } },
  { name: "count", fixture: "count", path: "/count,/read", bucket: true, runtime: { instancing: "reuse" } },
]);

/** A host that is killed and comes back on the same port and folder. */
class Victim implements AsyncDisposable {
  host!: HostProcess;
  readonly #data: string;
  readonly #random: Seeded;
  cellsKilled = 0;
  supervisorsKilled = 0;
  slowestReplacementMs = 0;
  #cellsInARow = 0;

  constructor(data: string, random: Seeded) {
    this.#data = data;
    this.#random = random;
  }

  async start(): Promise<void> {
    this.host = await HostProcess.start({ data: this.#data, cells: CELLS, port: this.host?.port });
  }

  /** Kills something now. */
  kill(): Promise<void> {
    const isCellNext = this.#random.oneIn(2) && this.#cellsInARow++ < CELLS_IN_A_ROW_MAX;
    return isCellNext ? this.#killCell() : this.#killSupervisor();
  }

  async #killCell(): Promise<void> {
    const pid = this.#random.pick(childrenOf(this.host.pid));
    const startMs = performance.now();
    signalProcess(pid, "SIGKILL");
    this.cellsKilled++;
    await until("a killed cell is replaced", () => {
      const now = childrenOf(this.host.pid);
      return !now.includes(pid) && now.length === CELLS;
    }, REPLACED_MS);
    this.slowestReplacementMs = Math.max(this.slowestReplacementMs, performance.now() - startMs);
  }

  async #killSupervisor(): Promise<void> {
    const { port, pid } = this.host;
    const cells = childrenOf(pid);
    this.host.kill("SIGKILL");
    await this.host[Symbol.asyncDispose]();
    await until("the cells of a killed host go", () => !cells.some(isAlive), CELLS_GONE_MS);
    this.supervisorsKilled++;
    while (this.#random.oneIn(4)) {
      // Power that comes and goes: killed again before, while or after it starts to serve.
      await using started = HostProcess.spawn({ data: this.#data, cells: CELLS, port });
      await pause(this.#random.below(500));
      started.kill("SIGKILL");
      this.supervisorsKilled++;
    }
    this.#cellsInARow = 0;
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host?.[Symbol.asyncDispose]();
  }
}

async function playRound(victim: Victim, load: WriteLoad, random: Seeded): Promise<void> {
  const over = new AbortController();
  const running = load.run(CLIENTS_PER_KIND, over.signal);
  try {
    await pause(50 + random.below(300));
    await victim.kill();
    // With the other cell killed just before, nobody listens for a moment.
    const { text } = await until(
      "the host serves",
      () => fetchText(`${victim.host.url}/`).catch(() => undefined),
      REPLACED_MS,
    );
    assert.equal(text, "hello from holdfast\n");
  } finally {
    over.abort();
    await running;
  }
  await load.verify();
}

Deno.test(`${ROUNDS} kills of cells and supervisors lose no acknowledged write and double none`, async () => {
  const random = new Seeded(SEED);
  await using folder = await disposableFolder();
  await using victim = new Victim(folder.path, random);
  await victim.start();
  await apply(victim.host, WRITERS);
  using load = new WriteLoad(victim.host.url);
  const startMs = performance.now();
  for (let round = 1; round <= ROUNDS; round++) {
    try {
      await playRound(victim, load, random);
      if (load.todosAsked > TODOS_MAX) await load.forgetTodos();
    } catch (cause) {
      const what = `round ${round}; repeat with HOLDFAST_SEED=${SEED}`;
      throw new Error(`${what}: ${(cause as Error).message}\n${victim.host.output}`, { cause });
    }
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(
    `${load.writes} writes acknowledged in ${seconds} s; ${victim.cellsKilled} cells and ` +
      `${victim.supervisorsKilled} supervisors killed; the slowest new cell took ` +
      `${Math.round(victim.slowestReplacementMs)} ms (seed ${SEED})`,
  );
  assert.ok(load.writes > ROUNDS * 10, `only ${load.writes} writes were acknowledged`);
  assert.equal(await victim.host.stop(), 0, victim.host.output);
});

Deno.test("a killed cell is replaced at once, by one that serves, and nobody is blamed", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({ data: folder.path, cells: 1 });
  await apply(host, WRITERS);
  const [pid] = childrenOf(host.pid);
  signalProcess(pid, "SIGKILL");
  const startMs = performance.now();
  await until("the successor serves", async () => {
    const answer = await fetchText(`${host.url}/`).catch(() => undefined);
    return answer?.text === "hello from holdfast\n" && !isAlive(pid);
  }, 5_000);
  console.log(`a lone cell was replaced and served after ${Math.round(performance.now() - startMs)} ms`);
  const events = await eventsOf(host);
  assert.ok(events.some((event) => event.type === "cell_lost" && event.pid === pid));
  assert.ok(!events.some(({ type }) => type === "component_quarantined" || type === "component_stopped"));
});
