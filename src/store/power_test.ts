import assert from "node:assert/strict";
import { runOnMount } from "../../tests/support/mounts.ts";

const SCRIPT = new URL("../../tests/support/power_cut.ts", import.meta.url);
const ROUNDS = Deno.env.get("HOLDFAST_TEST_ROUNDS") ?? "3";

/** Runs power cuts on a fresh ext4 image; how many acknowledged writes were lost, or undefined where it cannot run. */
async function countLost(sync: "sync" | "nosync"): Promise<number | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_power_" });
  const [image, mountPoint] = [`${folder}/disk`, `${folder}/mounted`];
  const mount = `truncate -s 256M ${image}; mkfs.ext4 -q -F ${image}; mkdir ${mountPoint}; ` +
    `mount -o loop ${image} ${mountPoint}`;
  const output = await runOnMount(mount, SCRIPT, [image, mountPoint, ROUNDS, sync]);
  await Deno.remove(folder, { recursive: true });
  if (output === undefined) return undefined;
  console.log(`${sync}: ${output.trim()}`);
  return Number(output.match(/(\d+) lost/)![1]);
}

Deno.test("a power cut at any instant loses no acknowledged write", async () => {
  const lost = await countLost("sync");
  if (lost !== undefined) assert.equal(lost, 0);
});

Deno.test("the power cut of these tests is one: without syncs, acknowledged writes are lost", async () => {
  const lost = await countLost("nosync");
  if (lost !== undefined) assert.ok(lost > 0);
});
