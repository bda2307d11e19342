// The command line against a host's end of the control API on a real Unix socket: every verb that asks, with a stand-in
// behind the API that keeps what it was told.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { ApplyRequest, CallRequest, HostStatus } from "../../src/control/api.ts";
import { answerControl, type ControlledHost } from "../../src/control/server.ts";
import { carryOut } from "../../src/cli/mod.ts";
import type { Event } from "../../src/model/event.ts";
import { Fault, type FaultCode, isFault } from "../../src/model/fault.ts";
import { RecordingTerminal } from "../support/recording_terminal.ts";

const STATUS: HostStatus = {
  version: "0.1.0",
  host: "till-7",
  pid: 4711,
  data: "/var/lib/holdfast",
  uptimeMs: 192_000,
  connectivity: "alone",
  urls: ["http://localhost:8080"],
  cells: [{ cell: 0, pid: 4712, state: "ready", restarts: 0, memoryBytes: 50_000_000 }],
  applications: 1,
  components: [{
    id: "shop-till",
    application: "shop",
    name: "till",
    image: "./till.wasm",
    digest: "00",
    state: "failed",
    reason: "no link covers wasi:keyvalue/store",
    instances: 0,
    calls: 12,
    failures: 3,
    urls: [],
  }],
  store: { bytes: 2_000_000 },
};

const EVENTS: Event[] = [
  { type: "host_started", version: "0.1.0", data: "/d", timeMs: 1_700_000_000_000, sequence: 1 },
  {
    type: "component_stopped",
    component: "shop-till",
    reason: "two\nlines",
    timeMs: 1_700_000_001_000,
    sequence: 2,
  },
];

/** A host that remembers what it was asked to do. */
class StandIn implements ControlledHost, AsyncDisposable {
  readonly folder: string;
  readonly applied: ApplyRequest[] = [];
  readonly uploads: string[] = [];
  readonly calls: [string, CallRequest][] = [];
  readonly #server: Deno.HttpServer;
  answerCall: () => {
    result: string;
    isError: boolean;
    output?: { stdout: string; stderr: string; exitCode: number };
  } = () => ({ result: "42", isError: false });

  constructor(folder: string) {
    this.folder = folder;
    const path = `${folder}/h.sock`;
    this.#server = Deno.serve({ path, onListen() {} }, (request) => answerControl(this, request));
    Deno.writeTextFileSync(`${folder}/lock.json`, JSON.stringify({ pid: 1, name: "till-7", socket: path }));
  }

  static async open(): Promise<StandIn> {
    return new StandIn(await Deno.makeTempDir({ prefix: "hf-" }));
  }

  /** Runs one command line against this host. */
  async run(args: string[], terminal = new RecordingTerminal()) {
    const environment = { HOLDFAST_DATA: this.folder };
    const code = await carryOut(args, { environment, providers: {}, terminal });
    return { code, printed: terminal.printed, noted: terminal.noted };
  }

  status = () => STATUS;
  applications = () => [{
    name: "shop",
    version: "1",
    description: "d",
    appliedAtMs: 0,
    state: "ready" as const,
    components: 1,
    source: "s",
  }];
  application = (name: string) => {
    if (name !== "shop") throw new Fault("not_found", `no application "${name}"; there is "shop"`);
    return {
      ...this.applications()[0],
      manifest: "",
      componentStatus: STATUS.components,
      providers: [],
      links: [],
    };
  };
  apply = (request: ApplyRequest) => {
    this.applied.push(request);
    const warnings = [{ path: "spec", line: 3, column: 1, message: "odd", mend: "mend it" }];
    const applications = [{ name: "mini", version: "2", change: "created" as const }];
    return Promise.resolve({ applications, warnings, urls: ["http://localhost:8080/mini"] });
  };
  delete = (name: string) => Promise.resolve(void this.application(name));
  putArtifact = (bytes: Uint8Array) => {
    this.uploads.push(new TextDecoder().decode(bytes));
    return Promise.resolve({ digest: `digest-${this.uploads.length}`, bytes: bytes.length });
  };
  component = (id: string) =>
    Promise.resolve({
      status: STATUS.components[0],
      digest: "sha256:00",
      bytes: 10,
      world: `world ${id} {\n}\n`,
      imports: [{ name: "wasi:keyvalue/store@0.2.0", coveredBy: null, mend: "no link" }],
      exports: [],
    });
  call = (id: string, request: CallRequest) => {
    this.calls.push([id, request]);
    return Promise.resolve(this.answerCall());
  };
  events = (after: number) => EVENTS.filter((event) => event.sequence > after);

  async [Symbol.asyncDispose]() {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function refuses(work: Promise<unknown>, code: FaultCode, message: RegExp): Promise<void> {
  await rejects(work, (error) => {
    ok(isFault(error), String(error));
    equal(error.code, code, error.message);
    match(error.message, message);
    return true;
  });
}

const MANIFEST = (name: string, image: string) => `
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: ${name} }
spec:
  components:
    - name: one
      type: component
      properties: { image: ${image} }
`;

Deno.test("status shows host, cells and components for people, and everything as JSON", async () => {
  await using host = await StandIn.open();
  const { printed } = await host.run(["status"]);
  match(printed, /till-7 \(holdfast 0.1.0, process 4711\), up 3m12s/);
  match(printed, /^ +0 +4712 +ready +0 +47.7 MiB$/m);
  match(printed, /^shop-till +failed +0 +12 +3 +no link covers wasi:keyvalue\/store$/m);
  deepEqual(JSON.parse((await host.run(["status", "--json"])).printed), STATUS);
});

Deno.test("the listing verbs print tables, and the same as JSON", async () => {
  await using host = await StandIn.open();
  match((await host.run(["app", "list"])).printed, /^shop +1 +ready +1 /m);
  equal(JSON.parse((await host.run(["app", "list", "--json"])).printed)[0].name, "shop");
  match((await host.run(["app", "status", "shop"])).printed, /^application +shop$/m);
  equal(JSON.parse((await host.run(["app", "status", "shop", "--json"])).printed).name, "shop");
  match((await host.run(["component", "list"])).printed, /^shop-till/m);
  equal(JSON.parse((await host.run(["component", "list", "--json"])).printed)[0].id, "shop-till");
  match((await host.run(["component", "inspect", "shop-till"])).printed, /^world shop-till \{$/m);
});

Deno.test("events are one line each, whatever they hold", async () => {
  await using host = await StandIn.open();
  const lines = (await host.run(["events"])).printed.trimEnd().split("\n");
  equal(lines.length, 2);
  match(lines[1], /component_stopped {2}component=shop-till {2}reason="two\\nlines"$/);
  const json = (await host.run(["events", "--json"])).printed.trimEnd().split("\n");
  deepEqual(json.map((line) => JSON.parse(line)), EVENTS);
});

Deno.test("app apply uploads each component once and sends every manifest", async () => {
  await using host = await StandIn.open();
  const image = `${host.folder}/a b.wasm`;
  await Deno.writeTextFile(image, "bytes");
  for (const name of ["x", "y"]) {
    await Deno.writeTextFile(`${host.folder}/${name}.yaml`, MANIFEST(name, "./a b.wasm"));
  }
  const files = [`${host.folder}/x.yaml`, `${host.folder}/y.yaml`];
  const { printed, noted } = await host.run(["app", "apply", ...files]);
  deepEqual(host.uploads, ["bytes"]);
  deepEqual(host.applied.map(({ artifacts }) => artifacts), [{ [image]: "digest-1" }, {
    [image]: "digest-1",
  }]);
  deepEqual(host.applied.map(({ folder }) => folder), [host.folder, host.folder]);
  match(printed, /^created mini \(version 2\)\n {2}http:\/\/localhost:8080\/mini$/m);
  match(noted, new RegExp(`^warning: ${host.folder}/x.yaml:3:1: spec: odd; mend it$`, "m"));
  const json = JSON.parse((await host.run(["app", "apply", "--json", ...files])).printed);
  equal(json.applications.length, 2);
  equal(json.warnings[1].source, files[1]);
  deepEqual(json.urls, ["http://localhost:8080/mini"]);
});

Deno.test("app apply reads standard input, with paths from the working folder", async () => {
  await using host = await StandIn.open();
  const image = `${host.folder}/a.wasm`;
  await Deno.writeTextFile(image, "bytes");
  await host.run(["app", "apply", "-"], new RecordingTerminal(MANIFEST("x", image)));
  equal(host.applied[0].folder, Deno.cwd());
  equal(host.applied[0].source, "standard input");
});

Deno.test("app apply refuses before anything is sent, naming file, line and mend", async () => {
  await using host = await StandIn.open();
  const path = `${host.folder}/x.yaml`;
  const apply = async (text: string) => {
    await Deno.writeTextFile(path, text);
    await host.run(["app", "apply", path]);
  };
  await refuses(apply(MANIFEST("x", "./none.wasm")), "not_found", /x.yaml:9:\d+: .*none.wasm; build it/);
  await refuses(apply(MANIFEST("x", "ghcr.io/a/b:1")), "unavailable", /x.yaml:9:\d+: .*registries/);
  await refuses(apply("kind: [\n"), "bad_request", /x.yaml:\d+:\d+: /);
  await refuses(apply("x".repeat(2_000_000)), "over_limit", /larger than 1048576 bytes/);
  await refuses(host.run(["app", "apply", `${host.folder}/none.yaml`]), "not_found", /there is no such file/);
  await refuses(host.run(["app", "apply", host.folder]), "bad_request", /name a manifest file/);
  deepEqual([host.applied, host.uploads], [[], []]);
});

Deno.test("app delete says what is gone, and fails at the first name that is not there", async () => {
  await using host = await StandIn.open();
  const terminal = new RecordingTerminal();
  await refuses(host.run(["app", "delete", "shop", "nope"], terminal), "not_found", /no application "nope"/);
  equal(terminal.printed, "deleted shop; its data stays\n");
  const { printed } = await host.run(["app", "delete", "shop", "--json"]);
  deepEqual(JSON.parse(printed), { deleted: ["shop"] });
});

Deno.test("component call passes words on, prints the result, and exits by it", async () => {
  await using host = await StandIn.open();
  const words = ["component", "call", "shop-till", "shop:till/sale", "add", '"x"', "-5"];
  deepEqual(await host.run([...words, "--timeout", "1m"]), { code: 0, printed: "42\n", noted: "" });
  deepEqual(host.calls[0], ["shop-till", {
    interface: "shop:till/sale",
    function: "add",
    args: ['"x"', "-5"],
    format: "wave",
    deadlineMs: 60_000,
  }]);
  host.answerCall = () => ({ result: '"sold out"', isError: true });
  deepEqual(await host.run(words), { code: 1, printed: '"sold out"\n', noted: "" });
  host.answerCall = () => ({
    result: "7",
    isError: true,
    output: { stdout: "out\n", stderr: "err\n", exitCode: 7 },
  });
  deepEqual(await host.run([...words, "--json"]), { code: 7, printed: "out\n", noted: "err\n" });
  await refuses(host.run([...words, "--timeout", "soon"]), "bad_request", /--timeout "soon" is no duration/);
});

Deno.test("without a host, every verb says which folder it looked at and what to do", async () => {
  const folder = await Deno.makeTempDir();
  const terminal = new RecordingTerminal();
  const ask = (...words: string[]) =>
    carryOut([...words, "--data", folder], { environment: {}, providers: {}, terminal });
  const say = new RegExp(`no holdfast host runs on ${folder}; start one with .holdfast up., or name`);
  await refuses(ask("status"), "unavailable", say);
  await refuses(ask("events", "--follow"), "unavailable", say);
  // A host that was killed leaves its description behind.
  const left = { pid: 1, name: "x", socket: `${folder}/gone.sock` };
  await Deno.writeTextFile(`${folder}/lock.json`, JSON.stringify(left));
  await refuses(ask("status"), "unavailable", say);
  await Deno.writeTextFile(`${folder}/lock.json`, "torn");
  await refuses(ask("status"), "unavailable", say);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a host that hangs up in the middle of a question is unavailable", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hf-" });
  const socket = `${folder}/h.sock`;
  await Deno.writeTextFile(`${folder}/lock.json`, JSON.stringify({ pid: 1, name: "x", socket }));
  const listener = Deno.listen({ transport: "unix", path: socket });
  const hangUp = listener.accept().then(async (connection) => {
    await connection.read(new Uint8Array(10));
    connection.close();
  });
  const ask = carryOut(["status", "--data", folder], {
    environment: {},
    providers: {},
    terminal: new RecordingTerminal(),
  });
  await refuses(ask, "unavailable", /went away while it was asked/);
  await hangUp;
  listener.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a file is inspected with no host: what each import needs, what calls each export", async () => {
  const terminal = new RecordingTerminal();
  const row = { create: () => ({}) as never };
  const providers = {
    "http-server": { ...row, offers: [], calls: ["wasi:http/incoming-handler"], implicit: false },
    keyvalue: {
      ...row,
      offers: ["wasi:keyvalue/store", "wasi:keyvalue/atomics"],
      calls: [],
      implicit: false,
    },
  };
  const fixture = (path: string) => new URL(`../../fixtures/components/${path}`, import.meta.url).pathname;
  const inspect = (path: string, ...words: string[]) =>
    carryOut(["component", "inspect", path, ...words], { environment: {}, providers, terminal });
  await inspect(fixture("kvprobe/kvprobe.wasm"));
  match(
    terminal.printed,
    /^wasi:keyvalue\/store@0.2.0-draft +needs a link, for example to builtin:\/\/keyvalue$/m,
  );
  match(terminal.printed, /^wasi:keyvalue\/batch@0.2.0-draft +needs a link to a component that exports it$/m);
  match(terminal.printed, /resource bucket/);
  terminal.printed = "";
  await inspect(fixture("hello/hello.wasm"));
  match(terminal.printed, /^wasi:io\/streams@[\d.]+ +built in$/m);
  match(terminal.printed, /^wasi:http\/incoming-handler@[\d.]+ +builtin:\/\/http-server, where linked$/m);
  terminal.printed = "";
  await inspect(fixture("hello/hello.wasm"), "--json");
  const detail = JSON.parse(terminal.printed);
  const recorded = await Deno.readTextFile(fixture("hello/hello.wasm.sha256"));
  ok(recorded.includes(detail.digest.replace("sha256:", "")));
  await refuses(inspect(fixture("hello/hello.c")), "bad_request", /hello.c is not a WebAssembly file/);
  await refuses(inspect("./none.wasm"), "not_found", /there is no file .*none.wasm/);
});
