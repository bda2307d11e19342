// Attacks on wasi:filesystem: each way out of a preopen, tried on a real folder that has a secret next to it. After
// every test the secret must be unread, unchanged and alone.

import assert from "node:assert/strict";
import {
  bytes,
  filesystemTest,
  type GuestFilesystem,
  open,
  readFile,
  refuses,
  SECRET,
} from "../../../tests/support/guest_filesystem.ts";
import type { Descriptor } from "./filesystem_descriptor.ts";

/** Every function that takes a path, each of which must refuse a path that leads out. */
const PATH_FUNCTIONS: Record<string, (base: Descriptor, path: string) => unknown> = {
  "open-at": (base, path) => open(base, path),
  "open-at create": (base, path) => open(base, path, { write: true, create: true }),
  "open-at truncate": (base, path) => open(base, path, { write: true, truncate: true }),
  "open-at directory": (base, path) => base.openAt({ symlinkFollow: true }, path, { directory: true }, {}),
  "stat-at": (base, path) => base.statAt({ symlinkFollow: true }, path),
  "stat-at, no follow": (base, path) => base.statAt({}, path),
  "metadata-hash-at": (base, path) => base.metadataHashAt({ symlinkFollow: true }, path),
  "set-times-at": (base, path) =>
    base.setTimesAt({ symlinkFollow: true }, path, { tag: "now" }, { tag: "now" }),
  "create-directory-at": (base, path) => base.createDirectoryAt(path),
  "remove-directory-at": (base, path) => base.removeDirectoryAt(path),
  "unlink-file-at": (base, path) => base.unlinkFileAt(path),
  "readlink-at": (base, path) => base.readlinkAt(path),
  "rename-at from": (base, path) => base.renameAt(path, base, "stolen"),
  "rename-at to": (base, path) => base.renameAt("own", base, path),
  "link-at from": (base, path) => base.linkAt({ symlinkFollow: true }, path, base, "stolen"),
  "link-at to": (base, path) => base.linkAt({}, "own", base, path),
  "symlink-at": (base, path) => base.symlinkAt("own", path),
};

function makeOwn({ root }: GuestFilesystem): void {
  Deno.writeTextFileSync(`${root}/inside/own`, "own");
  Deno.mkdirSync(`${root}/inside/sub/deep`, { recursive: true });
}

filesystemTest("no function takes a path that climbs out", (guest) => {
  makeOwn(guest);
  const paths = [
    "../outside/secret",
    "sub/../../outside/secret",
    "sub/deep/../../../outside/secret",
    "./../outside/secret",
    "sub/./.././../outside/secret",
    "sub//..//..//outside/secret",
    "../inside/own",
    "..",
    "../",
    "sub/../..",
    "../outside/new",
    "../outside/",
  ];
  for (const path of paths) {
    for (const [name, call] of Object.entries(PATH_FUNCTIONS)) {
      refuses("not-permitted", () => call(guest.data, path), `${name} ${path}:`);
    }
  }
});

filesystemTest("no function takes an absolute path, even into the preopen", (guest) => {
  makeOwn(guest);
  for (
    const path of [
      `${guest.root}/outside/secret`,
      `${guest.root}/inside/own`,
      "/",
      "//",
      "/data/own",
      "/etc/passwd",
    ]
  ) {
    for (const [name, call] of Object.entries(PATH_FUNCTIONS)) {
      refuses("not-permitted", () => call(guest.data, path), `${name} ${path}:`);
    }
  }
});

filesystemTest("no function takes a NUL or an empty path", (guest) => {
  makeOwn(guest);
  for (const [name, call] of Object.entries(PATH_FUNCTIONS)) {
    for (const path of ["own\0", "own\0/../../outside/secret", "\0", "sub/\0"]) {
      refuses("invalid", () => call(guest.data, path), `${name} ${JSON.stringify(path)}:`);
    }
    refuses("no-entry", () => call(guest.data, ""), `${name}:`);
  }
  refuses("invalid", () => guest.data.symlinkAt("own\0", "link"));
});

filesystemTest("no function follows a symlink that was there and leads out", (guest) => {
  makeOwn(guest);
  const { root, data } = guest;
  Deno.symlinkSync(`${root}/outside/secret`, `${root}/inside/absolute`);
  Deno.symlinkSync("../outside/secret", `${root}/inside/relative`);
  Deno.symlinkSync("../outside", `${root}/inside/folder`);
  Deno.symlinkSync("folder", `${root}/inside/chain`);
  Deno.symlinkSync("../../outside", `${root}/inside/sub/climbs`);
  Deno.symlinkSync("/proc/self/root", `${root}/inside/proc`);
  const through = [
    "folder/secret",
    "folder/new",
    "chain/secret",
    "sub/climbs/secret",
    "sub/../folder/secret",
    "proc/etc/passwd",
    `proc${root}/outside/secret`,
  ];
  for (const path of through) {
    for (const [name, call] of Object.entries(PATH_FUNCTIONS)) {
      refuses("not-permitted", () => call(data, path), `${name} ${path}:`);
    }
  }
  for (const path of ["absolute", "relative", "folder", "chain", "folder/", "chain/", "folder/."]) {
    for (const name of ["open-at", "open-at create", "open-at truncate", "open-at directory", "stat-at"]) {
      refuses("not-permitted", () => PATH_FUNCTIONS[name](data, path), `${name} ${path}:`);
    }
    for (const name of ["metadata-hash-at", "set-times-at", "link-at from"]) {
      refuses("not-permitted", () => PATH_FUNCTIONS[name](data, path), `${name} ${path}:`);
    }
  }
  // Without following, the links themselves may be looked at and removed, and nothing beyond them is.
  assert.equal(data.statAt({}, "relative").type, "symbolic-link");
  refuses("not-permitted", () => data.readlinkAt("absolute"));
  refuses("loop", () => data.openAt({}, "relative", {}, { read: true }));
  refuses("not-permitted", () => data.statAt({}, "folder/"));
  refuses("not-directory", () => data.removeDirectoryAt("folder"));
  refuses("not-directory", () => data.removeDirectoryAt("folder/"));
  refuses("not-directory", () => data.unlinkFileAt("folder/"));
  refuses("not-directory", () => data.renameAt("folder/", data, "moved"));
  for (const path of ["absolute", "relative", "folder"]) data.unlinkFileAt(path);
});

filesystemTest("a guest cannot make a symlink that leads out, for itself or for others", (guest) => {
  makeOwn(guest);
  const { data, root } = guest;
  const targets = [
    "../outside/secret",
    "..",
    "sub/../../outside",
    "sub/../own",
    `${root}/outside/secret`,
    "/",
  ];
  for (const target of targets) {
    refuses("not-permitted", () => data.symlinkAt(target, "link"), `${target}:`);
  }
  refuses("not-permitted", () => data.symlinkAt("../../..", "sub/deep/link"));
  data.symlinkAt("../../own", "sub/deep/link");
  assert.equal(readFile(data, "sub/deep/link"), "own");
  // Moved up, the same link would lead out; it is not followed there.
  data.renameAt("sub/deep/link", data, "link");
  refuses("not-permitted", () => readFile(data, "link"));
  // From a folder opened on its own, a link may not climb above that folder either.
  const deep = data.openAt({}, "sub/deep", { directory: true }, {});
  refuses("not-permitted", () => deep.symlinkAt("../own", "up"));
});

filesystemTest("a folder opened inside is a base of its own, which `..` does not leave", (guest) => {
  makeOwn(guest);
  const sub = guest.data.openAt({}, "sub", { directory: true }, {});
  guest.data.renameAt("own", sub, "own");
  for (const [name, call] of Object.entries(PATH_FUNCTIONS)) {
    refuses("not-permitted", () => call(sub, "../new"), `${name}:`);
  }
  assert.equal(sub.statAt({}, "deep/..").type, "directory");
});

filesystemTest("a held folder that is moved does not lead out by its new parent", (guest) => {
  makeOwn(guest);
  const { root, data } = guest;
  const deep = data.openAt({}, "sub/deep", { directory: true }, {});
  Deno.renameSync(`${root}/inside/sub/deep`, `${root}/inside/deep`);
  refuses(["not-permitted", "no-entry"], () => readFile(deep, "../outside/secret"));
  refuses(["not-permitted", "no-entry"], () => readFile(deep, "../../outside/secret"));
});

filesystemTest(
  "preopens are separate: no rename and no hard link from one to the other",
  ({ imports, root }) => {
    const [[first], [second], [third]] = imports["wasi:filesystem/preopens"].getDirectories();
    Deno.writeTextFileSync(`${root}/inside/a/file`, "a");
    Deno.writeTextFileSync(`${root}/inside/c/file`, "c");
    refuses("cross-device", () => first.renameAt("file", second, "file"));
    refuses("cross-device", () => first.linkAt({}, "file", second, "file"));
    // The third is read-only: a link out of it would be a way to write to it.
    refuses("read-only", () => third.linkAt({}, "file", first, "stolen"));
    refuses("read-only", () => third.renameAt("file", first, "stolen"));
    refuses("read-only", () => first.linkAt({}, "file", third, "planted"));
    refuses("read-only", () => first.renameAt("file", third, "planted"));
    // The same preopen asked for twice is the same.
    const [[again]] = imports["wasi:filesystem/preopens"].getDirectories();
    first.renameAt("file", again, "moved");
    assert.equal(readFile(again, "moved"), "a");
  },
  {
    preopens: (root) =>
      ["a", "b", "c"].map((name) => {
        Deno.mkdirSync(`${root}/inside/${name}`, { recursive: true });
        return { guest: `/${name}`, host: `${root}/inside/${name}`, readOnly: name === "c" };
      }),
  },
);

filesystemTest("a read-only preopen refuses every change", ({ data, root }) => {
  Deno.writeTextFileSync(`${root}/inside/own`, "own");
  Deno.mkdirSync(`${root}/inside/sub`);
  const before = Deno.lstatSync(`${root}/inside/own`).mtime!.getTime();
  const now = { tag: "now" } as const;
  const sub = data.openAt({}, "sub", { directory: true }, {});
  const file = open(data, "own");
  const changes: Record<string, () => unknown> = {
    "open to write": () => open(data, "own", { write: true }),
    "open to create": () => open(data, "new", { create: true }),
    "open to truncate": () => open(data, "own", { truncate: true }),
    "open to mutate": () => data.openAt({}, "sub", { directory: true }, { mutateDirectory: true }),
    "open below to create": () => open(sub, "new", { write: true, create: true }),
    "create-directory-at": () => data.createDirectoryAt("new"),
    "create-directory-at below": () => sub.createDirectoryAt("new"),
    "remove-directory-at": () => data.removeDirectoryAt("sub"),
    "unlink-file-at": () => data.unlinkFileAt("own"),
    "rename-at": () => data.renameAt("own", data, "new"),
    "link-at": () => data.linkAt({}, "own", data, "new"),
    "symlink-at": () => data.symlinkAt("own", "new"),
    "set-times-at": () => data.setTimesAt({}, "own", now, now),
    "set-times": () => file.setTimes(now, now),
    "set-times of the folder": () => data.setTimes(now, now),
    "set-size": () => file.setSize(0n),
    "write": () => file.write(bytes("x"), 0n),
    "write-via-stream": () => file.writeViaStream(0n),
    "append-via-stream": () => file.appendViaStream(),
  };
  for (const [name, change] of Object.entries(changes)) refuses("read-only", change, `${name}:`);
  assert.equal(readFile(data, "own"), "own");
  assert.equal(Deno.lstatSync(`${root}/inside/own`).mtime!.getTime(), before);
  assert.deepEqual(data.getFlags(), { read: true, mutateDirectory: false });
}, { preopens: (root) => [{ guest: "/data", host: `${root}/inside`, readOnly: true }] });

filesystemTest("pipes, sockets and devices are not opened", async ({ data, root }) => {
  const made = await new Deno.Command("mkfifo", { args: [`${root}/inside/pipe`] }).output();
  assert.ok(made.success);
  using listener = Deno.listen({ transport: "unix", path: `${root}/inside/socket` });
  assert.ok(listener.addr);
  for (const path of ["pipe", "socket"]) {
    refuses("not-permitted", () => open(data, path));
    refuses("not-permitted", () => open(data, path, { write: true }));
    refuses("not-permitted", () => open(data, path, { write: true, truncate: true }));
  }
  assert.equal(data.statAt({}, "pipe").type, "fifo");
  assert.equal(data.statAt({}, "socket").type, "socket");
});

filesystemTest("a symlink loop and a path without end are refused", ({ data, root }) => {
  Deno.symlinkSync("b", `${root}/inside/a`);
  Deno.symlinkSync("a", `${root}/inside/b`);
  Deno.symlinkSync("self/self", `${root}/inside/self`);
  refuses("loop", () => open(data, "a"));
  refuses("loop", () => open(data, "a/x"));
  refuses(["loop", "name-too-long"], () => open(data, "self"));
  refuses("name-too-long", () => open(data, "x/".repeat(100_000)));
  refuses("name-too-long", () => open(data, "x".repeat(300)));
  let deep = `${root}/inside`;
  for (let i = 0; i < 200; i++) Deno.mkdirSync(deep += "/d");
  refuses("name-too-long", () => open(data, "d/".repeat(200)));
});

filesystemTest(
  "what is closed with the instance cannot be used to reach what came after it",
  ({ data, root, context }) => {
    Deno.writeTextFileSync(`${root}/inside/own`, "own");
    const file = open(data, "own", { read: true, write: true });
    const stream = file.readViaStream(0n);
    context.drop();
    // Takes the numbers that were just set free.
    using _taken = Deno.openSync(`${root}/outside`);
    using _takenToo = Deno.openSync(`${root}/outside/secret`);
    refuses(["bad-descriptor", "no-entry"], () => {
      if (readFile(data, "secret") === SECRET) throw "escaped";
    });
    refuses("bad-descriptor", () => file.read(10n, 0n));
    refuses("bad-descriptor", () => file.write(bytes("x"), 0n));
    const late = file.appendViaStream();
    assert.throws(() => late.write(bytes("x")), (error) => !(error instanceof Error));
    assert.throws(() => stream.read(10n), (error) => !(error instanceof Error));
  },
  { kinds: ["descriptor"] },
);

/** Swaps `folder` and `file` for symlinks that lead out and back, until told to stop; counts its rounds. */
const SWAPPER = `onmessage = ({ data: { inside, outside, state } }) => {
  const at = (name) => inside + "/" + name;
  Deno.symlinkSync(outside, at("folder-link"));
  Deno.symlinkSync(outside + "/secret", at("file-link"));
  Deno.writeTextFileSync(at("file-true"), "own");
  while (!Atomics.load(state, 0)) {
    Deno.renameSync(at("folder"), at("folder-true"));
    Deno.renameSync(at("folder-link"), at("folder"));
    Deno.renameSync(at("folder"), at("folder-link"));
    Deno.renameSync(at("folder-true"), at("folder"));
    Deno.linkSync(at("file-true"), at("file-1"));
    Deno.renameSync(at("file-1"), at("file"));
    Deno.renameSync(at("file-link"), at("file"));
    Deno.symlinkSync(outside + "/secret", at("file-link"));
    Atomics.add(state, 1, 1);
  }
  postMessage("done");
};`;

filesystemTest(
  "nobody who swaps folders and files for symlinks at the same time gets a guest out",
  async (guest) => {
    const { data, root } = guest;
    Deno.mkdirSync(`${root}/inside/folder`);
    Deno.writeTextFileSync(`${root}/inside/folder/secret`, "own");
    Deno.writeTextFileSync(`${root}/inside/file`, "own");
    const state = new Int32Array(new SharedArrayBuffer(8));
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(SWAPPER)}`, {
      type: "module",
    });
    const stopped = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = reject;
    });
    worker.postMessage({ inside: `${root}/inside`, outside: `${root}/outside`, state });
    const attempts: (() => unknown)[] = [
      () => assert.notEqual(readFile(data, "folder/secret"), SECRET),
      () => assert.notEqual(readFile(data, "file"), SECRET),
      () => open(data, "folder/planted", { write: true, create: true })[Symbol.dispose](),
      () => data.unlinkFileAt("folder/planted"),
      () => open(data, "file", { write: true, truncate: true })[Symbol.dispose](),
      () => data.createDirectoryAt("folder/made"),
      () => data.removeDirectoryAt("folder/made"),
      () => data.setTimesAt({ symlinkFollow: true }, "file", { tag: "now" }, { tag: "now" }),
      () => data.symlinkAt("x", "folder/linked"),
      () => data.unlinkFileAt("folder/linked"),
    ];
    let [wins, refusals] = [0, 0];
    for (let i = 0; Atomics.load(state, 1) < 3_000; i++) {
      try {
        attempts[i % attempts.length]();
        wins++;
      } catch (error) {
        if (error instanceof Error) throw error;
        refusals++;
      }
    }
    Atomics.store(state, 0, 1);
    await stopped;
    worker.terminate();
    assert.ok(wins > 100 && refusals > 100, `${wins} went well, ${refusals} were refused`);
  },
  { kinds: ["descriptor"] },
);
