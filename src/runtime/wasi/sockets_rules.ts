// Which addresses one instance may reach: the component's SocketRules, read once, plus what the names among them were
// found to be. Deny by default. A name grants the addresses this host looked it up to for this very instance, and no
// others; and whoever owns the name does not get to grant what is next to us: see `isVeryNear`.

import type { SocketRules } from "../../model/component.ts";
import { parseConnectRule } from "../../model/manifest/own_traits.ts";
import type { InstanceContext } from "../context.ts";
import {
  ADDRESS_BITS,
  formatSocketAddress,
  isInBlock,
  isLoopback,
  isUnspecified,
  isVeryNear,
  type NumericAddress,
  parseAddress,
} from "./sockets_address.ts";

/** Addresses remembered for one name; a name with more is asked for again by the guest anyway. */
const ADDRESSES_PER_NAME_MAX = 256;

type Matcher = (address: NumericAddress) => boolean;

interface Rule {
  port: number | "*";
  matches: Matcher;
}

function sameAs(wanted: NumericAddress): Matcher {
  return ({ family, value }) => family === wanted.family && value === wanted.value;
}

/** Lower-case and without the dot that makes a name absolute. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function isLocalName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/** The socket rules of one instance. */
export class SocketPolicy {
  readonly #context: InstanceContext;
  readonly #connect: Rule[] = [];
  readonly #listen: Rule[] = [];
  readonly #lookup: Set<string>;
  /** Addresses found for each name that a connect rule holds. */
  readonly #found = new Map<string, Set<string>>();

  constructor(context: InstanceContext) {
    this.#context = context;
    const rules = context.spec.sockets;
    for (const text of rules.connect) this.#addConnect(text);
    for (const text of rules.listen) this.#addListen(text);
    this.#lookup = lookupNames(rules);
  }

  /** Whether there is anything at all a socket may be connected to. */
  get canConnect(): boolean {
    return this.#connect.length > 0;
  }

  allowsConnect(address: NumericAddress, port: number): boolean {
    return matchesAny(this.#connect, address, port) ||
      this.#deny("connect", formatSocketAddress(address, port));
  }

  /** As `allowsConnect`, but says nothing: for what comes in unasked. */
  wouldConnect(address: NumericAddress, port: number): boolean {
    return matchesAny(this.#connect, address, port);
  }

  allowsListen(address: NumericAddress, port: number): boolean {
    return matchesAny(this.#listen, address, port);
  }

  denyListen(address: NumericAddress, port: number): false {
    return this.#deny("listen", formatSocketAddress(address, port));
  }

  allowsLookup(name: string): boolean {
    return this.#lookup.has("*") || this.#lookup.has(plainName(name)) || this.#deny("lookup", name);
  }

  /** Notes what `name` was found to be; from here on its rules hold for these addresses. */
  noteFound(name: string, addresses: readonly NumericAddress[]): void {
    const plain = plainName(name);
    const found = this.#found.get(plain);
    if (!found) return;
    for (const address of addresses) {
      if (isVeryNear(address) && !isLocalName(plain)) continue;
      const key = addressKey(address);
      found.delete(key);
      found.add(key);
      if (found.size > ADDRESSES_PER_NAME_MAX) found.delete(found.values().next().value!);
    }
  }

  #addConnect(text: string): void {
    const rule = parseConnectRule(text);
    if (!rule) return; // the manifest refused it already; what cannot be read grants nothing
    const host = plainName(rule.host.replace(/^\[(.*)\]$/, "$1"));
    const matches = rule.cidr ? matchBlock(host) : this.#matchHost(host);
    if (matches) this.#connect.push({ port: rule.port, matches });
  }

  #matchHost(host: string): Matcher {
    if (host === "*") return () => true;
    const address = parseAddress(host);
    if (address) return sameAs(address);
    const found = this.#found.get(host) ?? new Set<string>();
    this.#found.set(host, found);
    return (asked) => found.has(addressKey(asked));
  }

  #addListen(text: string): void {
    const [, hostText, portText] = text.match(/^(.+):(\d+|\*)$/) ?? [];
    if (!hostText) return;
    const port = portText === "*" ? "*" : Number(portText);
    const host = plainName(hostText.replace(/^\[(.*)\]$/, "$1"));
    const address = parseAddress(host);
    const matches: Matcher | undefined = host === "*"
      ? () => true
      : host === "localhost"
      ? isLoopback
      : address && (isUnspecified(address) ? (asked) => asked.family === address.family : sameAs(address));
    if (matches) this.#listen.push({ port, matches });
  }

  /** Says what was denied and what would allow it, within the log quota of the call. */
  #deny(field: "connect" | "listen" | "lookup", what: string): false {
    const text =
      `wasi:sockets: ${field} ${what} is denied; allow it in the component's network trait (${field})`;
    if (this.#context.chargeLog(text.length)) this.#context.log.error(text, { [field]: what });
    return false;
  }
}

function addressKey({ family, value }: NumericAddress): string {
  return `${family} ${value}`;
}

function matchesAny(rules: readonly Rule[], address: NumericAddress, port: number): boolean {
  return rules.some((rule) => (rule.port === "*" || rule.port === port) && rule.matches(address));
}

function matchBlock(text: string): Matcher | undefined {
  const [base, bits] = text.split("/");
  const address = parseAddress(base);
  if (!address || Number(bits) > ADDRESS_BITS[address.family]) return undefined;
  return (asked) => isInBlock(asked, address, Number(bits));
}

/** Names that may be looked up: those listed, and those that connect rules are made of. */
function lookupNames(rules: SocketRules): Set<string> {
  const names = new Set(rules.lookup.map(plainName));
  for (const text of rules.connect) {
    const rule = parseConnectRule(text);
    if (rule && !rule.cidr && rule.host !== "*") names.add(plainName(rule.host));
  }
  return names;
}
