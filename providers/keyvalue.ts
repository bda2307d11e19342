// The built-in `keyvalue` provider: wasi:keyvalue store, atomics and batch on the host's own durable store. What a guest
// is told succeeded is on the disk. A bucket exists once something is in it; links that open the same name share it.
//
// Settings, on the link's target end or on the provider itself (the link's win):
//   buckets  names that a component may open, separated by commas; any other is `access-denied`. Absent: any name.
//   bucket   the bucket that every name maps to, after `buckets` has let it pass. Absent: the name itself.
// Names that begin with "holdfast/" are the host's own. Settings of other keyvalue providers are ignored, so that a
// manifest written for wasmCloud's runs unchanged. The functions themselves are in keyvalue/functions.ts.

import type { Call } from "../src/model/call.ts";
import { Fault } from "../src/model/fault.ts";
import { LIMITS } from "../src/model/limits.ts";
import type { Config, ResolvedLink } from "../src/model/link.ts";
import type { StoreTransaction } from "../src/model/ports.ts";
import type { Provider, ProviderContext, ProviderKind } from "../src/model/provider.ts";
import { ListingCursors } from "./keyvalue/cursors.ts";
import { type KeyvalueScope, runFunction } from "./keyvalue/functions.ts";

/** The row for the provider table. */
export const KEYVALUE: ProviderKind = {
  offers: ["wasi:keyvalue/store", "wasi:keyvalue/atomics", "wasi:keyvalue/batch"],
  calls: [],
  implicit: false,
  check: ({ link, config }) => void parseSettings({ ...config, ...link?.target }),
  create: (context) => new Keyvalue(context),
};

/** Names that begin so hold the host's own rows. */
const RESERVED_PREFIX = "holdfast/";

/** Which bucket a name opens; undefined where the link does not allow it. */
type ResolveBucket = (name: string) => string | undefined;

class Keyvalue implements Provider {
  readonly #context: ProviderContext;
  readonly #cursors: ListingCursors;
  readonly #bound = new Map<string, ResolveBucket>();
  readonly #writing = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor(context: ProviderContext) {
    this.#context = context;
    this.#cursors = new ListingCursors(context.store, `${RESERVED_PREFIX}cursors`);
  }

  start(): Promise<void> {
    return Promise.resolve().then(() => void parseSettings(this.#context.spec.config));
  }

  bind(link: ResolvedLink): void {
    this.#bound.set(link.key, parseSettings({ ...this.#context.spec.config, ...link.targetConfig }));
  }

  unbind(key: string): void {
    this.#bound.delete(key);
  }

  call(call: Call, link: ResolvedLink): unknown {
    const { id } = this.#context.spec;
    const attempted = `call ${call.interface} ${call.function}`;
    if (this.#isStopped) {
      throw new Fault("unavailable", `${attempted}: the provider "${id}" is stopping; try again`);
    }
    const resolveBucket = this.#bound.get(link.key);
    if (!resolveBucket) {
      throw new Fault(
        "denied",
        `${attempted}: ${link.source} has no link to the provider "${id}"; declare one`,
      );
    }
    const scope: KeyvalueScope = {
      resolveBucket,
      version: call.version,
      store: this.#context.store,
      cursors: this.#cursors,
      write: (work) => this.#write(work),
    };
    return runFunction(scope, call);
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    const { clock } = this.#context;
    const ended = new AbortController();
    await Promise.race([
      Promise.allSettled(this.#writing),
      clock.sleep(Math.max(0, deadlineMs - clock.monotonicMs()), ended.signal).catch(() => {}),
    ]);
    ended.abort();
    this.#bound.clear();
  }

  #write<T>(work: (transaction: StoreTransaction) => T): Promise<T> {
    const writing = this.#context.store.transact(work);
    this.#writing.add(writing);
    const end = () => void this.#writing.delete(writing);
    writing.then(end, end);
    return writing;
  }
}

/** Reads the settings of a link; a bad one is refused by name. */
function parseSettings(config: Config): ResolveBucket {
  const { bucket } = config;
  const buckets = config.buckets?.split(",").map((name) => name.trim());
  for (const [setting, names] of [["bucket", [bucket]], ["buckets", buckets ?? []]] as const) {
    for (const name of names) {
      if (name !== undefined) checkBucketName(setting, name);
    }
  }
  const allowed = buckets && new Set(buckets);
  return (name) => {
    const isAllowed = allowed ? allowed.has(name) : !name.startsWith(RESERVED_PREFIX);
    return isAllowed ? bucket ?? name : undefined;
  };
}

function checkBucketName(setting: string, name: string): void {
  const attempted = `keyvalue setting ${setting}`;
  if (name === "") {
    throw new Fault("bad_request", `${attempted}: a bucket name is empty; remove it or name a bucket`);
  }
  if (name.startsWith(RESERVED_PREFIX)) {
    const message =
      `${attempted}: "${name}" begins with "${RESERVED_PREFIX}", which the host keeps to itself; rename it`;
    throw new Fault("bad_request", message);
  }
  if (new TextEncoder().encode(name).length > LIMITS.bucketBytesMax) {
    const message = `${attempted}: "${
      name.slice(0, 40)
    }…" is longer than ${LIMITS.bucketBytesMax} bytes; shorten it`;
    throw new Fault("bad_request", message);
  }
}
