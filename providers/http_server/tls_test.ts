// TLS from files: served, renewed while requests run, and refused with the file's name when it cannot be.

import assert from "node:assert/strict";
import { isFault } from "../../src/model/fault.ts";
import { fakeProviderContext, testHost } from "../../tests/support/provider_context.ts";
import { RawClient } from "../../tests/support/raw_http.ts";
import { readAll, serving, textAnswer } from "../../tests/support/serving.ts";
import { HttpServer } from "../http_server.ts";
import { Listener } from "./listener.ts";

const CERTS = new URL("../../fixtures/certs/", import.meta.url).pathname;
const GET = "GET /x HTTP/1.1\r\nhost: shop.test\r\n\r\n";

/** A client that trusts one authority only. */
function connect(port: number, authority: "server" | "renewed"): Promise<RawClient> {
  const caCerts = [Deno.readTextFileSync(`${CERTS}${authority}_ca.pem`)];
  return RawClient.open(port, { hostname: "shop.test", caCerts });
}

Deno.test("http_server serves TLS from the host's files or the capability's own", async () => {
  const files = { certFile: `${CERTS}server.pem`, keyFile: `${CERTS}server.key` };
  const sites = [
    await serving({ host: testHost(files) }),
    await serving({
      config: { address: "127.0.0.1:0", tls_cert_file: files.certFile, tls_priv_key_file: files.keyFile },
    }),
  ];
  for (const site of sites) {
    await site.link(({ scheme, authority, path }) => textAnswer(`${scheme}://${authority}${path}`));
    const client = await connect(site.port, "server");
    await client.send(GET);
    assert.equal((await client.readResponse()).body, "https://shop.test/x");
    client.close();
    await site.server.stop(performance.now() + 1_000);
  }
});

Deno.test("http_server speaks HTTP/2 to clients that can", async () => {
  await using site = await serving({
    host: testHost({ certFile: `${CERTS}server.pem`, keyFile: `${CERTS}server.key` }),
  });
  await site.link(async ({ method, authority, path, headers, body }) => {
    const names = headers.map(([name]) => name).filter((name) => name === "host" || name.startsWith(":"));
    return textAnswer(`${method} ${authority} ${path} ${names} ${await readAll(body)}`, [["x-a", "b"]]);
  });
  const caCerts = [await Deno.readTextFile(`${CERTS}server_ca.pem`)];
  using client = Deno.createHttpClient({ caCerts, http1: false });
  const fetchText = async (init: RequestInit & { client: Deno.HttpClient }) => {
    const response = await fetch(`https://localhost:${site.port}/a?b`, init);
    return `${response.status} ${response.headers.get("x-a")} ${await response.text()}`;
  };
  const origin = `localhost:${site.port}`;
  assert.equal(await fetchText({ client }), `200 b GET ${origin} /a?b  `);
  assert.equal(await fetchText({ client, method: "POST", body: "sent" }), `200 b POST ${origin} /a?b  sent`);
  assert.equal(await fetchText({ client, method: "HEAD" }), "200 b ");
});

Deno.test("http_server refuses a certificate that it cannot read, by name", async () => {
  const cases = [
    { certFile: `${CERTS}missing.pem`, keyFile: `${CERTS}server.key` },
    { certFile: `${CERTS}server.key`, keyFile: `${CERTS}server.key` },
    { certFile: `${CERTS}server.pem`, keyFile: `${CERTS}README.md` },
  ];
  for (const files of cases) {
    const server = new HttpServer(fakeProviderContext({ kind: "http-server", host: testHost(files) }));
    await assert.rejects(server.start(), (error) => {
      return isFault(error) && error.code === "bad_request" && error.message.includes("fixtures/certs");
    });
    await server.stop(0);
  }
});

Deno.test("http_server refuses two certificates on one address", async () => {
  const host = testHost({ certFile: `${CERTS}server.pem`, keyFile: `${CERTS}server.key` });
  await using _site = await serving({ host });
  const config = { tls_cert_file: `${CERTS}renewed.pem`, tls_key_file: `${CERTS}renewed.key` };
  const second = new HttpServer(fakeProviderContext({ id: "second", kind: "http-server", host, config }));
  await assert.rejects(second.start(), (error) => isFault(error) && error.code === "conflict");
  await second.stop(0);
});

Deno.test("a listener takes a renewed certificate without breaking what runs", async () => {
  const folder = await Deno.makeTempDir();
  const put = async (name: string) => {
    await Deno.copyFile(`${CERTS}${name}.pem`, `${folder}/cert.pem`);
    await Deno.copyFile(`${CERTS}${name}.key`, `${folder}/cert.key`);
  };
  await put("server");
  const { log, lines } = fakeProviderContext({ kind: "http-server" });
  const settings = {
    address: "127.0.0.1",
    port: 0,
    certFile: `${folder}/cert.pem`,
    keyFile: `${folder}/cert.key`,
  };
  const listener = new Listener(settings, log);
  await listener.open();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const serve = async () => {
    enter();
    await released;
    return new Response("served");
  };
  listener.claim("all", { hosts: [], paths: ["/"], target: { name: "all", methods: undefined, serve } });
  const { port } = listener.address!;
  const early = await connect(port, "server");
  await early.send(GET);
  await entered;

  await Deno.writeTextFile(`${folder}/cert.pem`, "half written");
  await listener.checkCertificates();
  assert.match(lines.at(-1)!.message, /not renewed/);
  await put("renewed");
  await listener.checkCertificates();
  assert.match(lines.at(-1)!.message, /new certificate/);
  await listener.checkCertificates();
  assert.equal(lines.length, 2);

  const late = await connectOnce(port);
  release();
  assert.equal((await early.readResponse()).body, "served");
  await late.send(GET);
  assert.equal((await late.readResponse()).body, "served");
  assert.equal(await early.readToEnd(), "", "the old certificate's connections end");
  early.close();
  late.close();
  await listener.close(new Promise(() => {}));
  await Deno.remove(folder, { recursive: true });
});

/** Connects with the renewed authority; a connection may still meet the listener that is closing. */
async function connectOnce(port: number): Promise<RawClient> {
  for (let tries = 0;; tries++) {
    try {
      return await connect(port, "renewed");
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}
