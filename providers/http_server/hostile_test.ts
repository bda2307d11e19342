// Clients that misbehave, with or without intent. Whatever comes over the wire, the server lives, answers the next one,
// and hands components nothing that is no request.

import assert from "node:assert/strict";
import type { HttpRequest } from "../../src/model/http.ts";
import { exchangeRaw, parseRawResponse, RawClient, requestRaw } from "../../tests/support/raw_http.ts";
import { Seeded } from "../../tests/support/seeded.ts";
import { readAll, serving, textAnswer } from "../../tests/support/serving.ts";
import { isAuthority } from "./request.ts";

Deno.test("http_server answers pipelined requests in order", async () => {
  await using site = await serving();
  await site.link(({ path }) => textAnswer(path));
  const text = await exchangeRaw(
    site.port,
    ["/one", "/two", "/three"].map((path, i) =>
      `GET ${path} HTTP/1.1\r\nhost: t\r\n${i === 2 ? "connection: close\r\n" : ""}\r\n`
    ).join(""),
  );
  assert.deepEqual(text.match(/\/(?:one|two|three)/g), ["/one", "/two", "/three"]);
});

Deno.test("http_server does not take the body of one request for the next", async () => {
  await using site = await serving();
  await site.link(async ({ method, body }) => textAnswer(`${method}:${(await readAll(body)).length};`));
  const inner = "GET /smuggled HTTP/1.1\r\nhost: t\r\n\r\n";
  const text = await exchangeRaw(
    site.port,
    `POST / HTTP/1.1\r\nhost: t\r\ncontent-length: ${inner.length}\r\n\r\n${inner}` +
      `GET / HTTP/1.1\r\nhost: t\r\ncontent-length: ${inner.length}\r\n\r\n${inner}` +
      "GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n",
  );
  assert.deepEqual(text.match(/\w+:\d+;/g), [`POST:${inner.length};`, "GET:0;", "GET:0;"]);
});

Deno.test("http_server refuses heads that are too large, too many, or two in one, and serves the next", async () => {
  await using site = await serving();
  let asked = 0;
  await site.link(() => (asked++, textAnswer("fine")));
  const bad = [
    `GET / HTTP/1.1\r\nhost: t\r\nx: ${"a".repeat(1_000_000)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: t\r\n${"x: a\r\n".repeat(2_000)}\r\n`,
    `GET /${"a".repeat(100_000)} HTTP/1.1\r\nhost: t\r\n\r\n`,
    "GET / HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "GET / HTTP/1.1\r\nhost: t\r\ncontent-length: -1\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: t\r\nbad name: x\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: t\r\nx: a\0b\r\n\r\n",
    "GET / HTTP/3.7\r\nhost: t\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  ];
  for (const text of bad) {
    const client = await RawClient.open(site.port);
    await client.send(text).catch(() => {});
    await client.endSending().catch(() => {});
    const answer = await client.readToEnd();
    client.close();
    assert.match(answer, /^$|^HTTP\/1\.1 4\d\d /, text.slice(0, 80));
  }
  assert.equal(asked, 0);
  assert.equal((await requestRaw(site.port, "GET /")).body, "fine");
});

Deno.test("http_server does not believe a length that nobody will send", async () => {
  await using site = await serving();
  await site.link(async ({ body }) => textAnswer(`${(await readAll(body).catch(() => "broke")).length}`));
  for (const length of ["68719476737", "9999999999999", "18446744073709551615"]) {
    const client = await RawClient.open(site.port);
    await client.send(`POST / HTTP/1.1\r\nhost: t\r\ncontent-length: ${length}\r\n\r\nx`);
    await client.endSending();
    const answer = await client.readToEnd();
    client.close();
    assert.match(answer, /^$|^HTTP\/1\.1 4\d\d /);
  }
  const client = await RawClient.open(site.port);
  await client.send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 60000000000\r\n\r\nx");
  client.close();
  assert.equal((await requestRaw(site.port, "GET /")).body, "0");
});

Deno.test("http_server refuses a Host that would move the path, and CONNECT", async () => {
  await using site = await serving();
  const paths: string[] = [];
  await site.link(({ path }) => (paths.push(path), textAnswer(path)));
  for (const host of ["x/admin", "x?y", "a b", "u@h", "a,b", "x\\y", "h#f", "\xe9"]) {
    assert.equal((await requestRaw(site.port, "GET /public", `Host: ${host}`)).status, 400, host);
  }
  assert.equal((await requestRaw(site.port, "GET http://a.example/x", "Host: x/admin")).status, 400);
  assert.equal((await requestRaw(site.port, "CONNECT other.example:443")).status, 400);
  assert.deepEqual(paths, []);
});

Deno.test("http_server serves others while a client takes for ever to send its head or body", async () => {
  await using site = await serving();
  await site.link(async ({ body }) => textAnswer(`fine ${(await readAll(body)).length}`));
  const slow: RawClient[] = [];
  for (let i = 0; i < 50; i++) {
    const client = await RawClient.open(site.port);
    await client.send(
      i % 2 ? "GET / HTTP/1.1\r\nho" : "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nab",
    );
    slow.push(client);
  }
  assert.equal((await requestRaw(site.port, "GET /")).body, "fine 0");
  await slow[0].send("cd");
  assert.equal((await slow[0].readResponse()).body, "fine 4");
  for (const client of slow) client.close();
});

Deno.test("http_server survives 10,000 damaged requests", async () => {
  const seed = Number(Deno.env.get("SEED") ?? 20_260_101);
  await using site = await serving();
  await site.link(async (request) => {
    checkRequest(request);
    await readAll(request.body).catch(() => {});
    return textAnswer("fine", [["x-echo", request.path.slice(0, 20).replace(/[^\x21-\x7e]/g, "?")]]);
  });
  await site.link(
    () => ({ status: 204, headers: [], body: null }),
    { path: "/api", host: "*.example" },
    "other",
  );
  const lanes = 16;
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    const random = new Seeded(seed + lane);
    for (let i = 0; i < 10_000 / lanes; i++) {
      const text = damage(random, makeRequest(random));
      const client = await RawClient.open(site.port);
      await client.send(text).catch(() => {});
      await client.endSending().catch(() => {});
      const answer = await client.readToEnd();
      client.close();
      // HTTP/2 frames are what a damaged line can ask for; anything else that is no HTTP is our failure.
      assert.match(
        answer,
        /^$|^HTTP\/1\.[01] |^\0\0/,
        `seed ${seed}, lane ${lane}, ${i}: ${JSON.stringify(text)}`,
      );
    }
  }));
  assert.deepEqual(site.context.lines.filter(({ level }) => level === "error"), [], `seed ${seed}`);
  assert.equal(parseRawResponse(await exchangeRaw(site.port, CLOSING_GET)).body, "fine");
  assert.equal(site.server.stats.running, 0, `seed ${seed}: every request was counted out`);
});

const CLOSING_GET = "GET / HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";

function checkRequest({ method, path, authority, headers, scheme }: HttpRequest): void {
  assert.match(method, /^[^\s]+$/);
  assert.ok(path.startsWith("/") && !/[\s#]/.test(path), path);
  assert.ok(isAuthority(authority), authority);
  assert.equal(scheme, "http");
  for (const [name, value] of headers) {
    assert.match(name, /^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
    assert.ok(!/[\0\r\n]/.test(value) && !/[^\0-\xff]/.test(value), value);
  }
}

const METHODS = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "TRACE", "PRI", "get", "X"];
const TARGETS = [
  "/",
  "/a/b?c=d",
  "*",
  "http://h.example/x",
  "http://h.example",
  "//x",
  "/%00%ff",
  "/a#b",
  "",
  "/\xe9",
];
const FIELDS = [
  "host: t",
  "Host: a.example:80",
  "content-length: 4",
  "content-length: 4, 4",
  "Content-Length: 99999999999999999999",
  "transfer-encoding: chunked",
  "transfer-encoding: gzip, chunked",
  "connection: close",
  "connection: upgrade, x",
  "upgrade: h2c",
  "http2-settings: AAMAAABkAAQAAP__",
  "expect: 100-continue",
  "x: \xff\xfe",
  " folded",
  "traceparent: 00-zz-zz-01",
  "cookie: a=b",
];
const BODIES = [
  "",
  "body",
  "4\r\nbody\r\n0\r\n\r\n",
  "ffffffffffffffff\r\nx",
  '4;ext="\r\nbody\r\n0\r\nt: 1\r\n\r\n',
  "-1\r\n\r\n",
];

function makeRequest(random: Seeded): string {
  const version = random.oneIn(10)
    ? random.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "", "http/1.1"])
    : "HTTP/1.1";
  const fields = random.list(random.below(6), () => random.pick(FIELDS));
  if (!random.oneIn(4)) fields.unshift("host: t");
  const end = random.oneIn(8) ? "\n" : "\r\n";
  const head = [`${random.pick(METHODS)} ${random.pick(TARGETS)} ${version}`, ...fields].join(end);
  return head + end + end + random.pick(BODIES) + (random.oneIn(3) ? CLOSING_GET : "");
}

function damage(random: Seeded, text: string): string {
  for (let times = random.below(4); times > 0; times--) {
    const at = random.below(text.length + 1);
    const length = random.below(8);
    const noise = String.fromCharCode(...random.list(length, () => random.below(256)));
    const cut = text.slice(at, at + length);
    text = random.pick([
      text.slice(0, at) + noise + text.slice(at),
      text.slice(0, at) + noise + text.slice(at + length),
      text.slice(0, at) + text.slice(at + length),
      text.slice(0, at) + cut.repeat(random.below(50)) + text.slice(at),
      text.slice(0, at),
      text + text,
    ]);
  }
  return text.slice(0, 20_000);
}
