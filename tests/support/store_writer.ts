// Writes to a store as fast as it can from several loops, and prints `<loop> <n> <wall clock, ms>` for each write when it
// is acknowledged: what a killed cell leaves behind. Checked by store_ledger.ts. Ends when its input ends.
// Arguments: data folder, a name nobody else has, `owner` or `cell`, `sync` or `nosync` (which breaks the promise).

import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { countKey, logKey } from "./store_ledger.ts";

const LOOPS = 8;
const [folder, name, role, sync] = Deno.args;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const store = await SqliteStore.open({
  folder,
  isOwner: role === "owner",
  syncLog: sync === "nosync" ? () => Promise.resolve() : undefined,
});
if (store.recovery) console.log(`recovery ${store.recovery.reason}`);
console.log("ready");
const state = { isStopping: false };
Deno.stdin.read(new Uint8Array(1)).then(() => state.isStopping = true);

async function write(loop: number): Promise<void> {
  const key = countKey(name, loop);
  for (let wanted = 1; !state.isStopping; wanted++) {
    const n = await store.transact((t) => {
      const count = readNumber(t.get("count", key)) + 1;
      t.set("count", key, encoder.encode(`${count}`));
      t.set("log", logKey(name, loop, count), new Uint8Array(20 + (count * 37) % 900).fill(count));
      t.set("total", "all", encoder.encode(`${readNumber(t.get("total", "all")) + 1}`));
      return count;
    });
    Deno.stdout.writeSync(encoder.encode(`${loop} ${n} ${performance.timeOrigin + performance.now()}\n`));
    if (n !== wanted) throw new Error(`loop ${loop}: write ${wanted} was counted as ${n}`);
  }
}

function readNumber(value: Uint8Array | undefined): number {
  return value ? Number(decoder.decode(value)) : 0;
}

/** Keeps the log beginning anew at all times, where two connections could meet in it. */
async function checkpoint(): Promise<void> {
  while (!state.isStopping) await store.checkpoint();
}

await Promise.all([
  ...Array.from({ length: LOOPS }, (_, loop) => write(loop)),
  role === "owner" ? checkpoint() : undefined,
]);
await store.close();
