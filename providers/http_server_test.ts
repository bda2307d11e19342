// http_server over real sockets: what a component is handed of a request, what its answer becomes, and how failures look.

import assert from "node:assert/strict";
import type { Call } from "../src/model/call.ts";
import { WitError } from "../src/model/call.ts";
import { Fault, type FaultCode, FAULTS } from "../src/model/fault.ts";
import type { HttpRequest, HttpResponse } from "../src/model/http.ts";
import { fakeProviderContext, testHost, testLink } from "../tests/support/provider_context.ts";
import { exchangeRaw, fieldOf, RawClient, requestRaw } from "../tests/support/raw_http.ts";
import { readAll, serving, textAnswer } from "../tests/support/serving.ts";
import { testProvider } from "../tests/suites/provider_suite.ts";
import { HTTP_SERVER } from "./http_server.ts";

testProvider({
  name: "http-server",
  kind: HTTP_SERVER,
  makeContext: (config) =>
    Promise.resolve({
      context: fakeProviderContext({ kind: "http-server", config }),
      free: () => Promise.resolve(),
    }),
  link: testLink({
    sourceConfig: { path: "/api", host: "shop.example", timeout: "10s", cors_max_age_secs: "1" },
  }),
  badLinks: [
    { source: { path: "api" }, names: "path" },
    { source: { path: "/a/{id}/b" }, names: "path" },
    { source: { path: "/a?b" }, names: "path" },
    { source: { path: " , " }, names: "path" },
    { source: { host: "http://shop" }, names: "host" },
    { source: { host: "a.*.b" }, names: "host" },
    { source: { address: "8080" }, names: "address" },
    { source: { address: "localhost:99999" }, names: "address" },
    { source: { methods: "GET POST" }, names: "methods" },
    { source: { timeout: "soon" }, names: "duration" },
    { source: { pth: "/a" }, names: "pth" },
  ],
  badConfigs: [
    { config: { address: "nowhere" }, names: "address" },
    { config: { routing_mode: "header" }, names: "routing_mode" },
    { config: { header: "x-host" }, names: "header" },
    { config: { tls_cert_file: "/cert.pem" }, names: "tls_key_file" },
    { config: { adress: ":80" }, names: "adress" },
  ],
});

Deno.test("http_server hands a component method, path as sent, authority, fields and trace", async () => {
  await using site = await serving();
  let seen: { request: HttpRequest; call: Call; headers: unknown } | undefined;
  await site.link((request, call) => {
    seen = { request, call, headers: request.headers };
    return textAnswer("hi");
  });
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const line = "BREW /a/../b/%2e%2e//c;d?x=1&y=%20&z";
  const fields = [
    "Host: Shop.Example:81",
    "X-A: 1",
    "x-a: 2",
    "X-L: \xe9",
    `traceparent: ${trace}`,
    "TE: trailers",
  ];
  await requestRaw(site.port, line, ...fields, "X-Hop: 1", "Connection: x-hop");
  const { request, call, headers } = seen!;
  assert.equal(request.method, "BREW");
  assert.equal(request.path, "/a/../b/%2e%2e//c;d?x=1&y=%20&z");
  assert.equal(request.authority, "Shop.Example:81");
  assert.equal(request.scheme, "http");
  assert.deepEqual(headers, [["traceparent", trace], ["x-a", "1, 2"], ["x-l", "\xe9"]]);
  assert.equal(call.interface, "wasi:http/incoming-handler");
  assert.equal(call.function, "handle");
  assert.equal(call.source, "test-provider");
  assert.equal(call.target, "component");
  assert.equal(call.deadlineMs, Infinity);
});

Deno.test("http_server reads the trace of a request that names one, and no other", async () => {
  await using site = await serving();
  const traces: unknown[] = [];
  await site.link((_, call) => {
    traces.push(call.trace);
    return textAnswer("");
  });
  const id = "0af7651916cd43dd8448eb211c80319c";
  await requestRaw(site.port, "GET /", `traceparent: 00-${id}-b7ad6b7169203331-01`);
  await requestRaw(site.port, "GET /", `traceparent: 00-${"0".repeat(32)}-b7ad6b7169203331-01`);
  await requestRaw(site.port, "GET /");
  assert.deepEqual(traces, [{ traceId: id, spanId: "b7ad6b7169203331" }, undefined, undefined]);
});

Deno.test("http_server hands on a target in absolute form as authority and path", async () => {
  await using site = await serving();
  await site.link(({ authority, path }) => textAnswer(`${authority} ${path}`));
  assert.equal(
    (await requestRaw(site.port, "GET http://other.example:82/a?b")).body,
    "other.example:82 /a?b",
  );
  assert.equal((await requestRaw(site.port, "GET http://other.example?b")).body, "other.example /?b");
  assert.equal((await requestRaw(site.port, "OPTIONS *")).body, "test /*");
});

Deno.test("http_server gives small bodies whole, larger ones as a stream, and none where there is none", async () => {
  await using site = await serving();
  await site.link(async ({ body }) => {
    const kind = body === null ? "none" : body instanceof Uint8Array ? "bytes" : "stream";
    return textAnswer(`${kind} ${(await readAll(body)).length}`);
  });
  const post = (head: string, body: string) =>
    exchangeRaw(site.port, `POST / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n${head}\r\n\r\n${body}`);
  assert.match(await post("content-length: 5", "hello"), /bytes 5$/);
  assert.match(await post("content-length: 0", ""), /none 0$/);
  assert.match(await post("content-length: 300000", "x".repeat(300_000)), /stream 300000$/);
  assert.match(await post("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), /stream 5$/);
  assert.equal((await requestRaw(site.port, "GET /")).body, "none 0");
});

Deno.test("http_server sends fields in order, repeats and bytes above ASCII included, but none of the connection's", async () => {
  await using site = await serving();
  await site.link(() =>
    textAnswer("body", [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["x-l", "\xe9\xff"],
      ["connection", "close"],
      ["transfer-encoding", "chunked"],
      ["content-length", "99"],
      ["keep-alive", "5"],
    ])
  );
  const client = await RawClient.open(site.port);
  for (let time = 0; time < 2; time++) {
    await client.send("GET / HTTP/1.1\r\nhost: t\r\n\r\n");
    const response = await client.readResponse();
    assert.equal(response.body, "body");
    assert.deepEqual(response.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value), [
      "a=1",
      "b=2",
    ]);
    assert.equal(fieldOf(response, "x-l"), "\xe9\xff");
    assert.equal(fieldOf(response, "keep-alive"), undefined);
    assert.equal(fieldOf(response, "transfer-encoding"), undefined);
  }
  client.close();
});

Deno.test("http_server answers HEAD with the fields of GET and no body", async () => {
  await using site = await serving();
  let isCancelled = false;
  await site.link(({ path }) => {
    if (path === "/bytes") return textAnswer("four", [["content-type", "text/x"]]);
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
    return { status: 200, headers: path === "/stated" ? [["content-length", "7"]] : [], body };
  });
  const bytes = await requestRaw(site.port, "HEAD /bytes");
  assert.deepEqual([bytes.body, fieldOf(bytes, "content-length"), fieldOf(bytes, "content-type")], [
    "",
    "4",
    "text/x",
  ]);
  assert.equal(fieldOf(await requestRaw(site.port, "HEAD /stated"), "content-length"), "7");
  assert.ok(isCancelled, "a body that nobody will read is given up");
  assert.equal(fieldOf(await requestRaw(site.port, "HEAD /stream"), "content-length"), undefined);
});

Deno.test("http_server sends statuses that have no body without one", async () => {
  await using site = await serving();
  await site.link(({ path }) => ({ ...textAnswer("ignored"), status: Number(path.slice(1)) }));
  for (const status of [204, 205, 304]) {
    const response = await requestRaw(site.port, `GET /${status}`);
    assert.deepEqual([response.status, response.body], [status, ""]);
  }
  assert.equal((await requestRaw(site.port, "GET /599")).status, 599);
});

Deno.test("http_server answers a fault with its status, code and message", async () => {
  await using site = await serving();
  await site.link(({ path }) => {
    throw new Fault(path.slice(1) as FaultCode, "what, where\nand the mend", {
      detail: { secret: "hidden" },
    });
  });
  for (const [code, { http }] of Object.entries(FAULTS)) {
    const response = await requestRaw(site.port, `GET /${code}`);
    assert.equal(response.status, http);
    assert.equal(response.body, `${code}: what, where\nand the mend\n`);
    assert.equal(fieldOf(response, "x-holdfast-fault"), code);
    assert.match(fieldOf(response, "content-type")!, /^text\/plain/);
    assert.equal((await requestRaw(site.port, `HEAD /${code}`)).body, "");
  }
});

Deno.test("http_server answers 502 to an error of the component, and 500 to a bug without its text", async () => {
  await using site = await serving();
  await site.link(({ path }): HttpResponse | Promise<HttpResponse> => {
    if (path === "/wit") throw new WitError({ tag: "DNS-timeout" });
    if (path === "/bug") return Promise.reject(new TypeError("secret of the house"));
    return { status: 999, headers: [["bad name", "x"]], body: null };
  });
  const wit = await requestRaw(site.port, "GET /wit");
  assert.equal(wit.status, 502);
  assert.match(wit.body, /DNS-timeout/);
  const bug = await requestRaw(site.port, "GET /bug");
  assert.equal(bug.status, 500);
  assert.ok(!bug.text.includes("secret"));
  assert.match(String(site.context.lines[0].fields.error), /secret of the house/);
  assert.equal((await requestRaw(site.port, "GET /unsendable")).status, 502);
  assert.equal(site.server.stats.running, 0);
  assert.equal(site.server.stats.failures, 3);
});

Deno.test("http_server counts trailers it cannot send and says so once", async () => {
  await using site = await serving();
  await site.link(() => ({ ...textAnswer("x"), trailers: Promise.resolve([["x-sum", "1"]]) }));
  await requestRaw(site.port, "GET /");
  await requestRaw(site.port, "GET /");
  assert.equal(site.server.stats.trailersDropped, 2);
  assert.equal(site.context.lines.filter(({ message }) => message.includes("trailers")).length, 1);
});

Deno.test("http_server sets the call's deadline where link or capability has a timeout", async () => {
  await using site = await serving({ config: { timeout_ms: "5000" }, host: testHost() });
  const deadlines: number[] = [];
  await site.link((_, call) => (deadlines.push(call.deadlineMs - performance.now()), textAnswer("")), {
    path: "/own",
  });
  await site.link((_, call) => (deadlines.push(call.deadlineMs - performance.now()), textAnswer("")), {
    path: "/link",
    timeout: "1m",
  }, "other");
  await requestRaw(site.port, "GET /own");
  await requestRaw(site.port, "GET /link");
  assert.ok(deadlines[0] > 4_000 && deadlines[0] <= 5_000);
  assert.ok(deadlines[1] > 59_000 && deadlines[1] <= 60_000);
});

Deno.test("http_server lets a component ask on after it answered", async () => {
  await using site = await serving();
  const calls: [HttpRequest, Call][] = [];
  await site.link((request, call) => (calls.push([request, call]), textAnswer("early")));
  const trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  // The first request from a host is looked at more closely, so the second is what most are.
  for (let time = 0; time < 2; time++) await requestRaw(site.port, "GET /", trace);
  const [request, call] = calls[1];
  assert.deepEqual([request.headers, request.body], [[], null]);
  assert.equal(call.trace, undefined);
  assert.ok(!call.signal?.aborted, "nobody went away");
});
