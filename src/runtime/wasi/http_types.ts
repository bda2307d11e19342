// wasi:http/types: requests, responses and the futures between them. Data holders: nothing here talks to a network;
// `http_server` and `http_client` (providers) do, and meet guests only through Calls.

import type { HttpFields, HttpRequest, HttpResponse } from "../../model/http.ts";
import {
  type ErrorCode,
  Fields,
  fromMethod,
  fromScheme,
  internalError,
  type Method,
  type Scheme,
  toMethod,
  toScheme,
} from "./http_fields.ts";
import { FutureTrailers, IncomingBody, OutgoingBody } from "./http_bodies.ts";
import { InputStream, type IoError, OutputStream, Pollable } from "./io.ts";

/** Bounds of one component's messages, in bytes. */
export interface MessageLimits {
  bodyBytesMax: number;
  headerBytesMax: number;
}

/** `wasi:http/types.incoming-request`. */
export class IncomingRequest {
  #body: IncomingBody | undefined;
  #isConsumed = false;

  constructor(readonly request: HttpRequest, readonly limits: MessageLimits) {}

  method(): Method {
    return toMethod(this.request.method);
  }
  pathWithQuery(): string | undefined {
    return this.request.path;
  }
  scheme(): Scheme | undefined {
    return toScheme(this.request.scheme);
  }
  authority(): string | undefined {
    return this.request.authority;
  }
  headers(): Fields {
    return new Fields(this.request.headers, true);
  }
  consume(): IncomingBody {
    if (this.#isConsumed) throw undefined;
    this.#isConsumed = true;
    const limit = { max: this.limits.bodyBytesMax, tag: "HTTP-request-body-size" };
    this.#body = new IncomingBody(this.request.body, this.request.trailers, limit);
    return this.#body;
  }
}

/** `wasi:http/types.incoming-response`. */
export class IncomingResponse {
  #isConsumed = false;

  constructor(readonly response: HttpResponse, readonly limits: MessageLimits) {}

  status(): number {
    return this.response.status;
  }
  headers(): Fields {
    return new Fields(this.response.headers, true);
  }
  consume(): IncomingBody {
    if (this.#isConsumed) throw undefined;
    this.#isConsumed = true;
    const limit = { max: this.limits.bodyBytesMax, tag: "HTTP-response-body-size" };
    return new IncomingBody(this.response.body, this.response.trailers, limit);
  }
  [Symbol.dispose](): void {
    const body = this.response.body;
    if (!this.#isConsumed && body instanceof ReadableStream) void body.cancel().catch(() => {});
  }
}

/** `content-length` as declared, or undefined; a value that is no number is the guest's mistake. */
function contentLength(headers: Fields): number | undefined {
  const [value] = headers.list().filter(([name]) => name === "content-length").map(([, text]) => text);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw new Error(`the guest set content-length to "${value}"`);
  return Number(value);
}

/** `wasi:http/types.outgoing-request`. */
export class OutgoingRequest {
  #method: Method = { tag: "get" };
  #path: string | undefined;
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #body: OutgoingBody | undefined;
  readonly #headers: Fields;

  constructor(headers: Fields) {
    this.#headers = headers.freeze();
  }

  body(): OutgoingBody {
    if (this.#body) throw undefined;
    this.#body = new OutgoingBody();
    return this.#body;
  }
  method(): Method {
    return this.#method;
  }
  setMethod(method: Method): void {
    if (!fromMethod(method)) throw undefined;
    this.#method = method;
  }
  pathWithQuery(): string | undefined {
    return this.#path;
  }
  setPathWithQuery(path: string | undefined): void {
    // Space and control characters would let a guest smuggle a second request line.
    // deno-lint-ignore no-control-regex
    if (path !== undefined && /[\x00-\x20\x7f]/.test(path)) throw undefined;
    this.#path = path;
  }
  scheme(): Scheme | undefined {
    return this.#scheme;
  }
  setScheme(scheme: Scheme | undefined): void {
    if (scheme?.tag === "other" && !/^[a-z][a-z0-9+.-]*$/i.test(scheme.val ?? "")) throw undefined;
    this.#scheme = scheme;
  }
  authority(): string | undefined {
    return this.#authority;
  }
  setAuthority(authority: string | undefined): void {
    // deno-lint-ignore no-control-regex
    if (authority !== undefined && /[\x00-\x20\x7f/?#@\\]/.test(authority)) throw undefined;
    this.#authority = authority;
  }
  headers(): Fields {
    return this.#headers;
  }

  /** The request as a Call carries it; an {@linkcode ErrorCode} is thrown when it is not sendable. */
  toHttpRequest(options: RequestOptions | undefined, limits: MessageLimits): HttpRequest {
    if (!this.#authority) throw { tag: "HTTP-request-URI-invalid" } satisfies ErrorCode;
    if (this.#headers.size() > limits.headerBytesMax) {
      throw { tag: "HTTP-request-header-section-size", val: this.#headers.size() } satisfies ErrorCode;
    }
    const body = this.#body;
    body?.setLimits(
      { max: limits.bodyBytesMax, tag: "HTTP-request-body-size" },
      contentLength(this.#headers),
    );
    return {
      method: fromMethod(this.#method)!,
      scheme: fromScheme(this.#scheme),
      authority: this.#authority,
      path: this.#path ?? "/",
      headers: this.#headers.list(),
      body: body?.toHttpBody() ?? null,
      trailers: body?.trailers(),
      timeouts: options?.toTimeouts(),
    };
  }
}

const NANOSECONDS_PER_MS = 1e6;

/** `wasi:http/types.request-options`; durations in nanoseconds. */
export class RequestOptions {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }
  setConnectTimeout(duration: bigint | undefined): void {
    this.#connect = duration;
  }
  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }
  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#firstByte = duration;
  }
  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }
  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }
  toTimeouts(): HttpRequest["timeouts"] {
    const ms = (duration: bigint | undefined) =>
      duration === undefined ? undefined : Number(duration) / NANOSECONDS_PER_MS;
    return {
      connectMs: ms(this.#connect),
      firstByteMs: ms(this.#firstByte),
      betweenBytesMs: ms(this.#betweenBytes),
    };
  }
}

/** `wasi:http/types.outgoing-response`. */
export class OutgoingResponse {
  #status = 200;
  #body: OutgoingBody | undefined;
  readonly #headers: Fields;

  constructor(headers: Fields) {
    this.#headers = headers.freeze();
  }

  statusCode(): number {
    return this.#status;
  }
  setStatusCode(status: number): void {
    // 1xx cannot be a final response, and everything else HTTP has is three digits.
    if (status < 200 || status > 599) throw undefined;
    this.#status = status;
  }
  headers(): Fields {
    return this.#headers;
  }
  body(): OutgoingBody {
    if (this.#body) throw undefined;
    this.#body = new OutgoingBody();
    return this.#body;
  }

  /** The host's end of the body, if the guest took one. */
  get outgoingBody(): OutgoingBody | undefined {
    return this.#body;
  }

  prepare(limits: MessageLimits): void {
    const size = this.#headers.size();
    if (size > limits.headerBytesMax) {
      throw new Error(
        `the response's header fields have ${size} bytes, the limit is ${limits.headerBytesMax}`,
      );
    }
    this.#body?.setLimits(
      { max: limits.bodyBytesMax, tag: "HTTP-response-body-size" },
      contentLength(this.#headers),
    );
  }

  toHttpResponse(): HttpResponse {
    return {
      status: this.#status,
      headers: this.#headers.list() as HttpFields,
      body: this.#body?.toHttpBody() ?? null,
      trailers: this.#body?.trailers(),
    };
  }
}

/** What a guest set as its answer. */
export type GuestAnswer = { tag: "ok"; val: OutgoingResponse } | { tag: "err"; val: ErrorCode };

/** `wasi:http/types.response-outparam`. */
export class ResponseOutparam {
  #onSet: ((answer: GuestAnswer) => void) | undefined;

  constructor(onSet: (answer: GuestAnswer) => void) {
    this.#onSet = onSet;
  }

  static set(outparam: ResponseOutparam, answer: GuestAnswer): void {
    outparam.#onSet?.(answer);
    outparam.#onSet = undefined;
  }
}

/** `wasi:http/types.future-incoming-response`. */
export class FutureIncomingResponse {
  #value: { tag: "ok"; val: IncomingResponse } | { tag: "err"; val: ErrorCode } | undefined;
  #isTaken = false;
  readonly #pending: Promise<void>;

  constructor(
    response: Promise<HttpResponse>,
    limits: MessageLimits,
    toErrorCode: (error: unknown) => ErrorCode,
  ) {
    this.#pending = response.then((arrived) => {
      this.#value = { tag: "ok", val: new IncomingResponse(arrived, limits) };
    }, (error) => {
      this.#value = { tag: "err", val: toErrorCode(error) };
    });
  }

  subscribe(): Pollable {
    return this.#value ? new Pollable() : new Pollable(this.#pending);
  }

  get(): unknown {
    if (!this.#value) return undefined;
    if (this.#isTaken) return { tag: "err" };
    this.#isTaken = true;
    return { tag: "ok", val: this.#value };
  }

  [Symbol.dispose](): void {
    // Dropped before it was read: the response, when it comes, is of no use to anyone.
    if (!this.#isTaken) {
      void this.#pending.then(() => this.#value?.tag === "ok" && this.#value.val[Symbol.dispose]());
    }
  }
}

/** Names a stream's HTTP error, where it has one. */
function httpErrorCode(error: IoError): ErrorCode | undefined {
  return error.code as ErrorCode | undefined;
}

/** The import object of `wasi:http/types`. */
export const httpTypesImports: Record<string, unknown> = {
  "wasi:http/types": {
    Fields,
    IncomingRequest,
    OutgoingRequest,
    RequestOptions,
    ResponseOutparam,
    IncomingResponse,
    IncomingBody,
    FutureTrailers,
    OutgoingResponse,
    OutgoingBody,
    FutureIncomingResponse,
    InputStream,
    OutputStream,
    Pollable,
    httpErrorCode,
  },
};

export { internalError };
