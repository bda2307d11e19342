// The command line as people and scripts meet it: help and completions, exit codes, variables, what each verb prints of a
// running host, and that all of it works in an empty folder with an empty environment.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { application, writeApplication } from "../support/applications.ts";
import { ask } from "../support/asking.ts";
import {
  disposableFolder,
  freePort,
  holdfastCommand,
  HostProcess,
  runHoldfast,
} from "../support/host_process.ts";
import { statusOf, until } from "../support/watching.ts";

const VERBS = [
  "up",
  "status",
  "app apply",
  "app list",
  "app status",
  "app delete",
  "component list",
  "component inspect",
  "component call",
  "events",
  "completions",
  "help",
];

Deno.test("help and version are printed without a host, for every verb", async () => {
  const help = await runHoldfast(["--help"]);
  equal(help.code, 0);
  match(help.stdout, /^holdfast \d+\.\d+\.\d+: runs WebAssembly components/);
  for (const verb of VERBS) ok(help.stdout.includes(`  ${verb} `), verb);
  match(help.stdout, /Exit codes: 0 done, 1 a bug, 2 bad_request, 3 denied, 4 not_found/);
  match((await runHoldfast(["--version"])).stdout, /^holdfast \d+\.\d+\.\d+\n$/);
  equal((await runHoldfast(["-h"])).stdout, help.stdout);
  for (const verb of ["up", "app apply", "component call"]) {
    const { code, stdout } = await runHoldfast([...verb.split(" "), "--help"]);
    equal(code, 0);
    ok(stdout.includes(`Usage: holdfast ${verb}`), stdout);
    equal((await runHoldfast(["help", ...verb.split(" ")])).stdout, stdout);
  }
  match((await runHoldfast(["up", "--help"])).stdout, /--http\b.*(\n.*)?HOLDFAST_HTTP/);
});

Deno.test("what cannot be read is refused with exit code 2 and the nearest right word", async () => {
  const refused = async (...words: string[]) => {
    const { code, stdout, stderr } = await runHoldfast(words);
    equal(code, 2, `${words}: ${stderr}`);
    equal(stdout, "");
    return stderr;
  };
  match(await refused(), /Usage: holdfast VERB/);
  match(await refused("stauts"), /^error\[bad_request\]: .*status/);
  match(
    await refused("app", "delte", "x"),
    /^error\[bad_request\]: no verb "delte" in "holdfast app"; did you mean "delete"/,
  );
  match(await refused("status", "--jsn"), /^error\[bad_request\]: .*--json/);
  match(await refused("app", "delete"), /NAME/);
  match(await refused("up", "--http", "nowhere"), /--http "nowhere" is no address; write ADDR:PORT/);
  match(await refused("up", "--cells", "0"), /--cells .*1 to 64/);
  match(await refused("up", "--log-level", "loud"), /--log-level .*debug/);
  match(await refused("completions", "tcsh"), /bash, zsh/);
});

Deno.test("without a host every verb that asks one says so, with exit code 8", async () => {
  await using folder = await disposableFolder();
  const verbs = [["status"], ["app", "list"], ["app", "status", "x"], ["events"], ["component", "list"]];
  for (const words of verbs) {
    const { code, stderr } = await runHoldfast([...words, "--data", folder.path]);
    equal(code, 8, words.join(" "));
    match(stderr, /no holdfast host runs on .*; start one with .holdfast up./);
  }
  deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("bash completes verbs, options and files from the script that the binary prints", async () => {
  await using folder = await disposableFolder();
  const { code, stdout } = await runHoldfast(["completions", "bash"]);
  equal(code, 0);
  await Deno.writeTextFile(`${folder.path}/completions.bash`, stdout);
  await Deno.writeTextFile(`${folder.path}/shop.yaml`, "");
  const complete = async (...words: string[]) => {
    const script = `source ./completions.bash
      spec=$(complete -p holdfast); function=$(sed 's/.*-F \\([^ ]*\\).*/\\1/' <<< "$spec")
      COMP_WORDS=(holdfast "$@"); COMP_CWORD=$#; COMP_LINE="holdfast $*"; COMP_POINT=\${#COMP_LINE}
      "$function" holdfast "\${@: -1}" "" 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr, success } = await new Deno.Command("bash", {
      args: ["--norc", "-c", script, "bash", ...words],
      cwd: folder.path,
    }).output();
    ok(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).split("\n").map((word) => word.trim()).filter(Boolean);
  };
  ok((await complete("")).includes("up"));
  deepEqual((await complete("comp")).toSorted(), ["completions", "component"]);
  deepEqual((await complete("app", "")).toSorted(), ["apply", "delete", "list", "status"]);
  ok((await complete("up", "--c")).includes("--cells"));
  deepEqual((await complete("up", "--log-level", "")).toSorted(), ["debug", "error", "info"]);
  ok((await complete("app", "apply", "sh")).some((word) => word.includes("shop.yaml")));
  for (const shell of ["zsh", "fish"]) {
    ok((await runHoldfast(["completions", shell])).stdout.includes("holdfast"));
  }
});

Deno.test("applications are listed, shown, applied again and deleted; events tell of it; JSON is for scripts", async () => {
  await using folder = await disposableFolder();
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    cells: 2,
    args: ["--name", "till-7"],
  });
  match((await host.cli("app", "list")).stderr, /No application yet: holdfast app apply FILE/);
  const parts = [{ name: "hello", fixture: "hello", route: { path: "/" } }];
  const path = await writeApplication(folder.path, "mini", parts);
  const applied = await host.cli("app", "apply", path);
  equal(applied.code, 0, applied.stderr);
  match(applied.stdout, /^created mini \(version 1\.0\.0\)\n {2}http:\/\/127\.0\.0\.1:\d+\/\n$/);
  match((await host.cli("app", "apply", path)).stdout, /^unchanged mini/);
  equal((await ask(host.port, "/")).text, "hello from holdfast\n");

  match((await host.cli("app", "list")).stdout, /^mini +1\.0\.0 +ready +1 /m);
  const [listed] = JSON.parse((await host.cli("app", "list", "--json")).stdout);
  deepEqual([listed.name, listed.state, listed.components], ["mini", "ready", 1]);
  match(
    (await host.cli("app", "status", "mini")).stdout,
    /^mini-http +wasi:http\/incoming-handler +mini-hello +hello$/m,
  );
  match((await host.cli("component", "list")).stdout, /^mini-hello +ready/m);
  await until("a call to be counted", async () => (await statusOf(host)).components[0].calls === 1);
  const status = await statusOf(host);
  deepEqual([status.host, status.connectivity, status.cells.length], ["till-7", "alone", 2]);
  deepEqual(status.components[0].urls, [`${host.url}/`]);
  ok(
    status.cells.every(({ pid, state, memoryBytes }) =>
      pid > 0 && state === "ready" && memoryBytes > 1_000_000
    ),
  );
  match((await host.cli("status")).stdout, /^host +till-7 \(holdfast/);

  const missing = await host.cli("app", "status", "mimi");
  equal(missing.code, 4);
  match(missing.stderr, /mini/);
  equal((await host.cli("app", "delete", "mini")).stdout, "deleted mini; its data stays\n");
  equal((await host.cli("app", "delete", "mini")).code, 4);
  const types = (await host.cli("events", "--json")).stdout.trim().split("\n").map((line) =>
    JSON.parse(line).type
  );
  for (const type of ["host_started", "cell_started", "application_applied", "application_deleted"]) {
    ok(types.includes(type), `${type} in ${types}`);
  }
  match((await host.cli("events")).stdout, /application_deleted +application=mini$/m);
  const fromInput = await runHoldfast(["app", "apply", "-", "--data", host.data, "--json"], {
    stdin: application("piped", parts),
  });
  equal(fromInput.code, 0, fromInput.stderr);
  deepEqual(JSON.parse(fromInput.stdout).applications[0].name, "piped");
});

Deno.test("every option is a variable too, a flag wins, and a misspelt variable is told", async () => {
  await using folder = await disposableFolder();
  const port = freePort();
  const path = await writeApplication(folder.path, "mini", [{
    name: "hello",
    fixture: "hello",
    route: { path: "/" },
  }]);
  const env = {
    HOLDFAST_DATA: `${folder.path}/unused`,
    HOLDFAST_NAME: "by-variable",
    HOLDFAST_MANIFEST: path,
    HOLDFAST_CELLS: "3",
    HOLDFAST_LOG_FORMAT: "json",
    HOLDFAST_HTPP: "oops",
  };
  await using host = await HostProcess.start({ data: `${folder.path}/data`, cells: 1, port, env });
  const status = await statusOf(host);
  deepEqual([status.host, status.cells.length, status.data], ["by-variable", 1, `${folder.path}/data`]);
  equal((await ask(port, "/")).status, 200);
  match(host.output, /warning: nothing reads the variable HOLDFAST_HTPP; did you mean HOLDFAST_HTTP\?/);
  const line = host.output.split("\n").find((one) => one.startsWith("{"))!;
  ok("message" in JSON.parse(line) || "msg" in JSON.parse(line), line);
  const byVariable = await runHoldfast(["status", "--json"], {
    env: { HOLDFAST_DATA: `${folder.path}/data` },
  });
  equal(JSON.parse(byVariable.stdout).host, "by-variable");
});

Deno.test("in a terminal colours are used, and never where NO_COLOR is set or output is piped", async () => {
  await using folder = await disposableFolder();
  const path = await writeApplication(folder.path, "mini", [{
    name: "hello",
    fixture: "hello",
    route: { path: "/" },
  }]);
  await using host = await HostProcess.start({ data: `${folder.path}/data`, manifests: [path], cells: 1 });
  equal((await host.cli("status")).stdout.includes("\x1b["), false);
  equal(host.output.includes("\x1b["), false);
  const inTerminal = async (env: Record<string, string>) => {
    const { program, args } = holdfastCommand(["status", "--data", host.data]);
    const line = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const command = new Deno.Command("script", {
      args: ["-qec", line, "/dev/null"],
      env: { TERM: "xterm", ...env },
    });
    return new TextDecoder().decode((await command.output()).stdout);
  };
  ok((await inTerminal({ NO_COLOR: "" })).includes("\x1b["));
  equal((await inTerminal({ NO_COLOR: "1" })).includes("\x1b["), false);
});

Deno.test("the program runs in an empty folder with an empty environment", async () => {
  await using folder = await disposableFolder();
  const { program, args } = holdfastCommand(["up", "--http", `127.0.0.1:${freePort()}`, "--cells", "1"]);
  // From source Deno wants its cache; the binary gets nothing at all.
  const kept = Deno.env.get("HOLDFAST_BIN")
    ? []
    : [`HOME=${Deno.env.get("HOME")}`, `DENO_DIR=${Deno.env.get("DENO_DIR") ?? ""}`];
  const child = new Deno.Command("env", {
    args: ["-i", ...kept.filter((one) => !one.endsWith("=")), program, ...args, "--data", "data"],
    cwd: folder.path,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const pumps = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  });
  try {
    await until("the host", () => /is serving/.test(output) || Promise.race([child.status, false]));
    match(output, /is serving, alone \(no NATS needed\)/);
    deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["data"]);
    const { code, stdout } = await runHoldfast(["status", "--data", "data"], { cwd: folder.path });
    equal(code, 0);
    match(stdout, /No application yet/);
  } finally {
    child.kill("SIGTERM");
  }
  equal((await child.status).code, 0, output);
  await Promise.all(pumps);
});
