// What e2e tests do with a running host: hand it a manifest, list what it runs, fetch a text. Every failure carries what
// the host printed.

import assert from "node:assert/strict";
import type { ApplicationSummary } from "../../src/control/api.ts";
import { type CommandResult, type HostProcess, runHoldfast } from "./host_process.ts";

/** `holdfast app apply -` with this text. */
export function tryApply(host: HostProcess, manifest: string): Promise<CommandResult> {
  return runHoldfast(["app", "apply", "-", "--data", host.data], { stdin: manifest });
}

/** As {@linkcode tryApply}, which has to succeed. */
export async function apply(host: HostProcess, manifest: string): Promise<void> {
  const { code, stderr } = await tryApply(host, manifest);
  assert.equal(code, 0, `${stderr}\n${host.output}`);
}

async function readJson<T>(host: HostProcess, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await host.cli(...args, "--json");
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}\n${host.output}`);
  return JSON.parse(stdout) as T;
}

/** Name and version of every application, in order. */
export async function listApplications(host: HostProcess): Promise<string[]> {
  const found = await readJson<ApplicationSummary[] | { applications: ApplicationSummary[] }>(
    host,
    "app",
    "list",
  );
  return (Array.isArray(found) ? found : found.applications).map(({ name, version }) => `${name} ${version}`);
}

/** Status and text of a request; every body is read, so that no connection is left over. */
export async function fetchText(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}
