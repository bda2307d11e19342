import assert from "node:assert/strict";
import { isFault } from "../model/fault.ts";
import type { WitInterface } from "../model/wit.ts";
import { decodeComponent } from "./wit_decode.ts";

const FIXTURES = new URL("../../fixtures/components/", import.meta.url);

function fixture(name: string): Promise<Uint8Array> {
  return Deno.readFile(new URL(`${name}/${name}.wasm`, FIXTURES));
}

Deno.test("decodeComponent() reads imports and exports with their types", async () => {
  const wit = decodeComponent(await fixture("kvprobe"), "kvprobe");
  const kv = wit.exports["test:kvprobe/kv@0.1.0"] as WitInterface;
  assert.equal(kv.kind, "instance");
  const functions = Object.entries(kv.exports).filter(([, entry]) => entry.kind === "func").map(([name]) =>
    name
  );
  assert.ok(functions.includes("increment"), functions.join());
  assert.ok(Object.keys(wit.imports).some((name) => name.startsWith("wasi:keyvalue/store@0.2.0-draft")));
});

Deno.test("decodeComponent() says what a file is that is no component", async () => {
  const component = await fixture("hello");
  const module = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  const refused = (bytes: Uint8Array, pattern: RegExp) =>
    assert.throws(
      () => decodeComponent(bytes, "it"),
      (error) => isFault(error) && error.code === "bad_request" && pattern.test(error.message),
    );
  refused(module, /core WebAssembly module/);
  refused(new TextEncoder().encode("hello, this is text"), /not a WebAssembly file/);
  refused(new Uint8Array(0), /not a WebAssembly file/);
  // Cut anywhere behind its head, it is refused and never read as something shorter.
  let refusals = 0;
  for (let length = 9; length < component.length; length += 97) {
    try {
      decodeComponent(component.subarray(0, length), "it");
    } catch (error) {
      assert.ok(isFault(error) && error.code === "bad_request");
      refusals++;
    }
  }
  assert.ok(refusals > 10);
});

Deno.test("decodeComponent() survives any damage", async () => {
  const component = await fixture("hello");
  let seed = 12345;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  for (let round = 0; round < 2000; round++) {
    const bytes = component.slice();
    for (let i = 0; i < 1 + random(8); i++) bytes[8 + random(bytes.length - 8)] = random(256);
    try {
      decodeComponent(bytes, "it");
    } catch (error) {
      assert.ok(isFault(error), `round ${round}: ${error}`);
    }
  }
});
