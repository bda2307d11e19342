// The built-in `config` provider: wasi:config in both its spellings (`runtime`, the older, and `store`). Implicit: every
// component has it, and reads its own merged configs, which its link carries as `targetConfig`. Nothing outside the
// component's own declaration can be read, and nothing written.

import type { Call } from "../src/model/call.ts";
import { Fault } from "../src/model/fault.ts";
import type { ResolvedLink } from "../src/model/link.ts";
import type { Provider, ProviderKind } from "../src/model/provider.ts";

/** The row for the provider table. */
export const CONFIG: ProviderKind = {
  offers: ["wasi:config/runtime", "wasi:config/store"],
  calls: [],
  implicit: true,
  create: () => new ConfigReader(),
};

/** Holds nothing: what a component may read arrives with each Call's link. */
class ConfigReader implements Provider {
  start(): Promise<void> {
    return Promise.resolve();
  }

  bind(): void {}

  unbind(): void {}

  call(call: Call, link: ResolvedLink): unknown {
    const config = link.targetConfig;
    switch (call.function) {
      case "get": {
        const key = String(call.args[0]);
        return Object.hasOwn(config, key) ? config[key] : undefined;
      }
      case "get-all":
        return Object.entries(config);
      default:
        throw new Fault(
          "not_found",
          `call ${call.interface} ${call.function}: wasi:config has no such function; it has get and get-all`,
        );
    }
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
