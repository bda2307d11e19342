// Commands: components that run to their end. Their output as log lines, what they see of arguments, environment, files
// and sockets, that each runs once, and the same by hand.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Part, writeApplication } from "../support/applications.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { componentOf, eventsOf, until } from "../support/watching.ts";

/** A host that has run one `report` command, and its folder with files for it. */
async function startReport(folder: string, changes: Partial<Part>): Promise<HostProcess> {
  await Deno.mkdir(`${folder}/files/sub`, { recursive: true });
  await Deno.writeTextFile(`${folder}/files/a.txt`, "alpha\nsecond line\n");
  await Deno.writeTextFile(`${folder}/files/sub/b.txt`, "beta\n");
  await Deno.writeTextFile(`${folder}/secret.txt`, "not for guests\n");
  await Deno.symlink(`${folder}/secret.txt`, `${folder}/files/out`);
  await Deno.symlink("../secret.txt", `${folder}/files/sub/up`);
  const manifest = await writeApplication(folder, "night", [{
    name: "report",
    fixture: "report",
    ...changes,
  }]);
  const host = await HostProcess.start({ data: `${folder}/data`, manifests: [manifest], cells: 1 });
  await until("the command's end", async () => {
    return ["completed", "failed"].includes((await componentOf(host, "night-report")).state);
  });
  await until("its last line", () => host.output.includes("report: done"));
  return host;
}

function linesOf(host: HostProcess, stream: string): string[] {
  const lines = host.output.split("\n").filter((line) => line.includes("[night-report]"));
  return lines.filter((line) => line.includes(`stream=${stream}`)).map((line) =>
    line.replace(/^.*\[night-report\] /, "").replace(/ stream=\w+$/, "")
  );
}

Deno.test("a command runs once to its end: arguments, environment, output as log lines, exit code", async () => {
  await using folder = await disposableFolder();
  {
    await using host = await startReport(folder.path, {
      runtime: { args: ["--verbose", "two words"], environment: { SHOP: "corner" } },
    });
    deepEqual(linesOf(host, "stdout"), [
      "argument 0: report",
      "argument 1: --verbose",
      "argument 2: two words",
      "environment SHOP=corner",
    ]);
    deepEqual(linesOf(host, "stderr"), ["report: done"]);
    const status = await componentOf(host, "night-report");
    equal(status.state, "completed");
    const exits = (await eventsOf(host)).filter(({ type }) => type === "component_exited");
    deepEqual(exits.map((event) => event.type === "component_exited" && event.exitCode), [0]);

    const byHand = await host.cli("component", "call", "night-report", "wasi:cli/run", "run");
    equal(byHand.code, 0);
    equal(byHand.stdout, linesOf(host, "stdout").slice(0, 4).join("\n") + "\n");
    equal(byHand.stderr, "report: done\n");
    equal(await host.stop(), 0);
  }
  await using host = await HostProcess.start({ data: `${folder.path}/data`, cells: 1 });
  equal((await componentOf(host, "night-report")).state, "completed");
  deepEqual(linesOf(host, "stdout"), []);
});

Deno.test("a command that fails says so, by hand with its exit code", async () => {
  await using folder = await disposableFolder();
  await using host = await startReport(folder.path, { runtime: { args: ["--exit", "3"] } });
  const { state, reason } = await componentOf(host, "night-report");
  // wasi:cli/exit tells only success from failure, whatever number the program gave.
  deepEqual([state, reason], ["failed", "ended with exit code 1"]);
  const byHand = await host.cli("component", "call", "night-report", "wasi:cli/run", "run");
  equal(byHand.code, 1);
  match(byHand.stdout, /^argument 0: report$/m);
});

Deno.test("a command sees the folders it was given, read-only unless said, and nothing outside", async (test) => {
  for (const readOnly of [true, false]) {
    await test.step(readOnly ? "read-only" : "writable", async () => {
      await using folder = await disposableFolder();
      await using host = await startReport(folder.path, {
        filesystem: [{ guest: "/data", host: `${folder.path}/files`, ...(readOnly ? {} : { readOnly }) }],
        runtime: { args: ["--read", "/data/../secret.txt"] },
      });
      const lines = linesOf(host, "stdout");
      for (
        const line of [
          "folder /data",
          "file /data/a.txt 18 bytes: alpha",
          "file /data/sub/b.txt 5 bytes: beta",
        ]
      ) {
        ok(lines.includes(line), `${line} in ${lines.join("\n")}`);
      }
      ok(
        lines.includes(`write /data/report.txt: ${readOnly ? "ReadOnlyFilesystem" : "ok"}`),
        lines.join("\n"),
      );
      const written = await Deno.readTextFile(`${folder.path}/files/report.txt`).catch(() => undefined);
      equal(written, readOnly ? undefined : "written by report\n");
      // Neither a path nor a link leads out.
      match(lines.join("\n"), /^unreadable \/data\/out: /m);
      match(lines.join("\n"), /^unreadable \/data\/sub\/up: /m);
      match(lines.join("\n"), /^read \/data\/\.\.\/secret\.txt: (?!ok)/m);
      equal(host.output.includes("not for guests"), false);
    });
  }
});

Deno.test("a command connects where its network trait allows, and nowhere else", async () => {
  await using folder = await disposableFolder();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of listener) connection.close();
  })().catch(() => {});
  const target = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const args = ["--connect", target];
  {
    await using host = await startReport(folder.path, { runtime: { args } });
    ok(linesOf(host, "stdout").includes(`connect ${target}: denied`));
    match(host.output, new RegExp(`connect ${target} is denied; allow it in the component's network trait`));
    const manifest = await writeApplication(folder.path, "night", [
      {
        name: "report",
        fixture: "report",
        runtime: { args: [...args, "--again"] },
        network: { connect: [target] },
      },
    ]);
    equal((await host.cli("app", "apply", manifest)).code, 0);
    // Its arguments changed, so it is another version, and runs.
    await until("the second run", () => linesOf(host, "stdout").includes(`connect ${target}: connected`));
  }
  listener.close();
  await accepting;
});
