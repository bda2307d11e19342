import assert from "node:assert/strict";
import { randomType, randomValue } from "../../../tests/support/random_wit.ts";
import { Seeded } from "../../../tests/support/seeded.ts";
import { isFault } from "../fault.ts";
import { parseWave } from "./wave.ts";
import { formatWave } from "./wave_format.ts";
import { fromJson, toJson } from "./wit_json.ts";

const ROUNDS = 3_000;

Deno.test("formatWave() prints what parseWave() reads back, for random types and values", () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Seeded(seed);
    const type = randomType(random, 4);
    const value = randomValue(random, type);
    const text = formatWave(type, value);
    assert.deepEqual(parseWave(type, text), value, `seed ${seed}: ${text} of ${JSON.stringify(type)}`);
  }
});

Deno.test("toJson() prints what fromJson() reads back, for random types and values", () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Seeded(seed);
    const type = randomType(random, 4);
    const value = randomValue(random, type);
    const text = JSON.stringify(toJson(type, value));
    assert.deepEqual(
      fromJson(type, JSON.parse(text)),
      value,
      `seed ${seed}: ${text} of ${JSON.stringify(type)}`,
    );
  }
});

Deno.test("parseWave() and fromJson() refuse damaged texts with faults only", () => {
  let refused = 0;
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Seeded(seed);
    const type = randomType(random, 4);
    const value = randomValue(random, type);
    const texts = [formatWave(type, value), JSON.stringify(toJson(type, value))];
    for (const [index, text] of texts.entries()) {
      const letters = [...text];
      const at = random.below(letters.length);
      letters.splice(at, random.below(3), random.pick([..."{}[]():,\"'\\%-9ex\n", "\ud800", ""]));
      try {
        if (index === 0) parseWave(type, letters.join(""));
        else fromJson(type, JSON.parse(letters.join("")));
      } catch (error) {
        if (error instanceof SyntaxError) continue;
        refused++;
        const shown = `seed ${seed}: ${letters.join("")}`;
        assert.ok(isFault(error) && error.code === "bad_request", `${shown}: ${(error as Error).stack}`);
        assert.match(error.message, /.; ./, shown);
      }
    }
  }
  assert.ok(refused > ROUNDS / 4, `only ${refused} were refused`);
});

Deno.test("values of another type are faults of the component, for random pairs of types", () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = new Seeded(seed);
    const type = randomType(random, 3);
    const value = randomValue(random, randomType(random, 3));
    for (const write of [formatWave, toJson]) {
      try {
        write(type, value);
      } catch (error) {
        assert.ok(isFault(error) && error.code === "trapped", `seed ${seed}: ${(error as Error).stack}`);
      }
    }
  }
});
