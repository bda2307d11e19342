// The sample shop, used as the README shows it: every address it prints, what each component promises, and that all of
// it is there again after a restart that is told nothing. One host for the whole file, since it is the largest manifest.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Answer, ask as askPort, type AskOptions } from "../support/asking.ts";
import { disposableFolder, HostProcess, repositoryPath } from "../support/host_process.ts";
import { statusOf, until } from "../support/watching.ts";

const SHOP = repositoryPath("fixtures/manifests/shop.yaml");

interface Todo {
  id: number;
  title: string;
  completed: boolean;
  order?: number;
  url: string;
}

type Ask = AskOptions & { site?: string };

/** A request to one of the shop's addresses; `site` is the name before `.localhost`. */
function ask(host: HostProcess, path: string, { site, ...options }: Ask = {}): Promise<Answer> {
  return askPort(
    host.port,
    path.replace(host.url, ""),
    site ? { ...options, host: `${site}.localhost` } : options,
  );
}

async function checkGreetingAndUrls(host: HostProcess): Promise<void> {
  equal((await ask(host, "/")).text, "hello from holdfast\n");
  equal((await ask(host, "/", { method: "POST" })).status, 405);
  const { urls, components } = await statusOf(host);
  deepEqual(components.map(({ name, state }) => [name, state]), [
    ["hello", "ready"],
    ["todo", "ready"],
    ["till", "ready"],
    ["counter", "ready"],
    ["kiosk", "ready"],
    ["catalog", "ready"],
  ]);
  for (const url of components.flatMap((component) => component.urls)) {
    ok(urls.length > 0 && host.output.includes(url), `${url} is printed at start`);
    const { hostname, pathname } = new URL(url);
    const site = hostname.match(/^(\w+)\.localhost$/)?.[1];
    // A path of the till that takes sales has nothing to show.
    const { status } = await ask(host, pathname, { site });
    equal(status, pathname === "/sales" ? 405 : 200, url);
  }
}

async function checkTodos(host: HostProcess): Promise<void> {
  const preflight = await ask(host, "/todos", {
    method: "OPTIONS",
    headers: { origin: "http://www.todobackend.com", "access-control-request-method": "PATCH" },
  });
  equal(preflight.status, 204);
  equal(preflight.headers.get("access-control-allow-origin"), "*");
  for (const method of ["GET", "POST", "PATCH", "DELETE"]) {
    ok(preflight.headers.get("access-control-allow-methods")!.includes(method), method);
  }
  match(preflight.headers.get("access-control-allow-headers")!, /content-type/i);

  equal((await ask(host, "/todos", { method: "DELETE" })).status, 204);
  equal((await ask(host, "/todos")).text, "[]");
  const posted = await ask(host, "/todos", { method: "POST", json: { title: "walk the dog", order: 523 } });
  equal(posted.status, 201);
  equal(posted.headers.get("access-control-allow-origin"), "*");
  const dog: Todo = JSON.parse(posted.text);
  deepEqual([dog.title, dog.completed, dog.order], ["walk the dog", false, 523]);
  equal(dog.url, `${host.url}/todos/${dog.id}`);
  deepEqual(JSON.parse((await ask(host, dog.url)).text), dog);
  deepEqual(JSON.parse((await ask(host, "/todos")).text), [dog]);

  const patched = await ask(host, dog.url, {
    method: "PATCH",
    json: { title: "feed the cat", completed: true },
  });
  equal(patched.status, 200);
  const cat: Todo = { ...dog, title: "feed the cat", completed: true };
  deepEqual(JSON.parse(patched.text), cat);
  deepEqual(JSON.parse((await ask(host, dog.url, { method: "PATCH", json: { order: 95 } })).text).order, 95);
  deepEqual(JSON.parse((await ask(host, dog.url)).text), { ...cat, order: 95 });

  equal((await ask(host, dog.url, { method: "DELETE" })).status, 204);
  equal((await ask(host, dog.url)).status, 404);
  equal((await ask(host, "/todos")).text, "[]");
  equal((await ask(host, "/todos", { method: "POST", body: "no json" })).status, 400);
  equal((await ask(host, "/todos", { method: "POST", json: { title: "Buy tea ☕" } })).status, 201);
}

const SALE = {
  payment: "card",
  lines: [
    { sku: "bread", name: "Rye bread", quantity: 2, unit_price_cents: 420 },
    { sku: "tea", name: "Tea, 100 g", quantity: 1, unit_price_cents: 599 },
  ],
};

async function checkTill(host: HostProcess): Promise<string> {
  const sell = (key: string, json: unknown) =>
    ask(host, "/sales", { method: "POST", json, headers: { "idempotency-key": key } });
  const sold = await sell("first", SALE);
  equal(sold.status, 201, sold.text);
  const receipt = JSON.parse(sold.text);
  equal(receipt.total_cents, 1439);
  match(receipt.number, /^\d{4}-\d\d-\d\d-000001$/);
  equal(sold.headers.get("location"), `/sales/${receipt.number}`);

  const again = await sell("first", SALE);
  deepEqual([again.status, again.headers.get("idempotent-replayed")], [200, "true"]);
  deepEqual(JSON.parse(again.text), receipt);
  const cash = JSON.parse((await sell("second", { ...SALE, payment: "cash" })).text);
  equal(cash.number, receipt.number.replace(/1$/, "2"));

  const path = `/sales/${receipt.number}`;
  deepEqual(JSON.parse((await ask(host, path)).text), receipt);
  const printed = await ask(host, path, { headers: { accept: "text/plain" } });
  equal(printed.headers.get("content-type"), "text/plain; charset=utf-8");
  match(printed.text, /^The Corner Shop\nReceipt \d/);
  match(printed.text, /2 x Rye bread +4\.20 +8\.40/);
  match(printed.text, /14\.39/);

  const day = receipt.number.slice(0, 10);
  const report = JSON.parse((await ask(host, `/report?day=${day}`)).text);
  deepEqual([report.day, report.count, report.total_cents], [day, 2, 2878]);
  deepEqual(report.by_payment.cash, { count: 1, total_cents: 1439 });
  deepEqual(report.by_sku[0], { sku: "bread", name: "Rye bread", quantity: 4, total_cents: 1680 });

  equal((await sell("third", { ...SALE, lines: [] })).status, 400);
  equal((await ask(host, "/sales/2020-01-01-000001")).status, 404);
  equal((await ask(host, "/report?day=tomorrow")).status, 400);
  return path;
}

async function checkCounter(host: HostProcess): Promise<number> {
  const look = async (path: string) => Number((await ask(host, path, { site: "counter" })).text);
  const before = await look("/peek");
  ok(Number.isInteger(before));
  const seen = await Promise.all(Array.from({ length: 20 }, () => look("/")));
  // No visit is lost and none is counted twice, though they came all at once.
  deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, index) => before + index + 1));
  equal(await look("/peek"), before + 20);
  return before + 20;
}

async function checkKiosk(host: HostProcess): Promise<void> {
  const kiosk = (path: string) => ask(host, path, { site: "kiosk" });
  const list = (await kiosk("/")).text;
  match(list, /^apple: Apple, 1 kg, 2\.49 EUR for 1000 g$/m);
  match(list, /^chili: Chili «très fort», 0\.99 EUR for 6 pods, 40 left, heat 9 of 10, origin$/m);
  match((await kiosk("/find?sku=bread")).text, /^bread: Rye bread, 4\.20 EUR, 12 left/);
  equal((await kiosk("/find?sku=caviar")).status, 404);
  match((await kiosk("/basket?sku=bread&qty=2&sku=chili&qty=3")).text, /total 11\.37 EUR\n$/);
  match(
    (await kiosk("/checkout?sku=bread&qty=1&sku=apple&qty=2")).text,
    /^receipt for kiosk\n.*total 9\.18 EUR\n$/s,
  );
  const short = await kiosk("/basket?sku=ice&qty=1");
  deepEqual([short.status, short.text], [409, "of ice only 0 are left, not 1\n"]);
  equal((await kiosk("/basket?sku=caviar")).status, 404);
  equal((await kiosk("/checkout")).status, 400);
  for (const path of ["/roundtrip", "/resources", "/resources", "/roundtrip"]) {
    deepEqual(await kiosk(path).then(({ status, text }) => [status, text]), [200, "same\n"], path);
  }
  // Many baskets at once stay apart.
  const many = await Promise.all(Array.from({ length: 12 }, () => kiosk("/resources")));
  deepEqual(many.map(({ text }) => text), many.map(() => "same\n"));
}

Deno.test("the sample shop serves every address, and is there again after a restart without its manifest", async (test) => {
  await using folder = await disposableFolder();
  let sale = "";
  let visits = 0;
  {
    await using host = await HostProcess.start({ data: folder.path, manifests: [SHOP] });
    await test.step("the greeting answers, and every printed address does", () => checkGreetingAndUrls(host));
    await test.step("todos follow the public Todo-Backend contract", () => checkTodos(host));
    await test.step("the till sells once per key, prints and reports", async () =>
      void (sale = await checkTill(host)));
    await test.step("the counter, which is JavaScript, counts each visit once", async () => {
      visits = await checkCounter(host);
    });
    await test.step("the kiosk and its catalog agree on every type and resource", () => checkKiosk(host));
    equal(await host.stop(), 0, host.output);
  }
  await using host = await HostProcess.start({ data: folder.path });
  await test.step("after a restart everything is there", async () => {
    await until(
      "all components",
      async () => (await statusOf(host)).components.every(({ state }) => state === "ready"),
    );
    deepEqual((JSON.parse((await ask(host, "/todos")).text) as Todo[]).map(({ title }) => title), [
      "Buy tea ☕",
    ]);
    equal(JSON.parse((await ask(host, sale)).text).total_cents, 1439);
    equal(JSON.parse((await ask(host, "/report")).text).count, 2);
    equal(Number((await ask(host, "/peek", { site: "counter" })).text), visits);
    equal((await ask(host, "/", { site: "kiosk" })).status, 200);
    equal((await ask(host, "/")).text, "hello from holdfast\n");
  });
});
