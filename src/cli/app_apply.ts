// `holdfast app apply FILE…`: reads manifests here, so that mistakes show before anything is sent; hands over the
// components they name; then asks the host to run them, one manifest after the other.

import type { ApplyReply } from "../control/api.ts";
import type { ControlClient } from "../control/client.ts";
import { Fault } from "../model/fault.ts";
import { LIMITS } from "../model/limits.ts";
import { formatProblem } from "../model/manifest/reading.ts";
import { collectImages, type ImageFile, readComponentFile } from "./component_files.ts";
import type { CliContext } from "./context.ts";
import { toAbsolutePath } from "./data_folder.ts";
import { connectHost } from "./host_connection.ts";
import type { Terminal } from "./terminal.ts";

/** One manifest file, read. */
export interface ManifestFile {
  source: string;
  folder: string;
  text: string;
  images: ImageFile[];
}

export async function run(context: CliContext): Promise<void> {
  const { values, terminal, positionals } = context;
  const files: ManifestFile[] = [];
  for (const path of positionals) files.push(await readManifestFile(path, terminal));
  using host = await connectHost(context);
  const digests = new Map<string, string>();
  const replies: { source: string; reply: ApplyReply }[] = [];
  for (const file of files) {
    const reply = await applyFile(host.client, file, digests);
    replies.push({ source: file.source, reply });
    if (!values.flag("json")) printReply(terminal, file.source, reply);
  }
  if (!values.flag("json")) return;
  terminal.print(JSON.stringify(
    {
      applications: replies.flatMap(({ reply }) => reply.applications),
      warnings: replies.flatMap(({ source, reply }) => reply.warnings.map((one) => ({ source, ...one }))),
      urls: [...new Set(replies.flatMap(({ reply }) => reply.urls))],
    },
    null,
    2,
  ));
}

/** Reads a manifest and finds the component files it names; `-` is standard input. */
export async function readManifestFile(path: string, terminal: Terminal): Promise<ManifestFile> {
  const isInput = path === "-";
  const source = isInput ? "standard input" : path;
  const absolute = toAbsolutePath(isInput ? "./-" : path);
  const folder = absolute.slice(0, absolute.lastIndexOf("/")) || "/";
  const bytes = isInput ? await terminal.readInput() : await readManifestBytes(path);
  if (bytes.length > LIMITS.manifestBytesMax) {
    const what = `${source}: larger than ${LIMITS.manifestBytesMax} bytes, which no manifest is`;
    throw new Fault("over_limit", `${what}; split it into several applications`, { detail: { source } });
  }
  const text = new TextDecoder().decode(bytes);
  return { source, folder, text, images: await collectImages(text, { source, folder }) };
}

async function readManifestBytes(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    const why = isMissing ? "there is no such file" : (error as Error).message;
    const code = isMissing ? "not_found" : "bad_request";
    throw new Fault(code, `read the manifest ${path}: ${why}; name a manifest file`, {
      detail: { path },
      cause: error,
    });
  }
}

async function applyFile(
  client: ControlClient,
  file: ManifestFile,
  digests: Map<string, string>,
): Promise<ApplyReply> {
  const artifacts: Record<string, string> = {};
  for (const { path, reference } of file.images) {
    if (!digests.has(path)) {
      const { digest } = await client.uploadArtifact(await readComponentFile(path, reference));
      digests.set(path, digest);
    }
    artifacts[path] = digests.get(path)!;
  }
  const { text: manifest, source, folder } = file;
  return await client.apply({ manifest, source, folder, artifacts });
}

function printReply(terminal: Terminal, source: string, reply: ApplyReply): void {
  for (const warning of reply.warnings) terminal.note(`warning: ${formatProblem(source, warning)}`);
  for (const { name, version, change } of reply.applications) {
    terminal.print(`${change} ${name}${version === "" ? "" : ` (version ${version})`}`);
  }
  for (const url of reply.urls) terminal.print(`  ${url}`);
}
