// Which rules allow what: the policy itself, and name lookup, which is how rules by name come to hold.

import assert from "node:assert/strict";
import { refuses } from "../../../tests/support/guest_filesystem.ts";
import { address, allAddresses, guestSockets, whenReady } from "../../../tests/support/guest_sockets.ts";
import { fakeContext } from "../../../tests/support/instance_context.ts";
import { parseAddress } from "./sockets_address.ts";
import { NameLookup, systemResolver } from "./sockets_lookup.ts";
import { SocketPolicy } from "./sockets_rules.ts";

function policy(connect: string[], listen: string[] = [], lookup: string[] = []): SocketPolicy {
  return new SocketPolicy(fakeContext({ sockets: { connect, listen, lookup } }));
}

const at = (text: string) => parseAddress(text)!;

Deno.test("connect rules hold by address, port, block and wildcard", () => {
  const cases: [rule: string, allowed: string, denied: string][] = [
    ["10.0.0.5:5432", "10.0.0.5 5432", "10.0.0.5 5433, 10.0.0.6 5432"],
    ["10.0.0.5:*", "10.0.0.5 1, 10.0.0.5 65535", "10.0.0.6 1"],
    ["*:443", "8.8.8.8 443, ::1 443", "8.8.8.8 80"],
    ["*:*", "8.8.8.8 1, fd00::1 2", ""],
    ["[fd00::5]:80", "fd00::5 80", "fd00::6 80, 10.0.0.5 80"],
    ["cidr:10.0.0.0/8:5432", "10.255.1.2 5432", "11.0.0.1 5432, 10.0.0.1 80, ::a00:1 5432"],
    ["cidr:10.1.2.3/32:*", "10.1.2.3 9", "10.1.2.4 9"],
    ["cidr:0.0.0.0/0:80", "200.1.1.1 80", "fd00::1 80"],
    ["cidr:fd00::/8:80", "fdff::1 80", "fe00::1 80, 253.0.0.1 80"],
    ["cidr:10.0.0.0/99:80", "", "10.0.0.1 80"],
    ["nonsense", "", "10.0.0.1 80"],
    ["10.0.0.1", "", "10.0.0.1 80, 10.0.0.1 1"],
    ["db.local:5432", "", "10.0.0.1 5432"],
  ];
  for (const [rule, allowed, denied] of cases) {
    const rules = policy([rule]);
    const pairs = (text: string) => text.split(", ").filter(Boolean).map((pair) => pair.split(" "));
    for (const [host, port] of pairs(allowed)) {
      assert.ok(rules.allowsConnect(at(host), Number(port)), `${rule} should allow ${host}:${port}`);
    }
    for (const [host, port] of pairs(denied)) {
      assert.ok(!rules.allowsConnect(at(host), Number(port)), `${rule} should deny ${host}:${port}`);
    }
  }
});

Deno.test("listen rules hold by address and port", () => {
  const rules = policy([], ["127.0.0.1:9000", "[::1]:*", "10.0.0.1:0", "bad", "10.0.0.2:"]);
  assert.ok(rules.allowsListen(at("127.0.0.1"), 9000));
  assert.ok(rules.allowsListen(at("::1"), 1));
  assert.ok(rules.allowsListen(at("10.0.0.1"), 0));
  assert.ok(!rules.allowsListen(at("0.0.0.0"), 9000));
  assert.ok(!rules.allowsListen(at("127.0.0.1"), 9001));
  assert.ok(!rules.allowsListen(at("10.0.0.2"), 0));
  assert.ok(policy([], ["0.0.0.0:80"]).allowsListen(at("127.0.0.1"), 80));
  assert.ok(!policy([], ["0.0.0.0:80"]).allowsListen(at("::1"), 80));
  assert.ok(policy([], ["localhost:80"]).allowsListen(at("127.0.0.1"), 80));
  assert.ok(!policy([], ["localhost:80"]).allowsListen(at("0.0.0.0"), 80));
  assert.ok(policy([], ["*:80"]).allowsListen(at("::"), 80));
});

Deno.test("a rule by name allows what this instance was told the name is, and nothing else", async () => {
  const answers: Record<string, string[]> = {
    "db.local": ["10.0.0.5", "fd00::5"],
    "other.local": ["10.0.0.6"],
  };
  const resolver = (name: string) => Promise.resolve(answers[name]);
  const rules = policy(["DB.local:5432"], [], ["other.local"]);
  const lookup = new NameLookup("test", rules, resolver);
  assert.ok(!rules.allowsConnect(at("10.0.0.5"), 5432));
  assert.deepEqual(await allAddresses(lookup.resolveAddresses("db.LOCAL.")), [
    { tag: "ipv4", val: [10, 0, 0, 5] },
    { tag: "ipv6", val: [0xfd00, 0, 0, 0, 0, 0, 0, 5] },
  ]);
  assert.ok(rules.allowsConnect(at("10.0.0.5"), 5432));
  assert.ok(rules.allowsConnect(at("fd00::5"), 5432));
  assert.ok(!rules.allowsConnect(at("10.0.0.5"), 5433));
  await allAddresses(lookup.resolveAddresses("other.local"));
  assert.ok(!rules.allowsConnect(at("10.0.0.6"), 5432));
  refuses("access-denied", () => lookup.resolveAddresses("third.local"));
  // Another instance of the same component learns it by itself.
  assert.ok(!policy(["db.local:5432"]).allowsConnect(at("10.0.0.5"), 5432));
});

Deno.test("the addresses remembered for one name are bounded", async () => {
  let answer = 0;
  const rules = policy(["db.local:1"]);
  const lookup = new NameLookup(
    "test",
    rules,
    () => Promise.resolve([`10.0.${answer >> 8}.${answer++ & 255}`]),
  );
  for (let i = 0; i < 300; i++) await allAddresses(lookup.resolveAddresses("db.local"));
  assert.ok(rules.allowsConnect(at("10.0.1.43"), 1)); // the last
  assert.ok(!rules.allowsConnect(at("10.0.0.0"), 1)); // the first
});

Deno.test("whoever owns a name cannot point it at this box or its metadata service", async () => {
  const near = ["127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1", "::ffff:127.0.0.1"];
  using guest = guestSockets({ connect: ["evil.example:80", "localhost:81"] }, () => Promise.resolve(near));
  const found = await allAddresses(guest.resolve("evil.example"));
  assert.equal(found.length, 5); // never IPv4 in the clothes of IPv6
  for (const host of ["127.0.0.1", "169.254.169.254"]) {
    refuses("access-denied", () => guest.tcp().startConnect(guest.network, address(host, 80)));
  }
  refuses("access-denied", () => guest.tcp("ipv6").startConnect(guest.network, address("::1", 80)));
  // The one name that means this box does.
  await allAddresses(guest.resolve("localhost"));
  guest.tcp().startConnect(guest.network, address("127.0.0.1", 81));
});

Deno.test("addresses in digits need no lookup, odd spellings of them are no names", async () => {
  using guest = guestSockets({ lookup: ["*"] });
  assert.deepEqual(await allAddresses(guest.resolve("127.0.0.1")), [{ tag: "ipv4", val: [127, 0, 0, 1] }]);
  assert.equal((await allAddresses(guest.resolve("[::1]")))[0].tag, "ipv6");
  const none = [
    "",
    ".",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "a..b",
    "a b",
    "a/b",
    "a\0b",
    "x".repeat(64),
  ];
  for (const name of [...none, `${"x.".repeat(130)}x`, "%31", "a:80"]) {
    refuses("invalid-argument", () => guest.resolve(name), JSON.stringify(name));
  }
});

Deno.test("a lookup is waited for, and tells its failure", async () => {
  using guest = guestSockets({ lookup: ["*"] });
  const unknown = guest.resolve("unknown.example");
  refuses("would-block", () => unknown.resolveNextAddress());
  await assert.rejects(
    whenReady(unknown.subscribe(), () => unknown.resolveNextAddress()),
    (error) => error as unknown === "name-unresolvable",
  );
  using unlucky = guestSockets({ lookup: ["*"] }, () => Promise.reject({ code: "EAI_AGAIN" }));
  await assert.rejects(
    allAddresses(unlucky.resolve("a.example")),
    (error) => error as unknown === "temporary-resolver-failure",
  );
});

Deno.test("lookups under way are bounded, and names beyond ASCII are converted", async () => {
  const asked: string[] = [];
  const gate = Promise.withResolvers<string[]>();
  using guest = guestSockets({ lookup: ["*"] }, (name) => {
    asked.push(name);
    return gate.promise;
  });
  const running = Array.from({ length: 8 }, () => guest.resolve("bücher.example"));
  refuses("temporary-resolver-failure", () => guest.resolve("one.more"));
  // A fresh instance does not start at zero: what its predecessor asked is still under way.
  guest.context.drop();
  using next = guestSockets({ lookup: ["*"] }, () => gate.promise);
  refuses("temporary-resolver-failure", () => next.resolve("one.more"));
  gate.resolve(["10.0.0.1"]);
  for (const found of running) assert.equal((await allAddresses(found)).length, 1);
  assert.equal(asked[0], "xn--bcher-kva.example");
  await allAddresses(guest.resolve("one.more"));
});

Deno.test("the system's resolver knows localhost", async () => {
  const found = await systemResolver("localhost");
  assert.ok(found.some((text) => text === "127.0.0.1" || text === "::1"), String(found));
});
