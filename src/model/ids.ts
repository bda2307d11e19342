// Names of things, as branded strings so that one kind cannot be passed for another, and their parsers.

import { Fault } from "./fault.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Identity of a component or provider within a lattice, e.g. `cold_chain-probe`. */
export type EntityId = Branded<"EntityId">;
/** Lower-case hex SHA-256 of an artifact's bytes. */
export type Digest = Branded<"Digest">;

/** Longest id we take: it becomes a NATS subject token and a metric label, and nobody types more. */
const ID_LENGTH_MAX = 128;

/** Reads an id; it may hold letters, digits, `-` and `_`, because it becomes one token of a NATS subject. */
export function parseEntityId(text: string): EntityId {
  if (!/^[-\w]+$/.test(text) || text.length > ID_LENGTH_MAX) {
    throw new Fault(
      "bad_request",
      `id "${
        text.slice(0, ID_LENGTH_MAX)
      }" is not usable: use 1 to ${ID_LENGTH_MAX} letters, digits, "-" and "_"`,
    );
  }
  return text as EntityId;
}

/** Reads a digest, with or without its `sha256:` prefix. */
export function parseDigest(text: string): Digest {
  const hex = text.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new Fault("bad_request", `"${text}" is not a digest: expected sha256: and 64 hex digits`);
  }
  return hex as Digest;
}

/** Lower-case, with every character outside `[a-z0-9]` as `_`: how wadm derives ids and config names. */
export function sanitize(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]/g, "_");
}

/** The id of an application's component that declares none of its own (wadm's rule). */
export function deriveEntityId(application: string, component: string): EntityId {
  return parseEntityId(`${sanitize(application)}-${sanitize(component)}`);
}
