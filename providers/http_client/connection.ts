// One connection to a server, plain or TLS, to an address that was chosen before: bytes out, and bytes in through a
// buffer that knows lines. Every wait has a time-out; what times out or breaks closes the connection for good.

import { brokenError, connectError, httpError, tlsError } from "./error_codes.ts";

/** Where to connect. */
export interface Peer {
  address: string;
  port: number;
  /** The name the certificate must be for; undefined for plain HTTP. */
  tlsName: string | undefined;
  caCerts: string[];
}

/** Bytes asked for at once; more once a read filled it, because then a large body is coming. */
const READ_BYTES = 16 * 1024;
const READ_BYTES_MAX = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** An open connection. */
export class Connection {
  /** Which requests may use it. */
  readonly key: string;
  /** Since when it is idle, on the monotonic scale. */
  idleSinceMs = 0;
  /** Responses it has carried. */
  uses = 0;
  /** Bytes of the present exchange came in. */
  hasRead = false;
  isClosed = false;
  readonly #conn: Deno.Conn;
  #rest: Uint8Array = EMPTY;
  #reading: Promise<Uint8Array | null> | undefined;
  #readBytes = READ_BYTES;

  constructor(key: string, conn: Deno.Conn) {
    this.key = key;
    this.#conn = conn;
  }

  /** Connects, and shakes hands where TLS is wanted; throws an error code. */
  static async open(key: string, peer: Peer, timeoutMs: number): Promise<Connection> {
    const started = performance.now();
    const connecting = Deno.connect({ hostname: peer.address, port: peer.port });
    const tcp = await bound(connecting, timeoutMs, () => httpError("connection-timeout"), () => {
      connecting.then((late) => late.close(), () => {});
    }).catch((error) => {
      throw connectError(error);
    });
    try {
      tcp.setNoDelay();
    } catch { /* only a matter of speed */ }
    if (peer.tlsName === undefined) return new Connection(key, tcp);
    const left = Math.max(1, timeoutMs - (performance.now() - started));
    let tls: Deno.TlsConn | undefined;
    try {
      tls = await Deno.startTls(tcp, {
        hostname: peer.tlsName,
        caCerts: peer.caCerts,
        alpnProtocols: ["http/1.1"],
      });
      await bound(tls.handshake(), left, () => httpError("connection-timeout"), () => {});
      return new Connection(key, tls);
    } catch (error) {
      closeQuietly(tls ?? tcp);
      throw tlsError(error);
    }
  }

  /** Sends all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Bytes that came already and nobody took. */
  get buffered(): number {
    return this.#rest.length;
  }

  /**
   * Begins to read without waiting and tells what comes first: the server hung up, or spoke unasked. The bytes stay for
   * the next exchange; told then, the owner knows that the connection is no longer idle.
   */
  watch(onNews: () => void): void {
    this.#fill().then(onNews, onNews);
  }

  /** The next bytes, at most `max`; null at the end of the stream. */
  async read(max: number, timeoutMs: number): Promise<Uint8Array | null> {
    if (this.#rest.length === 0 && !await this.#more(timeoutMs, "connection-read-timeout")) return null;
    const taken = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Bytes that are there already: exactly `length` of them, or undefined. */
  takeBuffered(length: number): Uint8Array | undefined {
    if (this.#rest.length < length) return undefined;
    const taken = this.#rest.slice(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  /**
   * Lines up to the first empty one, each of which ended in CR LF. Throws `tooLong` beyond `bytesMax`, `late` when
   * nothing more came for `timeoutMs`; undefined where the stream ended before anything came.
   */
  async readLines(
    bytesMax: number,
    timeoutMs: number,
    late: string,
    tooLong: string,
  ): Promise<string[] | undefined> {
    const lines: string[] = [];
    const until = performance.now() + timeoutMs;
    let left = bytesMax;
    for (;;) {
      const line = await this.readLine(left, until - performance.now(), late, tooLong);
      if (line === undefined) {
        if (lines.length === 0) return undefined;
        throw httpError("connection-terminated");
      }
      if (line === "") return lines;
      left -= line.length + 2;
      lines.push(line);
    }
  }

  /** One line without its CR LF; undefined where the stream ended first. */
  async readLine(
    bytesMax: number,
    timeoutMs: number,
    late: string,
    tooLong: string,
  ): Promise<string | undefined> {
    let searched = 0;
    for (;;) {
      const end = this.#rest.indexOf(0x0a, searched);
      if (end > bytesMax || (end < 0 && this.#rest.length > bytesMax)) throw httpError(tooLong);
      if (end >= 0) {
        if (end === 0 || this.#rest[end - 1] !== 0x0d) throw httpError("HTTP-protocol-error");
        const line = latin1(this.#rest.subarray(0, end - 1));
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      searched = this.#rest.length;
      if (!await this.#more(timeoutMs, late)) return undefined;
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeQuietly(this.#conn);
  }

  /** Adds what comes next to the buffer; false at the end of the stream. */
  async #more(timeoutMs: number, late: string): Promise<boolean> {
    const bytes = await bound(this.#fill(), timeoutMs, () => httpError(late), () => this.close());
    if (bytes === null) return false;
    this.hasRead = true;
    if (this.#rest.length === 0) this.#rest = bytes;
    else {
      const joined = new Uint8Array(this.#rest.length + bytes.length);
      joined.set(this.#rest);
      joined.set(bytes, this.#rest.length);
      this.#rest = joined;
    }
    this.#reading = undefined;
    return true;
  }

  /** The read that is under way, else a new one. */
  #fill(): Promise<Uint8Array | null> {
    return this.#reading ??= this.#readOnce();
  }

  async #readOnce(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(this.#readBytes);
    try {
      const length = await this.#conn.read(buffer);
      if (length === null) return null;
      this.#readBytes = length === buffer.length ? READ_BYTES_MAX : READ_BYTES;
      return buffer.subarray(0, length);
    } catch (error) {
      throw brokenError(error);
    }
  }
}

/** What `work` resolves with; rejects with `late()` after `ms`, and tidies up then. */
export function bound<T>(work: Promise<T>, ms: number, late: () => Error, tidy: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(late());
      tidy();
    }, Math.max(0, Math.min(ms, 2 ** 31 - 1)));
    work.then((value) => {
      clearTimeout(timer);
      resolve(value);
    }, (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch { /* the other side was first */ }
}

/** One character per byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return text;
}
