// Servers that misbehave: late, broken, lying or merely old. The component gets the error that says so, never a message
// that looks whole, and no connection with something left on it is used again.

import assert from "node:assert/strict";
import { WitError } from "../../src/model/call.ts";
import { assertTag, calling, rawServer, readBody, tagOf } from "../../tests/support/calling.ts";
import { Seeded } from "../../tests/support/seeded.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

Deno.test("http_client gives up a server that does not answer, within the guest's time and the link's", async () => {
  await using server = rawServer((connection) => connection.readToEnd());
  await using site = await calling({ link: { timeout: "40ms" } });
  const { authority } = server;
  await assertTag("HTTP-response-timeout", site.send({ authority }));
  await assertTag("HTTP-response-timeout", site.send({ authority, timeouts: { firstByteMs: 5 } }));
  await assertTag("HTTP-response-timeout", site.send({ authority, timeouts: { firstByteMs: 3_600_000 } }));
  await assertTag("HTTP-response-timeout", site.send({ authority }, { deadlineMs: performance.now() + 5 }));
});

Deno.test("http_client gives up a server that stops in the middle of a head or a body", async () => {
  const halves = ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"];
  await using server = rawServer(async (connection, index) => {
    await connection.write(halves[index]);
    await connection.readToEnd();
  });
  await using site = await calling();
  const { authority } = server;
  await assertTag("HTTP-response-timeout", site.send({ authority, timeouts: { firstByteMs: 30 } }));
  const response = await site.send({ authority, timeouts: { betweenBytesMs: 30 } });
  assert.equal(await readBody(response.body), "half!connection-read-timeout");
});

Deno.test("http_client stops when its caller goes away", async () => {
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    enter();
    await connection.readToEnd();
  });
  await using site = await calling();
  const caller = new AbortController();
  const sending = site.send({ authority: server.authority }, { signal: caller.signal });
  await entered;
  caller.abort();
  await assertTag("connection-terminated", sending);
  await assertTag(
    "connection-terminated",
    site.send({ authority: server.authority }, { signal: caller.signal }),
  );
});

Deno.test("http_client hangs up when a component gives a response up", async () => {
  const { promise: gone, resolve: tell } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n");
    await connection.readToEnd();
    tell();
  });
  await using site = await calling();
  const { body } = await site.send({ authority: server.authority });
  await (body as ReadableStream).cancel();
  await gone;
});

Deno.test("http_client names what is wrong with a response", async () => {
  const cases: [text: string, expected: string][] = [
    ["", "connection-terminated"],
    ["garbage\r\n\r\n", "HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\nx: y\n\n", "HTTP-protocol-error"],
    ["HTTP/1.1 99 OK\r\n\r\n", "HTTP-protocol-error"],
    ["HTTP/2 200 OK\r\n\r\n", "HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na", "HTTP-protocol-error"],
    [
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP-protocol-error",
    ],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "HTTP-response-transfer-coding"],
    ["HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "HTTP-upgrade-failed"],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}\r\n\r\n`, "HTTP-response-header-section-size"],
    [`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}\r\n`, "HTTP-response-header-section-size"],
    ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP-response-incomplete"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "half!HTTP-response-incomplete"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "half!HTTP-response-incomplete"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalfxy\r\n", "half!HTTP-protocol-error"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-4\r\nhalf\r\n", "!HTTP-protocol-error"],
    [
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nx y: z\r\n\r\n",
      "half!HTTP-protocol-error",
    ],
    ["HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"],
    ["HTTP/1.1 200\r\ncontent-length: 2, 2\r\n\r\nok", "ok"],
  ];
  await using server = rawServer(async (connection, index) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(cases[index][0]).catch(() => {});
    await connection.conn.closeWrite().catch(() => {});
    await connection.readToEnd();
  });
  await using site = await calling();
  for (const [text, expected] of cases) {
    const answer = site.send({ authority: server.authority, headers: [["connection", "close"]] });
    const seen = await answer.then(({ body }) => readBody(body), tagOf);
    assert.equal(seen, expected, text.slice(0, 90));
  }
});

Deno.test("http_client hears a server that answers and hangs up before it has read everything", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write("HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
    await connection.conn.closeWrite();
    await connection.readToEnd();
  });
  await using site = await calling();
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
    cancel: () => void (isCancelled = true),
  });
  const response = await site.send({ method: "POST", authority: server.authority, body });
  assert.deepEqual([response.status, await readBody(response.body)], [413, "no"]);
  while (!isCancelled) await new Promise((resolve) => setTimeout(resolve, 1));
});

Deno.test("http_client breaks the request when the component's body breaks", async () => {
  const seen: string[] = [];
  await using server = rawServer(async (connection) => {
    await connection.readToEnd();
    seen.push("closed");
  });
  await using site = await calling();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("the guest gave up")),
  });
  await assertTag("internal-error", site.send({ method: "POST", authority: server.authority, body }));
});

Deno.test("http_client repeats what may be repeated when an idle connection turns out to be closed", async () => {
  const { promise: closed, resolve: tell } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection, index) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(OK);
    if (index > 0) return await connection.readToEnd();
    // Takes the next request, and hangs up on it.
    await connection.readPast("\r\n\r\n");
    tell();
  });
  await using site = await calling();
  const get = { authority: server.authority };
  assert.equal((await site.send(get)).status, 200);
  assert.equal((await site.send(get)).status, 200);
  await closed;
  assert.equal(server.accepted, 2);
});

Deno.test("http_client does not repeat what is not the same twice", async () => {
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(OK);
    await connection.readPast("\r\n\r\n");
  });
  await using site = await calling();
  const post = { method: "POST", authority: server.authority };
  assert.equal((await site.send(post)).status, 200);
  await assertTag("connection-terminated", site.send(post));
});

Deno.test("http_client takes no answer that came before its question", async () => {
  const { promise: spoken, resolve: tell } = Promise.withResolvers<void>();
  await using server = rawServer(async (connection, index) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(index === 0 ? `${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged` : OK);
    if (index === 0) tell();
    await connection.readToEnd();
  });
  await using site = await calling();
  const get = { authority: server.authority };
  assert.equal(await readBody((await site.send(get)).body), "ok");
  await spoken;
  assert.equal(await readBody((await site.send(get)).body), "ok");
  assert.equal(server.accepted, 2);
});

Deno.test("http_client survives 3,000 damaged responses, each with an answer or an error the WIT knows", async () => {
  const seed = Number(Deno.env.get("SEED") ?? 20_260_101);
  const random = new Seeded(seed);
  let text = "";
  await using server = rawServer(async (connection) => {
    await connection.readPast("\r\n\r\n");
    await connection.write(text).catch(() => {});
    await connection.conn.closeWrite().catch(() => {});
    await connection.readToEnd();
  });
  await using site = await calling();
  for (let i = 0; i < 3_000; i++) {
    text = damage(random, random.pick(RESPONSES));
    try {
      const { status, headers, body } = await site.send({ authority: server.authority });
      assert.ok(status >= 200 && status < 600);
      for (const [name, value] of headers) assert.ok(name === name.toLowerCase() && !/[\r\n\0]/.test(value));
      await readBody(body);
    } catch (error) {
      assert.ok(error instanceof WitError, `seed ${seed}, ${i}: ${error} for ${JSON.stringify(text)}`);
    }
  }
});

const RESPONSES = [
  OK,
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-t: 1\r\n\r\n",
  "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
  "HTTP/1.0 404 Not Found\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.1 302 Found\r\nlocation: /\r\nset-cookie: a=b\r\n\r\nuntil the end",
];

function damage(random: Seeded, text: string): string {
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(text.length + 1);
    const noise = String.fromCharCode(...random.list(random.below(6), () => random.below(256)));
    text = random.pick([
      text.slice(0, at) + noise + text.slice(at),
      text.slice(0, at) + text.slice(at + random.below(6)),
      text.slice(0, at) + noise + text.slice(at + noise.length),
      text.slice(0, at),
      text + text,
    ]);
  }
  return text;
}
