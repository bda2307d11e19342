import assert from "node:assert/strict";
import { COMPONENT_LIMITS, COMPONENT_LIMITS_RANGE } from "../limits.ts";
import type { Json } from "./manifest.ts";
import { checkOwnTrait, parseConnectRule, readRuntime } from "./own_traits.ts";
import { Findings, toNode } from "./reading.ts";

function check(type: string, properties: Json): string[] {
  const found = new Findings();
  checkOwnTrait(found, toNode(properties, "p"), type);
  return found.problems.map((problem) => `${problem.path}: ${problem.message}; ${problem.mend}`);
}

Deno.test("readRuntime() gives the defaults for an absent or empty trait", () => {
  for (const node of [undefined, toNode({})]) {
    const found = new Findings();
    assert.deepEqual(readRuntime(found, node), {
      limits: { ...COMPONENT_LIMITS },
      args: [],
      environment: {},
    });
    assert.deepEqual(found.problems, []);
  }
});

Deno.test("checkOwnTrait() names the nearest field, or all of them", () => {
  assert.match(
    check("runtime", { memroy: 1 })[0],
    /^p\.memroy: unknown field "memroy"; did you mean "memory"\?$/,
  );
  assert.match(check("runtime", { colour: 1 })[0], /known here: instancing, instancesMax, .*environment$/);
  assert.match(
    check("filesystem", { preopens: [{ guest: "/a", host: "b", readonly: true }] })[0],
    /did you mean "readOnly"/,
  );
  assert.match(check("network", { conect: [] })[0], /did you mean "connect"/);
});

Deno.test("checkOwnTrait() holds every bound to its range and says why", () => {
  const fields: Record<string, [below: Json, above: Json]> = {
    instancesMax: [0, 10_001],
    waitingMax: [-1, 1e6],
    callsPerInstanceMax: [0, 1e10],
    idle: ["-1s", "2d"],
    memory: ["1KiB", "5GiB"],
    tableElements: [-1, 1e8],
    deadline: [-1, "25h"],
    slice: ["500us", "50ms"],
    body: [-1, "1TiB"],
    headers: ["100B", "1MiB"],
    hostCalls: [0, 1e13],
    handles: [0, 1e6],
    log: [-1, "1GiB"],
  };
  assert.equal(Object.keys(fields).length, Object.keys(COMPONENT_LIMITS_RANGE).length);
  for (const [field, [below, above]] of Object.entries(fields)) {
    assert.equal(check("runtime", { [field]: below }).length, 1, field);
    assert.match(check("runtime", { [field]: above })[0], /is out of range: .+; use .+ to .+/, field);
  }
});

Deno.test("checkOwnTrait() refuses values of other kinds without a crash", () => {
  const odd: Json[] = [null, true, 1.5, "x", [], {}, [null], { a: null }, ["a"], "none"];
  const fields = ["instancing", "instancesMax", "idle", "memory", "slice", "args", "environment"];
  for (const value of odd) {
    for (const field of fields) check("runtime", { [field]: value });
    for (const type of ["runtime", "filesystem", "network"]) check(type, value);
    for (const key of ["guest", "host", "readOnly"]) {
      check("filesystem", { preopens: [{ guest: "/a", host: "/b", [key]: value }] });
    }
    check("network", { connect: value, listen: [value], lookup: value });
  }
  assert.match(check("runtime", { memory: true })[0], /expected a size; write it like "64MiB"/);
  assert.match(check("runtime", { environment: { A: 1 } })[0], /p\.environment\.A: .*quote it: "1"/);
  assert.match(check("runtime", null)[0], /expected a map/);
});

Deno.test("checkOwnTrait() refuses folders that are not absolute for the guest, or given twice", () => {
  const one = (guest: string) => ({ guest, host: "/x" });
  for (const guest of ["data", "/../etc", "/a/./b", "/a\0"]) {
    assert.equal(check("filesystem", { preopens: [one(guest)] }).length, 1, guest);
  }
  assert.match(check("filesystem", { preopens: [one("/a"), one("/a")] })[0], /given twice/);
});

Deno.test("parseConnectRule() reads hosts, wildcards, IPv6 and networks", () => {
  assert.deepEqual(parseConnectRule("db.local:5432"), { host: "db.local", port: 5432, cidr: false });
  assert.deepEqual(parseConnectRule("*:443"), { host: "*", port: 443, cidr: false });
  assert.deepEqual(parseConnectRule("db:*"), { host: "db", port: "*", cidr: false });
  assert.deepEqual(parseConnectRule("[fe80::1]:80"), { host: "[fe80::1]", port: 80, cidr: false });
  assert.deepEqual(parseConnectRule("cidr:10.0.0.0/8:5432"), { host: "10.0.0.0/8", port: 5432, cidr: true });
  for (
    const text of [
      "",
      ":",
      "a",
      "a:",
      ":80",
      "a:0",
      "a:65536",
      "a b:1",
      "http://a:1",
      "::1:80",
      "cidr:10.0.0.0:1",
      "-a:1",
    ]
  ) {
    assert.equal(parseConnectRule(text), undefined, text);
  }
});
