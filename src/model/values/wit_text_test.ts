import assert from "node:assert/strict";
import type { ComponentWit, WitFunction, WitResource, WitType } from "../wit.ts";
import { formatFunction, formatWit } from "./wit_text.ts";

const BUCKET: WitResource = { kind: "resource", name: "bucket" };
const ERROR: WitType = {
  kind: "variant",
  name: "error",
  cases: [["access-denied", null], ["other", { kind: "string" }]],
};
const ITEM: WitType = {
  kind: "record",
  name: "item",
  fields: [["type", { kind: "string" }], ["price", { kind: "option", of: { kind: "f64" } }]],
};

function func(params: [string, WitType][], result: WitType | null = null): WitFunction {
  return { kind: "func", async: false, params, result };
}

const SAMPLE: ComponentWit = {
  imports: {
    "wasi:keyvalue/store@0.2.0-draft": {
      kind: "instance",
      exports: {
        bucket: BUCKET,
        error: ERROR,
        open: func([["identifier", { kind: "string" }]], {
          kind: "result",
          ok: { kind: "own", of: BUCKET },
          err: ERROR,
        }),
        "[constructor]bucket": func([["name", { kind: "string" }]], { kind: "own", of: BUCKET }),
        "[method]bucket.get": func([["self", { kind: "borrow", of: BUCKET }], ["key", { kind: "string" }]], {
          kind: "list",
          of: { kind: "u8" },
        }),
        "[static]bucket.merge": func([["a", { kind: "own", of: BUCKET }]]),
      },
    },
    "wasi:keyvalue/atomics@0.2.0-draft": {
      kind: "instance",
      exports: {
        bucket: BUCKET,
        failure: ERROR,
        increment: func([["bucket", { kind: "borrow", of: BUCKET }]], {
          kind: "result",
          ok: null,
          err: ERROR,
        }),
      },
    },
    log: func([["list", { kind: "string" }]]),
  },
  exports: {
    "shop:catalog/catalog": {
      kind: "instance",
      exports: {
        item: ITEM,
        goods: { ...ITEM },
        size: { kind: "enum", name: "size", names: ["small", "large"] },
        cents: { kind: "u32", name: "cents" },
        find: func([["pairs", {
          kind: "list",
          of: { kind: "tuple", items: [{ kind: "u8" }, ITEM] },
          length: 4,
        }]], {
          kind: "result",
          ok: null,
          err: null,
        }),
      },
    },
    run: { kind: "func", async: true, params: [], result: { kind: "result", ok: { kind: "u8" }, err: null } },
  },
};

Deno.test("formatWit() prints the world, then every interface under its package", () => {
  assert.equal(
    formatWit(SAMPLE, "shop"),
    `world shop {
  import wasi:keyvalue/store@0.2.0-draft;
  import wasi:keyvalue/atomics@0.2.0-draft;
  import log: func(%list: string);
  export shop:catalog/catalog;
  export run: async func() -> result<u8>;
}

package wasi:keyvalue@0.2.0-draft {
  interface store {
    resource bucket {
      constructor(name: string);
      get: func(key: string) -> list<u8>;
      merge: static func(a: bucket);
    }
    variant error {
      access-denied,
      other(string),
    }
    open: func(identifier: string) -> result<bucket, error>;
  }
  interface atomics {
    use wasi:keyvalue/store@0.2.0-draft.{bucket, error as failure};
    increment: func(bucket: borrow<bucket>) -> result<_, error>;
  }
}

package shop:catalog {
  interface catalog {
    record item {
      %type: string,
      price: option<f64>,
    }
    type goods = item;
    enum size {
      small,
      large,
    }
    type cents = u32;
    find: func(pairs: list<tuple<u8, item>, 4>) -> result;
  }
}
`,
  );
});

Deno.test("formatWit() prints an empty component, and cuts types nested without end", () => {
  assert.equal(formatWit({ imports: {}, exports: {} }), "world component {\n}\n");
  let deep: WitType = { kind: "u8" };
  for (let index = 0; index < 100_000; index++) deep = { kind: "option", of: deep };
  assert.ok(formatWit({ imports: {}, exports: { run: func([["deep", deep]]) } }).length < 2_000);
});

Deno.test("formatFunction() prints one signature", () => {
  assert.equal(
    formatFunction(func([["key", { kind: "string" }]], { kind: "u64" })),
    "func(key: string) -> u64",
  );
});
