// The traits of ours that one host acts on: `runtime` (what a component may use), `filesystem` (folders it sees) and
// `network` (where it may connect). wadm carries them unread. Checked when the manifest is read, resolved when it is
// planned.

import type { Preopen, SocketRules } from "../component.ts";
import { isFault } from "../fault.ts";
import { COMPONENT_LIMITS, COMPONENT_LIMITS_RANGE, type ComponentLimits } from "../limits.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../quantity.ts";
import {
  type Findings,
  isNull,
  type Node,
  quote,
  readInteger,
  readList,
  readMap,
  readName,
  readString,
  readStringMap,
  readStrings,
  requireEntry,
} from "./reading.ts";

/** What the `runtime` trait settles. */
export interface RuntimeSettings {
  limits: ComponentLimits;
  args: string[];
  environment: Record<string, string>;
}

type NumericLimit = keyof typeof COMPONENT_LIMITS_RANGE;

/** Field of the trait -> the bound it sets, and how it is written. */
const RUNTIME_FIELDS: Readonly<Record<string, { limit: NumericLimit; unit: "count" | "duration" | "size" }>> =
  {
    instancesMax: { limit: "instancesMax", unit: "count" },
    waitingMax: { limit: "waitingMax", unit: "count" },
    callsPerInstanceMax: { limit: "callsPerInstanceMax", unit: "count" },
    idle: { limit: "idleMs", unit: "duration" },
    memory: { limit: "memoryBytesMax", unit: "size" },
    tableElements: { limit: "tableElementsMax", unit: "count" },
    deadline: { limit: "deadlineMs", unit: "duration" },
    slice: { limit: "sliceMs", unit: "duration" },
    body: { limit: "bodyBytesMax", unit: "size" },
    headers: { limit: "headerBytesMax", unit: "size" },
    hostCalls: { limit: "hostCallsMax", unit: "count" },
    handles: { limit: "handlesMax", unit: "count" },
    log: { limit: "logBytesMax", unit: "size" },
  };

const RUNTIME_KNOWN = ["instancing", ...Object.keys(RUNTIME_FIELDS), "args", "environment"];

/** Notes what is wrong with a trait of ours. */
export function checkOwnTrait(found: Findings, node: Node, type: string): void {
  if (type === "runtime") readRuntime(found, node);
  else if (type === "filesystem") readFilesystem(found, node);
  else readNetwork(found, node);
}

/** The `runtime` trait over the defaults of {@linkcode COMPONENT_LIMITS}; an absent trait is all defaults. */
export function readRuntime(found: Findings, node: Node | undefined): RuntimeSettings {
  const limits = { ...COMPONENT_LIMITS };
  const map = node && readMap(found, node, { known: RUNTIME_KNOWN, unknown: "refuse" });
  for (const [key, { limit, unit }] of Object.entries(RUNTIME_FIELDS)) {
    const child = map?.get(key);
    const value = child && readLimit(found, child, limit, unit);
    if (value !== undefined) limits[limit] = value;
  }
  const instancing = map?.get("instancing");
  if (instancing) {
    const text = readString(found, instancing);
    if (text === "fresh" || text === "reuse") limits.instancing = text;
    else if (text !== undefined) {
      found.refuse(
        instancing,
        `${quote(text)} is no way to make instances`,
        'use "fresh" (a new one per call) or "reuse"',
      );
    }
  }
  return {
    limits,
    args: readStrings(found, map?.get("args"), "arguments"),
    environment: readStringMap(found, map?.get("environment")),
  };
}

function readLimit(
  found: Findings,
  node: Node,
  limit: NumericLimit,
  unit: "count" | "duration" | "size",
): number | undefined {
  const range = COMPONENT_LIMITS_RANGE[limit];
  if (unit === "count") return readInteger(found, node, range);
  if (limit === "deadlineMs" && node.kind === "scalar" && node.value === "none") return 0;
  if (node.kind !== "scalar" || (typeof node.value !== "string" && typeof node.value !== "number")) {
    return found.refuse(node, `expected a ${unit}`, `write it like ${unit === "size" ? '"64MiB"' : '"10s"'}`);
  }
  const [parse, format] = unit === "size" ? [parseSize, formatSize] : [parseDuration, formatDuration];
  let value: number;
  try {
    value = parse(node.value);
  } catch (error) {
    if (!isFault(error)) throw error;
    const [message, mend] = error.message.split("; ");
    return found.refuse(node, message, mend);
  }
  if (value < range.min || value > range.max) {
    const why = value > range.max ? `: ${range.why}` : "";
    const mend = `use ${format(range.min)} to ${format(range.max)}`;
    return found.refuse(node, `${quote(node.text)} is out of range${why}`, mend);
  }
  return value;
}

/** The `filesystem` trait: folders as written, `host` not yet made absolute. */
export function readFilesystem(found: Findings, node: Node | undefined): Preopen[] {
  const map = node && readMap(found, node, { known: ["preopens"], unknown: "refuse" });
  const preopens: Preopen[] = [];
  for (const item of readList(found, map?.get("preopens"), "preopens")) {
    const entry = readMap(found, item, { known: ["guest", "host", "readOnly"], unknown: "refuse" });
    if (!entry) continue;
    const guestNode = requireEntry(
      found,
      item,
      "guest",
      'name the folder as the component sees it, like "/data"',
    );
    const hostNode = requireEntry(found, item, "host", "name the folder on this machine");
    const guest = guestNode && readName(found, guestNode);
    const host = hostNode && readName(found, hostNode);
    const readOnly = readBoolean(found, entry.get("readOnly"), true);
    if (!guest || !host) continue;
    if (!guest.startsWith("/") || /\0|(^|\/)\.\.?(\/|$)/.test(guest)) {
      found.refuse(
        guestNode,
        `${quote(guest)} is no absolute path`,
        'begin it with "/" and leave out . and ..',
      );
    } else if (preopens.some((other) => other.guest === guest)) {
      found.refuse(guestNode, `${quote(guest)} is given twice`, "keep one of them");
    }
    if (host.includes("\0")) found.refuse(hostNode, "a path holds no NUL", "leave it out");
    preopens.push({ guest, host, readOnly });
  }
  return preopens;
}

function readBoolean(found: Findings, node: Node | undefined, otherwise: boolean): boolean {
  if (node === undefined || isNull(node)) return otherwise;
  if (node.kind === "scalar" && typeof node.value === "boolean") return node.value;
  found.refuse(node, "expected true or false", "write it without quotes");
  return otherwise;
}

/** The `network` trait. A name that may be connected to may be looked up too. */
export function readNetwork(found: Findings, node: Node | undefined): SocketRules {
  const map = node && readMap(found, node, { known: ["connect", "listen", "lookup"], unknown: "refuse" });
  const rules: SocketRules = {
    connect: readStrings(found, map?.get("connect"), "addresses"),
    listen: readStrings(found, map?.get("listen"), "addresses"),
    lookup: readStrings(found, map?.get("lookup"), "names"),
  };
  checkEach(
    found,
    map?.get("connect"),
    (text) => parseConnectRule(text) !== undefined,
    "host:port, host:* or *:port",
  );
  checkEach(found, map?.get("listen"), isListenRule, "address:port, like 127.0.0.1:9000 or [::]:9000");
  checkEach(found, map?.get("lookup"), (text) => text === "*" || isHostName(text), "a name, or * for any");
  for (const text of rules.connect) {
    const host = parseConnectRule(text)?.host;
    if (host && /[a-z]/i.test(host) && isHostName(host) && !rules.lookup.includes(host)) {
      rules.lookup.push(host);
    }
  }
  return rules;
}

function checkEach(
  found: Findings,
  node: Node | undefined,
  isFine: (text: string) => boolean,
  form: string,
): void {
  for (const item of node?.kind === "list" ? node.items : []) {
    if (item.kind !== "scalar" || typeof item.value !== "string" || isFine(item.value)) continue;
    found.refuse(item, `${quote(item.value)} is no such rule`, `write ${form}`);
  }
}

/** `host:port` in its parts (`*` stands for any); undefined when it is no rule. */
export function parseConnectRule(
  text: string,
): { host: string; port: number | "*"; cidr: boolean } | undefined {
  const at = text.lastIndexOf(":");
  const portText = text.slice(at + 1);
  const cidr = text.startsWith("cidr:");
  const host = text.slice(cidr ? 5 : 0, Math.max(at, 0));
  if (at < 1 || host === "" || !isPort(portText, 1)) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (
    cidr ? !/^[0-9a-f.:]+\/\d{1,3}$/i.test(bare) : !(host === "*" || isHostName(host) || isAddress6(host))
  ) {
    return undefined;
  }
  return { host, port: portText === "*" ? "*" : Number(portText), cidr };
}

function isListenRule(text: string): boolean {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(at, 0));
  return at > 0 && isPort(text.slice(at + 1), 0) && (isHostName(host) || isAddress6(host) || host === "*");
}

function isPort(text: string, min: number): boolean {
  return text === "*" || (/^\d{1,5}$/.test(text) && Number(text) >= min && Number(text) <= 65_535);
}

function isHostName(text: string): boolean {
  return text.length <= 253 &&
    /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*\.?$/i.test(text);
}

function isAddress6(text: string): boolean {
  return /^\[[0-9a-f:.]+(%\w+)?\]$/i.test(text);
}
