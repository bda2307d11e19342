// A server that runs out of file descriptors. Deno.serve gives up listening then; the port must not stay silent.

import assert from "node:assert/strict";
import { RawClient, requestRaw } from "../../tests/support/raw_http.ts";

/** Fewer than the connections that the test opens, more than a Deno process needs to start. */
const DESCRIPTORS = 120;
const PATIENCE_MS = 20_000;

Deno.test("http_server listens again after it ran out of file descriptors", async () => {
  const child = new URL("../../tests/support/http_child.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const deno =
    `"${Deno.execPath()}" run --quiet --no-check --allow-net --allow-read --allow-env --config "${config}" "${child}"`;
  const process = new Deno.Command("sh", {
    args: ["-c", `ulimit -n ${DESCRIPTORS}; exec ${deno}`],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await reader.read()).value);
  const held: RawClient[] = [];
  try {
    assert.equal((await requestRaw(port, "GET /")).body, "fine");
    for (let i = 0; i < 2 * DESCRIPTORS; i++) {
      const client = await RawClient.open(port).catch(() => undefined);
      if (!client) break;
      held.push(client);
      await client.send("GET / HT").catch(() => {});
    }
    for (const client of held) client.close();
    const until = performance.now() + PATIENCE_MS;
    let answer: string | undefined;
    while (answer === undefined) {
      assert.ok(performance.now() < until, "the server does not listen again");
      answer = await requestRaw(port, "GET /").then(({ body }) => body, () => undefined);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(answer, "fine");
  } finally {
    process.kill("SIGKILL");
    await reader.cancel();
    await process.status;
  }
});
