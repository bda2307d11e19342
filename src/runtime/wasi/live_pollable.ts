// A pollable that is asked anew each time, for what becomes ready more than once: sockets and their streams. C libraries
// subscribe once per socket and poll that one pollable for good, so one that stays ready would make them spin.

import { Pollable } from "./io.ts";

/** Ready whenever the pollable that `subscribe` gives at that moment is. */
export class LivePollable extends Pollable {
  readonly #subscribe: () => Pollable;

  constructor(subscribe: () => Pollable) {
    super();
    this.#subscribe = subscribe;
  }

  override ready(): boolean {
    return this.#subscribe().ready();
  }

  override block(): void | Promise<void> {
    return this.#subscribe().block();
  }
}
