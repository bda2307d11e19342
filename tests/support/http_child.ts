// An `http-server` in a process of its own, for tests that starve it: prints its port and serves until it is killed.

import { serving, textAnswer } from "./serving.ts";

const site = await serving();
await site.link(() => textAnswer("fine"));
console.log(site.port);
