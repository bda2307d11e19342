import assert from "node:assert/strict";
import { Child } from "../../tests/support/child.ts";
import { isFault } from "../model/fault.ts";
import { FolderLock, readLockHolder } from "./folder_lock.ts";

const HOLDER = new URL("../../tests/support/lock_holder.ts", import.meta.url);
const ME = { pid: Deno.pid, name: "me", socket: "/run/me.sock" };

Deno.test("acquire() refuses a folder that another process has, naming its host; kill -9 frees it", async () => {
  const folder = await Deno.makeTempDir();
  const holder = new Child(HOLDER, [folder]);
  await holder.until(() => holder.lines.length > 0);
  const sleeper = Number(holder.lines[0].split(" ")[1]);
  await assert.rejects(FolderLock.acquire(folder, ME), (e) => {
    return isFault(e) && e.code === "conflict" &&
      e.message.includes(`host "holder" (process ${holder.process.pid})`) &&
      e.detail.socket === "/run/holder.sock";
  });
  await holder.kill();
  // Its child lives on and must not keep the lock.
  Deno.kill(sleeper, "SIGCONT");
  const lock = await FolderLock.acquire(folder, ME);
  Deno.kill(sleeper, "SIGKILL");
  assert.deepEqual(await readLockHolder(folder), ME);
  await lock.release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("acquire() refuses a second lock in the same process; release() frees it and may be repeated", async () => {
  const folder = await Deno.makeTempDir();
  const first = await FolderLock.acquire(`${folder}/made/for/it`, ME);
  await assert.rejects(FolderLock.acquire(first.folder, ME), (e) => isFault(e) && e.code === "conflict");
  await first.release();
  await first.release();
  assert.equal(await readLockHolder(first.folder), undefined);
  const second = await FolderLock.acquire(first.folder, ME);
  await first.release();
  await assert.rejects(FolderLock.acquire(first.folder, ME), (e) => isFault(e) && e.code === "conflict");
  await second.release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("acquire() gets over what a killed host left, damaged or not", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/lock.json`, '{"pid": 1, "na');
  await Deno.writeTextFile(`${folder}/lock.json.new`, "{");
  assert.equal(await readLockHolder(folder), undefined);
  const lock = await FolderLock.acquire(folder, ME);
  assert.deepEqual(await readLockHolder(folder), ME);
  await lock.release();
  await Deno.remove(folder, { recursive: true });
});
