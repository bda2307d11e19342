// Whether a port is nobody's. Cells listen with SO_REUSEPORT to share it, so the kernel would let them share it with
// another host too, and each request would go to either.

import { Fault } from "../model/fault.ts";

/** Cells of a host that was killed a moment ago still hold the port until they notice. */
const PATIENCE_MS = 3_000;
const STEP_MS = 50;

/** Rejects with `conflict` when another program listens on the address. */
export async function requireFreePort({ address, port }: { address: string; port: number }): Promise<void> {
  for (let waitedMs = 0;; waitedMs += STEP_MS) {
    try {
      Deno.listen({ hostname: address, port }).close();
      return;
    } catch (error) {
      // Anything but "in use" is for the listener itself to say, which knows more.
      if (!(error instanceof Deno.errors.AddrInUse)) return;
      if (waitedMs >= PATIENCE_MS) {
        throw new Fault(
          "conflict",
          `another program listens on ${address}:${port}; stop it, or choose another address with --http`,
          { detail: { address, port }, cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }
}
