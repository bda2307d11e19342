// Names to addresses, by the system's own resolver (so /etc/hosts counts), remembered for a moment. Every address is
// checked and the connection goes to the very address that was checked: a name that answers differently the next time
// (DNS rebinding) gains nothing.

import { lookup } from "node:dns/promises";
import process from "node:process";
import { LIMITS } from "../../src/model/limits.ts";
import { isAddress, isPublicAddress } from "./addresses.ts";
import { bound } from "./connection.ts";
import { httpError, lookupError } from "./error_codes.ts";

interface Known {
  addresses: string[];
  untilMs: number;
}

/** Addresses by name. */
export class AddressBook {
  readonly #known = new Map<string, Known>();
  readonly #resolve: (host: string) => Promise<string[]>;

  constructor(resolve: (host: string) => Promise<string[]> = resolveBySystem) {
    this.#resolve = resolve;
  }

  /** Where to connect for `host` (as a URL has it), in order; never empty. Throws an error code. */
  async find(host: string, allowsPrivate: boolean, timeoutMs: number): Promise<string[]> {
    const plain = host.startsWith("[") ? host.slice(1, -1) : host;
    const addresses = isAddress(plain) ? [plain] : await this.#lookUp(plain, timeoutMs);
    const allowed = allowsPrivate ? addresses : addresses.filter(isPublicAddress);
    if (allowed.length === 0) throw httpError("destination-IP-prohibited");
    return allowed;
  }

  /** What was found did not answer: ask again next time. */
  forget(host: string): void {
    this.#known.delete(host);
  }

  async #lookUp(host: string, timeoutMs: number): Promise<string[]> {
    const now = performance.now();
    const known = this.#known.get(host);
    if (known && known.untilMs > now) return known.addresses;
    let addresses: string[];
    try {
      addresses = await bound(this.#resolve(host), timeoutMs, () => httpError("DNS-timeout"), () => {});
    } catch (error) {
      throw lookupError(error);
    }
    if (addresses.length === 0) throw lookupError({ code: "ENODATA" });
    if (this.#known.size >= LIMITS.httpClientNamesKept) this.#known.clear();
    this.#known.set(host, { addresses, untilMs: now + LIMITS.httpClientNameMs });
    return addresses;
  }
}

async function resolveBySystem(host: string): Promise<string[]> {
  // Deno 2.6's own module warns about another one it uses; nobody who reads our log can mend that.
  (process as { noDeprecation?: boolean }).noDeprecation = true;
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
