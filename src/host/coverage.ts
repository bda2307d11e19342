// Whether a component can start: every import it has must be answered by the runtime, by a provider that needs no link,
// or along a link whose target offers it. Asked when an application is applied and when a host boots. Pure.

import { Fault } from "../model/fault.ts";
import type { Link } from "../model/link.ts";
import type { ComponentWit, WitInterface } from "../model/wit.ts";
import { functionsOf, parseInterfaceName, withoutVersion } from "../model/wit.ts";
import { describeFunction } from "../model/wit_describe.ts";

/** What is known of everything a component could be linked to. */
export interface Surroundings {
  links: readonly Link[];
  /** Interfaces (no version) that the runtime answers by itself. */
  isBuiltin(name: string): boolean;
  /** Of those, the ones that need a link all the same. */
  needsLink(name: string): boolean;
  /** Interfaces served without a declared link, e.g. logging. */
  implicit: ReadonlySet<string>;
  /** What a link's target offers: a provider's interfaces, or a component's exports. */
  offers(target: string): { interfaces: ReadonlySet<string>; wit?: ComponentWit } | undefined;
}

/** How one import is answered. */
export interface Coverage {
  /** Full name, with version. */
  name: string;
  /** Undefined: nothing answers it, `mend` says what to do. */
  coveredBy?: string;
  mend?: string;
}

/** Interfaces that ask one name and are answered by another: outgoing HTTP by a component that takes incoming HTTP. */
const ANSWERED_AS: Record<string, string> = { "wasi:http/outgoing-handler": "wasi:http/incoming-handler" };

/** How each import of a component is answered. */
export function coverImports(id: string, wit: ComponentWit, around: Surroundings): Coverage[] {
  return Object.entries(wit.imports).map(([name, entry]) => {
    const parts = parseInterfaceName(name);
    if (!parts) {
      return {
        name,
        mend: `import "${name}" is a bare function; put it in an interface, bare functions cannot be linked`,
      };
    }
    const plain = withoutVersion(name);
    if (around.isBuiltin(plain) && !around.needsLink(plain)) return { name, coveredBy: "host" };
    const link = around.links.find((candidate) =>
      candidate.source === id && candidate.namespace === parts.namespace &&
      candidate.package === parts.package &&
      candidate.interfaces.includes(parts.interface)
    );
    if (!link) {
      // An interface of types alone asks for nothing.
      if (entry.kind === "instance" && !functionsOf(entry).length) return { name, coveredBy: "types only" };
      if (around.implicit.has(plain)) return { name, coveredBy: "host" };
      return { name, mend: missingLink(parts) };
    }
    return coverByLink(name, entry as WitInterface, link, around);
  });
}

function missingLink(parts: { namespace: string; package: string; interface: string }): string {
  return `no link covers ${parts.namespace}:${parts.package}/${parts.interface}; add to the component's traits: ` +
    `{type: link, properties: {target: {name: …}, namespace: ${parts.namespace}, package: ${parts.package}, interfaces: [${parts.interface}]}}`;
}

function coverByLink(name: string, entry: WitInterface, link: Link, around: Surroundings): Coverage {
  const offered = around.offers(link.target);
  const plain = withoutVersion(name);
  const wanted = offered?.interfaces.has(plain) ? plain : ANSWERED_AS[plain];
  if (!offered?.interfaces.has(wanted)) {
    const has = offered ? [...offered.interfaces].join(", ") || "nothing" : "not on this host";
    return {
      name,
      mend: `the link leads to ${link.target}, which does not offer ${plain} (it offers: ${has})`,
    };
  }
  const mismatch = offered.wit && wanted === plain ? compareInterfaces(entry, plain, offered.wit) : undefined;
  if (mismatch) return { name, mend: `${link.target} offers ${plain}, but not as it is wanted: ${mismatch}` };
  return { name, coveredBy: link.target };
}

/** Undefined when every wanted function is exported with the same types. */
function compareInterfaces(wanted: WitInterface, plain: string, wit: ComponentWit): string | undefined {
  const found = Object.entries(wit.exports).find(([name]) => withoutVersion(name) === plain)?.[1];
  if (found?.kind !== "instance") return undefined;
  const exported = new Map(functionsOf(found));
  for (const [name, func] of functionsOf(wanted)) {
    const other = exported.get(name);
    if (!other) return `it has no function ${name}`;
    const [asked, given] = [describeFunction(func), describeFunction(other)];
    if (asked !== given) return `${name} is ${given}, wanted is ${asked}`;
  }
  return undefined;
}

/** Throws when anything is not covered: names the component, every interface and the mend. */
export function requireCovered(id: string, coverage: readonly Coverage[]): void {
  const missing = coverage.filter(({ coveredBy }) => coveredBy === undefined);
  if (!missing.length) return;
  const list = missing.map(({ name, mend }) => `${name}: ${mend}`).join("\n  ");
  throw new Fault("denied", `component ${id} cannot start, it imports what nothing gives it:\n  ${list}`, {
    detail: { component: id, imports: missing.map(({ name }) => name) },
  });
}
