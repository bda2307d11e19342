// Allow-lists: what is covered, what is named exactly, and what is refused before anything starts.

import assert from "node:assert/strict";
import type { Config } from "../../src/model/link.ts";
import { findRule, parseClientSettings, readDestination } from "./settings.ts";

function judge(allow: string, url: string): "no" | "yes" | "exact" {
  const [, scheme, authority, path] = url.match(/^(\w+):\/\/([^/]*)(.*)$/)!;
  const request = { method: "GET", scheme, authority, path: path || "/", headers: [], body: null };
  const { isAllowed, isExact } = findRule(parseClientSettings({ allow }, {}), readDestination(request));
  return isExact ? "exact" : isAllowed ? "yes" : "no";
}

Deno.test("http_client allows nothing without an allow-list", () => {
  assert.equal(judge("", "https://example.com/"), "no");
  assert.deepEqual(parseClientSettings({}, {}).rules, []);
});

Deno.test("http_client allows what the list says, and no more", () => {
  const cases: [allow: string, url: string, verdict: "no" | "yes" | "exact"][] = [
    ["example.com", "https://example.com/x", "yes"],
    ["example.com", "http://EXAMPLE.com/x", "yes"],
    ["example.com", "https://example.com./x", "yes"],
    ["example.com", "https://example.com:8443/", "no"],
    ["example.com", "https://example.com.evil.test/", "no"],
    ["example.com", "https://notexample.com/", "no"],
    ["example.com", "https://a.example.com/", "no"],
    ["example.com:8443", "https://example.com:8443/", "exact"],
    ["example.com:8443", "https://example.com/", "no"],
    ["example.com:443", "https://example.com/", "exact"],
    ["example.com:*", "https://example.com:1/", "yes"],
    ["*.example.com", "https://a.b.example.com/", "yes"],
    ["*.example.com", "https://example.com/", "no"],
    ["*.example.com:81", "http://a.example.com:81/", "yes"],
    ["https://example.com", "http://example.com/", "no"],
    ["https://example.com", "https://example.com/", "yes"],
    ["https://example.com:443/", "https://example.com/x", "exact"],
    ["https://example.com/api", "https://example.com/api/x?y", "yes"],
    ["https://example.com/api", "https://example.com/api?y", "yes"],
    ["https://example.com/api", "https://example.com/apis", "no"],
    ["https://example.com/api", "https://example.com/api/../secret", "no"],
    ["https://example.com/api", "https://example.com/api/..", "no"],
    ["https://example.com/api", "https://example.com/api/%2e%2E/secret", "no"],
    ["https://example.com/api", "https://example.com/api%2f..%2fsecret", "no"],
    ["*", "https://anything.test:99/", "yes"],
    ["a.test, b.test", "http://b.test/", "yes"],
    ["bücher.example", "http://xn--bcher-kva.example/", "yes"],
    ["127.0.0.1:80", "http://0x7f.1/", "exact"],
    ["[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/", "exact"],
  ];
  for (const [allow, url, verdict] of cases) assert.equal(judge(allow, url), verdict, `${allow} for ${url}`);
});

Deno.test("http_client refuses settings that it cannot read", () => {
  const bad: [Config, RegExp][] = [
    [{ allow: "exa mple.com" }, /allow/],
    [{ allow: "ftp://example.com" }, /allow/],
    [{ allow: "example.com/path" }, /allow/],
    [{ allow: "https://user@example.com" }, /allow/],
    [{ allow: "https://example.com/x?y" }, /allow/],
    [{ allow: "*.*" }, /allow/],
    [{ allow: "a.*.com" }, /allow/],
    [{ allow: "example.com:99999" }, /allow/],
    [{ private: "yes" }, /private/],
    [{ timeout: "soon" }, /duration/],
    [{ timeout: "0" }, /timeout/],
    [{ alow: "x" }, /did you mean "allow"/],
  ];
  for (const [config, message] of bad) {
    assert.throws(() => parseClientSettings(config, {}), message, JSON.stringify(config));
  }
});

Deno.test("http_client: a link's settings win over its provider's", () => {
  const settings = parseClientSettings({ allow: "a.test" }, {
    allow: "b.test",
    timeout: "5s",
    tls_ca_file: "/x",
  });
  assert.deepEqual(settings.rules.map(({ host }) => host), ["a.test"]);
  assert.equal(settings.timeoutMs, 5_000);
  assert.equal(settings.allowsPrivate, false);
});

Deno.test("http_client refuses authorities that are none", () => {
  for (
    const authority of [
      "",
      "a b",
      "user@host",
      "host/path",
      "host?x",
      "host#x",
      "host\\x",
      "[::1",
      "host:99999",
      ".",
    ]
  ) {
    const request = { method: "GET", scheme: "http", authority, path: "/", headers: [], body: null };
    assert.throws(() => readDestination(request), /HTTP-request-URI-invalid/, authority);
  }
  const request = { method: "GET", scheme: "ftp", authority: "a", path: "/", headers: [], body: null };
  assert.throws(() => readDestination(request), /HTTP-request-URI-invalid/);
});
