import assert from "node:assert/strict";
import { fakeContext } from "../../../tests/support/instance_context.ts";
import {
  bytes,
  filesystemTest,
  open,
  readFile,
  refuses,
  text,
} from "../../../tests/support/guest_filesystem.ts";
import { isFault } from "../../model/fault.ts";
import { LIMITS } from "../../model/limits.ts";
import { checkPreopens, filesystemImports } from "./filesystem.ts";
import type { Descriptor } from "./filesystem_descriptor.ts";
import type { NewTimestamp } from "./filesystem_types.ts";
import { InputStream, IoError, OutputStream } from "./io.ts";

const at = (seconds: number): NewTimestamp => ({
  tag: "timestamp",
  val: { seconds: BigInt(seconds), nanoseconds: 0 },
});

function names(folder: Descriptor): string[] {
  const listing = folder.readDirectory();
  const found: string[] = [];
  for (let entry = listing.readDirectoryEntry(); entry; entry = listing.readDirectoryEntry()) {
    found.push(`${entry.name}:${entry.type}`);
  }
  listing[Symbol.dispose]();
  return found.sort();
}

filesystemTest("preopens are handed out under the guest's paths", ({ imports, root }) => {
  assert.deepEqual(imports["wasi:filesystem/preopens"].getDirectories().map(([, path]) => path), ["/data"]);
  Deno.writeTextFileSync(`${root}/inside/a`, "a");
  const [[data]] = imports["wasi:filesystem/preopens"].getDirectories();
  assert.equal(readFile(data, "a"), "a");
  assert.equal(data.getType(), "directory");
  assert.deepEqual(data.getFlags(), { read: true, mutateDirectory: true });
});

Deno.test("a preopen whose folder is missing is a fault that says so", () => {
  const preopens = [{ guest: "/data", host: "/nowhere/at/all", readOnly: true }];
  const isRight = (error: unknown) =>
    isFault(error) && error.code === "not_found" &&
    /\/nowhere\/at\/all is not there.*"\/data"/.test(error.message);
  assert.throws(() => checkPreopens(preopens), isRight);
  const imports = filesystemImports(fakeContext({ preopens })) as {
    "wasi:filesystem/preopens": { getDirectories(): unknown };
  };
  assert.throws(() => imports["wasi:filesystem/preopens"].getDirectories(), isRight);
});

filesystemTest("open-at creates, excludes and truncates as asked", ({ data, root }) => {
  refuses("no-entry", () => open(data, "a"));
  open(data, "a", { write: true, create: true }).write(bytes("hello"), 0n);
  assert.equal(Deno.readTextFileSync(`${root}/inside/a`), "hello");
  refuses("exist", () => open(data, "a", { write: true, create: true, exclusive: true }));
  open(data, "a", { write: true, create: true });
  assert.equal(readFile(data, "a"), "hello");
  open(data, "a", { write: true, truncate: true });
  assert.equal(readFile(data, "a"), "");
  open(data, "b", { write: true, create: true, exclusive: true });
  refuses("is-directory", () => open(data, "c/", { write: true, create: true }));
  refuses("no-entry", () => open(data, "c/d", { write: true, create: true }));
  refuses("invalid", () => data.openAt({}, "c", { create: true, directory: true }, {}));
});

filesystemTest("open-at knows files from folders, with and without a slash behind", ({ data, root }) => {
  Deno.mkdirSync(`${root}/inside/folder/nested`, { recursive: true });
  Deno.writeTextFileSync(`${root}/inside/folder/nested/file`, "f");
  assert.equal(open(data, "folder").getType(), "directory");
  assert.equal(open(data, "folder///").getType(), "directory");
  assert.equal(open(data, ".").getType(), "directory");
  assert.equal(readFile(data, "folder/.//nested/../../folder/nested/../nested///./file"), "f");
  refuses("not-directory", () => open(data, "folder/nested/file/"));
  refuses("not-directory", () => open(data, "folder/nested/file/."));
  refuses("not-directory", () => open(data, "folder/nested/file/x"));
  refuses("not-directory", () => data.openAt({}, "folder/nested/file", { directory: true }, {}));
  refuses("is-directory", () => open(data, "folder", { write: true }));
  refuses("is-directory", () => open(data, "folder", { write: true, create: true }));
  refuses("is-directory", () => open(data, "folder").read(1n, 0n));
  refuses("not-directory", () => open(data, "folder/nested/file").openAt({}, "x", {}, {}));
});

filesystemTest("symlinks that stay inside are followed where asked", ({ data, root }) => {
  Deno.mkdirSync(`${root}/inside/releases/2`, { recursive: true });
  data.symlinkAt("releases/2", "current");
  open(data, "current/file", { write: true, create: true }).write(bytes("two"), 0n);
  assert.equal(Deno.readTextFileSync(`${root}/inside/releases/2/file`), "two");
  data.symlinkAt("../../current/file", "releases/2/again");
  assert.equal(readFile(data, "releases/2/again"), "two");
  assert.equal(data.statAt({ symlinkFollow: true }, "current").type, "directory");
  assert.equal(data.statAt({}, "current").type, "symbolic-link");
  assert.equal(data.statAt({}, "current/").type, "directory");
  assert.equal(data.readlinkAt("current"), "releases/2");
  refuses("invalid", () => data.readlinkAt("releases"));
  refuses("loop", () => data.openAt({}, "releases/2/again", {}, { read: true }));
  data.symlinkAt("releases/2/late", "dangling");
  refuses("no-entry", () => open(data, "dangling"));
  open(data, "dangling", { write: true, create: true });
  assert.equal(data.statAt({}, "releases/2/late").type, "regular-file");
  refuses("exist", () => data.symlinkAt("x", "current"));
});

filesystemTest("read and write are positioned, and rights are those of opening", ({ data }) => {
  const file = open(data, "a", { read: true, write: true, create: true });
  assert.equal(file.write(bytes("0123456789"), 0n), 10n);
  assert.equal(file.write(bytes("ab"), 12n), 2n);
  const [middle, isAtEnd] = file.read(4n, 8n);
  assert.deepEqual([text(middle), isAtEnd], ["89\0\0", false]);
  assert.deepEqual(file.read(10n, 10n).map(String), [String([0, 0, 97, 98]), "true"]);
  assert.deepEqual(file.read(10n, 99n), [new Uint8Array(0), true]);
  file.setSize(3n);
  assert.equal(text(file.read(100n, 0n)[0]), "012");
  file.setSize(5n);
  assert.equal(file.stat().size, 5n);
  refuses("file-too-large", () => file.setSize(2n ** 60n));
  refuses("file-too-large", () => file.read(1n, 2n ** 63n));
  const reader = open(data, "a");
  refuses("bad-descriptor", () => reader.write(bytes("x"), 0n));
  refuses("bad-descriptor", () => reader.setSize(0n));
  const writer = open(data, "a", { write: true });
  refuses("bad-descriptor", () => writer.read(1n, 0n));
  assert.deepEqual(writer.getFlags(), { read: undefined, write: true, mutateDirectory: false });
  file.advise(0n, 0n, "sequential");
});

filesystemTest("one read gives a bounded piece of a large file", ({ data, root }) => {
  Deno.writeFileSync(`${root}/inside/large`, new Uint8Array(1 << 20).fill(7));
  const [piece, isAtEnd] = open(data, "large").read(2n ** 64n - 1n, 0n);
  assert.equal(piece.length, 256 * 1024);
  assert.equal(isAtEnd, false);
});

filesystemTest("streams read and write from an offset, side by side", async ({ data, root }) => {
  const large = crypto.getRandomValues(new Uint8Array(65_000));
  const content = new Uint8Array(650_000);
  for (let i = 0; i < 10; i++) content.set(large, i * 65_000);
  const file = open(data, "a", { read: true, write: true, create: true });
  const [first, second] = [file.writeViaStream(0n), file.writeViaStream(325_000n)];
  assert.ok(first instanceof OutputStream);
  for (let i = 0; i < 5; i++) {
    await first.blockingWriteAndFlush(large);
    await second.blockingWriteAndFlush(large);
  }
  assert.deepEqual(Deno.readFileSync(`${root}/inside/a`), content);
  const stream = file.readViaStream(100_000n);
  assert.ok(stream instanceof InputStream);
  file[Symbol.dispose](); // the stream goes on
  let offset = 100_000;
  try {
    while (true) {
      const piece = await stream.blockingRead(50_000n);
      assert.deepEqual(piece, content.subarray(offset, offset + piece.length));
      offset += piece.length;
    }
  } catch (error) {
    assert.deepEqual(error, { tag: "closed" });
  }
  assert.equal(offset, content.length);
});

filesystemTest("appending goes to the end, also when another writer moved it", async ({ data, root }) => {
  const file = open(data, "log", { write: true, create: true });
  const [mine, other] = [file.appendViaStream(), open(data, "log", { write: true }).appendViaStream()];
  await mine.blockingWriteAndFlush(bytes("one "));
  await other.blockingWriteAndFlush(bytes("two "));
  Deno.writeTextFileSync(`${root}/inside/log`, "three ", { append: true });
  await mine.blockingWriteAndFlush(bytes("four"));
  assert.equal(Deno.readTextFileSync(`${root}/inside/log`), "one two three four");
});

filesystemTest("a stream that fails says why through filesystem-error-code", ({ data, imports, context }) => {
  const stream = open(data, "a", { write: true, create: true }).writeViaStream(0n);
  context.drop(); // closes the file below the stream
  const { filesystemErrorCode } = imports["wasi:filesystem/types"];
  assert.throws(() => stream.write(bytes("x")), (error) => {
    const { tag, val } = error as { tag: string; val: IoError };
    return tag === "last-operation-failed" && filesystemErrorCode(val) === "bad-descriptor";
  });
  assert.equal(filesystemErrorCode(new IoError("something else", "no-entry")), undefined);
});

filesystemTest("folders are made, listed and removed", ({ data, root }) => {
  data.createDirectoryAt("b");
  data.createDirectoryAt("b/c/");
  refuses("exist", () => data.createDirectoryAt("b"));
  refuses("exist", () => data.createDirectoryAt("."));
  open(data, "b/f", { write: true, create: true });
  data.symlinkAt("f", "b/l");
  assert.deepEqual(names(open(data, "b")), ["c:directory", "f:regular-file", "l:symbolic-link"]);
  refuses("not-directory", () => open(data, "b/f").readDirectory());
  refuses("not-empty", () => data.removeDirectoryAt("b"));
  refuses("not-directory", () => data.removeDirectoryAt("b/f"));
  refuses("not-directory", () => data.removeDirectoryAt("b/f/"));
  refuses("no-entry", () => data.removeDirectoryAt("b/none"));
  refuses("invalid", () => data.removeDirectoryAt("."));
  refuses("invalid", () => data.removeDirectoryAt("b/.."));
  data.removeDirectoryAt("b/c/");
  refuses("is-directory", () => data.unlinkFileAt("b"));
  refuses("is-directory", () => data.unlinkFileAt("b/"));
  refuses("not-directory", () => data.unlinkFileAt("b/f/"));
  data.unlinkFileAt("b/l");
  data.unlinkFileAt("b/f");
  data.removeDirectoryAt("b");
  assert.deepEqual([...Deno.readDirSync(`${root}/inside`)], []);
});

filesystemTest("rename-at moves files and folders within a preopen", ({ data }) => {
  open(data, "a", { write: true, create: true }).write(bytes("a"), 0n);
  open(data, "b", { write: true, create: true });
  data.createDirectoryAt("folder");
  data.renameAt("a", data, "b");
  assert.equal(readFile(data, "b"), "a");
  data.renameAt("b", open(data, "folder"), "c");
  assert.equal(readFile(data, "folder/c"), "a");
  refuses("not-directory", () => data.renameAt("folder/c/", data, "d"));
  refuses("not-directory", () => data.renameAt("folder/c", data, "d/"));
  data.renameAt("folder", data, "moved/");
  data.renameAt("moved/", data, "folder");
  refuses("no-entry", () => data.renameAt("none", data, "d"));
  refuses("invalid", () => data.renameAt("folder", open(data, "folder"), "inside"));
  refuses("invalid", () => data.renameAt(".", data, "d"));
  data.createDirectoryAt("full");
  open(data, "full/x", { write: true, create: true });
  refuses("not-empty", () => data.renameAt("folder", data, "full"));
});

filesystemTest("link-at links files, and symlinks only as themselves", ({ data }) => {
  const a = open(data, "a", { read: true, write: true, create: true });
  data.linkAt({}, "a", data, "b");
  a.write(bytes("shared"), 0n);
  assert.equal(readFile(data, "b"), "shared");
  assert.equal(a.stat().linkCount, 2n);
  refuses("exist", () => data.linkAt({}, "a", data, "b"));
  refuses("no-entry", () => data.linkAt({}, "none", data, "c"));
  data.createDirectoryAt("folder");
  refuses("not-permitted", () => data.linkAt({}, "folder", data, "c"));
  data.symlinkAt("a", "l");
  data.linkAt({}, "l", data, "l2");
  assert.equal(data.readlinkAt("l2"), "a");
  data.linkAt({ symlinkFollow: true }, "l", data, "c");
  assert.equal(a.isSameObject(open(data, "c")), true);
});

filesystemTest("times are set and read, of files, folders and symlinks", ({ data, root }) => {
  const file = open(data, "a", { write: true, create: true });
  file.setTimes(at(1_000_000), { tag: "timestamp", val: { seconds: 2_000_000n, nanoseconds: 500_000_000 } });
  const stat = file.stat();
  assert.deepEqual(stat.dataAccessTimestamp, { seconds: 1_000_000n, nanoseconds: 0 });
  assert.deepEqual(stat.dataModificationTimestamp, { seconds: 2_000_000n, nanoseconds: 500_000_000 });
  data.setTimesAt({}, "a", { tag: "no-change" }, at(3_000_000));
  assert.equal(file.stat().dataAccessTimestamp?.seconds, 1_000_000n);
  assert.equal(file.stat().dataModificationTimestamp?.seconds, 3_000_000n);
  data.symlinkAt("a", "l");
  data.setTimesAt({}, "l", at(4_000_000), at(4_000_000));
  assert.equal(file.stat().dataModificationTimestamp?.seconds, 3_000_000n);
  assert.equal(data.statAt({}, "l").dataModificationTimestamp?.seconds, 4_000_000n);
  data.setTimesAt({ symlinkFollow: true }, "l", at(5_000_000), at(5_000_000));
  assert.equal(file.stat().dataModificationTimestamp?.seconds, 5_000_000n);
  data.setTimes(at(6_000_000), at(6_000_000));
  assert.equal(Deno.statSync(`${root}/inside`).mtime?.getTime(), 6e9);
  data.setTimesAt({}, ".", at(7_000_000), at(7_000_000));
  assert.equal(Deno.statSync(`${root}/inside`).mtime?.getTime(), 7e9);
  file.setTimes({ tag: "now" }, { tag: "now" });
  assert.ok(Math.abs(Number(file.stat().dataModificationTimestamp?.seconds) - Date.now() / 1000) < 60);
  const far: NewTimestamp = { tag: "timestamp", val: { seconds: 2n ** 64n - 1n, nanoseconds: 0 } };
  refuses("overflow", () => file.setTimes(far, far));
});

filesystemTest("is-same-object and metadata-hash tell objects and versions apart", ({ data }) => {
  const a = open(data, "a", { write: true, create: true });
  const b = open(data, "b", { write: true, create: true });
  assert.equal(a.isSameObject(open(data, "a")), true);
  assert.equal(a.isSameObject(b), false);
  assert.equal(data.isSameObject(open(data, ".")), true);
  const before = a.metadataHash();
  assert.deepEqual(data.metadataHashAt({}, "a"), before);
  assert.notDeepEqual(b.metadataHash(), before);
  a.write(bytes("x"), 0n);
  assert.notDeepEqual(a.metadataHash(), before);
});

filesystemTest("sync works on files and folders, and does nothing to what is only read", ({ data }) => {
  const file = data.openAt({}, "a", { create: true }, { write: true, fileIntegritySync: true });
  file.write(bytes("x"), 0n);
  for (const descriptor of [file, open(data, "a"), data]) {
    descriptor.sync();
    descriptor.syncData();
  }
});

filesystemTest(
  "an instance holds a bounded number of descriptors, and frees them all",
  ({ data, context }) => {
    open(data, "a", { write: true, create: true });
    const opened = [];
    for (let i = 0; i < LIMITS.descriptorsMax - 2; i++) opened.push(open(data, i % 2 ? "a" : "."));
    refuses("insufficient-memory", () => open(data, "a"));
    refuses("insufficient-memory", () => data.readDirectory());
    opened.pop()![Symbol.dispose]();
    const listing = data.readDirectory();
    refuses("insufficient-memory", () => open(data, "a"));
    listing[Symbol.dispose]();
    listing[Symbol.dispose]();
    const last = open(data, "a");
    last[Symbol.dispose]();
    const stream = open(data, "a").readViaStream(0n);
    assert.throws(() => stream.read(1n));
    context.drop();
    refuses(["bad-descriptor", "no-entry"], () => last.read(1n, 0n));
  },
);

filesystemTest("walking leaves nothing open, however it ends", ({ data, root, context }) => {
  Deno.mkdirSync(`${root}/inside/a/b/c`, { recursive: true });
  Deno.writeTextFileSync(`${root}/inside/a/b/f`, "f");
  Deno.symlinkSync("../b/c", `${root}/inside/a/b/l`);
  const count = () => Array.from(Deno.readDirSync("/proc/self/fd")).length;
  const before = count();
  for (let i = 0; i < 500; i++) {
    open(data, "a/b/l/../f")[Symbol.dispose]();
    open(data, "a/b/c")[Symbol.dispose]();
    refuses("not-permitted", () => open(data, "a/b/../../../x"));
    refuses("not-directory", () => open(data, "a/b/f/x"));
    refuses("no-entry", () => open(data, "a/b/c/x/y"));
    data.readDirectory()[Symbol.dispose]();
    refuses("exist", () => data.createDirectoryAt("a/b/c"));
  }
  assert.ok(count() - before < 10, `${count() - before} more are open`);
  context.drop();
}, { kinds: ["descriptor"] });
