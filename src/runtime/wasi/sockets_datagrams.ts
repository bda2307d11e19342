// An open UDP socket: what comes in and goes out, whichever streams the guest holds at the moment. One bound by a listen
// rule hears everyone; one bound to "any port of mine" under connect rules alone hears and reaches only those the rules
// allow. Who spoke to a socket that may listen may be answered. Queues are short: what does not fit is lost, as
// datagrams are.

import { Pollable } from "./io.ts";
import {
  formatAddress,
  formatSocketAddress,
  fromDenoAddress,
  type IpAddressFamily,
  type IpSocketAddress,
  isIpv4Mapped,
  isUnspecified,
  type NumericAddress,
  numericAddress,
} from "./sockets_address.ts";
import { closeQuietly } from "./sockets_connection.ts";
import { type SocketCode, toSocketCode } from "./sockets_errors.ts";
import type { SocketPolicy } from "./sockets_rules.ts";

/** Largest payload of an IPv4 datagram. */
const PAYLOAD_MAX = 65_507;
/** Datagrams waiting for the guest, and bytes of them; then reading stops until it takes some. */
const WAITING_MAX = 64;
const WAITING_BYTES_MAX = 128 * 1024;
/** Datagrams on their way out, up to 1 MiB. */
const SENDING_MAX = 16;
/** Peers that may be answered without a rule of their own, the last to speak. */
const PEERS_MAX = 1_024;

/** `incoming-datagram`. */
export interface IncomingDatagram {
  data: Uint8Array;
  remoteAddress: IpSocketAddress;
}

/** `outgoing-datagram`. */
export interface OutgoingDatagram {
  data: Uint8Array;
  remoteAddress: IpSocketAddress | undefined;
}

/** The other end. */
export interface Peer {
  address: NumericAddress;
  port: number;
  key: string;
}

export function peerOf(socketAddress: IpSocketAddress): Peer {
  const address = numericAddress(socketAddress);
  const { port } = socketAddress.val;
  return { address, port, key: formatSocketAddress(address, port) };
}

/** An open socket. */
export class Datagrams {
  readonly localAddress: IpSocketAddress;
  readonly #socket: Deno.DatagramConn;
  readonly #policy: SocketPolicy;
  readonly #mayListen: boolean;
  readonly #peers = new Set<string>();
  #remote: Peer | undefined;
  #waiting: IncomingDatagram[] = [];
  #waitingBytes = 0;
  #buffer: Uint8Array | undefined;
  #receiving: Promise<void> | undefined;
  #sendings = new Set<Promise<void>>();
  #failure: SocketCode | undefined;
  #isClosed = false;

  constructor(socket: Deno.DatagramConn, policy: SocketPolicy, mayListen: boolean) {
    this.#socket = socket;
    this.#policy = policy;
    this.#mayListen = mayListen;
    this.localAddress = fromDenoAddress(socket.addr as Deno.NetAddr);
  }

  /** Limits both directions to `remote`, or lifts the limit. */
  associate(remote: Peer | undefined): void {
    this.#remote = remote;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#receive();
  }

  take(max: bigint): IncomingDatagram[] {
    this.#raiseFailure();
    const taken = this.#waiting.splice(0, Number(max < BigInt(WAITING_MAX) ? max : BigInt(WAITING_MAX)));
    for (const { data } of taken) this.#waitingBytes -= data.length;
    this.#receive();
    return taken;
  }

  incomingPollable(): Pollable {
    this.#receive();
    return this.#waiting.length || this.#failure || this.#isClosed
      ? new Pollable()
      : new Pollable(this.#receiving);
  }

  permit(): number {
    this.#raiseFailure();
    return SENDING_MAX - this.#sendings.size;
  }

  outgoingPollable(): Pollable {
    return this.#sendings.size < SENDING_MAX || this.#failure
      ? new Pollable()
      : new Pollable(Promise.race(this.#sendings));
  }

  send({ data, remoteAddress }: OutgoingDatagram): void {
    const peer = remoteAddress ? peerOf(remoteAddress) : this.#remote;
    if (!peer || (this.#remote && peer.key !== this.#remote.key)) throw "invalid-argument";
    checkRemote(peer, this.localAddress.tag);
    if (data.length > PAYLOAD_MAX) throw "datagram-too-large";
    if (!this.#peers.has(peer.key) && !this.#policy.allowsConnect(peer.address, peer.port)) {
      throw "access-denied";
    }
    const target = { transport: "udp", hostname: formatAddress(peer.address), port: peer.port } as const;
    const sending: Promise<void> = this.#socket.send(data, target).then(() => {}, (error) => {
      this.#failure ??= toSocketCode(error);
    }).finally(() => this.#sendings.delete(sending));
    this.#sendings.add(sending);
  }

  close(): void {
    this.#isClosed = true;
    closeQuietly(this.#socket);
  }

  #raiseFailure(): void {
    if (this.#isClosed) throw "invalid-state";
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }

  /** Keeps one receive under way while there is room. */
  #receive(): void {
    if (this.#receiving || this.#isClosed || this.#failure) return;
    if (this.#waiting.length >= WAITING_MAX || this.#waitingBytes >= WAITING_BYTES_MAX) return;
    this.#buffer ??= new Uint8Array(65_536);
    this.#receiving = this.#receiveWanted(this.#buffer).then(() => {
      this.#receiving = undefined;
      this.#receive();
    }, (error) => {
      this.#receiving = undefined;
      if (!this.#isClosed) this.#failure ??= toSocketCode(error);
    });
  }

  /** Resolves with the first datagram that this socket may hear. */
  async #receiveWanted(buffer: Uint8Array): Promise<void> {
    while (true) {
      const [data, from] = await this.#socket.receive(buffer);
      const remoteAddress = fromDenoAddress(from as Deno.NetAddr);
      const peer = peerOf(remoteAddress);
      if (this.#remote ? peer.key !== this.#remote.key : !this.#mayHear(peer)) continue;
      if (this.#mayListen) this.#notePeer(peer.key);
      this.#waiting.push({ data: data.slice(), remoteAddress });
      this.#waitingBytes += data.length;
      return;
    }
  }

  #mayHear({ address, port }: Peer): boolean {
    return this.#mayListen || this.#policy.wouldConnect(address, port);
  }

  #notePeer(key: string): void {
    this.#peers.delete(key);
    this.#peers.add(key);
    if (this.#peers.size > PEERS_MAX) this.#peers.delete(this.#peers.values().next().value!);
  }
}

/** Throws for an address that nothing can be sent to. */
export function checkRemote({ address, port }: Peer, family: IpAddressFamily): void {
  if (address.family !== family || isIpv4Mapped(address) || isUnspecified(address) || port === 0) {
    throw "invalid-argument";
  }
}
