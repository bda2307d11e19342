// The provider contract as tests, run for every kind. What a kind brings is a context to run in, links it takes and
// refuses, and, if components call it, a Call that works.

import assert from "node:assert/strict";
import type { Call } from "../../src/model/call.ts";
import { type Fault, isFault } from "../../src/model/fault.ts";
import type { Config, ResolvedLink } from "../../src/model/link.ts";
import type { Provider, ProviderContext, ProviderKind } from "../../src/model/provider.ts";
import { parseInterfaceName } from "../../src/model/wit.ts";

/** One kind of provider, with what is needed to try it. */
export interface ProviderCase {
  name: string;
  kind: ProviderKind;
  /** A fresh context over these own settings, and what frees it. */
  makeContext(config: Config): Promise<{ context: ProviderContext; free: () => Promise<void> }>;
  /** A link that is in order. */
  link: ResolvedLink;
  /** Settings of such a link that must be refused, with the setting's name. */
  badLinks: { source?: Config; target?: Config; names: string }[];
  /** Own settings that must be refused, with the setting's name. */
  badConfigs: { config: Config; names: string }[];
  /** A Call that works along the link, and looks at its result; left out for providers that are not called. */
  call?: { call: Call; check(result: unknown): void };
}

type Run = (provider: Provider, context: ProviderContext) => Promise<void>;

/** Declares the whole suite for one kind. */
export function testProvider(subject: ProviderCase): void {
  const test = (name: string, run: Run) =>
    Deno.test(`${subject.name} provider: ${name}`, async () => {
      const { context, free } = await subject.makeContext({});
      try {
        await run(subject.kind.create(context), context);
      } finally {
        await free();
      }
    });
  testLife(subject, test);
  testSettings(subject, test);
  if (subject.call) testCalls(subject, subject.call, test);
}

function testLife({ name, kind, link }: ProviderCase, test: (name: string, run: Run) => void): void {
  Deno.test(`${name} provider: offers and calls are interface names without a version`, () => {
    for (const interfaceName of [...kind.offers, ...kind.calls]) {
      assert.equal(parseInterfaceName(interfaceName)?.version, "", interfaceName);
    }
  });

  test("starts and stops, and stopping twice is as good as once", async (provider, context) => {
    await provider.start();
    await provider.stop(context.clock.monotonicMs() + 1_000);
    await provider.stop(context.clock.monotonicMs());
  });

  test("stops before it was started", async (provider, context) => {
    await provider.stop(context.clock.monotonicMs() + 1_000);
  });

  test("takes a link again when it changes, and unbinds what it does not know", async (provider, context) => {
    await provider.start();
    await provider.unbind("nobody/default/no:thing/nobody");
    for (let time = 0; time < 3; time++) {
      await provider.bind(link);
      await provider.bind({ ...link });
      await provider.unbind(link.key);
      await provider.unbind(link.key);
    }
    await provider.bind(link);
    await provider.stop(context.clock.monotonicMs() + 1_000);
    await provider.unbind(link.key);
  });
}

function testSettings(subject: ProviderCase, test: (name: string, run: Run) => void): void {
  const { kind, link } = subject;
  const isRefusal = (names: string) => (e: unknown) => {
    return isFault(e) && e.code === "bad_request" && e.message.includes(names);
  };

  test(
    "a bad setting of a link is refused by name, before anything starts and when it is bound",
    async (provider, context) => {
      await provider.start();
      for (const { source = {}, target = {}, names } of subject.badLinks) {
        assert.throws(() => kind.check?.({ link: { source, target } }), isRefusal(names));
        const bad = { ...link, sourceConfig: source, targetConfig: target };
        await assert.rejects(async () => await provider.bind(bad), isRefusal(names));
      }
      kind.check?.({ link: { source: link.sourceConfig, target: link.targetConfig } });
      await provider.bind(link);
      await provider.stop(context.clock.monotonicMs() + 1_000);
    },
  );

  Deno.test(`${subject.name} provider: a bad setting of its own is refused by name`, async () => {
    for (const { config, names } of subject.badConfigs) {
      assert.throws(() => kind.check?.({ config }), isRefusal(names));
      const { context, free } = await subject.makeContext(config);
      const provider = kind.create(context);
      await assert.rejects(provider.start(), isRefusal(names));
      await provider.stop(context.clock.monotonicMs() + 1_000);
      await free();
    }
  });
}

function testCalls(
  { link }: ProviderCase,
  { call, check }: NonNullable<ProviderCase["call"]>,
  test: (name: string, run: Run) => void,
): void {
  const isCode = (code: Fault["code"]) => (e: unknown) => isFault(e) && e.code === code;

  test("carries out a Call along a bound link", async (provider, context) => {
    await provider.start();
    await provider.bind(link);
    check(await provider.call(call, link));
    await provider.bind({ ...link });
    check(await provider.call(call, link));
    await provider.stop(context.clock.monotonicMs() + 1_000);
  });

  test("denies a Call along a link that is not bound, or not any more", async (provider, context) => {
    await provider.start();
    await assert.rejects(async () => await provider.call(call, link), isCode("denied"));
    await provider.bind(link);
    await provider.unbind(link.key);
    await assert.rejects(async () => await provider.call(call, link), isCode("denied"));
    await provider.stop(context.clock.monotonicMs() + 1_000);
  });

  test("says `not_found` to a function that it does not have", async (provider, context) => {
    await provider.start();
    await provider.bind(link);
    for (const name of ["no-such-function", "constructor", "__proto__"]) {
      await assert.rejects(
        async () => await provider.call({ ...call, function: name }, link),
        isCode("not_found"),
      );
    }
    await provider.stop(context.clock.monotonicMs() + 1_000);
  });

  test("lets a running Call end when it stops, and refuses later ones", async (provider, context) => {
    await provider.start();
    await provider.bind(link);
    const running = Promise.resolve(provider.call(call, link));
    const stopping = provider.stop(context.clock.monotonicMs() + 1_000);
    await assert.rejects(async () => await provider.call(call, link), isCode("unavailable"));
    await stopping;
    check(await running);
    await assert.rejects(async () => await provider.call(call, link), isCode("unavailable"));
  });
}
