// What can go wrong with an outgoing request, as the guest gets it: the cases of wasi:http's `error-code`.

import { WitError } from "../../src/model/call.ts";

/** A value of `wasi:http/types.error-code`. */
export interface ErrorCode {
  tag: string;
  val?: unknown;
}

/** An error code as it is thrown. */
export function httpError(tag: string, val?: unknown): WitError {
  return new WitError(val === undefined ? { tag } : { tag, val });
}

/** An error that has no case of its own. */
export function internalError(text: string): WitError {
  return httpError("internal-error", text);
}

/** What a failed TCP connection is to a guest. */
export function connectError(error: unknown): WitError {
  if (error instanceof WitError) return error;
  if (error instanceof Deno.errors.ConnectionRefused) return httpError("connection-refused");
  if (error instanceof Deno.errors.TimedOut) return httpError("connection-timeout");
  return httpError("destination-unavailable");
}

/** What a failed TLS handshake is to a guest. */
export function tlsError(error: unknown): WitError {
  if (error instanceof WitError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes("peer certificate")) return httpError("TLS-certificate-error");
  const alert = text.match(/fatal alert: (\w+)/);
  if (alert) return httpError("TLS-alert-received", { alertId: undefined, alertMessage: alert[1] });
  return httpError("TLS-protocol-error");
}

/** What a failed name look-up is to a guest. */
export function lookupError(error: unknown): WitError {
  if (error instanceof WitError) return error;
  const code = (error as { code?: string }).code;
  const rcode = code === "ENOTFOUND" || code === "ENODATA" ? "NXDOMAIN" : "SERVFAIL";
  return httpError("DNS-error", { rcode, infoCode: undefined });
}

/** What a connection that broke in the middle is to a guest. */
export function brokenError(error: unknown): WitError {
  return error instanceof WitError ? error : httpError("connection-terminated");
}
