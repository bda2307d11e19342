import assert from "node:assert/strict";
import {
  formatAddress,
  formatSocketAddress,
  fromDenoAddress,
  isIpv4Mapped,
  isLoopback,
  isManyfold,
  isVeryNear,
  numericAddress,
  parseAddress,
  toIpAddress,
} from "./sockets_address.ts";

Deno.test("parseAddress() reads addresses in digits and nothing else", () => {
  const cases: Record<string, string | undefined> = {
    "127.0.0.1": "127.0.0.1",
    "255.255.255.255": "255.255.255.255",
    "::1": "0:0:0:0:0:0:0:1",
    "::": "0:0:0:0:0:0:0:0",
    "fe80::1:2": "fe80:0:0:0:0:0:1:2",
    "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "::ffff:10.0.0.1": "0:0:0:0:0:ffff:a00:1",
    "127.1": undefined,
    "0x7f000001": undefined,
    "0177.0.0.1": undefined,
    "1.2.3.256": undefined,
    "1.2.3.4.5": undefined,
    "1.2.3.": undefined,
    "1:2:3:4:5:6:7": undefined,
    "1:2:3:4:5:6:7:8:9": undefined,
    "1::2::3": undefined,
    "1:2:3:4:5:6:7::8": undefined,
    "12345::": undefined,
    "::1%2": undefined,
    "[::1]": undefined,
    ":": undefined,
    ":::": undefined,
    "": undefined,
    "localhost": undefined,
    " 127.0.0.1": undefined,
  };
  for (const [text, wanted] of Object.entries(cases)) {
    const parsed = parseAddress(text);
    assert.equal(parsed && formatAddress(parsed), wanted, text);
  }
});

Deno.test("addresses go to the guest's form and back", () => {
  for (const text of ["10.1.2.3", "fe80::1:ffff", "::", "255.255.255.255"]) {
    const address = parseAddress(text)!;
    const { tag, val } = toIpAddress(address);
    const socketAddress = tag === "ipv4"
      ? { tag, val: { port: 1, address: val } }
      : { tag, val: { port: 1, address: val, flowInfo: 0, scopeId: 0 } };
    assert.deepEqual(numericAddress(socketAddress), address);
  }
  assert.deepEqual(fromDenoAddress({ transport: "tcp", hostname: "fe80::1%3", port: 80 }), {
    tag: "ipv6",
    val: { port: 80, flowInfo: 0, scopeId: 3, address: [0xfe80, 0, 0, 0, 0, 0, 0, 1] },
  });
  assert.equal(formatSocketAddress(parseAddress("::1")!, 80), "[0:0:0:0:0:0:0:1]:80");
});

Deno.test("blocks of special addresses are recognised", () => {
  const check = (
    is: (address: NonNullable<ReturnType<typeof parseAddress>>) => boolean,
    yes: string,
    no: string,
  ) => {
    for (const text of yes.split(" ")) assert.ok(is(parseAddress(text)!), text);
    for (const text of no.split(" ")) assert.ok(!is(parseAddress(text)!), text);
  };
  check(isLoopback, "127.0.0.1 127.255.0.9 ::1", "128.0.0.1 ::2 10.0.0.1 0.0.0.0");
  check(isManyfold, "224.0.0.1 239.9.9.9 255.255.255.255 ff02::1", "223.255.255.255 240.0.0.1 fe80::1");
  check(isIpv4Mapped, "::ffff:127.0.0.1", "::127.0.0.1 ::1 127.0.0.1");
  check(
    isVeryNear,
    "127.0.0.1 0.0.0.0 169.254.169.254 ::1 :: fe80::5",
    "10.0.0.1 192.168.0.1 fd00::1 169.255.0.1",
  );
});
