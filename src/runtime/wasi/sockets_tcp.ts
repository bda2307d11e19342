// `wasi:sockets/tcp.tcp-socket`: the state machine of WASI over Deno.connect and Deno.listen. What Deno cannot do shows:
// binding listens at once (early callers wait in the system's queue), a socket that was bound to a certain address does
// not connect, and of the options only keep-alive takes effect; the others are kept and told back.

import type { HeldDescriptors } from "./descriptors.ts";
import { type InputStream, LivePollable, type OutputStream, Pollable } from "./io.ts";
import {
  formatAddress,
  fromDenoAddress,
  type IpAddressFamily,
  type IpSocketAddress,
  isIpv4Mapped,
  isManyfold,
  isUnspecified,
  type NumericAddress,
  numericAddress,
} from "./sockets_address.ts";
import { closeQuietly, Connection, type ShutdownType } from "./sockets_connection.ts";
import { type SocketCode, toSocketCode } from "./sockets_errors.ts";
import type { SocketPolicy } from "./sockets_rules.ts";
import { TcpOptions } from "./sockets_options.ts";

/** What all sockets of one instance share. */
export interface InstanceSockets {
  readonly held: HeldDescriptors;
  readonly policy: SocketPolicy;
}

type State =
  | { is: "unbound" }
  /** `listener` is missing where the socket may only connect. */
  | { is: "binding" | "bound"; address: IpSocketAddress; listener?: Deno.TcpListener }
  | { is: "listen-starting"; listener: Deno.TcpListener }
  | { is: "listening"; listener: Deno.TcpListener; waiting: Accepting }
  | { is: "connecting"; outcome: Promise<void>; result?: Connection | SocketCode; abort: AbortController }
  | { is: "connected"; connection: Connection }
  | { is: "closed" };

/** The next caller of a listening socket, asked for ahead of `accept`. */
class Accepting {
  result: Deno.TcpConn | SocketCode | undefined;
  outcome: Promise<void> = Promise.resolve();
  readonly #listener: Deno.TcpListener;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.#next();
  }

  /** Hands out the caller, and waits for the next. */
  take(): Deno.TcpConn | SocketCode {
    const { result } = this;
    if (result === undefined) return "would-block";
    this.#next();
    return result;
  }

  close(): void {
    closeQuietly(this.#listener);
    if (typeof this.result === "object") closeQuietly(this.result);
  }

  #next(): void {
    this.result = undefined;
    this.outcome = this.#listener.accept().then((conn) => {
      this.result = conn;
    }, (error) => {
      this.result = toSocketCode(error);
    });
  }
}

/** `wasi:sockets/tcp.tcp-socket`. */
export class TcpSocket extends TcpOptions {
  readonly #sockets: InstanceSockets;
  readonly #family: IpAddressFamily;
  #state: State = { is: "unbound" };
  readonly #free: () => void;

  constructor(sockets: InstanceSockets, family: IpAddressFamily) {
    super();
    this.#sockets = sockets;
    this.#family = family;
    this.#free = sockets.held.hold(() => this.#close());
  }

  startBind(_network: unknown, localAddress: IpSocketAddress): void {
    if (this.#state.is === "binding") throw "concurrency-conflict";
    if (this.#state.is !== "unbound") throw "invalid-state";
    const address = this.#checkAddress(localAddress);
    const { port } = localAddress.val;
    if (this.#sockets.policy.allowsListen(address, port)) {
      const listener = listen(address, port);
      this.#state = { is: "binding", address: fromDenoAddress(listener.addr), listener };
    } else if (isUnspecified(address) && port === 0 && this.#sockets.policy.canConnect) {
      // "Any address of mine" before connecting asks for nothing.
      this.#state = { is: "binding", address: localAddress };
    } else {
      this.#sockets.policy.denyListen(address, port);
      throw "access-denied";
    }
  }

  finishBind(): void {
    if (this.#state.is !== "binding") throw "not-in-progress";
    this.#state = { ...this.#state, is: "bound" };
  }

  startConnect(_network: unknown, remoteAddress: IpSocketAddress): void {
    const state = this.#state;
    if (state.is === "binding" || state.is === "connecting" || state.is === "listen-starting") {
      throw "concurrency-conflict";
    }
    if (state.is !== "unbound" && state.is !== "bound") throw "invalid-state";
    const address = this.#checkAddress(remoteAddress);
    const { port } = remoteAddress.val;
    if (isUnspecified(address) || port === 0) throw "invalid-argument";
    if (state.is === "bound" && state.listener) throw "not-supported";
    if (!this.#sockets.policy.allowsConnect(address, port)) throw "access-denied";
    this.#connect(formatAddress(address), port);
  }

  finishConnect(): [InputStream, OutputStream] {
    if (this.#state.is !== "connecting") throw "not-in-progress";
    const { result } = this.#state;
    if (result === undefined) throw "would-block";
    if (typeof result === "string") {
      this.#state = { is: "closed" };
      throw result;
    }
    this.#state = { is: "connected", connection: result };
    return [result.input, result.output];
  }

  startListen(): void {
    const state = this.#state;
    if (state.is === "listen-starting" || state.is === "binding" || state.is === "connecting") {
      throw "concurrency-conflict";
    }
    if (state.is !== "bound") throw "invalid-state";
    if (!state.listener) throw "access-denied";
    this.#state = { is: "listen-starting", listener: state.listener };
  }

  finishListen(): void {
    if (this.#state.is !== "listen-starting") throw "not-in-progress";
    const { listener } = this.#state;
    this.#state = { is: "listening", listener, waiting: new Accepting(listener) };
  }

  accept(): [TcpSocket, InputStream, OutputStream] {
    if (this.#state.is !== "listening") throw "invalid-state";
    const { waiting } = this.#state;
    if (typeof waiting.result === "object" && this.#sockets.held.isFull()) throw "new-socket-limit";
    const result = waiting.take();
    if (typeof result === "string") throw result;
    const socket = new TcpSocket(this.#sockets, this.#family);
    socket.copyOptions(this);
    const connection = socket.#adopt(result);
    socket.#state = { is: "connected", connection };
    return [socket, connection.input, connection.output];
  }

  localAddress(): IpSocketAddress {
    const state = this.#state;
    switch (state.is) {
      case "bound":
        return state.address;
      case "listen-starting":
      case "listening":
        return fromDenoAddress(state.listener.addr);
      case "connected":
        return fromDenoAddress(state.connection.localAddress);
    }
    throw "invalid-state";
  }

  remoteAddress(): IpSocketAddress {
    if (this.#state.is !== "connected") throw "invalid-state";
    return fromDenoAddress(this.#state.connection.remoteAddress);
  }

  isListening(): boolean {
    return this.#state.is === "listening";
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): void {
    if (value === 0n) throw "invalid-argument";
    if (this.#state.is === "connecting" || this.#state.is === "connected") throw "invalid-state";
  }

  override setKeepAliveEnabled(value: boolean): void {
    super.setKeepAliveEnabled(value);
    if (this.#state.is === "connected") this.#state.connection.setKeepAlive(value);
  }

  subscribe(): Pollable {
    return new LivePollable(() => {
      const state = this.#state;
      if (state.is === "connecting" && state.result === undefined) return new Pollable(state.outcome);
      if (state.is === "listening" && state.waiting.result === undefined) {
        return new Pollable(state.waiting.outcome);
      }
      return new Pollable();
    });
  }

  shutdown(type: ShutdownType): void {
    if (this.#state.is !== "connected") throw "invalid-state";
    this.#state.connection.shutdown(type);
  }

  [Symbol.dispose](): void {
    // A connection lives on with its streams.
    if (this.#state.is === "connected") this.#state.connection.releaseSocket();
    else this.#free();
  }

  /** Address checks that binding and connecting share. */
  #checkAddress(socketAddress: IpSocketAddress): NumericAddress {
    const address = numericAddress(socketAddress);
    if (address.family !== this.#family || isManyfold(address) || isIpv4Mapped(address)) {
      throw "invalid-argument";
    }
    return address;
  }

  #connect(hostname: string, port: number): void {
    const abort = new AbortController();
    const connecting: State & { is: "connecting" } = {
      is: "connecting",
      abort,
      outcome: Deno.connect({ hostname, port, signal: abort.signal }).then((conn) => {
        // Dropped meanwhile: nobody is left to hand it to.
        if (this.#state === connecting) connecting.result = this.#adopt(conn);
        else closeQuietly(conn);
      }, (error) => {
        connecting.result = toSocketCode(error);
      }),
    };
    this.#state = connecting;
  }

  #adopt(conn: Deno.TcpConn): Connection {
    const connection = new Connection(conn, this.#free);
    conn.setNoDelay(true); // there is no such option in WASI, and requests are small
    if (this.keepAliveEnabled()) connection.setKeepAlive(true);
    return connection;
  }

  /** Ends whatever is under way; called once, when the socket goes or the instance does. */
  #close(): void {
    const state = this.#state;
    this.#state = { is: "closed" };
    if (state.is === "listening") state.waiting.close();
    else if (state.is === "connected") state.connection.close();
    else if (state.is === "connecting") {
      state.abort.abort();
      if (state.result instanceof Connection) state.result.close();
    } else if ("listener" in state && state.listener) closeQuietly(state.listener);
  }
}

function listen(address: NumericAddress, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: formatAddress(address), port });
  } catch (error) {
    throw toSocketCode(error);
  }
}
