// HTTP into components, on real sockets: messages arrive as they were sent, bodies stream both ways with back-pressure,
// clients that go away end the call, and every bound is kept.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ask } from "../support/asking.ts";
import { type Part, writeApplication } from "../support/applications.ts";
import { disposableFolder, HostProcess } from "../support/host_process.ts";
import { exchangeRaw, fieldOf, parseRawResponse, RawClient, requestRaw } from "../support/raw_http.ts";
import { eventsOf, statusOf, until } from "../support/watching.ts";

const MiB = 1024 * 1024;

async function startProbe(folder: string, runtime: Part["runtime"], route = {}): Promise<HostProcess> {
  const manifest = await writeApplication(folder, "web", [{
    name: "probe",
    fixture: "probe",
    route: { path: "/", ...route },
    links: [{ to: "client", interfaces: "wasi:http/outgoing-handler" }],
    runtime,
  }]);
  return await HostProcess.start({ data: `${folder}/data`, manifests: [manifest], cells: 1 });
}

/** Some bytes as one chunk of a chunked body. */
function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const CHUNKED_POST = (path: string) =>
  `POST ${path} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n`;

Deno.test("a component gets method, authority, path and fields as they were sent", async () => {
  await using folder = await disposableFolder();
  await using host = await startProbe(folder.path, {});
  const shown = async (line: string, ...fields: string[]) =>
    (await requestRaw(host.port, line, ...fields)).body;
  const target = "/headers?a=b%20c&d=%2F..//x;y&e=%zz&empty=&%C3%BC";
  const text = await shown(
    `GET ${target}`,
    "host: Shop.Test:99",
    "x-mixed-CASE: Kept As Is",
    "x-twice: one",
    "x-twice: two",
    // UTF-8, then bytes that are none.
    "x-utf: gr\u00c3\u00bc\u00c3\u009f",
    "x-binary: \u00ff\u00fe",
    "cookie: a=1; b=2",
  );
  match(text, /^method: GET$/m);
  equal(text.match(/^path-with-query: (.*)$/m)![1], target);
  match(text, /^authority: shop\.test:99$/mi);
  match(text, /^scheme: http$/m);
  match(text, /^header x-mixed-case: Kept As Is$/m);
  match(text, /^header x-utf: gr\u00c3\u00bc\u00c3\u009f$/m);
  // Each byte that is no UTF-8 is shown by a mark of its own: both arrived.
  equal(text.match(/^header x-binary: (.*)$/m)![1], "\u00ef\u00bf\u00bd".repeat(2));
  match(text, /^header cookie: a=1; b=2$/m);
  const twice = [...text.matchAll(/^header x-twice: (.*)$/gm)].map(([, value]) => value);
  equal(twice.join(", "), "one, two");
  equal(/^header (host|connection|transfer-encoding):/m.test(text), false);
  for (const method of ["PURGE", "PROPFIND", "DELETE", "OPTIONS"]) {
    match(await shown(`${method} /headers`), new RegExp(`^method: ${method}$`, "m"));
  }
  // And back: the bytes of a field as the component set them.
  const head = await requestRaw(host.port, "GET /head", "user-agent: \u00c3\u00bc/1");
  equal(fieldOf(head, "x-agent"), "\u00c3\u00bc/1");
});

Deno.test("HEAD and every status come back as HTTP wants them", async () => {
  await using folder = await disposableFolder();
  await using host = await startProbe(folder.path, { instancing: "reuse" });
  const head = await requestRaw(host.port, "HEAD /head");
  deepEqual([head.status, head.body, fieldOf(head, "content-length")], [200, "", "12"]);
  equal((await requestRaw(host.port, "GET /head")).body, "twelve bytes");
  for (const status of [200, 201, 299, 301, 400, 404, 418, 500, 503, 599]) {
    const answer = await requestRaw(host.port, `GET /status/${status}`);
    deepEqual([answer.status, answer.body], [status, `${status}\n`]);
  }
  for (const status of [204, 304]) {
    const answer = await requestRaw(host.port, `GET /status/${status}`);
    deepEqual([answer.status, answer.body], [status, ""]);
    equal(fieldOf(answer, "transfer-encoding"), undefined);
  }
  const trailers = await requestRaw(host.port, "GET /trailers", "te: trailers");
  deepEqual([trailers.status, trailers.body], [200, "a body with trailers\n"]);
});

Deno.test("bodies stream both ways: the first piece is there before the last is sent", async () => {
  await using folder = await disposableFolder();
  await using host = await startProbe(folder.path, { deadline: "60s" });
  const slow = await RawClient.open(host.port);
  await slow.send("GET /first-byte-then-sleep?ms=50000 HTTP/1.1\r\nhost: t\r\n\r\n");
  await slow.readPast("first\n");
  slow.close();
  for (const via of ["", "?via=splice"]) {
    const echo = await RawClient.open(host.port);
    await echo.send(CHUNKED_POST(`/echo${via}`));
    for (const piece of ["one", "two", "three"]) {
      await echo.send(chunk(piece));
      await echo.readPast(piece);
    }
    await echo.send("0\r\n\r\n");
    await echo.readPast("0\r\n\r\n");
    echo.close();
  }
  const drip = parseRawResponse(
    await exchangeRaw(host.port, "GET /drip?n=5&ms=10 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"),
  );
  equal(drip.body, "1\n2\n3\n4\n5\n");
});

/** 64 KiB of one value after the other, so that any loss or mix-up shows. */
function patternOf(total: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= total) return controller.close();
      sent += 64 * 1024;
      controller.enqueue(new Uint8Array(64 * 1024).fill(sent / 65_536));
    },
  });
}

Deno.test("large chunked bodies pass whole, and in little memory", async () => {
  await using folder = await disposableFolder();
  await using host = await startProbe(folder.path, { body: "1GiB", deadline: "120s", instancing: "reuse" });
  const memory = () => until("a pulse", async () => (await statusOf(host)).cells[0].memoryBytes);
  equal((await ask(host.port, "/echo", { method: "POST", body: "warm" })).text, "warm");
  const before = await memory();
  // Deno 2.9, which runs the source, moves chunked bodies many times slower than 2.6, which is in the binary.
  const total = (Deno.env.has("HOLDFAST_BIN") ? 256 : 32) * MiB;
  const upload = await fetch(`${host.url}/upload`, { method: "POST", body: patternOf(total) });
  match(await upload.text(), new RegExp(`^bytes: ${total}\n`));
  let most = await memory();
  let received = 0;
  for await (const piece of (await fetch(`${host.url}/big?bytes=${total}`)).body!) {
    const isPulse = Math.floor(received / (64 * MiB)) !== Math.floor((received += piece.length) / (64 * MiB));
    if (isPulse) most = Math.max(most, await memory());
  }
  equal(received, total);
  const grownMiB = (most - before) / MiB;
  ok(grownMiB < 190, `the cell grew by ${grownMiB.toFixed()} MiB for ${total / MiB} MiB each way`);

  received = 0;
  const echo = await fetch(`${host.url}/echo`, { method: "POST", body: patternOf(total / 32) });
  for await (const piece of echo.body!) {
    equal(piece[0], (Math.floor(received / 65_536) + 1) & 0xff);
    received += piece.length;
  }
  equal(received, total / 32);
});

Deno.test("a reader that is slow holds the guest, a guest that is slow holds the writer", async () => {
  await using folder = await disposableFolder();
  const runtime = { body: "4GiB", deadline: "120s", instancesMax: 1, waitingMax: 0 };
  await using host = await startProbe(folder.path, runtime);
  const reader = await RawClient.open(host.port);
  await reader.send(`GET /big?bytes=${1024 * MiB} HTTP/1.1\r\nhost: t\r\n\r\n`);
  await reader.readPast("\r\n\r\n");
  // The guest is in the middle of its gigabyte for as long as nobody reads: the only instance stays taken.
  const until2s = performance.now() + 2_000;
  while (performance.now() < until2s) equal((await ask(host.port, "/")).status, 429);
  ok((await statusOf(host)).cells[0].memoryBytes < 300 * MiB);
  reader.close();
  await until("the guest's end", async () => (await ask(host.port, "/")).status === 200);

  const connection = await Deno.connect({ hostname: "127.0.0.1", port: host.port });
  await connection.write(
    new TextEncoder().encode(
      `POST /upload?ms=20 HTTP/1.1\r\nhost: t\r\ncontent-length: ${512 * MiB}\r\n\r\n`,
    ),
  );
  let written = 0;
  const writing = (async () => {
    while (written < 512 * MiB) written += await connection.write(new Uint8Array(256 * 1024));
  })().catch(() => {});
  let before = -1;
  // Buffers fill, then nothing moves but what the guest takes: some KiB a moment.
  await until("the writer to be held", async () => {
    const isHeld = written - before < MiB;
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return isHeld;
  });
  ok(written < 64 * MiB, `${written / MiB} MiB were taken from a client whose component reads nothing`);
  connection.close();
  await writing;
  await until("the guest's end", async () => (await ask(host.port, "/")).status === 200);
});

Deno.test("a client that goes away ends its call; one that writes slowly is waited for", async () => {
  await using folder = await disposableFolder();
  await using host = await startProbe(folder.path, { deadline: "300s", instancesMax: 1, waitingMax: 0 });
  for (const path of ["/sleep?ms=200000", "/first-byte-then-sleep?ms=200000", "/drip?n=100000&ms=20"]) {
    const client = await RawClient.open(host.port);
    await client.send(`GET ${path} HTTP/1.1\r\nhost: t\r\n\r\n`);
    await until("the instance to be taken", async () => (await ask(host.port, "/")).status === 429);
    // Whether its client is still there is asked of a call that lasts, from a tenth of a second on.
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.close();
    await until(`the end of ${path}`, async () => (await ask(host.port, "/")).status === 200, 10_000);
  }
  const upload = await RawClient.open(host.port);
  await upload.send(CHUNKED_POST("/upload"));
  for (const piece of ["a", "bc", "def"]) {
    await upload.send(chunk(piece));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await upload.send("0\r\n\r\n");
  match((await upload.readResponse()).body, /^bytes: 6\npieces: 3\n/);
  // Gone in the middle of its body: the guest sees an error, never a short body that looks whole.
  await upload.send(CHUNKED_POST("/upload") + chunk("half"));
  await until("the instance to be taken", async () => (await ask(host.port, "/")).status === 429);
  upload.close();
  await until("the end of the upload", async () => (await ask(host.port, "/")).status === 200, 10_000);
});

Deno.test("bodies, fields and time have bounds in both directions", async () => {
  await using folder = await disposableFolder();
  const runtime = { body: "1MiB", headers: "8KiB", deadline: "1s" };
  await using host = await startProbe(folder.path, runtime);
  const ofSize = (bytes: number) =>
    ask(host.port, "/upload", { method: "POST", body: new Uint8Array(bytes) });
  match((await ofSize(MiB)).text, /^bytes: 1048576\n/);
  const over = await ofSize(MiB + 1);
  equal(over.status, 400); // the guest's own answer to the error it read
  match(over.text, /error: the body exceeds 1048576 bytes/);
  equal((await ask(host.port, `/big?bytes=${MiB}`)).bytes.length, MiB);
  const cut = await ask(host.port, `/big?bytes=${MiB + 1}`).catch(() => undefined);
  equal(cut, undefined);
  await until("the event", async () => {
    return (await eventsOf(host)).some((event) =>
      event.type === "call_failed" && /the body exceeds 1048576 bytes/.test(event.reason)
    );
  });
  const fields = await ask(host.port, "/head", { headers: { "user-agent": "a".repeat(9_000) } });
  equal(fields.status, 502);
  match(fields.text, /response's header fields have 9\d{3} bytes, the limit is 8192/);
  const late = await ask(host.port, "/sleep?ms=30000");
  deepEqual([late.status, late.headers.get("x-holdfast-fault")], [504, "timeout"]);
  // A link may be less patient than its component.
  await using other = await disposableFolder();
  await using hasty = await startProbe(other.path, { deadline: "60s" }, { timeout: "300ms" });
  equal((await ask(hasty.port, "/sleep?ms=30000")).status, 504);
});
