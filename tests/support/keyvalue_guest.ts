// The keyvalue provider over a folder in memory, as a guest sees it.

import assert from "node:assert/strict";
import { KEYVALUE } from "../../providers/keyvalue.ts";
import type { Bucket } from "../../providers/keyvalue/functions.ts";
import { type Call, WitError } from "../../src/model/call.ts";
import type { Config, ResolvedLink } from "../../src/model/link.ts";
import { MemoryFolder } from "../../src/store/memory_folder.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { fakeProviderContext, testLink } from "./provider_context.ts";

/** A link from a shop to the provider. */
export function makeKeyvalueLink(targetConfig: Config = {}): ResolvedLink {
  const link = testLink({ source: "shop", target: "kv", targetConfig });
  return { ...link, package: "keyvalue", interfaces: ["store", "atomics", "batch"] };
}

/** A Call of a function named `store.open` and so on. */
export function makeKeyvalueCall(name: string, args: unknown[], version?: string): Call {
  const [iface, func] = name.split(/\.(.*)/);
  return {
    source: "shop",
    linkName: "default",
    interface: `wasi:keyvalue/${iface}`,
    version,
    function: func,
    args,
    deadlineMs: Infinity,
    depth: 1,
  };
}

/** A provider over a folder in memory, with a guest's view of it. */
export class KeyvalueGuest {
  readonly store: MemoryStore;
  readonly #provider;
  readonly #link;
  version: string | undefined;

  constructor(folder = new MemoryFolder(), config: Config = {}) {
    this.store = new MemoryStore({ folder });
    this.#provider = KEYVALUE.create(fakeProviderContext({ id: "kv", kind: "keyvalue", store: this.store }));
    this.#link = makeKeyvalueLink(config);
    this.#provider.bind(this.#link);
  }

  call(name: string, ...args: unknown[]): unknown {
    return this.#provider.call(makeKeyvalueCall(name, args, this.version), this.#link);
  }

  open(name: string): Bucket {
    return this.call("store.open", name) as Bucket;
  }

  get(bucket: Bucket, key: string): string | undefined {
    const value = this.call("store.[method]bucket.get", bucket, key) as Uint8Array | undefined;
    return value && new TextDecoder().decode(value);
  }

  async set(bucket: Bucket, key: string, value: string): Promise<void> {
    await this.call("store.[method]bucket.set", bucket, key, new TextEncoder().encode(value));
  }

  listPage(bucket: Bucket, cursor: unknown): { keys: string[]; cursor: unknown } {
    return this.call("store.[method]bucket.list-keys", bucket, cursor) as { keys: string[]; cursor: unknown };
  }
}

/** Asserts that `run` fails with this case of the WIT error. */
export async function rejectsWith(run: () => unknown, tag: string, text: RegExp = /./): Promise<void> {
  await assert.rejects(async () => await run(), (e) => {
    assert.ok(e instanceof WitError, `${e}`);
    const payload = e.payload as { tag: string; val?: unknown };
    assert.equal(payload.tag, tag);
    if (tag === "other") assert.match(String(payload.val), text);
    return true;
  });
}
