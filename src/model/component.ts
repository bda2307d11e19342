// What a component is to a host: identity, bytes by digest, bounds and what of the box it may touch.

import type { Digest, EntityId } from "./ids.ts";
import type { Config } from "./link.ts";
import type { ComponentLimits } from "./limits.ts";

/** A folder of the box that a component sees (`wasi:filesystem/preopens`). */
export interface Preopen {
  /** Absolute path the guest sees, e.g. `/data`. */
  guest: string;
  /** Absolute path on the box. */
  host: string;
  readOnly: boolean;
}

/** Where a component may connect or listen with `wasi:sockets`. Empty: nowhere. */
export interface SocketRules {
  /** `host:port`, `host:*` or `*:port`; names are allowed, `cidr:10.0.0.0/8:5432` too. */
  connect: string[];
  /** `address:port` a component may bind. */
  listen: string[];
  /** Names it may look up; `*` for any. */
  lookup: string[];
}

/** One component as a cell is told to hold it. Plain data: it crosses processes as JSON. */
export interface ComponentSpec {
  id: EntityId;
  /** Application and name in its manifest. */
  application: string;
  name: string;
  /** The reference it was declared with, for people. */
  image: string;
  digest: Digest;
  /** Instances wanted; 0 keeps the component known but refuses its calls. */
  instances: number;
  /** Names of configs, merged in order: its `wasi:config`, and its environment. */
  configNames: string[];
  /** The same, merged. */
  config: Config;
  limits: ComponentLimits;
  preopens: Preopen[];
  sockets: SocketRules;
  /** Command-line arguments after the program's name (`wasi:cli/environment`). */
  args: string[];
  /** Environment (`wasi:cli/environment`). */
  environment: Record<string, string>;
}

/** One capability provider as a cell is told to hold it. */
export interface ProviderSpec {
  id: EntityId;
  application: string;
  name: string;
  image: string;
  /** Which built-in: a key of the provider table, e.g. `http-server`. */
  kind: string;
  configNames: string[];
  config: Config;
}
