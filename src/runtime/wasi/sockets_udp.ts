// `wasi:sockets/udp`: the resources a guest holds of a UDP socket. What goes through it is in `sockets_datagrams.ts`.

import { LivePollable, Pollable } from "./io.ts";
import {
  formatAddress,
  type IpAddressFamily,
  type IpSocketAddress,
  isIpv4Mapped,
} from "./sockets_address.ts";
import {
  checkRemote,
  Datagrams,
  type IncomingDatagram,
  type OutgoingDatagram,
  peerOf,
} from "./sockets_datagrams.ts";
import { toSocketCode } from "./sockets_errors.ts";
import { SocketOptions } from "./sockets_options.ts";
import type { InstanceSockets } from "./sockets_tcp.ts";

/** `wasi:sockets/udp.incoming-datagram-stream`. */
export class IncomingDatagramStream {
  readonly #datagrams: () => Datagrams;
  constructor(datagrams: () => Datagrams) {
    this.#datagrams = datagrams;
  }
  receive(maxResults: bigint): IncomingDatagram[] {
    return this.#datagrams().take(maxResults);
  }
  subscribe(): Pollable {
    return new LivePollable(() => this.#datagrams().incomingPollable());
  }
}

/** `wasi:sockets/udp.outgoing-datagram-stream`. */
export class OutgoingDatagramStream {
  readonly #datagrams: () => Datagrams;
  #permit = 0;
  constructor(datagrams: () => Datagrams) {
    this.#datagrams = datagrams;
  }
  checkSend(): bigint {
    this.#permit = this.#datagrams().permit();
    return BigInt(this.#permit);
  }
  send(outgoing: OutgoingDatagram[]): bigint {
    if (outgoing.length > this.#permit) {
      throw new Error(`send of ${outgoing.length} datagrams exceeds the permit of check-send`);
    }
    const datagrams = this.#datagrams();
    this.#permit = 0;
    for (const [i, datagram] of outgoing.entries()) {
      try {
        datagrams.send(datagram);
      } catch (error) {
        if (i && typeof error === "string") return BigInt(i); // the guest learns of it with its next send
        throw error;
      }
    }
    return BigInt(outgoing.length);
  }
  subscribe(): Pollable {
    return new LivePollable(() => this.#datagrams().outgoingPollable());
  }
}

/** `wasi:sockets/udp.udp-socket`. */
export class UdpSocket extends SocketOptions {
  readonly #sockets: InstanceSockets;
  readonly #family: IpAddressFamily;
  readonly #free: () => void;
  #datagrams: Datagrams | undefined;
  #isBinding = false;
  #remote: IpSocketAddress | undefined;
  /** Streams of an earlier `stream` call are dead. */
  #generation = 0;

  constructor(sockets: InstanceSockets, family: IpAddressFamily) {
    super();
    this.#sockets = sockets;
    this.#family = family;
    this.#free = sockets.held.hold(() => this.#datagrams?.close());
  }

  startBind(_network: unknown, localAddress: IpSocketAddress): void {
    if (this.#isBinding) throw "concurrency-conflict";
    if (this.#datagrams) throw "invalid-state";
    const { address, port } = peerOf(localAddress);
    if (address.family !== this.#family || isIpv4Mapped(address)) throw "invalid-argument";
    const { policy } = this.#sockets;
    const mayListen = policy.allowsListen(address, port);
    if (!mayListen && !(port === 0 && policy.canConnect)) {
      policy.denyListen(address, port);
      throw "access-denied";
    }
    try {
      const socket = Deno.listenDatagram({ transport: "udp", hostname: formatAddress(address), port });
      this.#datagrams = new Datagrams(socket, policy, mayListen);
    } catch (error) {
      throw toSocketCode(error);
    }
    this.#isBinding = true;
  }

  finishBind(): void {
    if (!this.#isBinding) throw "not-in-progress";
    this.#isBinding = false;
  }

  stream(remoteAddress: IpSocketAddress | undefined): [IncomingDatagramStream, OutgoingDatagramStream] {
    const datagrams = this.#bound();
    const peer = remoteAddress && peerOf(remoteAddress);
    if (peer) {
      checkRemote(peer, this.#family);
      if (!this.#sockets.policy.allowsConnect(peer.address, peer.port)) throw "access-denied";
    }
    datagrams.associate(peer);
    this.#remote = remoteAddress;
    const generation = ++this.#generation;
    const current = () => {
      if (generation !== this.#generation) throw "invalid-state";
      return datagrams;
    };
    return [new IncomingDatagramStream(current), new OutgoingDatagramStream(current)];
  }

  localAddress(): IpSocketAddress {
    return this.#bound().localAddress;
  }

  remoteAddress(): IpSocketAddress {
    if (!this.#remote) throw "invalid-state";
    return this.#remote;
  }

  addressFamily(): IpAddressFamily {
    return this.#family;
  }

  unicastHopLimit(): number {
    return this.hopLimit();
  }

  setUnicastHopLimit(value: number): void {
    this.setHopLimit(value);
  }

  /** Binding is done at once, so there is nothing to wait for. */
  subscribe(): Pollable {
    return new Pollable();
  }

  [Symbol.dispose](): void {
    this.#free();
  }

  #bound(): Datagrams {
    if (!this.#datagrams || this.#isBinding) throw "invalid-state";
    return this.#datagrams;
  }
}
