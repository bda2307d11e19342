// wasi:sockets over Deno's, as far as the component's `spec.sockets` lets it: every connect, bind and lookup without a
// rule is `access-denied`, with a log line that says which rule is missing. Made once per instance.
//
// Rules are checked against the numeric address that is then used, so there is nothing to swap in between. A rule by
// name holds for what this host looked the name up to for this instance; whoever runs the name server decides that,
// but cannot thereby point at this box itself or its link-local neighbours.
//
// What cannot be excluded: where a rule allows an address, whatever answers there is reached, a proxy included; and
// `[::]` listens on IPv4 too, because Deno offers no choice.

import type { InstanceContext } from "../context.ts";
import { heldDescriptors } from "./descriptors.ts";
import type { IoError } from "./io.ts";
import type { IpAddressFamily } from "./sockets_address.ts";
import { NetworkIoError, type SocketCode } from "./sockets_errors.ts";
import { NameLookup, ResolveAddressStream, type Resolver, systemResolver } from "./sockets_lookup.ts";
import { SocketPolicy } from "./sockets_rules.ts";
import { type InstanceSockets, TcpSocket } from "./sockets_tcp.ts";
import { IncomingDatagramStream, OutgoingDatagramStream, UdpSocket } from "./sockets_udp.ts";

/** `wasi:sockets/network.network`: there is one, and holding it grants nothing. */
class Network {}

/** The import objects of `wasi:sockets`. */
export function socketImports(
  context: InstanceContext,
  resolver: Resolver = systemResolver,
): Record<string, unknown> {
  const policy = new SocketPolicy(context);
  const sockets: InstanceSockets = { held: heldDescriptors(context), policy };
  const lookup = new NameLookup(context.spec.id, policy, resolver);
  const checkRoom = () => {
    if (sockets.held.isFull()) throw "new-socket-limit" satisfies SocketCode;
  };
  return {
    "wasi:sockets/network": {
      Network,
      networkErrorCode: (error: IoError): SocketCode | undefined =>
        error instanceof NetworkIoError ? error.code : undefined,
    },
    "wasi:sockets/instance-network": { instanceNetwork: () => new Network() },
    "wasi:sockets/ip-name-lookup": {
      ResolveAddressStream,
      resolveAddresses: (_network: Network, name: string) => lookup.resolveAddresses(name),
    },
    "wasi:sockets/tcp": { TcpSocket },
    "wasi:sockets/tcp-create-socket": {
      createTcpSocket(family: IpAddressFamily) {
        checkRoom();
        return new TcpSocket(sockets, family);
      },
    },
    "wasi:sockets/udp": { UdpSocket, IncomingDatagramStream, OutgoingDatagramStream },
    "wasi:sockets/udp-create-socket": {
      createUdpSocket(family: IpAddressFamily) {
        checkRoom();
        return new UdpSocket(sockets, family);
      },
    },
  };
}
