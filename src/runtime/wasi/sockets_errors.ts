// The error-code enum of wasi:sockets: how an error of the system becomes one, and the stream error that carries one.

import { IoError } from "./io.ts";

/** `wasi:sockets/network.error-code`, those we give. */
export type SocketCode =
  | "unknown"
  | "access-denied"
  | "not-supported"
  | "invalid-argument"
  | "out-of-memory"
  | "timeout"
  | "concurrency-conflict"
  | "not-in-progress"
  | "would-block"
  | "invalid-state"
  | "new-socket-limit"
  | "address-not-bindable"
  | "address-in-use"
  | "remote-unreachable"
  | "connection-refused"
  | "connection-reset"
  | "connection-aborted"
  | "datagram-too-large"
  | "name-unresolvable"
  | "temporary-resolver-failure"
  | "permanent-resolver-failure";

const CODES: Readonly<Record<string, SocketCode>> = {
  EACCES: "access-denied",
  EPERM: "access-denied",
  EADDRINUSE: "address-in-use",
  EADDRNOTAVAIL: "address-not-bindable",
  EAFNOSUPPORT: "not-supported",
  ECONNABORTED: "connection-aborted",
  ECONNREFUSED: "connection-refused",
  ECONNRESET: "connection-reset",
  EHOSTDOWN: "remote-unreachable",
  EHOSTUNREACH: "remote-unreachable",
  EMFILE: "new-socket-limit",
  EMSGSIZE: "datagram-too-large",
  ENETDOWN: "remote-unreachable",
  ENETUNREACH: "remote-unreachable",
  ENFILE: "new-socket-limit",
  ENOBUFS: "out-of-memory",
  ENOMEM: "out-of-memory",
  ENONET: "remote-unreachable",
  EOPNOTSUPP: "not-supported",
  EPIPE: "connection-reset",
  ETIMEDOUT: "timeout",
};

/** The code for an error of Deno's network functions. */
export function toSocketCode(error: unknown): SocketCode {
  // Not granted to this process by Deno's own permissions.
  if (error instanceof Deno.errors.NotCapable) return "access-denied";
  // What a pending operation ends with when its socket is closed under it.
  if (error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource) {
    return "connection-aborted";
  }
  return CODES[(error as { code?: string }).code ?? ""] ?? "unknown";
}

/** What a stream over a socket fails with; `network-error-code` reads it. */
export class NetworkIoError extends IoError {
  constructor(override readonly code: SocketCode) {
    super(code, code);
  }
}
