// HTTP messages as Calls carry them: what `wasi:http` says, with web streams as bodies, tied to no server or client.

/** Header or trailer fields in order; names lower-case, values as latin-1 strings (one character per byte). */
export type HttpFields = [name: string, value: string][];

/** A body: all there, arriving, or none. */
export type HttpBody = Uint8Array | ReadableStream<Uint8Array> | null;

/** One request, entering (`wasi:http/incoming-handler`) or leaving (`wasi:http/outgoing-handler`). */
export interface HttpRequest {
  readonly method: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** Host and, where not the scheme's own, port. */
  readonly authority: string;
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly headers: HttpFields;
  readonly body: HttpBody;
  /** Settles after the body; undefined fields where none were sent. */
  readonly trailers?: Promise<HttpFields | undefined>;
  /** Limits the guest set on an outgoing request, in milliseconds. */
  readonly timeouts?: { connectMs?: number; firstByteMs?: number; betweenBytesMs?: number };
}

/** One response. `headers` never holds `content-length` for a stream whose length the sender did not state. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpFields;
  readonly body: HttpBody;
  readonly trailers?: Promise<HttpFields | undefined>;
}

/** The interfaces by which HTTP work crosses the switchboard; function `handle`, one HttpRequest in, one HttpResponse out. */
export const HTTP_INCOMING = "wasi:http/incoming-handler";
export const HTTP_OUTGOING = "wasi:http/outgoing-handler";

/**
 * Fields that belong to one connection and not to the message, as `wasi:http` hosts withhold them from guests in both
 * directions. `host` is among them because the authority has its own place.
 */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
