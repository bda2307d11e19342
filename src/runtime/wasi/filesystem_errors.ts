// The error-code enum of wasi:filesystem: how an error of the system becomes one, and the stream error that carries
// one. A thrown code is the WIT's err case; every host path stays on this side, so no message of the system gets out.

import { IoError } from "./io.ts";

/** errno name -> `error-code`. */
const CODES = {
  EACCES: "access",
  EAGAIN: "would-block",
  EALREADY: "already",
  EBADF: "bad-descriptor",
  EBUSY: "busy",
  EDEADLK: "deadlock",
  EDQUOT: "quota",
  EEXIST: "exist",
  EFBIG: "file-too-large",
  EILSEQ: "illegal-byte-sequence",
  EINPROGRESS: "in-progress",
  EINTR: "interrupted",
  EINVAL: "invalid",
  EIO: "io",
  EISDIR: "is-directory",
  ELOOP: "loop",
  EMFILE: "insufficient-memory",
  EMLINK: "too-many-links",
  EMSGSIZE: "message-size",
  ENAMETOOLONG: "name-too-long",
  ENFILE: "insufficient-memory",
  ENODEV: "no-device",
  ENOENT: "no-entry",
  ENOLCK: "no-lock",
  ENOMEM: "insufficient-memory",
  ENOSPC: "insufficient-space",
  ENOSYS: "unsupported",
  ENOTDIR: "not-directory",
  ENOTEMPTY: "not-empty",
  ENOTRECOVERABLE: "not-recoverable",
  ENOTSUP: "unsupported",
  ENOTTY: "no-tty",
  ENXIO: "no-such-device",
  EOPNOTSUPP: "unsupported",
  EOVERFLOW: "overflow",
  EPERM: "not-permitted",
  EPIPE: "pipe",
  EROFS: "read-only",
  ESPIPE: "invalid-seek",
  ESTALE: "no-entry",
  ETXTBSY: "text-file-busy",
  EXDEV: "cross-device",
} as const;

/** `wasi:filesystem/types.error-code`. */
export type FsCode = (typeof CODES)[keyof typeof CODES];

/** The code for an errno by name; what the WIT has no word for is `io`. */
export function toFsCode(errno: string): FsCode {
  return Object.hasOwn(CODES, errno) ? CODES[errno as keyof typeof CODES] : "io";
}

/** The code for an error of the system, or undefined for anything else: our own mistakes must trap. */
function systemCode(error: unknown): FsCode | undefined {
  if (!(error instanceof Error)) return undefined;
  // Not granted to this process by Deno's own permissions.
  if (error instanceof Deno.errors.NotCapable) return "access";
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? toFsCode(code) : undefined;
}

/** Runs `work`; an error of the system is thrown on as its code. */
export function withFsCodes<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw systemCode(error) ?? error;
  }
}

/** What a stream over a file fails with; `filesystem-error-code` reads it. */
export class FilesystemIoError extends IoError {
  constructor(override readonly code: FsCode) {
    super(code, code);
  }
}

/** Runs `work` on behalf of a stream. */
export function withStreamErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = typeof error === "string" ? error as FsCode : systemCode(error);
    throw code ? new FilesystemIoError(code) : error;
  }
}
