// Many components behind one port, told apart by host name and path; listeners of their own; TLS from files; and the two
// questions a load balancer asks.

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { ask } from "../support/asking.ts";
import { type Part, writeApplication } from "../support/applications.ts";
import { disposableFolder, freePort, HostProcess, repositoryPath } from "../support/host_process.ts";
import { requestRaw } from "../support/raw_http.ts";
import { statusOf, until } from "../support/watching.ts";

const CLIENT = [{ to: "client", interfaces: "wasi:http/outgoing-handler" }];

/** A probe that tells its name by the config it was given. */
function named(name: string, route: Record<string, string>): Part {
  return { name, fixture: "probe", links: CLIENT, route, config: { name }, runtime: { instancing: "reuse" } };
}

/** Who answers. Probes know no path but their own, so the query says which. */
async function whoAnswers(port: number, path: string, host?: string): Promise<string> {
  const { status, text, headers } = await ask(port, path, { host });
  if (status !== 200) return `${status} ${headers.get("x-holdfast-fault") ?? text.trim()}`;
  return text;
}

Deno.test("the longest path and the most exact name win", async () => {
  await using folder = await disposableFolder();
  const manifest = await writeApplication(folder.path, "sites", [
    named("any", { path: "/" }),
    named("config", { path: "/config,/other" }),
    named("shop", { host: "shop.test", path: "/config" }),
    named("wild", { host: "*.shop.test,alias.test" }),
    named("exact", { host: "till.shop.test" }),
    { name: "hello", fixture: "hello", route: { path: "/config/hello" } },
    { name: "readonly", fixture: "hello", route: { path: "/readonly", methods: "GET, HEAD" } },
  ]);
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: 2,
  });
  const who = (path: string, name?: string) => whoAnswers(host.port, path, name);
  const key = "/config?key=name";
  // The name is looked at first, then the path; what is linked by no name serves all names.
  equal(await who(key), "config");
  equal(await who(key, "unheard.of"), "config");
  equal(await who(key, "shop.test"), "shop");
  equal(await who(key, "SHOP.test:8080"), "shop");
  equal(await who(key, "till.shop.test"), "exact");
  equal(await who(key, "other.shop.test"), "wild");
  equal(await who(key, "deep.other.shop.test"), "wild");
  equal(await who(key, "alias.test"), "wild");
  equal(await who("/config/hello"), "hello from holdfast\n");
  equal(await who("/config/hello/below?x"), "hello from holdfast\n");
  // A prefix is of whole segments.
  equal(await who("/configuration"), "404 no such probe");
  equal(await who("/"), "probe\n");
  equal((await ask(host.port, "/readonly", { method: "HEAD" })).status, 200);
  const refused = await ask(host.port, "/readonly", { method: "DELETE" });
  deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"]);
  equal((await requestRaw(host.port, "GET /", "host: a/b")).status, 400);
});

Deno.test("links may have ports of their own, come and go with their applications, and never take another's", async () => {
  await using folder = await disposableFolder();
  const port = freePort();
  const first = await writeApplication(folder.path, "first", [
    { name: "hello", fixture: "hello", route: { path: "/hello" } },
    named("inner", { address: `127.0.0.1:${port}` }),
  ]);
  await using host = await HostProcess.start({ data: `${folder.path}/data`, manifests: [first], cells: 2 });
  equal(await whoAnswers(port, "/config?key=name"), "inner");
  equal(await whoAnswers(host.port, "/config?key=name"), "404 not_found");
  const second = await writeApplication(folder.path, "second", [named("late", { path: "/config" })]);
  equal((await host.cli("app", "apply", second)).code, 0);
  await until("the new route", async () => (await whoAnswers(host.port, "/config?key=name")) === "late");
  const thief = await writeApplication(folder.path, "thief", [named("thief", { path: "/hello" })]);
  const refused = await host.cli("app", "apply", thief);
  ok(refused.code !== 0, `${refused.stdout} ${host.output}`);
  match(refused.stderr, /\/hello/);
  equal(await whoAnswers(host.port, "/hello"), "hello from holdfast\n");
  equal((await host.cli("app", "delete", "second")).code, 0);
  await until(
    "the route's end",
    async () => (await whoAnswers(host.port, "/config?key=name")) === "404 not_found",
  );
  equal((await host.cli("app", "delete", "first")).code, 0);
  await until("the port's end", () => ask(port, "/").then(() => false, () => true));
});

Deno.test("health and readiness are the host's to tell, unless a route takes them", async () => {
  await using folder = await disposableFolder();
  const some = await writeApplication(folder.path, "some", [
    { name: "hello", fixture: "hello", route: { path: "/hello" } },
  ]);
  await using host = await HostProcess.start({ data: `${folder.path}/data`, manifests: [some], cells: 1 });
  const say = async (path: string) => {
    const { status, text } = await ask(host.port, path);
    return [status, text];
  };
  deepEqual(await say("/healthz"), [200, "ok\n"]);
  deepEqual(await say("/readyz"), [200, "ready\n"]);
  const all = await writeApplication(folder.path, "all", [{
    name: "hello",
    fixture: "hello",
    route: { path: "/" },
  }]);
  equal((await host.cli("app", "apply", all)).code, 0);
  deepEqual(await say("/"), [200, "hello from holdfast\n"]);
  deepEqual(await say("/healthz"), [200, "ok\n"]);
  equal((await ask(host.port, "/healthz", { method: "POST" })).status, 405);
});

Deno.test("TLS from files: the host's own listener speaks HTTPS, with the certificate it was given", async () => {
  await using folder = await disposableFolder();
  const certificate = (name: string) => repositoryPath(`fixtures/certs/${name}`);
  const manifest = await writeApplication(folder.path, "tls", [named("probe", { path: "/" })]);
  await using host = await HostProcess.start({
    data: `${folder.path}/data`,
    manifests: [manifest],
    cells: 1,
    args: ["--http-tls-cert", certificate("server.pem"), "--http-tls-key", certificate("server.key")],
  });
  const ca = await Deno.readTextFile(certificate("server_ca.pem"));
  const shown = (await ask(host.port, "/headers?tls", { ca, host: "shop.test" })).text;
  match(shown, /^scheme: https$/m);
  match(shown, /^authority: shop\.test$/m);
  equal((await ask(host.port, "/healthz", { ca })).text, "ok\n");
  deepEqual((await statusOf(host)).urls, [`https://127.0.0.1:${host.port}/`]);
  await rejects(ask(host.port, "/", { ca, host: "other.example" }), /ERR_TLS|[Cc]ertificate|NotValidForName/);
  await rejects(ask(host.port, "/"));
});
