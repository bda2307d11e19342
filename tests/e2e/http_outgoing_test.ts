// HTTP out of components: through the http-client where a link allows it, to a server of the test on the loopback, and
// along a link straight into another component, where no network is involved.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ask } from "../support/asking.ts";
import { type Part, writeApplication } from "../support/applications.ts";
import { disposableFolder, freePort, HostProcess } from "../support/host_process.ts";
import { RawClient } from "../support/raw_http.ts";
import { until } from "../support/watching.ts";

/** What components ask: every path answers in a way of its own. */
class Upstream implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Lets `/held` finish. */
  release = () => {};
  asked: string[] = [];

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  #answer(request: Request): Response | Promise<Response> {
    const { pathname, search } = new URL(request.url);
    this.asked.push(`${request.method} ${pathname}${search}`);
    if (pathname === "/echo") return new Response(request.body, { headers: { "content-type": "x/echoed" } });
    if (pathname === "/status") {
      return new Response("teapot\n", { status: 418, headers: { "x-kind": "tea" } });
    }
    if (pathname === "/cookies") {
      return new Response("", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
    }
    if (pathname === "/mute") return new Promise(() => {});
    if (pathname === "/fields") {
      return Response.json({ agent: request.headers.get("x-agent"), host: request.headers.get("host") });
    }
    if (pathname !== "/held") return new Response("plain\n");
    return new Response(
      new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode("first;"));
          this.release = () => {
            controller.enqueue(new TextEncoder().encode("last"));
            controller.close();
          };
        },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Some answers never come.
    await Promise.race([this.#server.shutdown(), new Promise((resolve) => setTimeout(resolve, 200))]);
  }
}

/** A raw server that sends these bytes to whoever connects, and hangs up. */
function sendsBytes(text: string): { address: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(text));
      connection.close();
    }
  })().catch(() => {});
  return {
    address: `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    [Symbol.dispose]: () => listener.close(),
  };
}

function probe(name: string, settings: Record<string, string>): Part {
  const links = [{ to: "client", interfaces: "wasi:http/outgoing-handler", settings }];
  return { name, fixture: "probe", route: { host: `${name}.test` }, links, runtime: { deadline: "20s" } };
}

async function start(folder: string, parts: readonly Part[]): Promise<HostProcess> {
  const manifest = await writeApplication(folder, "out", parts);
  return await HostProcess.start({ data: `${folder}/data`, manifests: [manifest], cells: 1 });
}

/** What `/fetch` of component `name` says when it asks for `url`. */
function fetchBy(
  host: HostProcess,
  name: string,
  url: string,
  options: { method?: string; body?: string; more?: string } = {},
) {
  const { method = "GET", body, more = "" } = options;
  const path = `/fetch?url=${encodeURIComponent(url)}&method=${method}${more}`;
  return ask(host.port, path, { host: `${name}.test`, method: body === undefined ? "GET" : "POST", body });
}

Deno.test("a component's requests go where its link allows, and nowhere else", async () => {
  await using folder = await disposableFolder();
  await using upstream = new Upstream();
  const { address } = upstream;
  await using host = await start(folder.path, [
    probe("named", { allow: address }),
    probe("nowhere", {}),
    probe("public", { allow: "*" }),
    probe("private", { allow: "127.0.0.1:*", private: "allow" }),
  ]);
  const plain = await fetchBy(host, "named", `http://${address}/plain?a=b%20c`);
  deepEqual([plain.status, plain.text], [200, "plain\n"]);
  equal(upstream.asked.at(-1), "GET /plain?a=b%20c");
  equal((await fetchBy(host, "private", `http://${address}/plain`)).text, "plain\n");

  const refusals: [name: string, url: string, error: RegExp][] = [
    ["nowhere", `http://${address}/`, /HttpRequestDenied/],
    ["named", "http://127.0.0.1:1/", /HttpRequestDenied/],
    ["named", "http://localhost/", /HttpRequestDenied/],
    ["named", `https://${address}@example.com/`, /HttpRequestUriInvalid|HttpRequestDenied/],
    // Any public host is none of this machine's own network, however it is written.
    ["public", `http://${address}/`, /DestinationIpProhibited/],
    ["public", `http://localhost:${address.split(":")[1]}/`, /DestinationIpProhibited/],
    ["public", `http://0x7f.1:${address.split(":")[1]}/`, /DestinationIpProhibited/],
    ["public", "http://10.0.0.1/", /DestinationIpProhibited/],
    ["public", "http://169.254.169.254/latest/meta-data", /DestinationIpProhibited/],
    ["public", "http://[::1]/", /DestinationIpProhibited/],
  ];
  const before = upstream.asked.length;
  for (const [name, url, error] of refusals) {
    const answer = await fetchBy(host, name, url);
    equal(answer.status, 502, url);
    match(answer.text, error, url);
  }
  equal(upstream.asked.length, before);
  match(
    host.output,
    /out-nowhere may not reach http:\/\/127\.0\.0\.1:\d+: add "127\.0\.0\.1:\d+" to `allow` of its link/,
  );
});

Deno.test("messages pass through the http-client whole, and stream", async () => {
  await using folder = await disposableFolder();
  await using upstream = new Upstream();
  const base = `http://${upstream.address}`;
  await using host = await start(folder.path, [probe("named", { allow: upstream.address })]);
  const status = await fetchBy(host, "named", `${base}/status`);
  deepEqual([status.status, status.text, status.headers.get("x-kind")], [418, "teapot\n", "tea"]);
  const head = await fetchBy(host, "named", `${base}/status`, { method: "HEAD" });
  deepEqual([head.status, head.text], [418, ""]);
  const cookies = (await fetchBy(host, "named", `${base}/cookies`)).rawHeaders;
  deepEqual(cookies.filter((_, at) => cookies[at - 1]?.toLowerCase() === "set-cookie"), ["a=1", "b=2"]);
  const fields = await ask(host.port, `/fetch?url=${encodeURIComponent(`${base}/fields`)}`, {
    host: "named.test",
    headers: { "x-agent": "till/3" },
  });
  deepEqual(JSON.parse(fields.text), { agent: "till/3", host: upstream.address });
  const large = "0123456789abcdef".repeat(40_000);
  const echoed = await fetchBy(host, "named", `${base}/echo`, { method: "POST", body: large });
  equal(echoed.headers.get("content-type"), "x/echoed");
  ok(echoed.text === large);

  const client = await RawClient.open(host.port);
  await client.send(
    `GET /fetch?url=${encodeURIComponent(`${base}/held`)} HTTP/1.1\r\nhost: named.test\r\n\r\n`,
  );
  await client.readPast("first;");
  upstream.release();
  await client.readPast("last");
  await client.readPast("0\r\n\r\n");
  client.close();
});

Deno.test("an upstream that is mute, absent or broken is an error the component can read", async () => {
  await using folder = await disposableFolder();
  await using upstream = new Upstream();
  using garbage = sendsBytes("this is no HTTP\r\n\r\n");
  using short = sendsBytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
  const absent = `127.0.0.1:${freePort()}`;
  const allow = [upstream.address, garbage.address, short.address, absent].join(",");
  await using host = await start(folder.path, [
    probe("named", { allow }),
    probe("hasty", { allow, timeout: "300ms" }),
  ]);
  const mute = `http://${upstream.address}/mute`;
  for (const [name, more] of [["named", "&timeout=300"], ["hasty", ""]]) {
    const before = performance.now();
    const answer = await fetchBy(host, name, mute, { more });
    equal(answer.status, 502);
    match(answer.text, /Timeout/);
    ok(performance.now() - before < 10_000);
  }
  const refused = await fetchBy(host, "named", `http://${absent}/`);
  deepEqual([refused.status, refused.text], [502, "ErrorCode::ConnectionRefused\n"]);
  match((await fetchBy(host, "named", `http://${garbage.address}/`)).text, /ErrorCode::HttpProtocolError/);
  // Broken off after its head: the component's client sees that too, never a short body that looks whole.
  const cut = await fetchBy(host, "named", `http://${short.address}/`).catch(() => undefined);
  ok(!cut || cut.status >= 500, `${cut?.status} ${cut?.text}`);
  equal((await fetchBy(host, "named", `http://${upstream.address}/`)).text, "plain\n");
});

Deno.test("along a link a request enters another component, with its trailers, and needs no network", async () => {
  await using folder = await disposableFolder();
  const next = (to: string) => [{ to, interfaces: "wasi:http/outgoing-handler" }];
  await using host = await start(folder.path, [
    { name: "front", fixture: "probe", route: { host: "front.test" }, links: next("middle") },
    { name: "middle", fixture: "probe", links: next("back") },
    { ...probe("back", {}), route: undefined },
  ]);
  const shown = (await fetchBy(host, "front", "http://whatever.test:81/headers?x=1")).text;
  match(shown, /^authority: whatever\.test:81$/m);
  match(shown, /^path-with-query: \/headers\?x=1$/m);
  const twice = `http://any/fetch?url=${encodeURIComponent("http://any/echo")}&method=POST`;
  equal((await fetchBy(host, "front", twice, { method: "POST", body: "through two" })).text, "through two");
  const big = await fetchBy(host, "front", `http://any/big?bytes=${4 * 1024 * 1024}`);
  equal(big.bytes.length, 4 * 1024 * 1024);
  equal((await fetchBy(host, "front", "http://any/status/404")).status, 404);
  const late = await fetchBy(host, "front", "http://any/trailers");
  equal(late.text, "a body with trailers\n");
  // They came as far as the wire, where Deno's server has no place for them; the log says so, once.
  const note =
    /link out-http -> out-front \(front\) sends trailers, which this server cannot; they are dropped/g;
  await until("the note", () => host.output.match(note));
  await fetchBy(host, "front", "http://any/trailers");
  equal(host.output.match(note)!.length, 1);
});

Deno.test("a ring of links ends in an error, not in a full memory", async () => {
  await using folder = await disposableFolder();
  const manifest: Part[] = ["one", "two"].map((name, at) => ({
    name,
    fixture: "probe",
    route: { host: `${name}.test` },
    links: [{ to: at === 0 ? "two" : "one", interfaces: "wasi:http/outgoing-handler" }],
  }));
  await using host = await start(folder.path, manifest);
  let url = "http://any/";
  for (let depth = 0; depth < 20; depth++) url = `http://any/fetch?url=${encodeURIComponent(url)}`;
  const short = `http://any/fetch?url=${encodeURIComponent("http://any/status/201")}`;
  equal((await fetchBy(host, "one", short)).status, 201);
  const answer = await fetchBy(host, "one", url).catch(() => undefined);
  ok(!answer || answer.status >= 400, `${answer?.status}`);
  equal((await ask(host.port, "/", { host: "two.test" })).text, "probe\n");
});
