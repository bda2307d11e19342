// Which addresses are public, in every spelling; and names, of which only what was checked is connected to.

import assert from "node:assert/strict";
import { WitError } from "../../src/model/call.ts";
import { isAddress, isPublicAddress } from "./addresses.ts";
import { AddressBook } from "./lookup.ts";
import { readDestination } from "./settings.ts";

const PUBLIC = [
  "1.1.1.1",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "169.253.1.1",
  "172.15.255.255",
  "172.32.0.0",
  "192.167.1.1",
  "198.17.255.255",
  "223.255.255.255",
  "2606:4700::1111",
  "2a00::1",
  "2003::1",
  "::ffff:1.1.1.1",
  "64:ff9b::101:101",
];

const NOT_PUBLIC = [
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "100.100.100.200",
  "127.0.0.1",
  "127.255.255.255",
  "168.63.129.16",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.192",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.0.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.255",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:a9fe:a9fe",
  "::ffff:0:7f00:1",
  "64:ff9b::7f00:1",
  "64:ff9b::10.0.0.1",
  "64:ff9b:1::1",
  "100::1",
  "2001::1",
  "2001:0:53aa:64c::",
  "2001:db8::1",
  "2002:7f00:1::",
  "3fff::1",
  "fc00::1",
  "fd00:ec2::254",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "4000::1",
  "",
  "nonsense",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "12345::",
];

Deno.test("http_client knows public addresses from all others", () => {
  for (const address of PUBLIC) assert.ok(isPublicAddress(address), address);
  for (const address of NOT_PUBLIC) assert.ok(!isPublicAddress(address), address);
});

Deno.test("http_client reads every spelling of an address as that address", () => {
  const spellings = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "0x7f000001",
    "127.0.0.1.",
    "１２７.0.0.1",
  ];
  for (const authority of spellings) {
    const { host } = readDestination({
      method: "GET",
      scheme: "http",
      authority,
      path: "/",
      headers: [],
      body: null,
    });
    assert.equal(host, "127.0.0.1", authority);
    assert.ok(isAddress(host));
  }
});

Deno.test("http_client takes addresses a name has, the private ones only where they are allowed", async () => {
  const answers: Record<string, string[]> = {
    "mixed.test": ["10.0.0.1", "1.1.1.1", "::1"],
    "inside.test": ["192.168.1.1", "fd00::1"],
    "none.test": [],
  };
  const book = new AddressBook((name) => Promise.resolve(answers[name]));
  assert.deepEqual(await book.find("mixed.test", false, 1_000), ["1.1.1.1"]);
  assert.deepEqual(await book.find("mixed.test", true, 1_000), ["10.0.0.1", "1.1.1.1", "::1"]);
  assert.deepEqual(await book.find("inside.test", true, 1_000), ["192.168.1.1", "fd00::1"]);
  await assertTag("destination-IP-prohibited", book.find("inside.test", false, 1_000));
  await assertTag("destination-IP-prohibited", book.find("[::1]", false, 1_000));
  await assertTag("destination-IP-prohibited", book.find("169.254.169.254", false, 1_000));
  await assertTag("DNS-error", book.find("none.test", false, 1_000));
});

Deno.test("http_client remembers a name for a moment, judges it each time, and forgets on request", async () => {
  let asked = 0;
  const answers = [["1.1.1.1"], ["127.0.0.1"]];
  const book = new AddressBook(() => Promise.resolve(answers[asked++]));
  assert.deepEqual(await book.find("rebinding.test", false, 1_000), ["1.1.1.1"]);
  assert.deepEqual(await book.find("rebinding.test", false, 1_000), ["1.1.1.1"]);
  assert.equal(asked, 1);
  book.forget("rebinding.test");
  await assertTag("destination-IP-prohibited", book.find("rebinding.test", false, 1_000));
  assert.deepEqual(await book.find("rebinding.test", true, 1_000), ["127.0.0.1"]);
  assert.equal(asked, 2);
});

Deno.test("http_client gives up a resolver that does not answer", async () => {
  const book = new AddressBook(() => new Promise(() => {}));
  await assertTag("DNS-timeout", book.find("silent.test", false, 5));
});

async function assertTag(tag: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(
    work,
    (error) => error instanceof WitError && (error.payload as { tag: string }).tag === tag,
  );
}
