// Values of wasi:filesystem/types as the glue hands them over, and how the system's own become them.

/** `descriptor-type`. */
export type DescriptorType =
  | "unknown"
  | "block-device"
  | "character-device"
  | "directory"
  | "fifo"
  | "symbolic-link"
  | "regular-file"
  | "socket";

/** `descriptor-flags`; a flag that is left out is off. */
export interface DescriptorFlags {
  read?: boolean;
  write?: boolean;
  fileIntegritySync?: boolean;
  dataIntegritySync?: boolean;
  requestedWriteSync?: boolean;
  mutateDirectory?: boolean;
}

/** `path-flags`. */
export interface PathFlags {
  symlinkFollow?: boolean;
}

/** `open-flags`. */
export interface OpenFlags {
  create?: boolean;
  directory?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
}

/** `wasi:clocks/wall-clock.datetime`. */
export interface Datetime {
  seconds: bigint;
  nanoseconds: number;
}

/** `new-timestamp`. */
export type NewTimestamp = { tag: "no-change" } | { tag: "now" } | { tag: "timestamp"; val: Datetime };

/** `descriptor-stat`. */
export interface DescriptorStat {
  type: DescriptorType;
  linkCount: bigint;
  size: bigint;
  dataAccessTimestamp: Datetime | undefined;
  dataModificationTimestamp: Datetime | undefined;
  statusChangeTimestamp: Datetime | undefined;
}

/** `metadata-hash-value`. */
export interface MetadataHash {
  lower: bigint;
  upper: bigint;
}

/** `directory-entry`. */
export interface DirectoryEntry {
  type: DescriptorType;
  name: string;
}

/** What kind of thing `info` tells of. */
export function descriptorType(info: Deno.FileInfo): DescriptorType {
  if (info.isFile) return "regular-file";
  if (info.isDirectory) return "directory";
  if (info.isSymlink) return "symbolic-link";
  if (info.isFifo) return "fifo";
  if (info.isSocket) return "socket";
  if (info.isCharDevice) return "character-device";
  return info.isBlockDevice ? "block-device" : "unknown";
}

function datetime(date: Date | null): Datetime | undefined {
  if (!date) return undefined;
  // Before 1970 there is nothing to express; Deno gives milliseconds.
  const ms = Math.max(0, date.getTime());
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanoseconds: Math.round((ms - seconds * 1000) * 1e6) };
}

export function descriptorStat(info: Deno.FileInfo): DescriptorStat {
  return {
    type: descriptorType(info),
    linkCount: BigInt(info.nlink ?? 1),
    size: BigInt(info.size),
    dataAccessTimestamp: datetime(info.atime),
    dataModificationTimestamp: datetime(info.mtime),
    statusChangeTimestamp: datetime(info.ctime),
  };
}

/** Last second a file time may be set to: what a JS date, and so what we read back, ends at. */
const SECONDS_MAX = 8_640_000_000_000n;

/** Both times in seconds, as Deno sets them. `info` is asked only for a time that shall not change. */
export function newTimes(
  access: NewTimestamp,
  modification: NewTimestamp,
  { nowMs, info }: { nowMs: number; info: () => Deno.FileInfo },
): [accessSeconds: number, modificationSeconds: number] {
  const seconds = (time: NewTimestamp, current: (info: Deno.FileInfo) => Date | null): number => {
    if (time.tag === "now") return nowMs / 1000;
    if (time.tag === "no-change") return (current(info())?.getTime() ?? nowMs) / 1000;
    if (time.val.seconds > SECONDS_MAX) throw "overflow";
    return Number(time.val.seconds) + time.val.nanoseconds / 1e9;
  };
  return [seconds(access, (found) => found.atime), seconds(modification, (found) => found.mtime)];
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

function fnv64(text: string, hash: bigint): bigint {
  for (let i = 0; i < text.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * FNV_PRIME);
  }
  return hash;
}

/** Changes when the object is modified or replaced; the same in every cell and after a restart. */
export function metadataHash(info: Deno.FileInfo): MetadataHash {
  const facts = [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()].join(" ");
  const lower = fnv64(facts, FNV_OFFSET);
  return { lower, upper: fnv64(facts, lower) };
}

/** A guest's u64 offset or size as a JS number; beyond 2^53 no file goes. */
export function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw "file-too-large";
  return Number(value);
}
