import assert from "node:assert/strict";
import { runOnMount } from "../../tests/support/mounts.ts";

const SCRIPT = new URL("../../tests/support/store_on_disks.ts", import.meta.url);

Deno.test("a full disk refuses writes whole, keeps serving reads, and takes writes again when there is space", async () => {
  const folder = await Deno.makeTempDir();
  const output = await runOnMount(`mount -t tmpfs -o size=5m none ${folder}`, SCRIPT, ["fillDisk", folder]);
  if (output !== undefined) assert.match(output, /^kept \d+/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a read-only disk is refused by name, with the mend", async () => {
  const folder = await Deno.makeTempDir();
  const mount = `mount -t tmpfs none ${folder}; mkdir ${folder}/data; mount -o remount,ro ${folder}`;
  const output = await runOnMount(mount, SCRIPT, ["openReadOnly", folder]);
  if (output !== undefined) assert.equal(output, "refused\n");
  await Deno.remove(folder, { recursive: true });
});
