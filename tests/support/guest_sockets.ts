// A guest's view of wasi:sockets, for tests: the imports of a fake instance with given rules, addresses as the glue
// writes them, and the waiting loops a guest's libc runs.

import type { ComponentSpec } from "../../src/model/component.ts";
import type { Pollable } from "../../src/runtime/wasi/io.ts";
import {
  type IpAddress,
  type IpAddressFamily,
  type IpSocketAddress,
  parseAddress,
  toIpAddress,
} from "../../src/runtime/wasi/sockets_address.ts";
import type { ResolveAddressStream, Resolver } from "../../src/runtime/wasi/sockets_lookup.ts";
import type { TcpSocket } from "../../src/runtime/wasi/sockets_tcp.ts";
import type { UdpSocket } from "../../src/runtime/wasi/sockets_udp.ts";
import { socketImports } from "../../src/runtime/wasi/sockets.ts";
import type { IoError } from "../../src/runtime/wasi/io.ts";
import { type FakeContext, fakeContext } from "./instance_context.ts";

export interface GuestSockets {
  context: FakeContext;
  network: unknown;
  tcp(family?: IpAddressFamily): TcpSocket;
  udp(family?: IpAddressFamily): UdpSocket;
  resolve(name: string): ResolveAddressStream;
  networkErrorCode(error: IoError): string | undefined;
  [Symbol.dispose](): void;
}

interface SocketInterfaces {
  "wasi:sockets/network": { networkErrorCode(error: IoError): string | undefined };
  "wasi:sockets/instance-network": { instanceNetwork(): unknown };
  "wasi:sockets/ip-name-lookup": { resolveAddresses(network: unknown, name: string): ResolveAddressStream };
  "wasi:sockets/tcp-create-socket": { createTcpSocket(family: IpAddressFamily): TcpSocket };
  "wasi:sockets/udp-create-socket": { createUdpSocket(family: IpAddressFamily): UdpSocket };
}

/** An instance with these rules; names are looked up by `resolver`, which by default knows none. */
export function guestSockets(
  rules: Partial<ComponentSpec["sockets"]> = {},
  resolver: Resolver = () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" })),
): GuestSockets {
  const context = fakeContext({ sockets: { connect: [], listen: [], lookup: [], ...rules } });
  const imports = socketImports(context, resolver) as unknown as SocketInterfaces;
  const network = imports["wasi:sockets/instance-network"].instanceNetwork();
  return {
    context,
    network,
    tcp: (family = "ipv4") => imports["wasi:sockets/tcp-create-socket"].createTcpSocket(family),
    udp: (family = "ipv4") => imports["wasi:sockets/udp-create-socket"].createUdpSocket(family),
    resolve: (name) => imports["wasi:sockets/ip-name-lookup"].resolveAddresses(network, name),
    networkErrorCode: imports["wasi:sockets/network"].networkErrorCode,
    [Symbol.dispose]: () => context.drop(),
  };
}

/** A socket address as the glue writes it. */
export function address(text: string, port: number): IpSocketAddress {
  const { tag, val } = toIpAddress(parseAddress(text)!);
  return tag === "ipv4"
    ? { tag, val: { port, address: val } }
    : { tag, val: { port, flowInfo: 0, address: val, scopeId: 0 } };
}

/** Calls `attempt` until it no longer says `would-block`, waiting on `pollable` in between, as libc does. */
export async function whenReady<T>(pollable: Pollable, attempt: () => T): Promise<T> {
  while (true) {
    try {
      return attempt();
    } catch (error) {
      if (error !== "would-block") throw error;
    }
    await pollable.block();
  }
}

/** Connects the way a guest does. */
export function connect({ network }: GuestSockets, socket: TcpSocket, remote: IpSocketAddress) {
  socket.startConnect(network, remote);
  return whenReady(socket.subscribe(), () => socket.finishConnect());
}

/** Binds and listens; gives the port. */
export function listen({ network }: GuestSockets, socket: TcpSocket, local: IpSocketAddress): number {
  socket.startBind(network, local);
  socket.finishBind();
  socket.startListen();
  socket.finishListen();
  return socket.localAddress().val.port;
}

/** Every address a lookup gives. */
export async function allAddresses(found: ResolveAddressStream): Promise<IpAddress[]> {
  const addresses: IpAddress[] = [];
  while (true) {
    const next = await whenReady(found.subscribe(), () => found.resolveNextAddress());
    if (!next) return addresses;
    addresses.push(next);
  }
}
