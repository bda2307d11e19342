// The program `holdfast`: hands the command line and the table of providers to `src/cli`, and its exit code to the system.

import { PROVIDERS } from "./providers/mod.ts";
import { runCli } from "./src/cli/mod.ts";

Deno.exit(await runCli(Deno.args, PROVIDERS));
