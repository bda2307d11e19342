// A real command (fixtures/components/report: Rust's standard library on WASI) through the real glue and instance: what
// it sees of environment, files and network, and that it cannot get at what it was not given.

import assert from "node:assert/strict";
import type { ComponentSpec } from "../../src/model/component.ts";
import { runCommand } from "../../src/runtime/command.ts";
import { generateProgram } from "../../src/runtime/generate.ts";
import { buildProgram, type Program } from "../../src/runtime/program.ts";
import { decodeProgram, encodeProgram } from "../../src/runtime/program_file.ts";
import { COMPONENT_LIMITS } from "../../src/model/limits.ts";
import { bytesSource } from "../../src/runtime/wasi/io.ts";
import { fakeContext } from "../support/instance_context.ts";

const REPORT = new URL("../../fixtures/components/report/report.wasm", import.meta.url);

let loading: Promise<Program> | undefined;

function report(): Promise<Program> {
  return loading ??= (async () => {
    const { memoryBytesMax } = COMPONENT_LIMITS;
    const generated = await generateProgram(await Deno.readFile(REPORT), "report.wasm");
    const file = await encodeProgram(generated, memoryBytesMax);
    return buildProgram(await decodeProgram(new Uint8Array(file), "report's program file"));
  })();
}

interface Outcome {
  code: number;
  /** Bytes of standard output and error. */
  output: string;
  /** Log lines, with their stream in front. */
  logged: string[];
}

async function run(spec: Partial<ComponentSpec>, stdin = ""): Promise<Outcome> {
  const { spec: full, clock, log, lines } = fakeContext({ name: "report", ...spec });
  const decoder = new TextDecoder();
  let output = "";
  const host = {
    spec: full,
    clock,
    log,
    switchboard: {
      call() {
        throw new Error("nothing is linked");
      },
    },
    cli: {
      stdin: bytesSource(new TextEncoder().encode(stdin)),
      tap(_stream: string, bytes: Uint8Array) {
        output += decoder.decode(bytes);
      },
    },
  };
  const code = await runCommand(await report(), host, clock.monotonicMs() + 20_000);
  return {
    code,
    output,
    logged: lines.map((line) => `${line.fields.stream ?? line.level}: ${line.message}`),
  };
}

/** A temporary folder with some files, removed afterwards. */
async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "holdfast-" });
  try {
    await Deno.mkdir(`${folder}/data/sub`, { recursive: true });
    await Deno.writeTextFile(`${folder}/data/list.txt`, "milk\nbread\n");
    await Deno.writeTextFile(`${folder}/data/sub/deep.txt`, "deep");
    await Deno.writeTextFile(`${folder}/secret`, "the safe's combination");
    await Deno.symlink("../secret", `${folder}/data/out`);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Not sanitized: running calls start a timer that rests by itself, and Deno 2.6 loads libc for the first preopen. */
function commandTest(name: string, run: () => Promise<void>): void {
  Deno.test({ name, fn: run, sanitizeOps: false, sanitizeResources: false });
}

commandTest("a command sees its arguments, environment and input, and ends with its code", async () => {
  const { code, output, logged } = await run(
    { args: ["--stdin", "--exit", "7"], environment: { SHOP: "7" } },
    "typed in\n",
  );
  assert.equal(code, 1); // the adapter it was built with only knows success and failure
  assert.match(output, /^argument 0: report\nargument 1: --stdin\n/);
  assert.match(output, /^environment SHOP=7$/m);
  assert.match(output, /typed in/);
  assert.ok(logged.includes("stdout: environment SHOP=7"));
  assert.ok(logged.includes("stderr: report: done"));
});

commandTest("a command reads and writes its preopen, and nothing beside it", async () => {
  await withFolder(async (folder) => {
    const preopens = [{ guest: "/data", host: `${folder}/data`, readOnly: false }];
    const { code, output } = await run({ preopens, args: ["--read", "/data/../secret"] });
    assert.equal(code, 0);
    assert.match(output, /^folder \/data$/m);
    assert.match(output, /^file \/data\/list\.txt 11 bytes: milk$/m);
    assert.match(output, /^file \/data\/sub\/deep\.txt 4 bytes: deep$/m);
    assert.match(output, /^unreadable \/data\/out: PermissionDenied$/m);
    assert.match(output, /^write \/data\/report\.txt: ok$/m);
    assert.match(output, /^read \/data\/\.\.\/secret: (?!ok)/m);
    assert.ok(!output.includes("combination"));
    assert.equal(await Deno.readTextFile(`${folder}/data/report.txt`), "written by report\n");
  });
});

commandTest("a command cannot write to a read-only preopen", async () => {
  await withFolder(async (folder) => {
    const { output } = await run({ preopens: [{ guest: "/data", host: `${folder}/data`, readOnly: true }] });
    assert.match(output, /^file \/data\/list\.txt 11 bytes: milk$/m);
    assert.match(output, /^write \/data\/report\.txt: ReadOnlyFilesystem$/m);
    await assert.rejects(Deno.stat(`${folder}/data/report.txt`), Deno.errors.NotFound);
  });
});

commandTest("a command connects only where its rules let it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = `127.0.0.1:${listener.addr.port}`;
  const connect = (rules: string[], to = target) =>
    run({ args: ["--connect", to], sockets: { connect: rules, listen: [], lookup: [] } });
  const denied = await connect([]);
  assert.match(denied.output, /^connect .*: denied$/m);
  assert.ok(denied.logged.some((line) => line.includes(`connect ${target} is denied`)));
  assert.match((await connect([], "localhost:1")).output, /^connect .*: denied$/m);
  assert.match((await connect(["127.0.0.1:1"])).output, /^connect .*: denied$/m);
  const accepted = listener.accept();
  assert.match((await connect([target])).output, /^connect .*: connected$/m);
  (await accepted).close();
  const byName = listener.accept();
  const { port } = listener.addr;
  assert.match(
    (await connect([`localhost:${port}`], `localhost:${port}`)).output,
    /^connect .*: connected$/m,
  );
  (await byName).close();
  listener.close();
  assert.match((await connect([target])).output, /^connect .*: failed, .*refused/im);
});
