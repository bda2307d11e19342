import assert from "node:assert/strict";
import { bytes, refuses, text } from "../../../tests/support/guest_filesystem.ts";
import { address, connect, guestSockets, listen, whenReady } from "../../../tests/support/guest_sockets.ts";
import { LIMITS } from "../../model/limits.ts";
import { eventLoopTurn } from "../fair_share.ts";
import { InputStream, type IoError, OutputStream, poll } from "./io.ts";

const LOOPBACK = "127.0.0.1";

function listenHere(): { listener: Deno.TcpListener; port: number } {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  return { listener, port: listener.addr.port };
}

/** Reads until the stream says it is closed. */
async function readAll(stream: InputStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  try {
    while (true) pieces.push(await stream.blockingRead(65_536n));
  } catch (error) {
    assert.deepEqual(error, { tag: "closed" });
  }
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

Deno.test("without rules nothing is reached, bound or looked up, and the log says what is missing", () => {
  using guest = guestSockets();
  const socket = guest.tcp();
  refuses("access-denied", () => socket.startConnect(guest.network, address(LOOPBACK, 80)));
  refuses("access-denied", () => socket.startBind(guest.network, address(LOOPBACK, 0)));
  refuses("access-denied", () => socket.startBind(guest.network, address("0.0.0.0", 0)));
  refuses("access-denied", () => guest.udp().startBind(guest.network, address("0.0.0.0", 0)));
  refuses("access-denied", () => guest.resolve("example.com"));
  assert.match(guest.context.lines[0].message, /connect 127\.0\.0\.1:80 is denied; allow it in .*network/);
  guest.context.logBytesLeft = 0;
  const before = guest.context.lines.length;
  refuses("access-denied", () => socket.startConnect(guest.network, address(LOOPBACK, 81)));
  assert.equal(guest.context.lines.length, before);
});

Deno.test("a connection follows the state machine and carries bytes both ways", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:${port}`] });
  const socket = guest.tcp();
  refuses("not-in-progress", () => socket.finishConnect());
  refuses("invalid-state", () => socket.localAddress());
  refuses("invalid-state", () => socket.remoteAddress());
  refuses("invalid-state", () => socket.shutdown("both"));
  refuses("invalid-state", () => socket.startListen());
  socket.startConnect(guest.network, address(LOOPBACK, port));
  refuses("would-block", () => socket.finishConnect());
  refuses("concurrency-conflict", () => socket.startConnect(guest.network, address(LOOPBACK, port)));
  const [input, output] = await whenReady(socket.subscribe(), () => socket.finishConnect());
  assert.ok(input instanceof InputStream && output instanceof OutputStream);
  refuses("invalid-state", () => socket.startConnect(guest.network, address(LOOPBACK, port)));
  assert.deepEqual(socket.remoteAddress(), address(LOOPBACK, port));
  using peer = await listener.accept();
  assert.deepEqual(socket.localAddress(), address(LOOPBACK, peer.remoteAddr.port));
  await output.blockingWriteAndFlush(bytes("ping"));
  const got = new Uint8Array(10);
  assert.equal(await peer.read(got), 4);
  await peer.write(bytes("pong"));
  assert.equal(text(await input.blockingRead(10n)), "pong");
  socket.shutdown("send");
  assert.throws(() => output.write(bytes("late")), (error) => (error as { tag: string }).tag === "closed");
  assert.equal(await peer.read(got), null);
  await peer.write(bytes("still heard"));
  peer.close();
  assert.equal(text(await readAll(input)), "still heard");
  listener.close();
});

Deno.test("a refused connection says so, and the socket is then closed", async () => {
  const { listener, port } = listenHere();
  listener.close();
  using guest = guestSockets({ connect: ["*:*"] });
  const socket = guest.tcp();
  await assert.rejects(
    connect(guest, socket, address(LOOPBACK, port)),
    (error) => error as unknown === "connection-refused",
  );
  refuses("invalid-state", () => socket.startConnect(guest.network, address(LOOPBACK, port)));
});

Deno.test("addresses that are none of one peer are refused whatever the rules", () => {
  using guest = guestSockets({ connect: ["*:*"], listen: ["*:*"] });
  const refused: [family: "ipv4" | "ipv6", address: ReturnType<typeof address>][] = [
    ["ipv4", address("0.0.0.0", 80)],
    ["ipv4", address("10.0.0.1", 0)],
    ["ipv4", address("224.0.0.1", 80)],
    ["ipv4", address("255.255.255.255", 80)],
    ["ipv4", address("::1", 80)],
    ["ipv6", address("127.0.0.1", 80)],
    ["ipv6", address("::", 80)],
    ["ipv6", address("ff02::1", 80)],
    ["ipv6", address("::ffff:127.0.0.1", 80)],
  ];
  for (const [family, remote] of refused) {
    refuses("invalid-argument", () => guest.tcp(family).startConnect(guest.network, remote));
  }
  refuses(
    "invalid-argument",
    () => guest.tcp("ipv6").startBind(guest.network, address("::ffff:127.0.0.1", 0)),
  );
  refuses("invalid-argument", () => guest.tcp().startBind(guest.network, address("::1", 0)));
});

Deno.test("a listening socket hands out callers through one pollable", async () => {
  using guest = guestSockets({ listen: [`${LOOPBACK}:0`] });
  const socket = guest.tcp();
  socket.setKeepAliveEnabled(true);
  socket.startBind(guest.network, address(LOOPBACK, 0));
  refuses("concurrency-conflict", () => socket.startListen());
  socket.finishBind();
  refuses("not-in-progress", () => socket.finishBind());
  refuses("invalid-state", () => socket.startBind(guest.network, address(LOOPBACK, 0)));
  refuses("not-supported", () => socket.startConnect(guest.network, address(LOOPBACK, 9)));
  refuses("invalid-state", () => socket.accept());
  socket.startListen();
  assert.equal(socket.isListening(), false);
  socket.finishListen();
  assert.equal(socket.isListening(), true);
  const pollable = socket.subscribe();
  for (const word of ["one", "two"]) {
    refuses("would-block", () => socket.accept());
    assert.equal(pollable.ready(), false);
    using caller = await Deno.connect({ hostname: LOOPBACK, port: socket.localAddress().val.port });
    await poll([pollable]);
    const [accepted, input, output] = await whenReady(pollable, () => socket.accept());
    assert.equal(accepted.addressFamily(), "ipv4");
    assert.equal(accepted.keepAliveEnabled(), true);
    assert.deepEqual(accepted.remoteAddress(), address(LOOPBACK, caller.localAddr.port));
    await caller.write(bytes(word));
    await caller.closeWrite();
    assert.equal(text(await readAll(input)), word);
    await output.blockingWriteAndFlush(bytes(word));
    assert.equal(await caller.read(new Uint8Array(9)), 3);
    input[Symbol.dispose]();
    (output as Partial<Disposable>)[Symbol.dispose]?.();
    accepted[Symbol.dispose]();
    assert.equal(await caller.read(new Uint8Array(9)), null); // closed once all three are dropped
  }
  using taken = guestSockets({ listen: ["*:*"] });
  refuses("address-in-use", () => taken.tcp().startBind(taken.network, socket.localAddress()));
  refuses("address-not-bindable", () => taken.tcp().startBind(taken.network, address("192.0.2.1", 0)));
});

Deno.test("a stream's one pollable is ready only while there is something to read", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:*`] });
  const [input] = await connect(guest, guest.tcp(), address(LOOPBACK, port));
  using peer = await listener.accept();
  const pollable = input.subscribe();
  for (let i = 0; i < 3; i++) {
    assert.equal(pollable.ready(), false);
    assert.equal(input.read(10n).length, 0);
    await peer.write(bytes("x"));
    await pollable.block();
    assert.equal(pollable.ready(), true);
    assert.equal(input.read(10n).length, 1);
  }
  listener.close();
});

Deno.test("a slow peer holds the guest back, and all bytes arrive in order", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:${port}`] });
  const socket = guest.tcp();
  const [input, output] = await connect(guest, socket, address(LOOPBACK, port));
  using peer = await listener.accept();
  const piece = crypto.getRandomValues(new Uint8Array(64 * 1024));
  let written = 0;
  // Nobody reads: the system's buffers fill, then check-write permits nothing.
  for (let permit = output.checkWrite(); permit > 0n; permit = output.checkWrite()) {
    output.write(piece);
    written++;
    // As long as there is room, a write is done within a few turns of the event loop.
    for (let turns = 0; turns < 100 && output.checkWrite() === 0n; turns++) await eventLoopTurn();
    assert.ok(written < 1_000, "no end to what is taken");
  }
  socket.shutdown("send"); // after what was written
  const received = new Response(peer.readable).arrayBuffer();
  input[Symbol.dispose]();
  (output as Partial<Disposable>)[Symbol.dispose]?.();
  socket[Symbol.dispose](); // dropped with a write under way
  const all = new Uint8Array(await received);
  assert.equal(all.length, written * piece.length);
  for (let i = 0; i < written; i++) {
    assert.deepEqual(all.subarray(i * piece.length, (i + 1) * piece.length), piece);
  }
  listener.close();
});

Deno.test("a reset connection fails the stream with a network error code", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:${port}`] });
  const [, output] = await connect(guest, guest.tcp(), address(LOOPBACK, port));
  (await listener.accept()).close();
  const failed = async () => {
    while (true) await output.blockingWriteAndFlush(bytes("x".repeat(1_000)));
  };
  await assert.rejects(failed, (error) => {
    const { tag, val } = error as unknown as { tag: string; val: IoError };
    return tag === "last-operation-failed" && guest.networkErrorCode(val) === "connection-reset";
  });
  listener.close();
});

Deno.test("shutdown of receiving ends the input and keeps the output", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:${port}`] });
  const socket = guest.tcp();
  const [input, output] = await connect(guest, socket, address(LOOPBACK, port));
  using peer = await listener.accept();
  await peer.write(bytes("unread"));
  await input.subscribe().block();
  socket.shutdown("receive");
  socket.shutdown("receive");
  assert.throws(() => input.read(1n), (error) => (error as { tag: string }).tag === "closed");
  await output.blockingWriteAndFlush(bytes("x"));
  assert.equal(await peer.read(new Uint8Array(9)), 1);
  listener.close();
});

Deno.test("everything is closed with the instance, connections under way included", async () => {
  const { listener, port } = listenHere();
  using guest = guestSockets({ connect: [`${LOOPBACK}:*`], listen: [`${LOOPBACK}:*`] });
  await connect(guest, guest.tcp(), address(LOOPBACK, port));
  const peer = await listener.accept();
  const server = guest.tcp();
  const serverPort = listen(guest, server, address(LOOPBACK, 0));
  const pending = guest.tcp();
  pending.startConnect(guest.network, address(LOOPBACK, port));
  guest.context.drop();
  assert.equal(await peer.read(new Uint8Array(1)), null);
  peer.close();
  await assert.rejects(Deno.connect({ hostname: LOOPBACK, port: serverPort }));
  await assert.rejects(async () => await whenReady(pending.subscribe(), () => pending.finishConnect()));
  listener.close();
});

Deno.test("sockets of an instance are bounded", () => {
  using guest = guestSockets();
  const sockets = Array.from({ length: LIMITS.descriptorsMax }, (_, i) => i % 2 ? guest.tcp() : guest.udp());
  refuses("new-socket-limit", () => guest.tcp());
  refuses("new-socket-limit", () => guest.udp());
  sockets.pop()![Symbol.dispose]();
  guest.tcp();
});

Deno.test("options take any value but zero and give it back", () => {
  using guest = guestSockets();
  const socket = guest.tcp();
  socket.setHopLimit(3);
  socket.setKeepAliveIdleTime(5n);
  socket.setReceiveBufferSize(1n);
  assert.deepEqual([socket.hopLimit(), socket.keepAliveIdleTime(), socket.receiveBufferSize()], [3, 5n, 1n]);
  refuses("invalid-argument", () => socket.setHopLimit(0));
  refuses("invalid-argument", () => socket.setKeepAliveCount(0));
  refuses("invalid-argument", () => socket.setKeepAliveInterval(0n));
  refuses("invalid-argument", () => socket.setSendBufferSize(0n));
  refuses("invalid-argument", () => socket.setListenBacklogSize(0n));
});
