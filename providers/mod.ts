// The built-in providers by the kind a manifest names: the whole list on one screen.

import type { ProviderTable } from "../src/model/provider.ts";
import { CONFIG } from "./config.ts";
import { HTTP_CLIENT } from "./http_client.ts";
import { HTTP_SERVER } from "./http_server.ts";
import { KEYVALUE } from "./keyvalue.ts";
import { LOGGING } from "./logging.ts";

/** Kind name -> provider. */
export const PROVIDERS: ProviderTable = {
  "config": CONFIG,
  "http-client": HTTP_CLIENT,
  "http-server": HTTP_SERVER,
  "keyvalue": KEYVALUE,
  "logging": LOGGING,
};
