// wasi:sockets/ip-name-lookup over the system's resolver, so that /etc/hosts and whatever else the box is set up with
// count. What a name is found to be is noted in the instance's policy, which is how rules by name come to hold.

import { Pollable } from "./io.ts";
import {
  type IpAddress,
  isIpv4Mapped,
  type NumericAddress,
  parseAddress,
  toIpAddress,
} from "./sockets_address.ts";
import type { SocketCode } from "./sockets_errors.ts";
import { plainName, type SocketPolicy } from "./sockets_rules.ts";

/**
 * Lookups of one component under way at one time in a cell: each holds a thread of the process while it waits. Not
 * counted per instance, because a lookup cannot be called off and may outlive the instance that asked.
 */
const LOOKUPS_MAX = 8;
const running = new Map<string, number>();

function countLookup(component: string, change: 1 | -1): void {
  const count = (running.get(component) ?? 0) + change;
  if (count) running.set(component, count);
  else running.delete(component);
}

/** Addresses of one answer that are handed out. */
const ADDRESSES_MAX = 64;

/** What looks names up; addresses in digits, in order of preference. Throws an error with the resolver's `code`. */
export type Resolver = (name: string) => Promise<string[]>;

/** The system's resolver. Loaded on first use; by callback, since the promise form prints a warning on Deno 2.6. */
export const systemResolver: Resolver = async (name) => {
  const dns = await import("node:dns");
  return new Promise((resolve, reject) => {
    dns.lookup(name, { all: true, verbatim: true }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
};

const CODES: Readonly<Record<string, SocketCode>> = {
  ENOTFOUND: "name-unresolvable",
  ENODATA: "name-unresolvable",
  EAI_NONAME: "name-unresolvable",
  EAI_NODATA: "name-unresolvable",
  EAI_AGAIN: "temporary-resolver-failure",
  ETIMEOUT: "temporary-resolver-failure",
  ETIMEDOUT: "temporary-resolver-failure",
};

/** `wasi:sockets/ip-name-lookup.resolve-address-stream`. */
export class ResolveAddressStream {
  #result: IpAddress[] | SocketCode | undefined;
  #next = 0;
  readonly #pollable: Promise<void> | undefined;

  constructor(result: IpAddress[] | Promise<IpAddress[] | SocketCode>) {
    if (result instanceof Promise) {
      this.#pollable = result.then((found) => {
        this.#result = found;
      });
    } else this.#result = result;
  }

  resolveNextAddress(): IpAddress | undefined {
    if (this.#result === undefined) throw "would-block";
    if (typeof this.#result === "string") throw this.#result;
    return this.#result[this.#next++];
  }

  subscribe(): Pollable {
    return this.#result === undefined ? new Pollable(this.#pollable) : new Pollable();
  }
}

/** ASCII form of a host name, or undefined for what is none: an odd spelling of an address above all. */
async function toAsciiName(name: string): Promise<string | undefined> {
  // deno-lint-ignore no-control-regex
  const ascii = /^[\x00-\x7f]*$/.test(name) ? name : (await import("node:url")).domainToASCII(name);
  return isName(ascii) ? ascii : undefined;
}

/** Whether `name` is a host name in ASCII. A last label of digits would be read as an address by some resolvers. */
function isName(name: string): boolean {
  const labels = plainName(name).split(".");
  return name.length <= 253 && labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label)) &&
    !/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!);
}

/** Lookups of one instance of `component`. */
export class NameLookup {
  readonly #component: string;
  readonly #policy: SocketPolicy;
  readonly #resolver: Resolver;

  constructor(component: string, policy: SocketPolicy, resolver: Resolver) {
    this.#component = component;
    this.#policy = policy;
    this.#resolver = resolver;
  }

  resolveAddresses(name: string): ResolveAddressStream {
    const literal = parseAddress(name.replace(/^\[(.*)\]$/, "$1"));
    if (literal) return new ResolveAddressStream([toIpAddress(literal)]);
    // deno-lint-ignore no-control-regex
    if (/^[\x00-\x7f]*$/.test(name) ? !isName(name) : name.length > 253) throw "invalid-argument";
    if (!this.#policy.allowsLookup(name)) throw "access-denied";
    if ((running.get(this.#component) ?? 0) >= LOOKUPS_MAX) throw "temporary-resolver-failure";
    return new ResolveAddressStream(this.#lookUp(name));
  }

  async #lookUp(name: string): Promise<IpAddress[] | SocketCode> {
    countLookup(this.#component, 1);
    try {
      const ascii = await toAsciiName(name);
      if (!ascii) return "name-unresolvable";
      const texts = await this.#resolver(plainName(ascii));
      const found = texts.map((text) => parseAddress(text.split("%")[0])).filter((address) =>
        address !== undefined && !isIpv4Mapped(address)
      ).slice(0, ADDRESSES_MAX) as NumericAddress[];
      if (!found.length) return "name-unresolvable";
      this.#policy.noteFound(name, found);
      return found.map(toIpAddress);
    } catch (error) {
      return CODES[(error as { code?: string }).code ?? ""] ?? "permanent-resolver-failure";
    } finally {
      countLookup(this.#component, -1);
    }
  }
}
