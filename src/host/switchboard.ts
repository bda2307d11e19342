// The one crossing of all Calls in a cell: finds the link, bounds the depth, then hands the Call to its target, be it a
// component here or a provider. No link, no call. A local target is a direct call; nothing here touches a network.

import { type Call, type CallTarget, deriveCall } from "../model/call.ts";
import { Fault } from "../model/fault.ts";
import { HTTP_INCOMING, HTTP_OUTGOING } from "../model/http.ts";
import { LIMITS } from "../model/limits.ts";
import { LinkTable, type ResolvedLink } from "../model/link.ts";

/** The components of the cell, as the switchboard sees them. */
export interface Components {
  has(id: string): boolean;
  call(id: string, call: Call): unknown | Promise<unknown>;
}

/** The providers of the cell, as the switchboard sees them. */
export interface Providers {
  /** Undefined when no provider has this id. */
  get(id: string): { call(call: Call, link: ResolvedLink): unknown | Promise<unknown> } | undefined;
  /** The link of `source` to the provider that serves every component by itself, if one offers this interface. */
  implicitLink(source: string, interfaceName: string): ResolvedLink | undefined;
}

/** Routes Calls. Created before its targets, which need it to call one another. */
export class Switchboard implements CallTarget {
  #links = new LinkTable([]);
  #components: Components | undefined;
  #providers: Providers | undefined;

  connect(targets: { components: Components; providers: Providers }): void {
    this.#components = targets.components;
    this.#providers = targets.providers;
  }

  /** From the next Call on, these links and no others are in force. */
  setLinks(links: readonly ResolvedLink[]): void {
    this.#links = new LinkTable(links);
  }

  call(call: Call): unknown | Promise<unknown> {
    if (call.depth > LIMITS.callDepthMax) {
      throw new Fault(
        "over_limit",
        `calls are nested more than ${LIMITS.callDepthMax} deep at ${call.source} -> ${call.interface}; do links form a cycle?`,
      );
    }
    const link = this.#links.find(call.source, call.interface, call.linkName, call.target) ??
      this.#providers?.implicitLink(call.source, call.interface);
    if (!link) throw denied(call);
    if (this.#components?.has(link.target)) return this.#components.call(link.target, toIncoming(call));
    const provider = this.#providers?.get(link.target);
    if (provider) return provider.call(call, link);
    throw new Fault(
      "unavailable",
      `${call.source} called ${call.interface} on ${link.target}, which is not on this host`,
    );
  }
}

/** A request that leaves one component enters the other. */
function toIncoming(call: Call): Call {
  return call.interface === HTTP_OUTGOING ? deriveCall(call, { interface: HTTP_INCOMING }) : call;
}

function denied(call: Call): Fault {
  const name = call.linkName === "default" ? "" : ` by the name "${call.linkName}"`;
  return new Fault(
    "denied",
    `${call.source} called ${call.interface}${name}, and no link allows it; add a link trait to it in its manifest`,
    { detail: { source: call.source, interface: call.interface, linkName: call.linkName } },
  );
}
