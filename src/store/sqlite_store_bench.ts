// What durable writes cost: acknowledged transactions a second with 64 waiting in each of one and two cells, beside an
// owner that checkpoints, against SQLite's own `synchronous=FULL` a row at a time in the same run; reads a second; and
// the longest the event loop stood still. Run: deno run -A src/store/sqlite_store_bench.ts [seconds] [folder]

import { DatabaseSync } from "node:sqlite";
import { openConnection } from "./connection.ts";
import { SqliteStore } from "./sqlite_store.ts";

const WAITING = 64;
const KEYS = 1_000;
const encoder = new TextEncoder();

interface Figures {
  transactions: number;
  worstStallMs: number;
  p99Ms: number;
}

const [mode, folder, seconds] = Deno.args[0] === "cell" ? Deno.args : ["all", "", Deno.args[0] ?? "3"];
const runMs = Number(seconds) * 1_000;

if (mode === "cell") {
  const store = await SqliteStore.open({ folder, isOwner: false });
  console.log(JSON.stringify(await measureWrites(store)));
  await store.close();
} else {
  await measureAll(Deno.args[1] ?? ".");
}

async function measureAll(parent: string): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: parent, prefix: "holdfast_bench_" });
  console.log(`deno ${Deno.version.deno}, SQLite ${sqliteVersion()}, ${navigator.hardwareConcurrency} cores`);
  const full = measureAutocommit(`${folder}/full.db`);
  report("synchronous=FULL, a row at a time", full);
  const store = await SqliteStore.open({ folder: `${folder}/data`, isOwner: true });
  report("in the owner itself", await measureWrites(store));
  for (const cells of [1, 2]) {
    const stalls = watchLoop();
    const figures = await Promise.all(Array.from({ length: cells }, () => runCell(`${folder}/data`)));
    const sum = figures.reduce((total, { transactions }) => total + transactions, 0);
    report(`${cells} cell${cells > 1 ? "s" : ""}`, {
      transactions: sum,
      worstStallMs: Math.max(...figures.map(({ worstStallMs }) => worstStallMs)),
      p99Ms: Math.max(...figures.map(({ p99Ms }) => p99Ms)),
    });
    console.log(
      `    ${(sum / full.transactions).toFixed(1)} times; the owner's loop stood ${stalls.stop()} ms at most`,
    );
  }
  const writing = runCell(`${folder}/data`);
  console.log(
    `reads a second: ${
      measureReads(store)
    } while a cell writes; afterwards ${(await writing, measureReads(store))}`,
  );
  await store.close();
  await Deno.remove(folder, { recursive: true });
}

/** 64 loops that each add one to a number of their own, as `increment` does. */
async function measureWrites(store: SqliteStore): Promise<Figures> {
  const stalls = watchLoop();
  const latencies: number[] = [];
  const endMs = performance.now() + runMs;
  let turn = 0;
  await Promise.all(Array.from({ length: WAITING }, async () => {
    while (performance.now() < endMs) {
      const key = `k${turn++ % KEYS}`;
      const startMs = performance.now();
      await store.transact((t) => {
        const value = t.get("bench", key);
        const next = (value ? Number(new TextDecoder().decode(value)) : 0) + 1;
        t.set("bench", key, encoder.encode(`${next}`));
      });
      latencies.push(performance.now() - startMs);
    }
  }));
  latencies.sort((a, b) => a - b);
  return {
    transactions: latencies.length,
    worstStallMs: stalls.stop(),
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  };
}

/** What SQLite gives by itself: each row in its own transaction, synced before the next. */
function measureAutocommit(path: string): Figures {
  const database = openConnection(path);
  database.exec(
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)",
  );
  const write = database.prepare("INSERT INTO t VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v");
  const latencies: number[] = [];
  for (const endMs = performance.now() + runMs; performance.now() < endMs;) {
    const startMs = performance.now();
    write.run(`k${latencies.length % KEYS}`, encoder.encode(`${latencies.length}`));
    latencies.push(performance.now() - startMs);
  }
  database.close();
  latencies.sort((a, b) => a - b);
  return {
    transactions: latencies.length,
    worstStallMs: Math.round(latencies.at(-1)!),
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  };
}

function measureReads(store: SqliteStore): number {
  let count = 0;
  const startMs = performance.now();
  while (performance.now() - startMs < runMs / 2) {
    for (let i = 0; i < 100; i++) store.get("bench", `k${count++ % KEYS}`);
  }
  return Math.round(count / (performance.now() - startMs) * 1_000);
}

async function runCell(folder: string): Promise<Figures> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", new URL(import.meta.url).pathname, "cell", folder, seconds],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Watches a timer that should fire every millisecond. */
function watchLoop(): { stop(): number } {
  let [worstMs, lastMs] = [0, performance.now()];
  const timer = setInterval(() => {
    const nowMs = performance.now();
    worstMs = Math.max(worstMs, nowMs - lastMs);
    lastMs = nowMs;
  }, 1);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.round(worstMs);
    },
  };
}

function report(what: string, { transactions, worstStallMs, p99Ms }: Figures): void {
  const rate = Math.round(transactions / runMs * 1_000);
  console.log(`${what}: ${rate}/s, p99 ${p99Ms.toFixed(1)} ms, the loop stood ${worstStallMs} ms at most`);
}

function sqliteVersion(): string {
  const database = new DatabaseSync(":memory:");
  try {
    return String(database.prepare("SELECT sqlite_version() AS version").get()!.version);
  } finally {
    database.close();
  }
}
