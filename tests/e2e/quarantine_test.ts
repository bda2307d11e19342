// A component whose calls are running whenever a cell crashes by its own doing gets a cell of its own, and is stopped
// when it keeps crashing that. Nobody else notices but those who were in flight in the dead cell; and a kill from outside
// blames nobody. The crash is a signal sent while the rogue component sleeps.

import assert from "node:assert/strict";
import type { Event } from "../../src/model/event.ts";
import { LIMITS } from "../../src/model/limits.ts";
import { application } from "../support/applications.ts";
import { type Answer, ask } from "../support/asking.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { childrenOf, isAlive, signalProcess } from "../support/processes.ts";
import { eventsOf, statusOf, until } from "../support/watching.ts";

const CELLS = 2;
/** Every cell has one of so many sleeping calls but once in 2^11 times; then the test asks for more. */
const SLEEPERS = 12;
/** Silence is noticed after 5 s, and looked for twice a second; the rest is for a loaded machine. */
const SILENT_CELL_MS = LIMITS.cellSilenceMs + 6_000;

const ROGUE = "gang-rogue";
const GANG = application("gang", [
  { name: "web", fixture: "hello", route: { path: "/" } },
  { name: "rogue", fixture: "rogue", route: { path: "/ok,/sleep-forever" }, runtime: { deadline: "none" } },
  {
    name: "caller",
    fixture: "probe",
    route: { path: "/fetch" },
    links: [
      { to: "rogue", interfaces: "wasi:http/outgoing-handler" },
      { to: "store", interfaces: "wasi:keyvalue/store" },
    ],
  },
]);

/** A host with the gang, and a neighbour's visitor who comes back all the time. */
class Scene implements AsyncDisposable {
  readonly host: HostProcess;
  readonly #folder: AsyncDisposable;
  readonly #isOver = new AbortController();
  readonly #visitor: Promise<void>;
  readonly #sleepers: Promise<unknown>[] = [];
  visits = 0;
  broken = 0;
  slowestVisitMs = 0;
  readonly badAnswers: Answer[] = [];

  static async open(): Promise<Scene> {
    const folder = await disposableFolder();
    const manifest = `${folder.path}/gang.json`;
    await Deno.writeTextFile(manifest, GANG);
    const host = await HostProcess.start({
      data: `${folder.path}/data`,
      manifests: [manifest],
      cells: CELLS,
    });
    return new Scene(host, folder);
  }

  private constructor(host: HostProcess, folder: AsyncDisposable) {
    this.host = host;
    this.#folder = folder;
    this.#visitor = this.#visit();
  }

  /** The neighbour's only losses are connections that a dying cell had. */
  assertNeighbourFine(lossesMax: number): void {
    assert.ok(this.visits > 50, `${this.visits} visits`);
    assert.deepEqual(this.badAnswers.map(({ status, text }) => `${status} ${text}`), []);
    assert.ok(
      this.broken <= lossesMax,
      `${this.broken} of ${this.visits} visits broke off, at most ${lossesMax} may`,
    );
  }

  /** Has the rogue component asleep in every ordinary cell, and that known to the supervisor. */
  async putToSleep(): Promise<void> {
    const before = await this.#rogueCalls();
    for (let i = 0; i < SLEEPERS; i++) {
      this.#sleepers.push(ask(this.host.port, "/sleep-forever", { timeoutMs: 600_000 }).catch(() => {}));
    }
    await until("the calls sleep", async () => await this.#rogueCalls() >= before + SLEEPERS);
  }

  async #rogueCalls(): Promise<number> {
    return (await statusOf(this.host)).components.find(({ id }) => id === ROGUE)!.calls;
  }

  /** Signals one process and waits until it is lost and something has taken its place. */
  async crash(pid: number, signal: Deno.Signal): Promise<Event & { type: "cell_lost" }> {
    signalProcess(pid, signal);
    const lost = await until("the cell is lost", async () => {
      return (await eventsOf(this.host)).find((event) => event.type === "cell_lost" && event.pid === pid);
    });
    assert.ok(lost.type === "cell_lost");
    await until("all cells are ready", async () => {
      const { cells } = await statusOf(this.host);
      return cells.length >= CELLS && cells.every(({ state, pid }) => state === "ready" && isAlive(pid));
    });
    return lost;
  }

  async ordinaryCells(): Promise<number[]> {
    return (await statusOf(this.host)).cells.filter((cell) => !cell.quarantine).map(({ pid }) => pid);
  }

  async rogueState(): Promise<{ state: string; reason?: string; cell?: number }> {
    const { components, cells } = await statusOf(this.host);
    const { state, reason } = components.find(({ id }) => id === ROGUE)!;
    return { state, reason, cell: cells.find(({ quarantine }) => quarantine === ROGUE)?.pid };
  }

  async #visit(): Promise<void> {
    while (!this.#isOver.signal.aborted) {
      const startMs = performance.now();
      const answer = await ask(this.host.port, "/", { timeoutMs: 30_000 }).catch(() => undefined);
      this.visits++;
      this.slowestVisitMs = Math.max(this.slowestVisitMs, performance.now() - startMs);
      if (!answer) this.broken++;
      else if (answer.status !== 200 || answer.text !== "hello from holdfast\n") this.badAnswers.push(answer);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver.abort();
    await this.#visitor;
    await this.host[Symbol.asyncDispose]();
    await Promise.all(this.#sleepers);
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Crashes ordinary cells in which the rogue component runs until it is quarantined; as often as the limit says. */
async function quarantineRogue(scene: Scene): Promise<number> {
  for (let crashes = 1; crashes <= LIMITS.quarantineAfter; crashes++) {
    await scene.putToSleep();
    const [pid] = await scene.ordinaryCells();
    const { suspects } = await scene.crash(pid, crashes % 2 ? "SIGILL" : "SIGABRT");
    assert.deepEqual(suspects, [ROGUE]);
    const { state } = await scene.rogueState();
    if (crashes < LIMITS.quarantineAfter) assert.equal(state, "ready", "one crash is forgiven");
  }
  const { cell } = await until("the quarantine", async () => {
    const found = await scene.rogueState();
    return found.state === "quarantined" && found.cell !== undefined ? found : undefined;
  });
  return cell!;
}

Deno.test("a component that crashes its cell twice gets a cell of its own, where it goes on serving", async () => {
  await using scene = await Scene.open();
  const { host } = scene;
  const own = await quarantineRogue(scene);
  assert.match((await scene.rogueState()).reason ?? "", /its cell ended by SIG(?:ILL|ABRT)/);
  assert.ok(
    (await eventsOf(host)).some((event) =>
      event.type === "component_quarantined" && event.component === ROGUE
    ),
  );
  assert.ok(!(await scene.ordinaryCells()).includes(own));

  const direct = await until("it answers", async () => {
    const answer = await ask(host.port, "/ok").catch(() => undefined);
    return answer?.status === 200 ? answer : undefined;
  });
  assert.equal(direct.text, "ok\n");
  const byLink = await ask(host.port, "/fetch?url=http://rogue/ok");
  assert.deepEqual([byLink.status, byLink.text], [200, "ok\n"], "a call by link reaches it too");
  const missing = await ask(host.port, "/fetch?url=http://rogue/no-such-thing");
  assert.deepEqual([missing.status, missing.text], [404, "no such misbehaviour\n"]);
  scene.assertNeighbourFine(2 * LIMITS.quarantineAfter);
});

Deno.test("one that keeps crashing its own cell is stopped with the reason, until it is applied again", async () => {
  await using scene = await Scene.open();
  const { host } = scene;
  await quarantineRogue(scene);
  const lossesBefore = scene.broken;
  for (let crashes = 1; crashes <= LIMITS.stopAfter; crashes++) {
    const { cell } = await until("its cell is there", async () => {
      const found = await scene.rogueState();
      return found.cell !== undefined && isAlive(found.cell) ? found : undefined;
    });
    await scene.crash(cell!, "SIGABRT");
  }
  const { reason } = await until("the stop", async () => {
    const found = await scene.rogueState();
    return found.state === "stopped" ? found : undefined;
  });
  assert.match(reason ?? "", /SIGABRT/);
  assert.equal(scene.broken, lossesBefore, "its own cell's end is nobody else's");
  const refused = await ask(host.port, "/ok");
  assert.ok(refused.status === 503 || refused.status === 404, `${refused.status} ${refused.text}`);
  await until("its cell is gone", () => childrenOf(host.pid).length === CELLS);
  scene.assertNeighbourFine(2 * LIMITS.quarantineAfter);

  const applied = await host.cli("app", "apply", `${host.data}/../gang.json`);
  assert.equal(applied.code, 0, applied.stderr);
  assert.equal((await scene.rogueState()).state, "quarantined");
  await until("it answers", async () => (await ask(host.port, "/ok")).text === "ok\n");
});

Deno.test("a cell killed from outside blames nobody, however often", async () => {
  await using scene = await Scene.open();
  for (let kills = 0; kills <= LIMITS.quarantineAfter; kills++) {
    await scene.putToSleep();
    const [pid] = await scene.ordinaryCells();
    await scene.crash(pid, "SIGKILL");
  }
  assert.equal((await scene.rogueState()).state, "ready");
  const events = await eventsOf(scene.host);
  assert.ok(!events.some(({ type }) => type === "component_quarantined" || type === "component_stopped"));
  scene.assertNeighbourFine(2 * (LIMITS.quarantineAfter + 1));
});

Deno.test("a silent cell is killed and replaced, and the component that was running in it is named", async () => {
  await using scene = await Scene.open();
  await scene.putToSleep();
  const [pid] = await scene.ordinaryCells();
  const startMs = performance.now();
  const { reason, suspects } = await scene.crash(pid, "SIGSTOP");
  const tookMs = performance.now() - startMs;
  assert.match(reason, /was silent for/);
  assert.deepEqual(suspects, [ROGUE]);
  assert.ok(tookMs < SILENT_CELL_MS, `took ${tookMs} ms`);
  assert.equal((await ask(scene.host.port, "/ok")).status, 200);
});
