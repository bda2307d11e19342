// The files a host must refuse with a clear word: each is wrong in one way. Called by `fixtures.ts`.

import { buildC, buildCoreC, type Fixture } from "./fixtures_build.ts";

/** The eight bytes every component and every module starts with: the magic, and which of the two it is. */
const HEADER = 8;

/** Breaks the first section of the first module inside; what is around it still reads well. */
function corrupted(component: Uint8Array): Uint8Array {
  const copy = component.slice();
  const module = new TextDecoder("latin1").decode(copy).indexOf("\0asm", HEADER);
  copy.fill(0xff, module + HEADER, module + HEADER + 4);
  return copy;
}

/** File name -> bytes. */
export async function buildInvalid(fixture: Fixture): Promise<Map<string, Uint8Array>> {
  const hello: Fixture = { name: "hello", language: "c" };
  const sound = await buildC(hello);
  return new Map([
    ["nobody.wasm", await buildC(fixture)],
    ["core-module.wasm", await buildCoreC(hello)],
    ["truncated.wasm", sound.slice(0, Math.floor(sound.length / 2))],
    ["corrupt.wasm", corrupted(sound)],
    // A component by the letter, with nothing to call in it.
    ["empty-component.wasm", sound.slice(0, HEADER)],
    ["empty.wasm", new Uint8Array()],
    ["text.wasm", new TextEncoder().encode("This is not a component; it is a sentence.\n")],
  ]);
}
