// `deno task compile [--target TRIPLE]`: makes `dist/holdfast`, one executable that needs nothing beside it. With
// DENORT_BIN set, Deno takes that runtime instead of downloading one; it must fit the Deno that compiles.

import { parseArgs } from "node:util";
import { RUN_FLAGS } from "../src/runtime/self_command.ts";

/** Files the program reads at run time: the generators, whose wasm is compressed to keep the binary small. */
const INCLUDES = ["bindgen.js", "bindgen.core.bin.gz", "bindgen.core2.bin.gz"].map((name) =>
  `vendor/jco-1.10.2/${name}`
);

/** Bound of the binary, in bytes: what a branch's slow line carries in a few minutes. */
const BINARY_BYTES_MAX = 100_000_000;

const { values } = parseArgs({
  args: Deno.args,
  options: { target: { type: "string" }, output: { type: "string", default: "dist/holdfast" } },
});
const output = values.target ? `${values.output}-${values.target}` : values.output!;
await Deno.mkdir(output.replace(/\/[^/]*$/, ""), { recursive: true });

const args = [
  "compile",
  ...RUN_FLAGS,
  // Without it the binary writes a cache file into the system's temp folder at its first start.
  "--no-code-cache",
  ...INCLUDES.flatMap((path) => ["--include", path]),
  ...(values.target ? ["--target", values.target] : []),
  "--output",
  output,
  "main.ts",
];
console.error(`compile: ${output} with Deno ${Deno.version.deno} …`);
const { code } = await new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" })
  .output();
if (code !== 0) {
  console.error(
    "compile: failed. Deno downloads the runtime it puts into the binary; where that is out of reach, name one with DENORT_BIN.",
  );
  Deno.exit(code);
}
const { size } = await Deno.stat(output);
console.error(`compile: ${output}, ${(size / 1e6).toFixed(1)} MB (limit ${BINARY_BYTES_MAX / 1e6} MB)`);
// Debug symbols cannot be stripped afterwards: the program is appended to the executable, and strip would remove it.
if (size > BINARY_BYTES_MAX) {
  console.error(`compile: the binary is larger than ${BINARY_BYTES_MAX / 1e6} MB`);
  Deno.exit(1);
}
