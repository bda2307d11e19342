// Completion scripts: bash's is sourced in a real bash where there is one; the others are held to the verb table.

import { deepEqual, equal, ok } from "node:assert/strict";
import { formatBash } from "./completions_bash.ts";
import { formatFish } from "./completions_fish.ts";
import { formatZsh } from "./completions_zsh.ts";
import { nameOf } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const SHOWN = VERBS.filter((verb) => !verb.internal);

/** Path of a shell, or undefined where there is none. */
function findShell(name: string): string | undefined {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      if (Deno.statSync(`${folder}/${name}`).isFile) return `${folder}/${name}`;
    } catch { /* not in this one */ }
  }
}

async function runShell(shell: string, script: string, cwd: string): Promise<string> {
  const args = ["-c", script];
  const { code, stdout, stderr } = await new Deno.Command(shell, { args, cwd, clearEnv: true }).output();
  const errors = new TextDecoder().decode(stderr);
  ok(code === 0 && errors === "", errors);
  return new TextDecoder().decode(stdout);
}

const bash = findShell("bash");

/** What bash offers with the cursor behind the last of `words`. */
async function completeInBash(words: string[], cwd = "/"): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${formatBash(SHOWN)}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}
_holdfast 2>&1
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await runShell(bash!, script, cwd)).split("\n").filter((line) => line !== "");
}

Deno.test("bash completes verbs, their second words, and help's", { ignore: !bash }, async () => {
  const firsts = [...new Set(SHOWN.map((verb) => verb.path[0]))];
  deepEqual(await completeInBash(["holdfast", ""]), firsts);
  deepEqual(await completeInBash(["holdfast", "com"]), ["component", "completions"]);
  deepEqual(await completeInBash(["holdfast", "app", "a"]), ["apply"]);
  deepEqual(await completeInBash(["holdfast", "help", "st"]), ["status"]);
});

Deno.test("bash completes the options of each verb and no other's", { ignore: !bash }, async () => {
  for (const verb of SHOWN) {
    const options = verb.options.map((option) => `--${option.name}`);
    deepEqual(await completeInBash(["holdfast", ...verb.path, "--"]), [...options, "--help"], nameOf(verb));
  }
  deepEqual(await completeInBash(["holdfast", "--v"]), ["--version"]);
  deepEqual(await completeInBash(["holdfast", "status", "--json", "--w"]), ["--watch"]);
});

Deno.test("bash completes choices, files and folders where they are meant", { ignore: !bash }, async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a file.yaml`, "");
  await Deno.mkdir(`${folder}/a folder`);
  const at = (...words: string[]) => completeInBash(["holdfast", ...words], folder);
  deepEqual(await at("up", "--log-level", ""), ["debug", "info", "error"]);
  deepEqual(await at("up", "--log-format", "=", "j"), ["json"]);
  deepEqual(await at("up", "--log-format", "="), ["text", "json"]);
  deepEqual((await at("up", "--manifest", "a")).sort(), ["a file.yaml", "a folder"]);
  deepEqual(await at("up", "--data", "a"), ["a folder"]);
  deepEqual((await at("app", "apply", "a")).sort(), ["a file.yaml", "a folder"]);
  deepEqual(await at("completions", "z"), ["zsh"]);
  deepEqual(await at("up", "--cells", ""), []);
  await Deno.remove(folder, { recursive: true });
});

for (const [name, format] of [["zsh", formatZsh], ["fish", formatFish]] as const) {
  Deno.test(`${name}'s script names every verb and option`, () => {
    const text = format(SHOWN);
    for (const verb of SHOWN) {
      for (const word of verb.path) ok(text.includes(word), word);
      for (const { name, summary } of verb.options) {
        ok(text.includes(name) && text.includes(summary.split("'")[0]));
      }
    }
    ok(!text.includes("transpile"));
  });

  const shell = findShell(name);
  Deno.test(`${name} reads its script without a word`, { ignore: !shell }, async () => {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, format(SHOWN));
    equal(await runShell(shell!, `${name} -n ${path}`, "/"), "");
    await Deno.remove(path);
  });
}
