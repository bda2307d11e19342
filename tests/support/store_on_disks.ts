// What a store does on a full and on a read-only disk: one scenario a run, in a process of its own because the disk is
// mounted in that process's namespace only. Run by src/store/disk_test.ts.

import assert from "node:assert/strict";
import { isFault } from "../../src/model/fault.ts";
import { FolderLock } from "../../src/store/folder_lock.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";

const [scenario, folder] = Deno.args;
const bytes = (length: number) => new Uint8Array(length).fill(7);

/** Fills the disk with keys, sees writes refused and reads served, frees space, sees writes work again. */
async function fillDisk(): Promise<void> {
  const store = await SqliteStore.open({ folder: `${folder}/data`, isOwner: true });
  const other = await SqliteStore.open({ folder: `${folder}/data`, isOwner: false });
  await Deno.writeFile(`${folder}/ballast`, bytes(1536 * 1024));
  let kept = 0;
  for (;; kept++) {
    const outcomes = await Promise.allSettled([
      store.transact((t) => t.set("b", `k${kept}`, bytes(3_000))),
      store.transact((t) => {
        t.set("pair", `a${kept}`, bytes(2_000));
        t.set("pair", `b${kept}`, bytes(2_000));
      }),
    ]);
    if (outcomes.every((o) => o.status === "fulfilled")) continue;
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected", "what goes to the disk together fails together");
      const { reason } = outcome as PromiseRejectedResult;
      assert.ok(isFault(reason) && reason.code === "over_limit", `${reason}`);
      assert.match(reason.message, new RegExp(`the disk under ${folder}/data is full; free some`));
    }
    break;
  }
  assert.ok(kept > 20, `${kept} writes until the disk was full`);
  const checkRows = () => {
    for (let i = 0; i < kept; i++) assert.equal(store.get("b", `k${i}`)?.length, 3_000);
    assert.equal(other.get("b", `k${kept}`), undefined, "nothing of a refused write stands");
    assert.equal(store.keys("pair", undefined, 10_000).length, 2 * kept);
  };
  checkRows();
  await assert.rejects(other.transact((t) => t.set("b", "more", bytes(100_000))), /is full/);
  await Deno.remove(`${folder}/ballast`);
  await store.transact((t) => t.set("b", "again", bytes(10)));
  await other.transact((t) => t.set("b", "again too", bytes(10)));
  checkRows();
  await store.checkpoint();
  await other.close();
  await store.close();
  const reopened = await SqliteStore.open({ folder: `${folder}/data`, isOwner: true });
  assert.equal(reopened.recovery, undefined);
  assert.equal(reopened.get("b", "again too")?.length, 10);
  await reopened.close();
  console.log(`kept ${kept}`);
}

/** A folder on a disk that takes no writes is refused with what to do. */
async function openReadOnly(): Promise<void> {
  for (const isOwner of [true, false]) {
    await assert.rejects(SqliteStore.open({ folder: `${folder}/data`, isOwner }), (e) => {
      return isFault(e) && e.code === "unavailable" && e.message.includes("read-only");
    });
  }
  await assert.rejects(FolderLock.acquire(`${folder}/data`, { pid: 1, name: "a", socket: "" }), /read-only/);
  console.log("refused");
}

await ({ fillDisk, openReadOnly } as Record<string, () => Promise<void>>)[scenario]();
