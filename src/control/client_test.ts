// The asking end of the control API: what it sends, how long it waits, and what it makes of answers.

import { deepEqual, equal, rejects } from "node:assert/strict";
import { FAULTS, isFault } from "../model/fault.ts";
import { ControlClient, type ControlRequest, type ControlResponse } from "./client.ts";

/** A client whose requests are kept, and answered with one response. */
function answering(response: ControlResponse) {
  const sent: ControlRequest[] = [];
  const client = new ControlClient((request) => {
    sent.push(request);
    return Promise.resolve(response);
  });
  return { client, sent };
}

const ok = (value: unknown): ControlResponse => ({ status: 200, body: JSON.stringify(value) });

Deno.test("each operation asks for its own path, names escaped", async () => {
  const { client, sent } = answering(ok({ applications: [], events: [] }));
  await client.status();
  await client.listApplications();
  await client.getApplication("a/b?c");
  await client.deleteApplication("a b");
  await client.getComponent("shop-till");
  await client.events();
  await client.events(7);
  deepEqual(sent.map(({ method, path }) => `${method} ${path}`), [
    "GET /v1/status",
    "GET /v1/applications",
    "GET /v1/applications/a%2Fb%3Fc",
    "DELETE /v1/applications/a%20b",
    "GET /v1/components/shop-till",
    "GET /v1/events",
    "GET /v1/events?after=7",
  ]);
});

Deno.test("bytes go as they are, everything else as JSON", async () => {
  const { client, sent } = answering(ok({}));
  const bytes = new Uint8Array([0, 97]);
  await client.uploadArtifact(bytes);
  const request = { manifest: "m", source: "s", folder: "/", artifacts: { "/a.wasm": "d" } };
  await client.apply(request);
  equal(sent[0].body, bytes);
  deepEqual(JSON.parse(sent[1].body as string), request);
});

Deno.test("a question waits seconds, a call as long as its deadline and no shorter", async () => {
  const { client, sent } = answering(ok({}));
  const call = { interface: "i", function: "f", args: [], format: "wave" as const };
  await client.status();
  await client.call("c", { ...call, deadlineMs: 60_000 });
  await client.call("c", call);
  equal(sent[0].timeoutMs <= 10_000, true);
  equal(sent[1].timeoutMs > 60_000 && sent[1].timeoutMs <= 70_000, true);
  equal(sent[2].timeoutMs, Infinity);
});

Deno.test("every fault comes back as the fault it was", async () => {
  for (const [code, { http }] of Object.entries(FAULTS)) {
    const body = JSON.stringify({ code, message: "why; mend", detail: { a: 1 } });
    const { client } = answering({ status: http, body });
    await rejects(() => client.status(), (error) => {
      if (!isFault(error)) return false;
      deepEqual([error.code, error.message, error.detail], [code, "why; mend", { a: 1 }]);
      return true;
    });
  }
});

Deno.test("a fault of a newer host is unavailable, and its message is kept", async () => {
  const { client } = answering({ status: 500, body: '{"code": "brand_new", "message": "why"}' });
  await rejects(
    () => client.status(),
    (error) => isFault(error) && error.code === "unavailable" && error.message === "why",
  );
});

Deno.test("an answer that is not a host's is unavailable and says so", async () => {
  const answers: ControlResponse[] = [
    { status: 200, body: "<html>" },
    { status: 404, body: "[]" },
    { status: 500, body: "" },
    { status: 502, body: "null" },
  ];
  for (const answer of answers) {
    const { client } = answering(answer);
    await rejects(
      () => client.status(),
      (error) => isFault(error) && error.code === "unavailable" && /does not understand/.test(error.message),
    );
  }
});
