import type { Store } from "../model/ports.ts";
import { testStore } from "../../tests/suites/store_suite.ts";
import { SqliteStore } from "./sqlite_store.ts";

testStore("sqlite store", async () => {
  const folder = await Deno.makeTempDir({ prefix: "holdfast_store_" });
  const opened: Store[] = [];
  return {
    async open() {
      const store = await SqliteStore.open({ folder, isOwner: opened.length === 0 });
      opened.push(store);
      return store;
    },
    async remove() {
      for (const store of opened) await store.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
});
