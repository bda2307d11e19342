// http_client over real sockets: what goes out, what comes back, what is refused, and what is done with connections.

import assert from "node:assert/strict";
import type { HttpResponse } from "../src/model/http.ts";
import { LIMITS } from "../src/model/limits.ts";
import { assertTag, calling, outgoingCall, rawServer, readBody } from "../tests/support/calling.ts";
import { fakeProviderContext, testLink } from "../tests/support/provider_context.ts";
import { testProvider } from "../tests/suites/provider_suite.ts";
import { HTTP_CLIENT } from "./http_client.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CERTS = new URL("../fixtures/certs/", import.meta.url).pathname;

const suitePort = (() => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
})();

testProvider({
  name: "http-client",
  kind: HTTP_CLIENT,
  makeContext(config) {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: suitePort, onListen() {} },
      () => new Response("ok"),
    );
    const free = () => server.shutdown();
    return Promise.resolve({ context: fakeProviderContext({ kind: "http-client", config }), free });
  },
  link: testLink({
    source: "component",
    target: "test-provider",
    targetConfig: { allow: `127.0.0.1:${suitePort}`, timeout: "10s" },
  }),
  badLinks: [
    { target: { allow: "ftp://x" }, names: "allow" },
    { target: { private: "perhaps" }, names: "private" },
    { target: { timeout: "never" }, names: "duration" },
    { target: { alow: "x" }, names: "alow" },
  ],
  badConfigs: [
    { config: { private: "1" }, names: "private" },
    { config: { tls_cafile: "/x" }, names: "tls_cafile" },
  ],
  call: {
    call: outgoingCall({ authority: `127.0.0.1:${suitePort}` }),
    check: (result) => assert.equal((result as HttpResponse).status, 200),
  },
});

Deno.test("http_client sends a request as the component made it", async () => {
  let head = "";
  await using server = rawServer(async (connection) => {
    head = await connection.readPast("\r\n\r\n");
    await connection.write(OK);
  });
  await using site = await calling();
  await site.send({
    method: "BREW",
    authority: `Shop.TEST:${server.port}`,
    path: "/a/../b/%2e?x=1&y=ü z#fragment",
    headers: [["x-a", "1"], ["x-a", "2"], ["x-l", "\xe9"], ["connection", "x"], ["te", "trailers"], [
      "content-length",
      "9",
    ]],
  });
  assert.equal(
    head,
    `BREW /a/../b/%2e?x=1&y=%C3%BC%20z HTTP/1.1\r\nhost: shop.test:${server.port}\r\nx-a: 1\r\nx-a: 2\r\nx-l: \xe9\r\n\r\n`,
  );
});

Deno.test("http_client sends bodies with their length, in chunks, or as stated, and trailers", async () => {
  const seen: string[] = [];
  await using server = rawServer(async (connection) => {
    for (
      const end of [
        "bytes",
        "0\r\n\r\n",
        "stated",
        "x-sum: 1\r\n\r\n",
        "x-sum: 2\r\n\r\n",
        "\r\n\r\n",
        "\r\n\r\n",
      ]
    ) {
      seen.push((await connection.readPast(end)).replace(/^.*\r\nhost: .*\r\n/, ""));
      await connection.write(OK);
    }
  });
  await using site = await calling();
  const { authority } = server;
  const encoder = new TextEncoder();
  const post = { method: "POST", authority };
  await site.send({ ...post, body: encoder.encode("bytes") });
  await site.send({ ...post, body: new Blob(["stream"]).stream() });
  await site.send({ ...post, body: new Blob(["stated"]).stream(), headers: [["content-length", "6"]] });
  await site.send({ ...post, body: new Blob(["t"]).stream(), trailers: Promise.resolve([["x-sum", "1"]]) });
  await site.send({
    ...post,
    body: encoder.encode("t"),
    trailers: Promise.resolve([["x-sum", "2"], ["host", "x"]]),
  });
  await site.send(post);
  await site.send({ authority, body: new Blob([]).stream() });
  assert.deepEqual(seen, [
    "content-length: 5\r\n\r\nbytes",
    "transfer-encoding: chunked\r\n\r\n6\r\nstream\r\n0\r\n\r\n",
    "content-length: 6\r\n\r\nstated",
    "transfer-encoding: chunked\r\n\r\n1\r\nt\r\n0\r\nx-sum: 1\r\n\r\n",
    "transfer-encoding: chunked\r\n\r\n1\r\nt\r\n0\r\nx-sum: 2\r\n\r\n",
    "content-length: 0\r\n\r\n",
    "\r\n",
  ]);
  assert.equal(server.accepted, 1, "one connection carried them all");
});

Deno.test("http_client returns status, fields and body as they came, redirects included", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    await connection.write(
      "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nset-cookie: a\r\nSet-Cookie: b\r\nX-L:  \xe9 \r\n" +
        "Connection: x-hop\r\nX-Hop: 1\r\ncontent-encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
    );
  });
  await using site = await calling();
  const response = await site.send({ authority: server.authority });
  assert.equal(response.status, 302);
  assert.deepEqual(response.headers, [
    ["location", "http://10.0.0.1/"],
    ["set-cookie", "a"],
    ["set-cookie", "b"],
    ["x-l", "\xe9"],
    ["content-encoding", "gzip"],
    ["content-length", "3"],
  ]);
  assert.deepEqual(response.body, Uint8Array.of(0x1f, 0x8b, 0x08));
});

Deno.test("http_client streams bodies both ways at once, with the response's trailers", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (const word of ["one", "two"]) {
      await connection.readPast(`3\r\n${word}\r\n`);
      await connection.write(`3;ext\r\n${word.toUpperCase()}\r\n`);
    }
    await connection.readPast("0\r\n\r\n");
    await connection.write("0\r\nX-Sum: 6\r\n\r\n");
    await connection.readPast("\r\n\r\n");
    await connection.write(OK);
  });
  await using site = await calling();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const response = await site.send({ method: "POST", authority: server.authority, body: readable });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  for (const word of ["one", "two"]) {
    await writer.write(encoder.encode(word));
    assert.equal(new TextDecoder().decode((await reader.read()).value), word.toUpperCase());
  }
  await writer.close();
  assert.ok((await reader.read()).done);
  assert.deepEqual(await response.trailers, [["x-sum", "6"]]);
  assert.equal((await site.send({ authority: server.authority })).status, 200);
  assert.equal(server.accepted, 1, "the connection was clean");
});

Deno.test("http_client denies what is not allowed, says in the log how to allow it, and connects to nothing", async () => {
  await using server = rawServer(() => Promise.resolve());
  await using site = await calling({ allow: "other.test", link: { private: "deny" } });
  await assertTag("HTTP-request-denied", site.send({ authority: server.authority }));
  await assertTag("HTTP-request-denied", site.send({ authority: server.authority }));
  await assertTag("destination-IP-prohibited", site.send({ authority: "other.test" }));
  assert.deepEqual(site.context.lines.map(({ message }) => message), [
    `http-client: component may not reach http://${server.authority}: add "${server.authority}" to \`allow\` of its link to permit it`,
  ]);
  assert.equal(server.accepted, 0);
});

Deno.test("http_client lets an exact host and port be private, and nothing beside it", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(OK);
  });
  await using site = await calling({ allow: `inside.test:${server.port}, *`, link: { private: "deny" } });
  assert.equal((await site.send({ authority: `inside.test:${server.port}` })).status, 200);
  await assertTag("destination-IP-prohibited", site.send({ authority: `else.test:${server.port}` }));
  await assertTag("destination-IP-prohibited", site.send({ authority: server.authority }));
});

Deno.test("http_client says what kept it from connecting", async () => {
  await using site = await calling({
    resolve: () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })),
  });
  using closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr as Deno.NetAddr;
  closed.close();
  await assertTag("connection-refused", site.send({ authority: `127.0.0.1:${port}` }));
  await assertTag("DNS-error", site.send({ authority: "nowhere.test" }));
  await assertTag("HTTP-request-method-invalid", site.send({ authority: "127.0.0.1", method: "CONNECT" }));
  await assertTag("HTTP-request-URI-invalid", site.send({ authority: "u@127.0.0.1" }));
  await assertTag("HTTP-request-URI-invalid", site.send({ authority: "127.0.0.1", scheme: "ftp" }));
});

Deno.test("http_client tries the next address of a name, and reaches the one it checked", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(OK);
  });
  await using site = await calling({ resolve: () => Promise.resolve(["127.0.0.2", "::1", "127.0.0.1"]) });
  assert.equal((await site.send({ authority: `many.test:${server.port}` })).status, 200);
});

Deno.test("http_client speaks TLS by the name asked for, to certificates it can trust", async () => {
  const tls = {
    cert: await Deno.readTextFile(`${CERTS}server.pem`),
    key: await Deno.readTextFile(`${CERTS}server.key`),
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls },
    ({ url }) => new Response(url),
  );
  const { port } = server.addr as Deno.NetAddr;
  await using site = await calling({ config: { tls_ca_file: `${CERTS}server_ca.pem` } });
  const get = (authority: string) => site.send({ scheme: "https", authority });
  assert.equal(await readBody((await get(`shop.test:${port}`)).body), `https://shop.test:${port}/`);
  assert.equal(await readBody((await get(`127.0.0.1:${port}`)).body), `https://127.0.0.1:${port}/`);
  await assertTag("TLS-certificate-error", get(`other.test:${port}`));
  await using stranger = await calling();
  await assertTag(
    "TLS-certificate-error",
    stranger.send({ scheme: "https", authority: `shop.test:${port}` }),
  );
  await site.client.stop(performance.now());
  await server.shutdown();
  await using plain = rawServer((connection) => connection.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assertTag("TLS-protocol-error", stranger.send({ scheme: "https", authority: plain.authority }));
});

Deno.test("http_client bounds the requests in flight of one component", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await released;
    await connection.write(OK);
  });
  await using site = await calling();
  const send = () => site.send({ authority: server.authority });
  const running = Array.from({ length: LIMITS.httpClientInFlightMax }, send);
  await assertTag("connection-limit-reached", send());
  const other = site.send({ authority: server.authority }, { source: "another" });
  release();
  await Promise.all(running);
  assert.equal((await other).status, 200, "another component has its own bound");
  assert.equal((await send()).status, 200);
});
