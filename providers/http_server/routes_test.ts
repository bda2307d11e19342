// Route tables: which of several claims a request belongs to.

import assert from "node:assert/strict";
import { hostnameOf, RouteTable } from "./routes.ts";
import { parseAddress, parseProviderSettings, parseRouteSettings } from "./settings.ts";

function tableOf(...claims: { host?: string; path?: string; target: string }[]): RouteTable<string> {
  return new RouteTable(claims.map(({ host, path, target }) => {
    const { hosts, paths } = parseRouteSettings({ ...(host && { host }), ...(path && { path }) }, {});
    return { hosts, paths, target };
  }));
}

Deno.test("routes: a prefix matches whole segments, and the longest wins", () => {
  const table = tableOf({ target: "root" }, { path: "/api", target: "api" }, {
    path: "/api/v2/, /b",
    target: "v2",
  });
  const expected: Record<string, string> = {
    "/": "root",
    "/?/api": "root",
    "/ap": "root",
    "/apis": "root",
    "/api": "api",
    "/api/": "api",
    "/api?x": "api",
    "/api/v1": "api",
    "/api/v22": "api",
    "/api/v2": "v2",
    "/api/v2?": "v2",
    "/api/v2/x/y": "v2",
    "/b/api": "v2",
    "//api": "root",
    "/API": "root",
    "/%61pi": "root",
  };
  for (const [path, target] of Object.entries(expected)) assert.equal(table.find("any", path), target, path);
});

Deno.test("routes: exact hosts come before wildcards, longer wildcards first, then no host", () => {
  const table = tableOf(
    { target: "any" },
    { host: "*.example.com", target: "wild" },
    { host: "*.eu.example.com", target: "eu" },
    { host: "shop.example.com, Other.Example", target: "shop" },
  );
  const expected: Record<string, string> = {
    "shop.example.com": "shop",
    "SHOP.example.com:8080": "shop",
    "shop.example.com.": "shop",
    "other.example": "shop",
    "a.example.com": "wild",
    "a.b.example.com": "wild",
    "a.eu.example.com": "eu",
    "eu.example.com": "wild",
    "example.com": "any",
    "badexample.com": "any",
    ".example.com": "any",
    "127.0.0.1:80": "any",
    "[::1]:80": "any",
    "": "any",
    " ": "any",
  };
  for (const [host, target] of Object.entries(expected)) {
    assert.equal(table.find(host, "/"), target, host);
    assert.equal(table.find(host, "/"), target, `${host}, remembered`);
  }
});

Deno.test("routes: a host without a fitting path leaves the request to the next best host", () => {
  const table = tableOf({ host: "shop.example", path: "/api", target: "shop" }, {
    host: "*.example",
    target: "wild",
  });
  assert.equal(table.find("shop.example", "/api/x"), "shop");
  assert.equal(table.find("shop.example", "/x"), "wild");
  assert.equal(table.find("elsewhere", "/x"), undefined);
});

Deno.test("routes: any number of made-up hosts and segments is cheap", () => {
  const table = tableOf({ host: "*.example", path: "/a/b", target: "x" });
  const deep = "/a/b".repeat(20_000);
  for (let i = 0; i < 5_000; i++) table.find(`h${i}.example`, deep);
  assert.equal(table.find(`${"a.".repeat(10_000)}example`, "/a/b"), undefined);
});

Deno.test("routes: settings read wasmCloud's spellings", () => {
  assert.deepEqual(parseRouteSettings({ path: "/api/{*rest}" }, {}).paths, ["/api"]);
  assert.deepEqual(parseRouteSettings({ path: "/*" }, {}).paths, ["/"]);
  assert.deepEqual(parseRouteSettings({ readonly_mode: "true" }, {}).methods, new Set(["GET", "HEAD"]));
  assert.equal(parseRouteSettings({}, { timeout_ms: "300" }).timeoutMs, 300);
  const provider = parseProviderSettings({ routing_mode: "path", default_address: "0.0.0.0:9000" });
  assert.deepEqual(provider.listener, {
    address: "0.0.0.0",
    port: 9000,
    certFile: undefined,
    keyFile: undefined,
  });
  assert.deepEqual(parseAddress("[::1]:80"), { address: "::1", port: 80 });
  assert.deepEqual(parseAddress(":80"), { address: "0.0.0.0", port: 80 });
});

Deno.test("routes: hostnameOf leaves the name alone", () => {
  assert.equal(hostnameOf("Shop.Example:80"), "shop.example");
  assert.equal(hostnameOf("[::1]:80"), "[::1]");
  assert.equal(hostnameOf("[::1]"), "[::1]");
  assert.equal(hostnameOf("a".repeat(300)), "");
});
