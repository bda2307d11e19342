// The log: both formats, levels, and that nothing logged can be mistaken for a line of ours.

import { deepEqual, equal, match } from "node:assert/strict";
import type { Log } from "../model/ports.ts";
import { createLog, escapeControls, type LogOptions } from "./log.ts";

/** 2026-01-31 in whatever time zone the test runs, at 12:34:56.789. */
const TIME = new Date(2026, 0, 31, 12, 34, 56, 789).getTime();

function record(options: Partial<LogOptions>, write: (log: Log) => void): string[] {
  const lines: string[] = [];
  const all = { level: "debug", format: "text", toJournal: false, nowMs: () => TIME, ...options } as const;
  write(createLog({ ...all, write: (line) => lines.push(line) }));
  return lines;
}

Deno.test("a text line has time, level, component, message and fields", () => {
  const lines = record({}, (log) => {
    log.info("sold", { component: "shop-till", count: 3, name: "two words", empty: "", left: undefined });
    log.error("gone");
    log.debug("big", { value: 10n, list: [1, "a"], bytes: new Uint8Array(3) });
  });
  deepEqual(lines, [
    '12:34:56.789 INFO  [shop-till] sold count=3 name="two words" empty=""\n',
    "12:34:56.789 ERROR gone\n",
    '12:34:56.789 DEBUG big value=10 list="[1,\\"a\\"]" bytes="3 bytes"\n',
  ]);
});

Deno.test("fields of with() stand on every line, and later ones win", () => {
  const lines = record({}, (log) => log.with({ component: "a", x: 1 }).with({ x: 2 }).info("m", { y: 3 }));
  deepEqual(lines, ["12:34:56.789 INFO  [a] m x=2 y=3\n"]);
});

Deno.test("the level leaves out what is less important", () => {
  const write = (log: Log) => {
    log.debug("d");
    log.info("i");
    log.error("e");
  };
  equal(record({ level: "debug" }, write).length, 3);
  equal(record({ level: "info" }, write).length, 2);
  equal(record({ level: "error" }, write).length, 1);
});

Deno.test("a guest cannot write lines, fields or terminal commands of its own", () => {
  const evil = '\n12:00:00.000 ERROR [host] fake\r\x1b[2J\x9b31m\u202e" x="1';
  const [line] = record({}, (log) => log.info(evil, { component: evil, said: evil, [evil]: 1 }));
  // deno-lint-ignore no-control-regex
  equal(line.slice(0, -1).match(/[\x00-\x1f\x7f-\x9f\u202e]/), null);
  match(line, /\\n12:00:00.000 ERROR/);
  match(line, / said="\\n12/);
  const [json] = record({ format: "json" }, (log) => log.info(evil, { said: evil, level: "fake", time: 0 }));
  // deno-lint-ignore no-control-regex
  equal(json.slice(0, -1).match(/[\x00-\x1f\x7f-\x9f\u202e]/), null);
  const read = JSON.parse(json);
  deepEqual([read.message, read.said, read.level, read.level_], [evil, evil, "info", "fake"]);
});

Deno.test("a JSON line is one object with the time in UTC", () => {
  const [line] = record(
    { format: "json" },
    (log) => log.error("m", { n: 1n, error: new Error("why"), list: [2n] }),
  );
  const { error, ...rest } = JSON.parse(line);
  deepEqual(rest, { time: new Date(TIME).toISOString(), level: "error", message: "m", n: "1", list: ["2"] });
  match(error, /^Error: why/);
});

Deno.test("the journal gets a priority and no second time", () => {
  const write = (log: Log) => {
    log.debug("d");
    log.info("i");
    log.error("e");
  };
  deepEqual(record({ toJournal: true }, write), ["<7>DEBUG d\n", "<6>INFO  i\n", "<3>ERROR e\n"]);
});

Deno.test("a field that cannot be printed never loses the line", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const hostile = {
    toJSON: () => {
      throw new Error("no");
    },
  };
  for (const format of ["text", "json"] as const) {
    equal(record({ format }, (log) => log.info("m", { cycle, hostile, f: () => 1 })).length, 1);
  }
});

Deno.test("a giant text is cut and says so", () => {
  const [line] = record({}, (log) => log.info("x".repeat(1_000_000)));
  match(line, /x… \(983616 more characters\)\n$/);
});

Deno.test("escapeControls() leaves what is readable alone", () => {
  equal(escapeControls('grüße "€" 漢字 🎉 \\'), 'grüße "€" 漢字 🎉 \\');
  equal(escapeControls("a\tb\u0085"), "a\\tb\\u0085");
});
