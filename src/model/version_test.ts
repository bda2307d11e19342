// The version in code and the one in deno.json are the same one.

import { equal } from "node:assert/strict";
import { VERSION } from "./version.ts";

Deno.test("the version is the one in deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  equal(VERSION, JSON.parse(text).version);
});
