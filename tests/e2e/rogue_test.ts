// Every way a guest can misbehave, on a host of one cell, so that the guilty and its neighbours share a process: the
// guilty call ends within its deadline with the fault that the table says, an event tells who, what and why, and all
// the while a neighbour answers as if nothing were. How fast neighbours stay is the bench's to measure.

import { equal, match, ok } from "node:assert/strict";
import type { FaultCode } from "../../src/model/fault.ts";
import { type Answer, ask } from "../support/asking.ts";
import { writeApplication } from "../support/applications.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { componentOf, eventsOf, statusOf, until } from "../support/watching.ts";

const DEADLINE_MS = 2_000;
/** On a machine that runs other tests too; what it must exclude is a call that nobody ends. */
const LATE_MS = 8_000;
const NEIGHBOUR_LATE_MS = 5_000;

interface Way {
  path: string;
  /** What the guilty call's client gets; absent: the answer breaks off after its head. */
  status?: number;
  code: FaultCode;
  /** In the answer, and in the event. */
  reason: RegExp;
}

/** The text of every deadline. */
const LATE = /ran out of time \(runtime\.deadline\)/;
const TOO_MANY_CALLS = /more than 1000000 host calls/;

/** What ends an endless run of host calls depends on the machine: their number, or their time. */
const EITHER: Pick<Way, "status" | "code" | "reason">[] = [
  { status: 502, code: "trapped", reason: TOO_MANY_CALLS },
  { status: 504, code: "timeout", reason: LATE },
];

const WAYS: readonly Way[] = [
  { path: "/trap", status: 502, code: "trapped", reason: /family-rogue trapped: unreachable/ },
  { path: "/loop", status: 504, code: "timeout", reason: LATE },
  { path: "/recurse", status: 502, code: "trapped", reason: /endless recursion \(the stack is full\)/ },
  { path: "/grow", status: 502, code: "trapped", reason: /family-rogue trapped/ },
  { path: "/allocate?mib=100", status: 502, code: "trapped", reason: /family-rogue trapped/ },
  { path: "/hostloop", ...EITHER[0] },
  { path: "/poll-spin", ...EITHER[0] },
  { path: "/leak", status: 502, code: "trapped", reason: /more than 10000 resource handles/ },
  { path: "/sleep-forever", status: 504, code: "timeout", reason: LATE },
  { path: "/bad-pointer", status: 502, code: "trapped", reason: /family-rogue trapped: / },
  { path: "/bad-handle", status: 502, code: "trapped", reason: /family-rogue (trapped|returned without)/ },
  { path: "/flood-stderr", ...EITHER[1] },
  { path: "/giant-header", status: 502, code: "trapped", reason: /header fields exceed 1048576 bytes/ },
  { path: "/many-headers", status: 502, code: "trapped", reason: /header fields exceed 1048576 bytes/ },
  { path: "/never-respond", status: 502, code: "trapped", reason: /returned without a response/ },
  { path: "/respond-error", status: 502, code: "trapped", reason: /answered with the error internal-error/ },
  { path: "/trap-mid-body", status: 502, code: "trapped", reason: /family-rogue trapped: unreachable/ },
  // Nothing of the first answer was sent when the second came.
  { path: "/double-respond", status: 502, code: "trapped", reason: /family-rogue trapped: / },
  {
    path: "/unfinished-body",
    status: 502,
    code: "trapped",
    reason: /broke off: the guest returned without finishing the body/,
  },
  { path: "/giant-body", code: "trapped", reason: /broke off: the body exceeds 4194304 bytes/ },
  { path: "/hang-mid-body", code: "timeout", reason: LATE },
];

/** Ways that hurt nobody and end well: what the host withholds, it withholds without a fault. */
const HARMLESS: readonly [path: string, text: string][] = [
  ["/ok", "ok\n"],
  ["/spin?ms=50", "spun\n"],
  ["/allocate?mib=8", "allocated\n"],
  ["/leak-small", "leaked 8 handles\n"],
  ["/giant-log", "logged 16 MiB\n"],
  ["/bad-header", ""],
];

const FAILURES = WAYS.length;

async function startFamily(folder: string, instancing: "fresh" | "reuse"): Promise<HostProcess> {
  const runtime = { deadline: `${DEADLINE_MS}ms`, body: "4MiB", memory: "64MiB", instancing };
  const manifest = await writeApplication(folder, "family", [
    { name: "rogue", fixture: "rogue", route: { path: "/" }, runtime },
    { name: "hello", fixture: "hello", route: { host: "hello.test" }, runtime: { instancing: "reuse" } },
  ]);
  return await HostProcess.start({ data: `${folder}/data`, manifests: [manifest], cells: 1 });
}

/** Asks the neighbour again and again until `work` is over. */
async function besideNeighbour<T>(host: HostProcess, work: Promise<T>): Promise<T> {
  let isOver = false;
  const ended = work.finally(() => isOver = true);
  ended.catch(() => {});
  let asked = 0;
  do {
    const before = performance.now();
    const { status, text } = await ask(host.port, "/", { host: "hello.test" });
    equal(status, 200);
    equal(text, "hello from holdfast\n");
    ok(performance.now() - before < NEIGHBOUR_LATE_MS, `the neighbour took ${performance.now() - before} ms`);
    if (++asked % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!isOver);
  return await ended;
}

/** What the client of a guilty call sees, and how long that took. */
async function callGuilty(host: HostProcess, path: string): Promise<{ answer?: Answer; tookMs: number }> {
  const before = performance.now();
  const answer = await besideNeighbour(host, ask(host.port, path).catch(() => undefined));
  return { answer, tookMs: performance.now() - before };
}

async function checkWay(host: HostProcess, way: Way): Promise<void> {
  const last = (await eventsOf(host)).at(-1)!.sequence;
  const { answer, tookMs } = await callGuilty(host, way.path);
  const isEither = /hostloop|spin|flood/.test(way.path);
  const { status, code, reason } = isEither && EITHER.find((one) => one.status === answer?.status) || way;
  equal(answer?.status, status);
  if (answer) {
    equal(answer.headers.get("x-holdfast-fault"), code);
    match(answer.text, reason);
    ok(answer.text.startsWith(`${code}: `), answer.text);
  }
  ok(tookMs < DEADLINE_MS + LATE_MS, `it took ${tookMs} ms`);
  const event = await until("the call_failed event", async () => {
    return (await eventsOf(host, last)).find(({ type }) => type === "call_failed");
  });
  ok(event.type === "call_failed");
  equal(event.component, "family-rogue");
  equal(event.code, code);
  match(event.reason, reason);
  equal(event.interface, "wasi:http/incoming-handler");
}

for (const instancing of ["reuse", "fresh"] as const) {
  Deno.test(`a guest hurts only itself, with instancing "${instancing}"`, async (test) => {
    await using folder = await disposableFolder();
    await using host = await startFamily(folder.path, instancing);
    const [cell] = (await statusOf(host)).cells;
    for (const [path, text] of HARMLESS) {
      await test.step(`${path} is served`, async () => {
        const { answer } = await callGuilty(host, path);
        equal(answer?.status, 200);
        equal(answer.text, text);
        equal(answer.headers.has("x-smuggled"), false);
      });
    }
    for (const way of WAYS) await test.step(`${way.path} ends by itself alone`, () => checkWay(host, way));
    await test.step("nothing is left of it, and the same cell serves on", async () => {
      equal((await ask(host.port, "/ok")).text, "ok\n");
      const { cells } = await statusOf(host);
      equal(cells.length, 1);
      equal(cells[0].pid, cell.pid);
      equal(cells[0].restarts, 0);
      const failed = (await eventsOf(host)).flatMap((event) =>
        event.type === "call_failed" ? [event.reason] : []
      );
      equal(failed.length, FAILURES, failed.join("\n"));
      await until("each failure counted once", async () => {
        return (await componentOf(host, "family-rogue")).failures === FAILURES;
      });
      equal((await componentOf(host, "family-rogue")).state, "ready");
      equal((await componentOf(host, "family-hello")).failures, 0);
    });
  });
}

Deno.test("a flood of log lines is cut at its quota, said so once, and delays no event", async () => {
  await using folder = await disposableFolder();
  await using host = await startFamily(folder.path, "reuse");
  for (const path of ["/flood-log", "/flood-stderr"]) {
    const before = host.output.length;
    const last = (await eventsOf(host)).at(-1)!.sequence;
    const { answer, tookMs } = await callGuilty(host, path);
    ok(answer?.status === 504 || answer?.status === 502, `${path}: ${answer?.status}`);
    ok(tookMs < DEADLINE_MS + LATE_MS);
    await until(
      "the event",
      async () => (await eventsOf(host, last)).some(({ type }) => type === "call_failed"),
      5_000,
    );
    await until(
      "the note",
      () => /log output of one call exceeds 262144 bytes/.test(host.output.slice(before)),
    );
    const written = host.output.slice(before);
    equal(written.match(/log output of one call exceeds/g)!.length, 1);
    // The quota in text, each line with the stamp and the fields that the host adds.
    ok(written.length < 4 * 262_144, `${written.length} characters of log`);
  }
});

Deno.test("many guilty calls at once leave the host as it was", async () => {
  await using folder = await disposableFolder();
  await using host = await startFamily(folder.path, "fresh");
  const paths = [
    "/loop",
    "/grow",
    "/leak",
    "/recurse",
    "/trap",
    "/giant-body",
    "/hostloop",
    "/sleep-forever",
  ];
  const crowd = Promise.all([...paths, ...paths].map((path) => ask(host.port, path).catch(() => undefined)));
  for (const answer of await besideNeighbour(host, crowd)) ok(!answer || answer.status >= 502);
  equal((await ask(host.port, "/ok")).text, "ok\n");
  equal((await statusOf(host)).cells[0].restarts, 0);
  equal(await host.stop(), 0, host.output);
});
