// Whether the host's HTTP address is free. Its cells share the address among themselves, and the kernel would let
// another host's cells join them: two hosts would answer by turns. So the supervisor asks first, alone.

import { Fault } from "../model/fault.ts";

/** Cells of a host that was killed give the address back once they notice; a stuck one takes a moment longer. */
const TRIES_MAX = 20;
const PAUSE_MS = 100;

/** Rejects with `conflict` while something else listens on the address. */
export async function checkHttpAddress({ address, port }: { address: string; port: number }): Promise<void> {
  for (let tries = 1; port !== 0; tries++) {
    try {
      Deno.listen({ hostname: address, port }).close();
      return;
    } catch (error) {
      // Whatever else is wrong with the address is said by the listener, where something needs it.
      if (!(error instanceof Deno.errors.AddrInUse)) return;
      if (tries >= TRIES_MAX) throw refusal(`${address.includes(":") ? `[${address}]` : address}:${port}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function refusal(where: string): Fault {
  return new Fault(
    "conflict",
    `listen on ${where}: another program listens there; stop that one, or choose another address with --http`,
    { detail: { address: where } },
  );
}
