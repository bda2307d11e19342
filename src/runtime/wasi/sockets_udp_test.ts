import assert from "node:assert/strict";
import { bytes, refuses, text } from "../../../tests/support/guest_filesystem.ts";
import { address, type GuestSockets, guestSockets } from "../../../tests/support/guest_sockets.ts";
import type { IncomingDatagramStream, UdpSocket } from "./sockets_udp.ts";

const LOOPBACK = "127.0.0.1";

function bind({ network, udp }: GuestSockets, port = 0): UdpSocket {
  const socket = udp();
  socket.startBind(network, address(LOOPBACK, port));
  socket.finishBind();
  return socket;
}

function peerSocket(): { peer: Deno.DatagramConn; port: number; [Symbol.dispose](): void } {
  const peer = Deno.listenDatagram({ transport: "udp", hostname: LOOPBACK, port: 0 });
  return { peer, port: (peer.addr as Deno.NetAddr).port, [Symbol.dispose]: () => peer.close() };
}

async function receive(incoming: IncomingDatagramStream) {
  const pollable = incoming.subscribe();
  while (true) {
    const got = incoming.receive(10n);
    if (got.length) return got;
    await pollable.block();
  }
}

Deno.test("a bound socket receives from anyone and may answer", async () => {
  using guest = guestSockets({ listen: [`${LOOPBACK}:*`] });
  using other = peerSocket();
  const unbound = guest.udp();
  refuses("invalid-state", () => unbound.stream(undefined));
  refuses("invalid-state", () => unbound.localAddress());
  const socket = bind(guest);
  refuses("invalid-state", () => socket.startBind(guest.network, address(LOOPBACK, 0)));
  const [incoming, outgoing] = socket.stream(undefined);
  assert.deepEqual(incoming.receive(0n), []);
  const { port } = socket.localAddress().val;
  const target = { transport: "udp", hostname: LOOPBACK, port } as const;
  // Nobody has spoken yet, and no rule allows to speak first.
  assert.ok(outgoing.checkSend() > 0n);
  const hello = { data: bytes("hello"), remoteAddress: address(LOOPBACK, other.port) };
  refuses("access-denied", () => outgoing.send([hello]));
  await other.peer.send(bytes("ask"), target);
  const [asked] = await receive(incoming);
  assert.equal(text(asked.data), "ask");
  assert.deepEqual(asked.remoteAddress, address(LOOPBACK, other.port));
  outgoing.checkSend();
  assert.equal(outgoing.send([hello]), 1n);
  assert.equal(text((await other.peer.receive())[0]), "hello");
  assert.throws(() => outgoing.send([hello]), /exceeds the permit/); // without asking first
});

Deno.test("under connect rules alone a socket hears and reaches only those", async () => {
  using friend = peerSocket();
  using stranger = peerSocket();
  using guest = guestSockets({ connect: [`${LOOPBACK}:${friend.port}`] });
  refuses("access-denied", () => guest.udp().startBind(guest.network, address(LOOPBACK, 9_999)));
  const socket = bind(guest);
  const [incoming, outgoing] = socket.stream(undefined);
  const { port } = socket.localAddress().val;
  const target = { transport: "udp", hostname: LOOPBACK, port } as const;
  await stranger.peer.send(bytes("unasked"), target);
  await friend.peer.send(bytes("known"), target);
  const got = await receive(incoming);
  assert.deepEqual(got.map(({ data }) => text(data)), ["known"]);
  outgoing.checkSend();
  const datagrams = [friend, stranger, friend].map((peer) => ({
    data: bytes("x"),
    remoteAddress: address(LOOPBACK, peer.port),
  }));
  assert.equal(outgoing.send(datagrams), 1n); // up to the first that is denied
  outgoing.checkSend();
  refuses("access-denied", () => outgoing.send(datagrams.slice(1)));
  refuses("access-denied", () => socket.stream(address(LOOPBACK, stranger.port)));
});

Deno.test("a socket streamed to one peer deals with that peer only", async () => {
  using friend = peerSocket();
  using stranger = peerSocket();
  using guest = guestSockets({ connect: ["*:*"], listen: [`${LOOPBACK}:0`] });
  const socket = bind(guest);
  const [oldIncoming] = socket.stream(undefined);
  const remote = address(LOOPBACK, friend.port);
  const [incoming, outgoing] = socket.stream(remote);
  assert.deepEqual(socket.remoteAddress(), remote);
  refuses("invalid-state", () => oldIncoming.receive(1n));
  const target = { transport: "udp", hostname: LOOPBACK, port: socket.localAddress().val.port } as const;
  await stranger.peer.send(bytes("unasked"), target);
  await friend.peer.send(bytes("known"), target);
  assert.deepEqual((await receive(incoming)).map(({ data }) => text(data)), ["known"]);
  outgoing.checkSend();
  refuses(
    "invalid-argument",
    () => outgoing.send([{ data: bytes("x"), remoteAddress: address(LOOPBACK, stranger.port) }]),
  );
  outgoing.checkSend();
  assert.equal(outgoing.send([{ data: bytes("x"), remoteAddress: undefined }]), 1n);
  assert.equal((await friend.peer.receive())[0].length, 1);
  socket.stream(undefined);
  refuses("invalid-state", () => socket.remoteAddress());
});

Deno.test("datagrams that cannot be sent are refused", () => {
  using guest = guestSockets({ connect: ["*:*"], listen: ["*:*"] });
  const [, outgoing] = bind(guest).stream(undefined);
  const send = (data: Uint8Array, remoteAddress?: ReturnType<typeof address>) => {
    outgoing.checkSend();
    return outgoing.send([{ data, remoteAddress }]);
  };
  refuses("invalid-argument", () => send(bytes("x")));
  refuses("invalid-argument", () => send(bytes("x"), address("0.0.0.0", 1)));
  refuses("invalid-argument", () => send(bytes("x"), address(LOOPBACK, 0)));
  refuses("invalid-argument", () => send(bytes("x"), address("::1", 1)));
  refuses("datagram-too-large", () => send(new Uint8Array(65_508), address(LOOPBACK, 9)));
  outgoing.checkSend();
  assert.equal(outgoing.send([]), 0n);
});

Deno.test("what nobody takes does not pile up, and everything is closed with the instance", async () => {
  using other = peerSocket();
  using guest = guestSockets({ listen: [`${LOOPBACK}:0`] });
  const socket = bind(guest);
  const [incoming] = socket.stream(undefined);
  const target = { transport: "udp", hostname: LOOPBACK, port: socket.localAddress().val.port } as const;
  for (let i = 0; i < 500; i++) await other.peer.send(bytes("x"), target);
  await incoming.subscribe().block();
  assert.ok(incoming.receive(1_000n).length <= 64);
  guest.context.drop();
  refuses("invalid-state", () => incoming.receive(1n));
  const again = Deno.listenDatagram(target); // the port is free
  again.close();
});
