// What components get from a host besides HTTP: every patch version of WASI, configuration, log, store, calls by hand,
// commands with their files and sockets, and instances that come and go by policy.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ask } from "../support/asking.ts";
import { fixturePath, type Part, writeApplication } from "../support/applications.ts";
import { disposableFolder, HostProcess, runHoldfast } from "../support/host_process.ts";
import { componentOf, until } from "../support/watching.ts";

const CLIENT = { to: "client", interfaces: "wasi:http/outgoing-handler" };
const STORE = { to: "store", interfaces: "wasi:keyvalue/store,atomics,batch" };

async function start(
  folder: string,
  parts: readonly Part[],
  options: { cells?: number } = {},
): Promise<HostProcess> {
  const manifest = await writeApplication(folder, "demo", parts);
  return await HostProcess.start({
    data: `${folder}/data`,
    manifests: [manifest],
    cells: options.cells ?? 1,
  });
}

Deno.test("components of three versions of wasi:http run in one application", async () => {
  await using folder = await disposableFolder();
  await using host = await start(folder.path, [
    { name: "first", fixture: "hello/hello-0.2.0", route: { path: "/0" } },
    { name: "third", fixture: "hello/hello-0.2.3", route: { path: "/3" } },
    { name: "latest", fixture: "hello", route: { path: "/12" } },
    { name: "unread", fixture: "unread", route: { path: "/unread" } },
  ]);
  for (const path of ["/0", "/3", "/12", "/0"]) {
    equal((await ask(host.port, path)).text, "hello from holdfast\n");
  }
  equal((await ask(host.port, "/unread", { method: "POST", body: "not looked at" })).status, 200);
});

Deno.test("a component reads its config in both spellings, its environment, and writes to the host's log", async () => {
  await using folder = await disposableFolder();
  await using host = await start(folder.path, [{
    name: "probe",
    fixture: "probe",
    route: { path: "/" },
    links: [CLIENT],
    config: { greeting: "Grüß Gott", empty: "" },
    runtime: { environment: { COLOUR: "blue" }, args: ["one", "two words"] },
  }]);
  const read = async (path: string) => (await ask(host.port, path)).text;
  for (const via of ["runtime", "store"]) {
    equal(await read(`/config?key=greeting&via=${via}`), "Grüß Gott");
    equal(await read(`/config?key=empty&via=${via}`), "");
    equal((await ask(host.port, `/config?key=other&via=${via}`)).status, 404);
    equal(await read(`/config?via=${via}`), "greeting=Grüß Gott\nempty=\n");
  }
  // As on wasmCloud, where config is in the environment too.
  equal(
    await read("/env"),
    "greeting=Grüß Gott\nempty=\nCOLOUR=blue\nargument 0: probe\nargument 1: one\nargument 2: two words\ncwd: (none)\n",
  );
  await read("/log?level=warn&context=till-3&text=drawer%20open");
  await read("/log?level=critical&text=no%20paper");
  await read("/print?to=stderr&text=to%20stderr");
  await read("/print?to=stdout&text=to%20stdout");
  const lines = [
    /INFO +\[demo-probe\] drawer open .*level=warn context=till-3/,
    /ERROR +\[demo-probe\] no paper .*level=critical/,
    /\[demo-probe\] to stderr stream=stderr/,
    /\[demo-probe\] to stdout stream=stdout/,
  ];
  for (const line of lines) await until(`the log line ${line}`, () => line.test(host.output));
});

Deno.test("clocks, random numbers and polling work as WASI says", async () => {
  await using folder = await disposableFolder();
  await using host = await start(folder.path, [
    { name: "probe", fixture: "probe", route: { path: "/" }, links: [CLIENT] },
  ]);
  const read = async (path: string) => (await ask(host.port, path)).text;
  const clock = await read("/clock");
  ok(Math.abs(Number(clock.match(/^wall: (\d+)\./)![1]) - Date.now() / 1000) < 30, clock);
  match(clock, /^monotonic-kept: true$/m);
  const random = await Promise.all([read("/random?bytes=32"), read("/random?bytes=32")]);
  match(random[0], /^bytes: [0-9a-f]{64}\nu64: \d+\n$/);
  ok(random[0] !== random[1]);
  ok(Number((await read("/sleep?ms=120")).match(/slept (\d+) ms/)![1]) >= 119);
  equal(await read("/poll?ms=2000,30,2500"), "ready: [1]\n");
});

Deno.test("every function of wasi:keyvalue can be called by hand, in WAVE and in JSON, errors included", async () => {
  await using folder = await disposableFolder();
  const links = [{ ...STORE, settings: { buckets: "till,other" } }];
  await using host = await start(folder.path, [{ name: "kv", fixture: "kvprobe", links }]);
  const call = async (...words: string[]) => {
    const { code, stdout, stderr } = await host.cli(
      "component",
      "call",
      "demo-kv",
      "test:kvprobe/kv",
      ...words,
    );
    return [code, stdout.trimEnd() || stderr.trimEnd()] as const;
  };
  const gives = async (words: string[], result: string, code = 0) =>
    deepEqual(await call(...words), [code, result]);
  await gives(["open", '"till"'], "");
  await gives(["set", '"till"', '"k"', "[1, 2, 255]"], "");
  await gives(["get", '"till"', '"k"'], "some([1, 2, 255])");
  await gives(["get", '"till"', '"absent"'], "none");
  await gives(["--json", "get", '"till"', '"k"'], '{"base64":"AQL/"}');
  await gives(["exists", "till", "k"], "true");
  await gives(["increment", '"till"', '"n"', "5"], "5");
  await gives(["--json", "increment", '"till"', '"n"', "9007199254740993"], '"9007199254740998"');
  await gives(["set-text", '"other"', '"t"', '"grüß \\"dich\\""'], "");
  await gives(["get-text", '"other"', '"t"'], 'some("grüß \\"dich\\"")');
  await gives(["set-many", '"till"', '[("p", [1]), ("q", [])]'], "");
  await gives(["get-many", '"till"', '["p", "x", "q"]'], '[some(("p", [1])), none, some(("q", []))]');
  await gives(["list-keys", '"till"', "none"], '{keys: ["k", "n", "p", "q"]}');
  await gives(["--json", "list-keys", '"other"', "null"], '{"keys":["t"],"cursor":null}');
  await gives(["delete-many", '"till"', '["p", "q", "x"]'], "");
  await gives(["delete", '"till"', '"k"'], "");
  await gives(["delete", '"till"', '"k"'], "");
  await gives(["list-all-keys", '"till"'], '["n"]');
  await gives(["increment-often", '"other"', '"often"', "100"], "100");
  // What the function's type calls an error is a result: printed, exit code 1.
  await gives(["open", '"nobody"'], "access-denied", 1);
  await gives(["--json", "open", '"nobody"'], '"access-denied"', 1);
  const [code, text] = await call("increment", '"other"', '"t"', "1");
  equal(code, 1);
  match(text, /^other\("increment \\"t\\": its value is not a decimal number/);
  // What cannot be asked is a fault of its own.
  match((await call("get", '"till"')).join(), /^2,.*missing argument key of \(bucket: string, key: string\)/);
  match((await call("get-many", '"till"', "7")).join(), /^2,.*keys/);
  match((await call("nothing")).join(), /^4,.*has no function nothing; it has open, get/);
});

Deno.test("values of every shape go through component call; resources are refused by name", async () => {
  await using folder = await disposableFolder();
  await using host = await start(folder.path, [{ name: "catalog", fixture: "catalog" }]);
  const call = async (...words: string[]) => {
    const all = ["component", "call", "demo-catalog", "shop:catalog/prices", ...words];
    const { code, stdout, stderr } = await host.cli(...all);
    return { code, text: stdout.trimEnd(), stderr };
  };
  equal(
    (await call("find", '"bread"')).text,
    'some({sku: "bread", name: "Rye bread", price: {minor: 420, currency: eur}, unit: piece, labels: {vegan}, ' +
      "grade: 'A', stock: some(12), notes: []})",
  );
  equal((await call("find", '"caviar"')).text, "none");
  const products = JSON.parse((await call("list-products", "--json")).text);
  deepEqual(products[2], {
    sku: "chili",
    name: "Chili «très fort»",
    price: { minor: 99, currency: "eur" },
    unit: { bundle: [6, "pods"] },
    labels: ["vegan", "raw", "spicy"],
    grade: "β",
    stock: 40,
    notes: [["heat", "9 of 10"], ["origin", null]],
  });
  deepEqual(await call("price-of", '"bread"', "2"), {
    code: 0,
    text: "{minor: 840, currency: eur}",
    stderr: "",
  });
  const short = await call("price-of", "--json", '"ice"', "2");
  deepEqual([short.code, short.text], [1, '{"out-of-stock":{"sku":"ice","wanted":2,"left":0}}']);
  deepEqual((await call("fail", "empty-basket")).text, "empty-basket");
  const many = [
    "1",
    "-2",
    "nan",
    "'ß'",
    '"x"',
    "[1]",
    "some(7)",
    'err("no")',
    "true",
    "-8",
    "9",
    "point((1, 2.5))",
  ];
  equal(
    (await call("echo-many", ...many)).text,
    '(1, -2, nan, \'ß\', "x", [1], some(7), err("no"), true, -8, 9, point((1, 2.5)))',
  );
  const refused = await call("open-basket", '"ann"', "[]");
  equal(refused.code, 2);
  match(refused.stderr, /open-basket of shop:catalog\/prices takes or gives resources/);
});

Deno.test("component inspect shows a file's world and needs, and a component's links", async () => {
  await using folder = await disposableFolder();
  const file = await runHoldfast(["component", "inspect", fixturePath("kvprobe")]);
  equal(file.code, 0, file.stderr);
  match(file.stdout, /^ {2}import wasi:keyvalue\/store@0\.2\.0-draft;$/m);
  match(file.stdout, /^ {4}increment: func\(bucket: borrow<bucket>, key: string, delta: u64\)/m);
  match(
    file.stdout,
    /^wasi:keyvalue\/store@0\.2\.0-draft +needs a link, for example to builtin:\/\/keyvalue$/m,
  );
  match(file.stdout, /^test:kvprobe\/kv@0\.1\.0 +whoever is linked to it$/m);

  // No link: not started, and told why, before anything runs.
  const bare = await writeApplication(folder.path, "bare", [{ name: "kv", fixture: "kvprobe" }]);
  const refused = await runHoldfast([
    "up",
    "--data",
    `${folder.path}/refused`,
    "--http",
    "127.0.0.1:0",
    "--manifest",
    bare,
  ]);
  equal(refused.code, 3, refused.stdout);
  match(refused.stderr, /component bare-kv cannot start, it imports what nothing gives it/);
  match(
    refused.stderr,
    /wasi:keyvalue\/store@0\.2\.0-draft: no link covers wasi:keyvalue\/store; add to the component's traits/,
  );

  await using host = await start(folder.path, [{ name: "kv", fixture: "kvprobe", links: [STORE] }]);
  const detail = JSON.parse((await host.cli("component", "inspect", "demo-kv", "--json")).stdout);
  deepEqual(
    detail.imports.map(({ coveredBy }: { coveredBy: string }) => coveredBy),
    Array(3).fill("demo-store"),
  );
  equal(detail.bytes, (await Deno.stat(fixturePath("kvprobe"))).size);
  equal((await host.cli("component", "inspect", "demo-none")).code, 4);
  const again = await host.cli("app", "apply", bare);
  equal(again.code, 3);
  match(again.stderr, /no link covers wasi:keyvalue\/store/);
  equal((await host.cli("app", "list")).stdout.includes("bare"), false);
});

Deno.test("idle instances go, and come back with the next call", async () => {
  await using folder = await disposableFolder();
  await using host = await start(folder.path, [
    {
      name: "probe",
      fixture: "probe",
      route: { path: "/" },
      links: [CLIENT],
      runtime: { idle: "1s", instancing: "reuse" },
    },
  ]);
  const calls = async () => Number((await ask(host.port, "/calls")).text);
  equal(await calls(), 1);
  equal(await calls(), 2);
  await until("an instance", async () => (await componentOf(host, "demo-probe")).instances === 1);
  await until("none", async () => (await componentOf(host, "demo-probe")).instances === 0);
  // A new instance remembers nothing.
  equal(await calls(), 1);
  equal((await componentOf(host, "demo-probe")).state, "ready");
});

Deno.test("instancing is fresh unless the manifest says reuse, and reuse has its bound", async () => {
  await using folder = await disposableFolder();
  const probe = { fixture: "probe", links: [CLIENT] };
  await using host = await start(folder.path, [
    { ...probe, name: "fresh", route: { host: "fresh.test" } },
    { ...probe, name: "reuse", route: { host: "reuse.test" }, runtime: { instancing: "reuse" } },
    {
      ...probe,
      name: "few",
      route: { host: "few.test" },
      runtime: { instancing: "reuse", callsPerInstanceMax: 3 },
    },
  ]);
  const count = async (name: string) => {
    const seen: number[] = [];
    for (let i = 0; i < 7; i++) {
      seen.push(Number((await ask(host.port, "/calls", { host: `${name}.test` })).text));
    }
    return seen;
  };
  deepEqual(await count("fresh"), [1, 1, 1, 1, 1, 1, 1]);
  deepEqual(await count("reuse"), [1, 2, 3, 4, 5, 6, 7]);
  deepEqual(await count("few"), [1, 2, 3, 1, 2, 3, 1]);
});

Deno.test("calls beyond instancesMax wait, and beyond waitingMax are told so", async () => {
  await using folder = await disposableFolder();
  const runtime = { instancesMax: 2, waitingMax: 1, deadline: "20s" };
  await using host = await start(folder.path, [
    { name: "probe", fixture: "probe", route: { path: "/" }, links: [CLIENT], runtime },
  ]);
  const all = await Promise.all(Array.from({ length: 6 }, () => ask(host.port, "/sleep?ms=1000")));
  const statuses = all.map(({ status }) => status).toSorted((a, b) => a - b);
  deepEqual(statuses, [200, 200, 200, 429, 429, 429]);
  const refused = all.find(({ status }) => status === 429)!;
  match(
    refused.text,
    /^over_limit: component demo-probe has 2 calls running and 1 waiting \(runtime\.instancesMax/,
  );
  equal((await ask(host.port, "/")).text, "probe\n");
});
