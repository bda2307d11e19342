// Takes the lock of a data folder, says so, starts a child of its own that outlives it, and waits to be killed.

import { FolderLock } from "../../src/store/folder_lock.ts";

const [folder] = Deno.args;
await FolderLock.acquire(folder, { pid: Deno.pid, name: "holder", socket: "/run/holder.sock" });
const child = new Deno.Command("sleep", { args: ["60"], stdin: "null", stdout: "null", stderr: "null" })
  .spawn();
console.log(`held ${child.pid}`);
await Deno.stdin.read(new Uint8Array(1));
