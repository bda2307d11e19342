// A disk that is full, read-only, or turns read-only under a running host: writes are refused with what to do about it,
// reads and other components go on, and when there is space again everything works without a restart.

import assert from "node:assert/strict";
import { manifestOf } from "../../scripts/bench/manifests.ts";
import { FAULTS } from "../../src/model/fault.ts";
import { fetchText } from "../support/applied.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { canMount, cliBeside, onMount, runBeside } from "../support/own_disk.ts";
import { childrenOf } from "../support/processes.ts";
import { until } from "../support/watching.ts";

const SHOP = manifestOf("shop", [
  { name: "web", fixture: "hello", path: "/" },
  { name: "todo", fixture: "todo", path: "/todos", bucket: true },
]);
const OTHER = manifestOf("other", [{ name: "count", fixture: "count", path: "/count", bucket: true }]);
/** The shop on another path: nothing new to upload or to make, only a record to write. */
const MOVED = SHOP.replace('"/todos"', '"/todos,/moved"');

const CAN_MOUNT = canMount("mount -t tmpfs -o size=1m none /mnt");

const AS_NOBODY = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** From source another user has no cache to run it from. */
function canRunAsNobody(): boolean {
  const [program, ...args] = [...AS_NOBODY, Deno.env.get("HOLDFAST_BIN") ?? "", "--version"];
  try {
    if (new Deno.Command(program, { args, clearEnv: true }).outputSync().success) return true;
  } catch { /* there is no setpriv */ }
  console.error("%cSKIPPED: the folder of another user's needs root, setpriv and the binary", "color: red");
  return false;
}

async function apply(host: HostProcess, manifest: string): Promise<void> {
  const { code, stderr } = await cliBeside(host, ["app", "apply", "-"], manifest);
  assert.equal(code, 0, `${stderr}\n${host.output}`);
}

async function addTodo(host: HostProcess, bytes = 3_000): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({ title: "x".repeat(bytes) });
  return await fetchText(`${host.url}/todos`, { method: "POST", body });
}

async function countTodos(host: HostProcess): Promise<number> {
  const { status, text } = await fetchText(`${host.url}/todos`);
  assert.equal(status, 200, text);
  return JSON.parse(text).length;
}

/** Writes until a write is refused; how many were taken, and the refusal. */
async function writeUntilRefused(host: HostProcess): Promise<{ taken: number; text: string }> {
  for (let taken = 0; taken < 2_000; taken++) {
    const { status, text } = await addTodo(host);
    if (status === 201) continue;
    assert.ok(status >= 400, `${status} ${text}`);
    return { taken, text };
  }
  throw new Error("2,000 writes went onto a full disk");
}

function fill(host: HostProcess, folder: string): Promise<unknown> {
  return runBeside(host, ["sh", "-c", 'cat /dev/zero > "$1/ballast"', "sh", folder]);
}

async function assertServes(host: HostProcess, todos: number): Promise<void> {
  assert.equal((await fetchText(`${host.url}/`)).text, "hello from holdfast\n");
  assert.equal(await countTodos(host), todos);
}

Deno.test({
  name:
    "a full disk refuses writes and applications by name and whole; with space again all works, with no restart",
  ignore: !CAN_MOUNT,
  async fn() {
    await using folder = await disposableFolder();
    const data = `${folder.path}/data`;
    const mount = `mount -t tmpfs -o size=16m none ${folder.path}`;
    await using host = await HostProcess.start({ data, ...onMount(mount) });
    await apply(host, SHOP);
    assert.equal((await addTodo(host)).status, 201);
    const cells = childrenOf(host.pid);
    const list = (await cliBeside(host, ["app", "list"])).stdout;
    await fill(host, folder.path);

    const { taken, text } = await writeUntilRefused(host);
    assert.ok(text.includes(`the disk under ${data} is full; free some space there`), text);
    await assertServes(host, taken + 1);
    for (const manifest of [OTHER, MOVED]) {
      const refused = await cliBeside(host, ["app", "apply", "-"], manifest);
      assert.equal(refused.code, FAULTS.over_limit.exit, refused.stderr);
      assert.match(refused.stderr, /error\[over_limit\]: .*full/);
      assert.ok(refused.stderr.includes(data), refused.stderr);
      assert.equal((await cliBeside(host, ["app", "list"])).stdout, list);
      assert.equal(
        (await fetchText(`${host.url}/count`)).text,
        "hello from holdfast\n",
        "no route of it is there",
      );
      await assertServes(host, taken + 1);
    }

    await runBeside(host, ["rm", `${folder.path}/ballast`]);
    assert.equal((await addTodo(host)).status, 201);
    await apply(host, OTHER);
    assert.equal((await fetchText(`${host.url}/count`)).text, "1\n");
    await assertServes(host, taken + 2);
    assert.deepEqual(childrenOf(host.pid), cells, "no cell was replaced");
    assert.equal(await host.stop(), 0, host.output);
  },
});

Deno.test({
  name: "a host starts on a full disk and serves what it holds",
  ignore: !CAN_MOUNT,
  async fn() {
    await using folder = await disposableFolder();
    const [data, image] = [`${folder.path}/disk/data`, `${folder.path}/saved`];
    await Deno.mkdir(`${folder.path}/disk`);
    const mount = `mount -t tmpfs -o size=16m none ${folder.path}/disk`;
    {
      await using host = await HostProcess.start({ data, ...onMount(mount) });
      await apply(host, SHOP);
      assert.equal((await addTodo(host)).status, 201);
      host.kill("SIGSTOP");
      assert.equal((await runBeside(host, ["cp", "-a", data, image])).code, 0);
    }
    const full = `${mount}; cp -a ${image} ${data}; cat /dev/zero > ${folder.path}/disk/ballast || true`;
    await using host = await HostProcess.start({ data, ...onMount(full) });
    await assertServes(host, 1);
    const { taken } = await writeUntilRefused(host);
    await runBeside(host, ["rm", `${folder.path}/disk/ballast`]);
    assert.equal((await addTodo(host)).status, 201);
    await assertServes(host, taken + 2);
  },
});

Deno.test({
  name: "a read-only disk is refused at the start, with what to do",
  ignore: !CAN_MOUNT,
  async fn() {
    await using folder = await disposableFolder();
    const data = `${folder.path}/data`;
    const mount = `mount -t tmpfs none ${folder.path}; mkdir ${data}; mount -o remount,ro ${folder.path}`;
    await using host = HostProcess.spawn({ data, ...onMount(mount) });
    const { code } = await host.exited;
    await assert.rejects(host.untilReady());
    assert.equal(code, FAULTS.unavailable.exit, host.output);
    assert.match(host.output, /error\[unavailable\]: .*read-only.*mount it writable/);
    assert.ok(host.output.includes(data), host.output);
  },
});

Deno.test({
  name: "a folder of another user's is refused at the start, with what to do",
  ignore: !canRunAsNobody(),
  async fn() {
    await using folder = await disposableFolder();
    await Deno.chmod(folder.path, 0o755);
    await using host = HostProcess.spawn({ data: folder.path, through: AS_NOBODY });
    const { code } = await host.exited;
    await assert.rejects(host.untilReady());
    assert.equal(code, FAULTS.denied.exit, host.output);
    assert.match(host.output, /error\[denied\]: .*may not write to .*chown/);
    assert.ok(host.output.includes(folder.path), host.output);
  },
});

const BREAKABLE = (image: string, folder: string) =>
  `mkfs.ext4 -q ${image}; mount -o loop ${image} ${folder}`;

function canBreak(): boolean {
  if (!CAN_MOUNT) return false;
  const folder = Deno.makeTempDirSync({ prefix: "holdfast-test-" });
  const image = `truncate -s 32m ${folder}/image; mkdir ${folder}/disk`;
  try {
    return canMount(`${image}; ${BREAKABLE(`${folder}/image`, `${folder}/disk`)}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test({
  name: "a disk that turns read-only under a running host: writes are refused clearly, all else goes on",
  ignore: !canBreak(),
  async fn() {
    await using folder = await disposableFolder();
    const [image, disk] = [`${folder.path}/image`, `${folder.path}/disk`];
    await Deno.mkdir(disk);
    await Deno.writeFile(image, new Uint8Array(0));
    await Deno.truncate(image, 64 * 1024 * 1024);
    await using host = await HostProcess.start({
      data: `${disk}/data`,
      ...onMount(`${BREAKABLE(image, disk)}; mount -o remount,errors=remount-ro ${disk}`),
    });
    await apply(host, SHOP);
    assert.equal((await addTodo(host)).status, 201);
    // What a kernel does when the card under ext4 answers nonsense.
    const fail = 'echo test > "/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$1")")/trigger_fs_error"';
    const failed = await runBeside(host, ["sh", "-c", fail, "sh", disk]);
    assert.equal(failed.code, 0, failed.stderr);

    const { taken, text } = await writeUntilRefused(host);
    assert.equal(taken, 0, "no write is acknowledged that is not on the disk");
    assert.ok(text.includes(disk) && /check the disk|read-only|disk .* fails/.test(text), text);
    await assertServes(host, 1);
    const refused = await cliBeside(host, ["app", "apply", "-"], OTHER);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /error\[(?:unavailable|over_limit)\]/);
    await assertServes(host, 1);
    const { tookMs } = await timeStop(host);
    assert.ok(tookMs < 10_000, `took ${tookMs} ms\n${host.output}`);
  },
});

async function timeStop(host: HostProcess): Promise<{ tookMs: number }> {
  const startMs = performance.now();
  await host.stop();
  const tookMs = performance.now() - startMs;
  await until("its cells are gone", () => childrenOf(host.pid).length === 0);
  return { tookMs };
}
