// Help pages: complete, and made from the same table as the parser.

import { match, ok, throws } from "node:assert/strict";
import { FAULTS, isFault } from "../model/fault.ts";
import { formatHelp } from "./help.ts";
import { nameOf, variableOf } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const SHOWN = VERBS.filter((verb) => !verb.internal);

Deno.test("help lists every verb but the internal ones, and every exit code", () => {
  const text = formatHelp([], VERBS);
  for (const verb of SHOWN) match(text, new RegExp(`^  ${nameOf(verb)} .*${verb.summary}`, "m"));
  for (const verb of VERBS.filter((one) => one.internal)) ok(!text.includes(`\n  ${nameOf(verb)} `));
  for (const [code, { exit }] of Object.entries(FAULTS)) ok(text.includes(`${exit} ${code}`));
});

Deno.test("help on a verb shows each argument, and each option with variable, choices and default", () => {
  for (const verb of SHOWN) {
    const text = formatHelp(verb.path, VERBS);
    ok(text.includes(`Usage: holdfast ${nameOf(verb)}`));
    for (const { name, summary } of verb.positionals ?? []) ok(text.includes(name) && text.includes(summary));
    for (const option of verb.options) {
      const line = text.split("\n").find((one) => one.trimStart().startsWith(`--${option.name} `)) ?? "";
      for (const part of [option.value, option.summary, option.default, variableOf(option)]) {
        ok(line.includes(part ?? ""), `${nameOf(verb)} --${option.name}: ${part}`);
      }
      for (const choice of option.choices ?? []) ok(line.includes(choice));
    }
  }
});

Deno.test("help on the first word of several verbs lists those", () => {
  const text = formatHelp(["app"], VERBS);
  match(text, /app apply/);
  ok(!text.includes("component list"));
});

Deno.test("help on an unknown verb is refused with the nearest one", () => {
  throws(
    () => formatHelp(["stauts"], VERBS),
    (error) => isFault(error) && /did you mean "status"/.test(error.message),
  );
});

Deno.test("help says of a verb only what fits on one line each", () => {
  for (const verb of VERBS) {
    for (const text of [verb.summary, ...verb.options.map((option) => option.summary)]) {
      ok(text.length <= 80 && !text.endsWith(".") && !text.includes("\n"), text);
    }
  }
});
