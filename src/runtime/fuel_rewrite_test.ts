import assert from "node:assert/strict";
import { isFault } from "../model/fault.ts";
import { FUEL_EXPORT, rewriteCoreModule, TICK_EXPORT } from "./fuel_rewrite.ts";

const LIMITS = { memoryPagesMax: 4, tableElementsMax: 100 };

/** (module (memory 1 {max}) (func (export "spin") (loop (br 0))) (func (export "one") (result i32) (i32.const 1))) */
function spinner(minPages = 1): Uint8Array {
  // deno-fmt-ignore
  return Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0,
    1, 8, 2, 0x60, 0, 0, 0x60, 0, 1, 0x7f, // types
    3, 3, 2, 0, 1, // functions
    5, 3, 1, 0, minPages, // memory without a maximum
    7, 14, 2, 4, 115, 112, 105, 110, 0, 0, 3, 111, 110, 101, 0, 1, // exports
    10, 14, 2, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b, 4, 0, 0x41, 1, 0x0b); // code
}

function instantiate(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
}

Deno.test("rewriteCoreModule() makes an endless loop call out when its fuel is used up", () => {
  const exports = instantiate(rewriteCoreModule(spinner(), LIMITS));
  const fuel = exports[FUEL_EXPORT] as WebAssembly.Global;
  fuel.value = 1000;
  // The slot is empty, so the call out traps: what matters is that it happens.
  assert.throws(() => (exports.spin as () => void)(), WebAssembly.RuntimeError);
  assert.ok(exports[TICK_EXPORT] instanceof WebAssembly.Table);
  fuel.value = 1000;
  assert.equal((exports.one as () => number)(), 1);
});

Deno.test("rewriteCoreModule() caps memory at the limit and refuses what needs more", () => {
  const exports = instantiate(rewriteCoreModule(spinner(), LIMITS));
  assert.deepEqual(Object.keys(exports).sort(), [FUEL_EXPORT, TICK_EXPORT, "one", "spin"].sort());
  assert.throws(
    () => rewriteCoreModule(spinner(5), LIMITS),
    (error) => isFault(error) && error.code === "over_limit" && /5 memory pages/.test(error.message),
  );
});

Deno.test("rewriteCoreModule() leaves a module that cannot run away as it is", () => {
  // deno-fmt-ignore
  const plain = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0,
    7, 7, 1, 3, 111, 110, 101, 0, 0, 10, 6, 1, 4, 0, 0x41, 1, 0x0b);
  assert.deepEqual(rewriteCoreModule(plain, LIMITS), plain);
});
