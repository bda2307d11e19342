// Which IP addresses belong to the public internet. What does not (private, loopback, link-local, shared, metadata,
// multicast, reserved; in IPv6 also what carries such an IPv4 address inside) no component reaches unless it is allowed
// to by name: behind the box stand machines that trust whoever can talk to them.

/** IPv4 ranges that are not public, as `address/bits`. */
const V4_REFUSED = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  // Azure's metadata and DNS, in the middle of public space.
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
].map((range) => {
  const [base, bits] = range.split("/");
  return { base: parseV4(base)!, shift: 32 - Number(bits) };
});

/** Prefixes within 2000::/3 that are not public: Teredo and other special uses, documentation, and 6to4. */
const V6_REFUSED: [first: number, second: number, bits: number][] = [
  // 2001::/23
  [0x2001, 0x0000, 23],
  // 2001:db8::/32
  [0x2001, 0x0db8, 32],
  // 2002::/16
  [0x2002, 0x0000, 16],
  // 3fff::/20
  [0x3fff, 0x0000, 20],
];

/** Whether an address, as the system or a URL spells it, is one of the public internet. What cannot be read is not. */
export function isPublicAddress(address: string): boolean {
  const v4 = parseV4(address);
  if (v4 !== undefined) return isPublicV4(v4);
  const v6 = parseV6(address);
  return v6 !== undefined && isPublicV6(v6);
}

/** Whether `host` is an address and not a name; URLs have made one spelling of all others by then. */
export function isAddress(host: string): boolean {
  return parseV4(host) !== undefined || parseV6(host) !== undefined;
}

function isPublicV4(value: number): boolean {
  return !V4_REFUSED.some(({ base, shift }) => shift === 32 || (value >>> shift) === (base >>> shift));
}

function isPublicV6(groups: number[]): boolean {
  const [first, second] = groups;
  const isZero = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  const embedded = ((groups[6] << 16) | groups[7]) >>> 0;
  // Mapped (::ffff:a.b.c.d) and NAT64 (64:ff9b::a.b.c.d) are ways to write an IPv4 address.
  if (isZero(0, 5) && groups[5] === 0xffff) return isPublicV4(embedded);
  if (first === 0x64 && second === 0xff9b && isZero(2, 6)) return isPublicV4(embedded);
  // Only 2000::/3 is handed out at all.
  if ((first & 0xe000) !== 0x2000) return false;
  const head = ((first << 16) | second) >>> 0;
  return !V6_REFUSED.some(([a, b, bits]) =>
    (head >>> (32 - bits)) === ((((a << 16) | b) >>> 0) >>> (32 - bits))
  );
}

/** Four decimal numbers, nothing else. */
function parseV4(text: string): number | undefined {
  const found = text.match(/^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/);
  if (!found) return undefined;
  const parts = found.slice(1).map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return ((parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]) >>> 0;
}

/** Eight groups; a zone (`%eth0`) makes it an address of a link, which is none here. */
function parseV6(text: string): number[] | undefined {
  let rest = text.toLowerCase();
  if (!rest.includes(":")) return undefined;
  const dotted = rest.match(/^(.*:)(\d+\.\d+\.\d+\.\d+)$/);
  if (dotted) {
    const v4 = parseV4(dotted[2]);
    if (v4 === undefined) return undefined;
    rest = `${dotted[1]}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`;
  }
  const halves = rest.split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array(right === undefined ? 0 : missing).fill("0"), ...(right ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => parseInt(group, 16));
}
