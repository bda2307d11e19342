// `holdfast component inspect FILE|ID`: what a component is, what it imports and who answers each import. A file is read
// here, with no host running; an id is asked of the host, which knows its links.

import type { ComponentDetail } from "../control/api.ts";
import { type Coverage, coverImports } from "../host/coverage.ts";
import type { ProviderTable } from "../model/provider.ts";
import { formatWit } from "../model/values/wit_text.ts";
import { withoutVersion } from "../model/wit.ts";
import { isBuiltinInterface, LINKED_BUILTINS } from "../runtime/builtins.ts";
import { decodeComponent } from "../runtime/wit_decode.ts";
import { readComponentFile } from "./component_files.ts";
import type { CliContext } from "./context.ts";
import { toAbsolutePath } from "./data_folder.ts";
import { connectHost } from "./host_connection.ts";
import { type Cell, formatBytes, formatPairs, formatTable } from "./table.ts";

export async function run(context: CliContext): Promise<void> {
  const { values, terminal, positionals: [what] } = context;
  const detail = isFileName(what) ? await inspectFile(what, context.providers) : await askHost(context, what);
  if (values.flag("json")) terminal.print(JSON.stringify(detail, null, 2));
  else terminal.print(formatDetail(what, detail, { colour: terminal.colour, providers: context.providers }));
}

/** Ids have neither dots nor slashes. */
function isFileName(what: string): boolean {
  return /[./]/.test(what);
}

async function askHost(context: CliContext, id: string): Promise<ComponentDetail> {
  using host = await connectHost(context);
  return await host.client.getComponent(id);
}

/** What a host would say of the component in a file, before anything is linked. */
export async function inspectFile(path: string, providers: ProviderTable): Promise<ComponentDetail> {
  const bytes = await readComponentFile(toAbsolutePath(path), "component inspect");
  const wit = decodeComponent(bytes, path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const implicit = Object.values(providers).filter((kind) => kind.implicit).flatMap((kind) => kind.offers);
  const coverage = coverImports("", wit, {
    links: [],
    isBuiltin: isBuiltinInterface,
    needsLink: (name) => LINKED_BUILTINS.has(name),
    implicit: new Set(implicit),
    offers: () => undefined,
  });
  return {
    digest: `sha256:${digest.toHex()}`,
    bytes: bytes.length,
    world: formatWit(wit),
    imports: coverage.map((one) => ({
      ...one,
      coveredBy: one.coveredBy ?? null,
      mend: mendOf(one, providers),
    })),
    exports: Object.keys(wit.exports),
  };
}

/** For an import that only a link can answer: whether a provider of this host offers it. */
function mendOf({ name, coveredBy, mend }: Coverage, providers: ProviderTable): string | undefined {
  if (coveredBy !== undefined) return undefined;
  const plain = withoutVersion(name);
  const kinds = Object.entries(providers).filter(([, kind]) => kind.offers.includes(plain));
  if (kinds.length > 0) return `needs a link, for example to builtin://${kinds[0][0]}`;
  return name.includes("/") ? "needs a link to a component that exports it" : mend;
}

/** The component as people read it: its world, then what it needs, which is what they came for. */
export function formatDetail(
  what: string,
  detail: ComponentDetail,
  options: { colour: boolean; providers: ProviderTable },
): string {
  const { status } = detail;
  const state = status ? `${status.state}${status.reason ? `: ${status.reason}` : ""}` : undefined;
  const lines = formatPairs([
    [status ? "component" : "file", what],
    ...status ? [["image", status.image] as const, ["state", state!] as const] : [],
    ["digest", detail.digest],
    ["size", formatBytes(detail.bytes)],
  ], options);
  lines.push("", detail.world.trimEnd());
  const imports = detail.imports.map(({ name, coveredBy, mend }): Cell[] => [
    name,
    coveredBy === null ? { text: mend ?? "nothing answers it", tone: "bad" } : describeCover(coveredBy),
  ]);
  if (imports.length > 0) lines.push("", ...formatTable(["IMPORT", "ANSWERED BY"], imports, options));
  const exports = detail.exports.map((name): Cell[] => [name, describeCallers(name, options.providers)]);
  if (exports.length > 0) lines.push("", ...formatTable(["EXPORT", "CALLED BY"], exports, options));
  return lines.join("\n");
}

function describeCover(coveredBy: string): string {
  return coveredBy === "host" ? "built in" : coveredBy;
}

function describeCallers(name: string, providers: ProviderTable): string {
  const plain = withoutVersion(name);
  const kinds = Object.entries(providers).filter(([, kind]) => kind.calls.includes(plain));
  if (plain === "wasi:cli/run") return "the host: it is a command";
  return kinds.length === 0
    ? "whoever is linked to it"
    : kinds.map(([kind]) => `builtin://${kind}, where linked`).join(", ");
}
