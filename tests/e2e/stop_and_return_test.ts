// How a host ends and comes back: running calls end first, within 10 s; asked twice it ends at once; what was applied
// serves again with no manifest, no environment and nothing but its data folder, wherever that is.

import assert from "node:assert/strict";
import { manifestOf } from "../../scripts/bench/manifests.ts";
import { apply, fetchText, listApplications } from "../support/applied.ts";
import { disposableFolder, freePort, HostProcess, runHoldfast } from "../support/host_process.ts";
import { isAlive } from "../support/processes.ts";
import { eventsOf, statusOf, until } from "../support/watching.ts";

/** What SIGTERM promises: a person's patience, and less than systemd's. */
const STOP_MS = 10_000;

const MIXED = manifestOf("mixed", [
  { name: "web", fixture: "hello", path: "/" },
  { name: "todo", fixture: "todo", path: "/todos", bucket: true },
  { name: "rogue", fixture: "rogue", path: "/spin,/sleep-forever,/ok" },
]);

/** Resolves when a call of this component runs in some cell. */
async function untilRunning(host: HostProcess, calls: number): Promise<void> {
  await until("a call runs", async () => {
    const { components } = await statusOf(host);
    return components.find(({ name }) => name === "rogue")!.calls >= calls;
  });
}

async function timeStop(host: HostProcess): Promise<{ code: number; tookMs: number }> {
  const startMs = performance.now();
  const code = await host.stop();
  return { code, tookMs: performance.now() - startMs };
}

function isListening(port: number): Promise<boolean> {
  return Deno.connect({ hostname: "127.0.0.1", port }).then((it) => (it.close(), true), () => false);
}

Deno.test("SIGTERM lets a slow request end with its answer, and ends the host within 10 s", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({ data: folder.path });
  await apply(host, MIXED);
  const slow = fetchText(`${host.url}/spin?ms=2500`);
  await untilRunning(host, 1);
  const { code, tookMs } = await timeStop(host);
  assert.deepEqual(await slow, { status: 200, text: "spun\n" });
  assert.equal(code, 0, host.output);
  assert.ok(tookMs < STOP_MS, `took ${tookMs} ms\n${host.output}`);
  assert.equal(await isListening(host.port), false);
});

Deno.test("SIGTERM ends the host within 10 s though a request would never end", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({ data: folder.path });
  await apply(host, MIXED);
  const endless = fetchText(`${host.url}/sleep-forever`).catch((error) => ({ status: 0, text: `${error}` }));
  await untilRunning(host, 1);
  const { code, tookMs } = await timeStop(host);
  assert.equal(code, 0, host.output);
  assert.ok(tookMs < STOP_MS, `took ${tookMs} ms\n${host.output}`);
  const { status } = await endless;
  assert.ok(status === 0 || status >= 500, `an endless request was answered with ${status}`);
});

Deno.test("a second SIGTERM ends the host and its cells at once", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({ data: folder.path });
  await apply(host, MIXED);
  const endless = fetchText(`${host.url}/sleep-forever`).catch(() => {});
  await untilRunning(host, 1);
  const { cells } = await statusOf(host);
  host.kill("SIGTERM");
  await host.untilOutput(/stops: no new work/);
  const { code, tookMs } = await timeStop(host);
  assert.notEqual(code, 0, "cutting work off is no clean end");
  assert.ok(tookMs < 2_000, `took ${tookMs} ms`);
  await until("the cells are gone", () => cells.every(({ pid }) => !isAlive(pid)), 5_000);
  await endless;
});

Deno.test("what was applied is back after a stop: no manifest, no environment, an empty folder to start in", async () => {
  await using folder = await disposableFolder();
  await using elsewhere = await disposableFolder();
  let created: { status: number; text: string };
  let before: string[];
  {
    await using host = await HostProcess.start({ data: folder.path });
    await apply(host, MIXED);
    created = await fetchText(`${host.url}/todos`, { method: "POST", body: '{"title":"stays"}' });
    assert.equal(created.status, 201);
    before = await listApplications(host);
    assert.equal(await host.stop(), 0);
  }
  await using host = await HostProcess.start({ data: folder.path, cwd: elsewhere.path });
  assert.deepEqual(await listApplications(host), before);
  assert.equal((await fetchText(`${host.url}/`)).text, "hello from holdfast\n");
  const { id } = JSON.parse(created.text);
  const found = await fetchText(`${host.url}/todos/${id}`);
  assert.equal(JSON.parse(found.text).title, "stays");
  assert.deepEqual([...Deno.readDirSync(elsewhere.path)], [], "nothing is left in the working folder");
});

Deno.test("a data folder with a long path works, its socket is elsewhere", async () => {
  await using folder = await disposableFolder();
  const data = `${folder.path}/${"a-rather-long-name/".repeat(8)}data`;
  await using host = await HostProcess.start({ data });
  const { socket } = JSON.parse(await Deno.readTextFile(`${data}/lock.json`));
  try {
    assert.ok(socket.length < 108 && !socket.startsWith(data), socket);
    await apply(host, MIXED);
    assert.equal((await fetchText(`${host.url}/`)).status, 200);
    const second = await runHoldfast(["up", "--data", data, "--http", `127.0.0.1:${freePort()}`]);
    assert.equal(second.code, 5, second.stderr);
    assert.match(second.stderr, new RegExp(`process ${host.pid}\\b`));
    assert.equal(await host.stop(), 0);
  } finally {
    await Deno.remove(socket.slice(0, socket.lastIndexOf("/")), { recursive: true });
  }
});

/** The environment in which every clock but the monotonic one begins in 1970; undefined without `faketime`. */
function readFakeTime(): Record<string, string> | undefined {
  const args = ["-f", "@1970-01-01 00:00:10", "printenv", "LD_PRELOAD", "FAKETIME"];
  try {
    const { stdout } = new Deno.Command("faketime", { args, stderr: "null" }).outputSync();
    const [LD_PRELOAD, FAKETIME] = new TextDecoder().decode(stdout).trim().split("\n");
    return LD_PRELOAD && FAKETIME ? { LD_PRELOAD, FAKETIME, FAKETIME_DONT_FAKE_MONOTONIC: "1" } : undefined;
  } catch {
    return undefined;
  }
}

const FAKE_TIME = readFakeTime();
if (!FAKE_TIME) console.log("skipped: a clock at 1970 needs the program `faketime` (apt install faketime)");

Deno.test({
  name: "a box without a clock of its own (1970) boots, serves and remembers",
  ignore: !FAKE_TIME,
  async fn() {
    await using folder = await disposableFolder();
    const options = { data: folder.path, env: FAKE_TIME };
    let created: { status: number; text: string };
    {
      await using host = await HostProcess.start(options);
      await apply(host, MIXED);
      created = await fetchText(`${host.url}/todos`, { method: "POST", body: '{"title":"stays"}' });
      assert.equal(created.status, 201, created.text);
      assert.equal(await host.stop(), 0);
    }
    await using host = await HostProcess.start(options);
    const found = await fetchText(`${host.url}/todos/${JSON.parse(created.text).id}`);
    assert.equal(JSON.parse(found.text).title, "stays");
    assert.equal(new Date((await eventsOf(host))[0].timeMs).getUTCFullYear(), 1970);
  },
});
