// One TCP connection and its two streams. The socket and both streams may be dropped in any order; the connection is
// closed when all three are, after what was written is out. One read and one write are under way at most, so a slow
// guest stops the peer and a slow peer stops the guest.

import { InputStream, LivePollable, OutputStream, type Pollable } from "./io.ts";
import { NetworkIoError, toSocketCode } from "./sockets_errors.ts";

/** `shutdown-type`. */
export type ShutdownType = "receive" | "send" | "both";

/** First size of a read, doubled while reads fill it: an idle connection should not hold much. */
const READ_MIN = 4 * 1024;
const READ_MAX = 64 * 1024;

class ConnectionInput extends InputStream {
  readonly #onDispose: () => void;
  constructor(read: () => Promise<Uint8Array | null>, onDispose: () => void) {
    super({ read });
    this.#onDispose = onDispose;
  }
  override subscribe(): Pollable {
    return new LivePollable(() => super.subscribe());
  }
  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#onDispose();
  }
}

class ConnectionOutput extends OutputStream {
  readonly #onDispose: () => void;
  constructor(write: (bytes: Uint8Array) => Promise<void>, onDispose: () => void) {
    super({ write });
    this.#onDispose = onDispose;
  }
  override subscribe(): Pollable {
    return new LivePollable(() => super.subscribe());
  }
  [Symbol.dispose](): void {
    this.#onDispose();
  }
}

/** Runs `release` on its first call only. */
function once(release: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) release();
    isDone = true;
  };
}

/** An open connection. `onUnused` is called when the socket and both streams are dropped, and is to close it. */
export class Connection {
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly localAddress: Deno.NetAddr;
  readonly remoteAddress: Deno.NetAddr;
  readonly #conn: Deno.TcpConn;
  readonly #onUnused: () => void;
  readonly #releaseSocket = once(() => this.#release());
  #uses = 3;
  #readLength = READ_MIN;
  #isReceiving = true;
  #isSending = true;
  #writing: Promise<void> = Promise.resolve();

  constructor(conn: Deno.TcpConn, onUnused: () => void) {
    this.#conn = conn;
    this.#onUnused = onUnused;
    this.localAddress = conn.localAddr;
    this.remoteAddress = conn.remoteAddr;
    this.input = new ConnectionInput(() => this.#read(), once(() => this.#release()));
    this.output = new ConnectionOutput((bytes) => this.#write(bytes), once(() => this.#release()));
  }

  setKeepAlive(isOn: boolean): void {
    this.#conn.setKeepAlive(isOn);
  }

  shutdown(type: ShutdownType): void {
    if (type !== "send" && this.#isReceiving) {
      this.#isReceiving = false;
      InputStream.prototype[Symbol.dispose].call(this.input); // ended; the guest's handle stays
    }
    if (type !== "receive" && this.#isSending) {
      this.#isSending = false;
      this.output.close();
      // What was written before goes out first; a peer that is gone has nothing to be told.
      void this.#writing.then(() => this.#conn.closeWrite()).catch(() => {});
    }
  }

  /** The socket resource was dropped. */
  releaseSocket(): void {
    this.#releaseSocket();
  }

  /** Ends it now, whatever is under way. */
  close(): void {
    this.#isReceiving = false;
    closeQuietly(this.#conn);
  }

  async #read(): Promise<Uint8Array | null> {
    if (!this.#isReceiving) return null;
    const buffer = new Uint8Array(this.#readLength);
    try {
      const length = await this.#conn.read(buffer);
      if (length === buffer.length) this.#readLength = Math.min(buffer.length * 2, READ_MAX);
      return length === null || !this.#isReceiving ? null : buffer.subarray(0, length);
    } catch (error) {
      if (!this.#isReceiving) return null;
      throw new NetworkIoError(toSocketCode(error));
    }
  }

  #write(bytes: Uint8Array): Promise<void> {
    const write = async () => {
      try {
        for (let done = 0; done < bytes.length;) done += await this.#conn.write(bytes.subarray(done));
      } catch (error) {
        throw new NetworkIoError(toSocketCode(error));
      }
    };
    const writing = write();
    this.#writing = writing.catch(() => {});
    return writing;
  }

  #release(): void {
    if (--this.#uses === 0) void this.#writing.then(this.#onUnused);
  }
}

/** Closes what may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
