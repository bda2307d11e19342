// Listeners: shared by capabilities, by processes; health; what happens to a port that is taken, and on stopping.

import assert from "node:assert/strict";
import { isFault } from "../../src/model/fault.ts";
import { fakeProviderContext, testHost, testLink } from "../../tests/support/provider_context.ts";
import { fieldOf, RawClient, requestRaw } from "../../tests/support/raw_http.ts";
import { serving, textAnswer } from "../../tests/support/serving.ts";
import { HttpServer } from "../http_server.ts";
import { Listener } from "./listener.ts";
import { RouteTable } from "./routes.ts";

const answer = (text: string) => () => textAnswer(text);

Deno.test("http_server answers 404 where nothing is linked, and lists nothing", async () => {
  await using site = await serving();
  await site.link(answer("shop"), { path: "/secret-shop" });
  const response = await requestRaw(site.port, "GET /other");
  assert.equal(response.status, 404);
  assert.equal(fieldOf(response, "x-holdfast-fault"), "not_found");
  assert.ok(!response.body.includes("secret"));
});

Deno.test("http_server tells components apart by host and path on one port", async () => {
  await using site = await serving();
  await site.link(answer("root"), {}, "root");
  await site.link(answer("api"), { path: "/api,/v2" }, "api");
  await site.link(answer("host"), { host: "shop.example" }, "host");
  assert.equal((await requestRaw(site.port, "GET /")).body, "root");
  assert.equal((await requestRaw(site.port, "GET /api/x?y")).body, "api");
  assert.equal((await requestRaw(site.port, "GET /api", "Host: SHOP.example:1")).body, "host");
  site.server.unbind(testLink({ target: "api" }).key);
  assert.equal((await requestRaw(site.port, "GET /api/x?y")).body, "root");
});

Deno.test("http_server follows hosts that change with every request of a connection", async () => {
  await using site = await serving();
  await site.link(({ authority, path }) => textAnswer(`${authority}${path}`));
  const client = await RawClient.open(site.port);
  for (const host of ["a.test", "a.test", "b.test:8080", "a.test", "a.test:1", "aa.test"]) {
    await client.send(`GET /x#y?z HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    assert.equal((await client.readResponse()).body, `${host}/x`);
  }
  client.close();
});

Deno.test("http_server refuses a second claim on a route and names both; the first stays", async () => {
  const host = testHost();
  await using site = await serving({ host });
  await using second = await serving({ host, id: "second" });
  assert.equal(second.port, site.port, "both share the host's own listener");
  await site.link(answer("first"), { path: "/a, /b", host: "x.example, y.example" }, "first");
  const isConflict = (error: unknown) =>
    isFault(error) && error.code === "conflict" && error.message.includes("link second -> late") &&
    error.message.includes("link test-provider -> first") && error.message.includes("y.example/b");
  await assert.rejects(second.link(answer("late"), { path: "/b", host: "y.example" }, "late"), isConflict);
  assert.equal((await requestRaw(site.port, "GET /b", "Host: y.example")).body, "first");
  await second.link(answer("late"), { path: "/c", host: "y.example" }, "late");
  assert.equal((await requestRaw(site.port, "GET /c", "Host: y.example")).body, "late");
});

Deno.test("http_server takes a link's new settings without a gap", async () => {
  await using site = await serving();
  await site.link(answer("one"), { path: "/a" });
  await site.link(answer("two"), { path: "/b" });
  assert.equal((await requestRaw(site.port, "GET /a")).status, 404);
  assert.equal((await requestRaw(site.port, "GET /b")).body, "two");
});

Deno.test("http_server takes only the methods that a link names", async () => {
  await using site = await serving();
  await site.link(answer("x"), { methods: "get, post" });
  const response = await requestRaw(site.port, "DELETE /");
  assert.equal(response.status, 405);
  assert.equal(fieldOf(response, "allow"), "GET, POST");
  assert.equal((await requestRaw(site.port, "POST /", "content-length: 0")).status, 200);
});

Deno.test("http_server answers /healthz and /readyz on the host's listener", async () => {
  let isReady = false;
  await using site = await serving({ host: testHost({}, () => isReady) });
  await site.link(answer("root"));
  const health = await requestRaw(site.port, "GET /healthz");
  assert.deepEqual([health.status, health.body], [200, "ok\n"]);
  assert.equal((await requestRaw(site.port, "GET /readyz")).status, 503);
  isReady = true;
  const ready = await requestRaw(site.port, "GET /readyz");
  assert.deepEqual([ready.status, ready.body], [200, "ready\n"]);
  assert.equal((await requestRaw(site.port, "HEAD /readyz")).body, "");
  assert.equal((await requestRaw(site.port, "POST /readyz", "content-length: 0")).status, 405);
  await site.link(answer("own"), { path: "/healthz" }, "own");
  assert.equal((await requestRaw(site.port, "GET /healthz")).body, "own");
});

Deno.test("http_server keeps health to the host's listener, and links to their own address", async () => {
  await using site = await serving();
  const address = `127.0.0.1:${await freePort()}`;
  await site.link(answer("elsewhere"), { address });
  const port = site.server.addresses.map(({ port }) => port).find((one) => one !== site.port)!;
  assert.equal(address, `127.0.0.1:${port}`);
  assert.equal((await requestRaw(port, "GET /readyz")).body, "elsewhere");
  assert.equal((await requestRaw(site.port, "GET /")).status, 404);
});

Deno.test("http_server says which address another program has", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const server = new HttpServer(fakeProviderContext({ kind: "http-server", host: testHost({ port }) }));
  await assert.rejects(server.start(), (error) => {
    return isFault(error) && error.code === "conflict" &&
      error.message ===
        `http-server: another program listens on 127.0.0.1:${port}; choose another with --http`;
  });
  await server.stop(0);
  taken.close();
  await server.start();
  await server.stop(performance.now() + 100);
});

Deno.test("http_server says what is wrong with an address that is not this machine's", async () => {
  const host = testHost({ address: "192.0.2.1" });
  const server = new HttpServer(fakeProviderContext({ kind: "http-server", host }));
  await assert.rejects(server.start(), (error) => isFault(error) && /192\.0\.2\.1/.test(error.message));
  await server.stop(0);
});

Deno.test("two listeners of one box share an address", async () => {
  const port = await freePort();
  const lines = fakeProviderContext({ kind: "http-server" });
  const listeners = [1, 2].map(() => new Listener({ address: "127.0.0.1", port }, lines.log));
  for (const [index, listener] of listeners.entries()) {
    await listener.open();
    listener.claim("all", {
      hosts: [],
      paths: ["/"],
      target: { name: "all", methods: undefined, serve: () => new Response(`${index}`) },
    });
  }
  const served = new Set<string>();
  for (let tries = 0; tries < 500 && served.size < 2; tries++) {
    served.add((await requestRaw(port, "GET /")).body);
  }
  assert.deepEqual([...served].sort(), ["0", "1"]);
  await listeners[0].close(new Promise(() => {}));
  assert.equal((await requestRaw(port, "GET /")).body, "1");
  await listeners[1].close(new Promise(() => {}));
});

Deno.test("http_server stops gracefully: what runs ends, idle connections close, new ones are refused", async () => {
  const site = await serving();
  let release!: () => void;
  const released = new Promise<void>((resolve) => release = resolve);
  const entered = new Promise<void>((enter) => {
    void site.link(async ({ path }) => {
      if (path === "/slow") enter();
      if (path === "/slow") await released;
      return textAnswer("done");
    });
  });
  const idle = await RawClient.open(site.port);
  await idle.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
  assert.equal((await idle.readResponse()).body, "done");
  const busy = await RawClient.open(site.port);
  await busy.send("GET /slow HTTP/1.1\r\nhost: t\r\n\r\n");
  await entered;
  const stopping = site.server.stop(performance.now() + 5_000);
  assert.equal(await idle.readToEnd(), "");
  await assert.rejects(
    Deno.connect({ hostname: "127.0.0.1", port: site.port }),
    Deno.errors.ConnectionRefused,
  );
  release();
  assert.equal((await busy.readResponse()).body, "done");
  assert.equal(await busy.readToEnd(), "");
  await stopping;
  idle.close();
  busy.close();
});

Deno.test("http_server waits no longer for what still runs than the deadline of stopping", async () => {
  const site = await serving();
  let release!: (text: string) => void;
  const released = new Promise<string>((resolve) => release = resolve);
  const entered = new Promise<void>((enter) => {
    void site.link(async () => (enter(), textAnswer(await released)));
  });
  const client = await RawClient.open(site.port);
  await client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
  await entered;
  await site.server.stop(performance.now() + 50);
  await assert.rejects(
    Deno.connect({ hostname: "127.0.0.1", port: site.port }),
    Deno.errors.ConnectionRefused,
  );
  release("late");
  assert.equal((await client.readResponse()).body, "late");
  assert.equal(await client.readToEnd(), "");
  client.close();
});

Deno.test("an empty table finds nothing", () => {
  assert.equal(new RouteTable([]).find("a", "/"), undefined);
});

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return Promise.resolve((listener.addr as Deno.NetAddr).port);
}
