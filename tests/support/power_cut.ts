// Cuts the power under several store writers, again and again, and counts the acknowledged writes that are gone. The
// power cut is ext4's own: the shutdown ioctl stops the file system at once and drops whatever had not reached the disk,
// journal included; the writers are then killed and the image mounted anew. (A sync under way at that instant may still
// be told that it succeeded: jbd2_complete_transaction() asks whether its transaction is pending, not whether the journal
// was aborted. A process without power is told nothing, so what was acknowledged after the cut does not count.) Run by src/store/power_test.ts on a mounted
// image, in a mount namespace of its own. Arguments: image, mount point, rounds, `sync` or `nosync`.

import assert from "node:assert/strict";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { Child } from "./child.ts";
import { randomWords } from "./random_words.ts";
import { Ledger } from "./store_ledger.ts";

const WRITER = new URL("./store_writer.ts", import.meta.url);
const CELLS = 2;
/** `_IOR('X', 125, __u32)`: EXT4_IOC_SHUTDOWN. */
const SHUTDOWN = 0x8004587dn;
/** EXT4_GOING_FLAGS_NOLOGFLUSH. */
const WITHOUT_FLUSH = new Uint32Array([2]);

const [image, mountPoint, rounds, sync] = Deno.args;
const random = randomWords(Number(rounds));
const folder = `${mountPoint}/data`;

/** Makes ready to cut, so that the cut itself is one system call; gives the wall clock right before it. */
function prepareCut(): () => number {
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const descriptor = libc.symbols.open(new TextEncoder().encode(`${mountPoint}\0`), 0);
  assert.ok(descriptor >= 0, "the mount point opens");
  return () => {
    const nowMs = performance.timeOrigin + performance.now();
    assert.equal(libc.symbols.ioctl(descriptor, SHUTDOWN, WITHOUT_FLUSH), 0, "the file system stops");
    libc.symbols.close(descriptor);
    libc.close();
    return nowMs;
  };
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

let lostInAll = 0;
let lateInAll = 0;
let acknowledged = 0;
for (let round = 0; round < Number(rounds); round++) {
  const ledger = new Ledger();
  const names = Array.from({ length: 1 + CELLS }, (_, place) => `r${round}p${place}`);
  const writers = names.map((name, place) =>
    new Child(WRITER, [folder, name, place === 0 ? "owner" : "cell", sync])
  );
  const lines = 200 + random(1_500);
  const cutPower = prepareCut();
  await Promise.race(writers.map((writer) => writer.until(() => writer.lines.length > lines)));
  const cutMs = cutPower();
  await Promise.all(writers.map((writer) => writer.kill()));
  writers.forEach((writer, place) => ledger.add(names[place], writer.lines, cutMs));
  await run("umount", mountPoint);
  await run("mount", "-o", "loop", image, mountPoint);
  const store = await SqliteStore.open({ folder, isOwner: true });
  assert.equal(store.recovery, undefined, `round ${round}: ${store.recovery?.reason}`);
  const { lost, late } = ledger.countLost(store);
  acknowledged += ledger.size;
  lostInAll += lost;
  lateInAll += late;
  // Each round begins with an empty ledger; what earlier rounds left was checked then.
  await store.transact((t) => {
    for (const bucket of ["log", "count", "total"]) {
      for (const key of t.keys(bucket, undefined, 1_000_000)) t.delete(bucket, key);
    }
  });
  await store.close();
}
console.log(
  `${rounds} power cuts, ${acknowledged} acknowledged writes, ${lostInAll} lost (and ${lateInAll} told after the cut)`,
);
