// IP addresses: as the glue hands them over (tuples), as numbers to compare, as text for Deno; and which of them a
// socket may be given at all.

/** `ip-address-family`. */
export type IpAddressFamily = "ipv4" | "ipv6";

/** `ip-address`. */
export type IpAddress =
  | { tag: "ipv4"; val: [number, number, number, number] }
  | { tag: "ipv6"; val: [number, number, number, number, number, number, number, number] };

/** `ip-socket-address`. */
export type IpSocketAddress =
  | { tag: "ipv4"; val: { port: number; address: IpAddress["val"] } }
  | { tag: "ipv6"; val: { port: number; flowInfo: number; address: IpAddress["val"]; scopeId: number } };

/** An address as one number; two families never compare equal. */
export interface NumericAddress {
  family: IpAddressFamily;
  value: bigint;
}

/** Bits of an address. */
export const ADDRESS_BITS: Readonly<Record<IpAddressFamily, number>> = { ipv4: 32, ipv6: 128 };

/** The glue gives lists of numbers as plain or typed arrays. */
function toNumber(parts: ArrayLike<number>, bits: number): bigint {
  return Array.from(parts).reduce((value, part) => (value << BigInt(bits)) | BigInt(part), 0n);
}

export function numericAddress({ tag, val: { address } }: IpSocketAddress): NumericAddress {
  return { family: tag, value: toNumber(address, tag === "ipv4" ? 8 : 16) };
}

export function toIpAddress({ family, value }: NumericAddress): IpAddress {
  const [count, bits] = family === "ipv4" ? [4, 8] : [8, 16];
  const parts = Array.from(
    { length: count },
    (_, i) => Number(BigInt.asUintN(bits, value >> BigInt((count - 1 - i) * bits))),
  );
  return { tag: family, val: parts } as IpAddress;
}

/** Text that Deno takes as host name. */
export function formatAddress(address: NumericAddress): string {
  const { tag, val } = toIpAddress(address);
  return tag === "ipv4" ? val.join(".") : val.map((part) => part.toString(16)).join(":");
}

/** `address:port`, for people. */
export function formatSocketAddress(address: NumericAddress, port: number): string {
  const text = formatAddress(address);
  return address.family === "ipv4" ? `${text}:${port}` : `[${text}]:${port}`;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  // Exactly four decimal numbers: "127.1" and "0177.0.0.1" mean different things to different readers.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return toNumber(parts.map(Number), 8);
}

function parseIpv6(text: string): bigint | undefined {
  const at = text.lastIndexOf(":");
  if (text.includes(".")) {
    const tail = parseIpv4(text.slice(at + 1));
    if (tail === undefined) return undefined;
    text = `${text.slice(0, at)}:${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  }
  const halves = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = halves.flat();
  if (halves.length > 2 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - groups.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const filled = halves.length === 2 ? [...halves[0], ...Array(missing).fill("0"), ...halves[1]] : groups;
  return toNumber(filled.map((group) => parseInt(group, 16)), 16);
}

/** Reads an address in digits, without brackets, port or zone; undefined for anything else, names above all. */
export function parseAddress(text: string): NumericAddress | undefined {
  const family = text.includes(":") ? "ipv6" : "ipv4";
  const value = family === "ipv6" ? parseIpv6(text) : parseIpv4(text);
  return value === undefined ? undefined : { family, value };
}

/** An address as Deno tells it (`fe80::1%2` included), as the guest gets it. */
export function fromDenoAddress({ hostname, port }: Deno.NetAddr): IpSocketAddress {
  const [text, zone] = hostname.split("%");
  const address = parseAddress(text);
  if (!address) throw new Error(`the system named an address that is none: ${hostname}`);
  const { tag, val } = toIpAddress(address);
  return tag === "ipv4"
    ? { tag, val: { port, address: val } }
    : { tag, val: { port, flowInfo: 0, address: val, scopeId: Number(zone) || 0 } };
}

/** Whether `address` lies in the block of `bits` leading bits around `base`. */
export function isInBlock(address: NumericAddress, base: NumericAddress, bits: number): boolean {
  if (address.family !== base.family) return false;
  const rest = BigInt(ADDRESS_BITS[address.family] - bits);
  return address.value >> rest === base.value >> rest;
}

function block(text: string): (address: NumericAddress) => boolean {
  const [base, bits] = text.split("/");
  const parsed = parseAddress(base)!;
  return (address) => isInBlock(address, parsed, Number(bits));
}

function anyBlock(...texts: string[]): (address: NumericAddress) => boolean {
  const blocks = texts.map(block);
  return (address) => blocks.some((contains) => contains(address));
}

/** `0.0.0.0` and `::`. */
export function isUnspecified(address: NumericAddress): boolean {
  return address.value === 0n;
}

/** IPv4 in the clothes of IPv6: refused everywhere, so that no rule is walked around. */
export const isIpv4Mapped = block("::ffff:0:0/96");
/** Multicast, and IPv4 broadcast. */
export const isManyfold = anyBlock("224.0.0.0/4", "255.255.255.255/32", "ff00::/8");
/** This box itself. */
export const isLoopback = anyBlock("127.0.0.0/8", "::1/128");
/** Reaches this box, or only what is plugged into it: cloud metadata and services without a password live there. */
export const isVeryNear = anyBlock(
  "127.0.0.0/8",
  "0.0.0.0/8",
  "169.254.0.0/16",
  "::1/128",
  "::/128",
  "fe80::/10",
);
