import assert from "node:assert/strict";
import { fakeContext } from "../../../tests/support/instance_context.ts";
import type { ComponentSpec } from "../../model/component.ts";
import { GuestExit } from "../context.ts";
import { type CliOptions, openCli } from "./cli.ts";
import { bytesSource, type InputStream, type OutputStream } from "./io.ts";

interface CliInterfaces {
  "wasi:cli/environment": {
    getEnvironment(): [string, string][];
    getArguments(): string[];
    initialCwd(): string | undefined;
  };
  "wasi:cli/exit": { exit(status: { tag: "ok" | "err" }): never; exitWithCode(code: number): never };
  "wasi:cli/stdin": { getStdin(): InputStream };
  "wasi:cli/stdout": { getStdout(): OutputStream };
  "wasi:cli/stderr": { getStderr(): OutputStream };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (read: Uint8Array) => new TextDecoder().decode(read);

function open(spec: Partial<ComponentSpec> = {}, options: CliOptions = {}) {
  const context = fakeContext(spec);
  const { imports, flush } = openCli(context, options);
  return { context, flush, cli: imports as unknown as CliInterfaces };
}

Deno.test("environment comes from the declaration, with the component's name as argv[0]", () => {
  const { cli } = open({ name: "report", args: ["--all"], environment: { SHOP: "7", LANG: "de" } });
  assert.deepEqual(cli["wasi:cli/environment"].getArguments(), ["report", "--all"]);
  assert.deepEqual(cli["wasi:cli/environment"].getEnvironment(), [["SHOP", "7"], ["LANG", "de"]]);
  assert.equal(cli["wasi:cli/environment"].initialCwd(), undefined);
  const rooted = open({ preopens: [{ guest: "/", host: "/nowhere", readOnly: true }] });
  assert.equal(rooted.cli["wasi:cli/environment"].initialCwd(), "/");
});

Deno.test("stdout and stderr become log lines with their stream's name", () => {
  const { cli, context } = open();
  const stdout = cli["wasi:cli/stdout"].getStdout();
  stdout.write(bytes("one\r\ntw"));
  cli["wasi:cli/stderr"].getStderr().write(bytes("bad\n\n"));
  stdout.write(bytes("o\nthr"));
  assert.deepEqual(context.lines.map((line) => [line.message, line.fields.stream]), [
    ["one", "stdout"],
    ["bad", "stderr"],
    ["two", "stdout"],
  ]);
});

Deno.test("a partial line is logged by flush, and again only when there is more", () => {
  const { cli, context, flush } = open();
  const stdout = cli["wasi:cli/stdout"].getStdout();
  stdout.write(bytes("half"));
  flush();
  flush();
  stdout.write(bytes("rest"));
  context.drop();
  assert.deepEqual(context.lines.map((line) => line.message), ["half", "rest"]);
});

Deno.test("a character cut by two writes arrives whole", () => {
  const { cli, context } = open();
  const stdout = cli["wasi:cli/stdout"].getStdout();
  const euro = bytes("3 €\n");
  stdout.write(euro.subarray(0, 3));
  stdout.write(euro.subarray(3));
  assert.deepEqual(context.lines.map((line) => line.message), ["3 €"]);
});

Deno.test("an endless line is cut into pieces and no surrogate pair is torn", () => {
  const { cli, context } = open();
  const stdout = cli["wasi:cli/stdout"].getStdout();
  const line = "x" + "🛒".repeat(10_000);
  stdout.write(bytes(line));
  context.drop();
  const pieces = context.lines.map((piece) => piece.message);
  assert.ok(pieces.length > 1);
  assert.ok(pieces.every((piece) => piece.length <= 8192 && piece.isWellFormed()));
  assert.equal(pieces.join(""), line);
});

Deno.test("lines beyond the log quota are dropped, short ones included", () => {
  const { cli, context } = open();
  context.logBytesLeft = 1_000;
  cli["wasi:cli/stdout"].getStdout().write(bytes("a\n".repeat(1_000)));
  assert.ok(context.lines.length > 0 && context.lines.length < 20, `${context.lines.length} lines`);
});

Deno.test("the tap sees the bytes, and its promise holds the guest back", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { cli } = open({}, {
    tap(stream, chunk) {
      seen.push(`${stream}:${text(chunk)}`);
      return gate.promise;
    },
  });
  const stderr = cli["wasi:cli/stderr"].getStderr();
  stderr.write(bytes("no line end"));
  assert.deepEqual(seen, ["stderr:no line end"]);
  assert.equal(stderr.checkWrite(), 0n);
  gate.resolve();
  await stderr.subscribe().block();
  assert.ok(stderr.checkWrite() > 0n);
});

Deno.test("exit unwinds with its code after the last partial line", () => {
  for (
    const [leave, code] of [
      [(cli: CliInterfaces) => cli["wasi:cli/exit"].exit({ tag: "ok" }), 0],
      [(cli: CliInterfaces) => cli["wasi:cli/exit"].exit({ tag: "err" }), 1],
      [(cli: CliInterfaces) => cli["wasi:cli/exit"].exitWithCode(42), 42],
    ] as const
  ) {
    const { cli, context } = open();
    cli["wasi:cli/stdout"].getStdout().write(bytes("bye"));
    assert.throws(() => leave(cli), (error) => error instanceof GuestExit && error.exitCode === code);
    assert.deepEqual(context.lines.map((line) => line.message), ["bye"]);
  }
});

Deno.test("stdin is empty by default, and shared by all its handles when given", async () => {
  const empty = open().cli["wasi:cli/stdin"].getStdin();
  assert.throws(() => empty.read(1n), (error) => (error as { tag: string }).tag === "closed");
  let isCancelled = false;
  const source = { ...bytesSource(bytes("hello")), cancel: () => void (isCancelled = true) };
  const { cli, context } = open({}, { stdin: source });
  const first = cli["wasi:cli/stdin"].getStdin();
  assert.equal(text(await first.blockingRead(2n)), "he");
  first[Symbol.dispose]();
  assert.equal(text(await cli["wasi:cli/stdin"].getStdin().blockingRead(10n)), "llo");
  context.drop();
  assert.ok(isCancelled);
});
