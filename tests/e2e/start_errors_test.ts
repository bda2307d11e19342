// What cannot start says so: an address or a folder that is taken, a component nobody can run, a manifest with mistakes.
// The message names the thing and the mend, the exit code is the fault's, and what ran before goes on untouched.

import assert from "node:assert/strict";
import { manifestOf } from "../../scripts/bench/manifests.ts";
import { FAULTS } from "../../src/model/fault.ts";
import { fetchText, listApplications, tryApply } from "../support/applied.ts";
import {
  type CommandResult,
  disposableFolder,
  freePort,
  HostProcess,
  repositoryPath,
  runHoldfast,
} from "../support/host_process.ts";

const HELLO = manifestOf("first", [{ name: "web", fixture: "hello", path: "/" }]);

function image(path: string): string {
  return repositoryPath(`fixtures/components/${path}`);
}

/** The manifest of `hello` under another name and path, with its component's file replaced. */
function manifestWith(file: string, name = "second"): string {
  return manifestOf(name, [{ name: "bad", fixture: "hello", path: "/bad" }])
    .replace(image("hello/hello.wasm"), file);
}

function assertRefused(result: CommandResult, code: keyof typeof FAULTS, patterns: RegExp[]): void {
  assert.equal(result.code, FAULTS[code].exit, result.stderr);
  assert.ok(result.stderr.includes(`error[${code}]: `), result.stderr);
  for (const pattern of patterns) assert.match(result.stderr, pattern);
  assert.doesNotMatch(result.stderr, /bug:|at file:|at async/, "a fault has no stack");
}

/** A host that serves {@linkcode HELLO}, and a check that nothing about it has changed. */
async function startWithHello(data: string) {
  const host = await HostProcess.start({ data, cells: 1 });
  const applied = await tryApply(host, HELLO);
  assert.equal(applied.code, 0, applied.stderr);
  const before = await listApplications(host);
  return {
    host,
    async assertUnchanged() {
      assert.deepEqual(await listApplications(host), before);
      assert.deepEqual(await fetchText(`${host.url}/`), { status: 200, text: "hello from holdfast\n" });
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

Deno.test("an address that another program has is refused by name, with the flag that mends it", async () => {
  await using folder = await disposableFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const manifest = `${folder.path}/hello.json`;
  await Deno.writeTextFile(manifest, HELLO);
  const args = ["up", "--data", `${folder.path}/data`, "--http", `127.0.0.1:${port}`, "--manifest", manifest];
  assertRefused(await runHoldfast(args), "conflict", [new RegExp(`127\\.0\\.0\\.1:${port}`), /--http/]);
});

Deno.test("an address that another host has is not shared with it", async () => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(`${folder.path}/one`);
  const { port } = running.host;
  const manifest = `${folder.path}/hello.json`;
  await Deno.writeTextFile(manifest, HELLO);
  const args = ["up", "--data", `${folder.path}/two`, "--http", `127.0.0.1:${port}`, "--manifest", manifest];
  assertRefused(await runHoldfast(args), "conflict", [new RegExp(`127\\.0\\.0\\.1:${port}`), /--http/]);
  await running.assertUnchanged();
});

Deno.test("a host that comes back to a taken address ends by that fault, and comes back later", async () => {
  await using folder = await disposableFolder();
  {
    await using running = await startWithHello(folder.path);
    assert.equal(await running.host.stop(), 0);
  }
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const args = ["up", "--data", folder.path, "--http", `127.0.0.1:${port}`];
  assertRefused(await runHoldfast(args), "conflict", [new RegExp(`127\\.0\\.0\\.1:${port}`), /--http/]);
  taken.close();
  await using host = await HostProcess.start({ data: folder.path, port });
  assert.equal((await fetchText(`${host.url}/`)).status, 200);
});

Deno.test("a second host on a folder is refused with the first one's name and process", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({ data: folder.path, cells: 1, args: ["--name", "till-7"] });
  const second = await runHoldfast(["up", "--data", folder.path, "--http", `127.0.0.1:${freePort()}`]);
  assertRefused(second, "conflict", [/"till-7"/, new RegExp(`process ${host.pid}\\b`), /--data/]);
});

Deno.test("a command without a host says how to start one", async () => {
  await using folder = await disposableFolder();
  const list = await runHoldfast(["app", "list", "--data", folder.path]);
  assertRefused(list, "unavailable", [/no holdfast host runs on/, /holdfast up/]);
});

Deno.test("a file that is no component is refused with the component's name and the mend, and nothing changes", async (t) => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(folder.path);
  const cases: [file: string, code: keyof typeof FAULTS, patterns: RegExp[]][] = [
    ["text.wasm", "bad_request", [/component bad .*is not a WebAssembly file/]],
    ["empty.wasm", "bad_request", [/component bad .*is not a WebAssembly file/]],
    ["core-module.wasm", "bad_request", [/component bad .*core WebAssembly module/, /wasm32-wasip2/]],
    ["truncated.wasm", "bad_request", [/component bad .*cut short/]],
    ["corrupt.wasm", "bad_request", [/component bad .*cannot be made ready/]],
    ["empty-component.wasm", "bad_request", [/second-bad/, /wasi:http\/incoming-handler/, /does not export/]],
    ["nobody.wasm", "denied", [/component second-bad/, /nobody:here\/thing@1\.0\.0/, /type: link/]],
    ["not-there.wasm", "not_found", [/not-there\.wasm/, /mend the path/]],
  ];
  for (const [file, code, patterns] of cases) {
    await t.step(file, async () => {
      assertRefused(await tryApply(running.host, manifestWith(image(`invalid/${file}`))), code, patterns);
      await running.assertUnchanged();
    });
  }
  await t.step("as a new version of what runs", async () => {
    const broken = HELLO.replace(image("hello/hello.wasm"), image("invalid/truncated.wasm"));
    assertRefused(await tryApply(running.host, broken), "bad_request", [/component web /]);
    await running.assertUnchanged();
  });
  await t.step("beside components that are sound", async () => {
    const mixed = manifestOf("first", [
      { name: "web", fixture: "hello", path: "/elsewhere" },
      { name: "bad", fixture: "unread", path: "/bad" },
    ]).replace(image("unread/unread.wasm"), image("invalid/nobody.wasm"));
    assertRefused(await tryApply(running.host, mixed), "denied", [/component first-bad/]);
    await running.assertUnchanged();
  });
});

Deno.test("a component whose import no link covers is refused with interface and mend", async () => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(folder.path);
  const unlinked = manifestOf("second", [{ name: "count", fixture: "count", path: "/count" }]);
  assertRefused(await tryApply(running.host, unlinked), "denied", [
    /component second-count cannot start/,
    /wasi:keyvalue\/store@0\.2\.0-draft: no link covers/,
    /wasi:keyvalue\/atomics@0\.2\.0-draft: no link covers/,
    /package: keyvalue, interfaces: \[store\]/,
  ]);
  await running.assertUnchanged();
});

Deno.test("a link to a component of the wrong world is refused with what it exports", async () => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(folder.path);
  const noServer = manifestWith(image("report/report.wasm"));
  assertRefused(await tryApply(running.host, noServer), "bad_request", [
    /second-bad/,
    /wasi:http\/incoming-handler/,
    /it exports: .*wasi:cli\/run/,
  ]);
  await running.assertUnchanged();
});

Deno.test("mistakes in a manifest are refused with line, path and the nearest right word", async (t) => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(folder.path);
  const good = manifestWith(image("hello/hello.wasm"));
  const cases: [what: string, text: string, code: keyof typeof FAULTS, patterns: RegExp[]][] = [
    ["an unknown field", good.replace('"image":', '"imgae":"x","image":'), "bad_request", [
      /standard input:1:\d+: spec\.components\[0\]\.properties\.imgae/,
      /did you mean "image"/,
    ]],
    [
      "an unknown link target",
      good.replace('"target":{"name":"bad"}', '"target":{"name":"bda"}'),
      "bad_request",
      [
        /"bda"/,
        /did you mean "bad"/,
      ],
    ],
    ["an unknown capability", good.replace("builtin://http-server", "builtin://http-srever"), "unavailable", [
      /http-srever/,
      /builtin:\/\/http-server/,
    ]],
    ["no YAML at all", "{ apiVersion: [", "bad_request", [/standard input:1/]],
    ["nothing", "", "bad_request", [/standard input/]],
  ];
  for (const [what, text, code, patterns] of cases) {
    await t.step(what, async () => {
      assertRefused(await tryApply(running.host, text), code, patterns);
      await running.assertUnchanged();
    });
  }
});

Deno.test("an unknown field that cannot matter is a warning, and the application runs", async () => {
  await using folder = await disposableFolder();
  await using running = await startWithHello(folder.path);
  const text = HELLO.replace('"type":"component"', '"type":"component","colour":"red"');
  const { code, stderr } = await tryApply(running.host, text);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /warning: standard input:1:\d+: spec\.components\[0\]\.colour: unknown field "colour"/,
  );
});
