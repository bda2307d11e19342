// Where the bytes of a component are, and which built-in a capability's image means. The table below is the one place
// that knows wasmCloud's provider images, so that public manifests run here unchanged.

import { Fault } from "../fault.ts";
import { quote } from "./reading.ts";

/**
 * Name of a provider image (the last part of its repository) -> our built-in kind, and what differs from the original
 * where that matters to whoever wrote the manifest.
 */
export const PROVIDER_IMAGES: Readonly<Record<string, { kind: string; note?: string }>> = {
  "http-server": { kind: "http-server" },
  "http-server-provider": { kind: "http-server" },
  "httpserver": { kind: "http-server" },
  "http-client": { kind: "http-client" },
  "http-client-provider": { kind: "http-client" },
  "httpclient": { kind: "http-client" },
  "keyvalue": { kind: "keyvalue" },
  "keyvalue-nats": { kind: "keyvalue", note: "data is kept in this host's own store" },
  "keyvalue-redis": { kind: "keyvalue", note: "data is kept in this host's own store, not in Redis" },
  "kvredis": { kind: "keyvalue", note: "data is kept in this host's own store, not in Redis" },
  "keyvalue-vault": { kind: "keyvalue", note: "data is kept in this host's own store, not in Vault" },
  "keyvalue-filesystem": { kind: "keyvalue", note: "data is kept in this host's own store" },
  "config": { kind: "config" },
  "logging": { kind: "logging" },
  "messaging": { kind: "messaging" },
  "messaging-nats": { kind: "messaging" },
};

const BUILT_IN = /^(?:wasmcloud\+)?builtin:\/\/(.*)$/;

/**
 * The built-in kind that a capability's image means, with a note where it is a stand-in. `kinds` is what this host has
 * built in. Throws a {@linkcode Fault} `unavailable` that names them when the image is none of these.
 */
export function resolveProviderImage(
  image: string,
  kinds: readonly string[],
): { kind: string; note?: string } {
  const builtIn = image.match(BUILT_IN);
  const name = builtIn ? builtIn[1].replace(/\/+$/, "") : repositoryName(image);
  const row = Object.hasOwn(PROVIDER_IMAGES, name) ? PROVIDER_IMAGES[name] : { kind: name };
  if (kinds.includes(row.kind) && (builtIn || Object.hasOwn(PROVIDER_IMAGES, name))) return row;
  const list = kinds.map((kind) => `builtin://${kind}`).join(", ");
  throw new Fault("unavailable", `no provider ${quote(image)} on this host; built in are ${list}`, {
    detail: { image, kinds },
  });
}

/** `ghcr.io/wasmcloud/http-server:0.27.0@sha256:…` -> `http-server`. */
function repositoryName(image: string): string {
  const path = image.replace(/^[\w+.-]+:\/\//, "").replace(/@.*$/, "");
  const last = path.slice(path.lastIndexOf("/") + 1);
  return last.replace(/:[^:]*$/, "");
}

/**
 * The absolute path of a component's file. Paths are `file:///absolute`, `file://./relative`, `/absolute`, `./relative`
 * or end in `.wasm`; relative ones start at `folder` (absolute; undefined when the manifest came without one). Throws a
 * {@linkcode Fault} `unavailable` for images of registries and `bad_request` for a path that leads nowhere.
 */
export function resolveComponentImage(image: string, folder: string | undefined): string {
  const scheme = image.match(/^([a-zA-Z][\w+.-]*):\/\/(.*)$/s);
  let path = image;
  if (scheme?.[1].toLowerCase() === "file") {
    path = decodePath(scheme[2].replace(/^localhost\//, "/"), image);
  } else if (scheme || !(/^\.{0,2}\//.test(image) || image.endsWith(".wasm"))) {
    throw new Fault(
      "unavailable",
      `image ${quote(image)}: registries are not supported yet by a host without a lattice; ` +
        'use a file, like "./todo.wasm" or "file:///srv/todo.wasm"',
      { detail: { image } },
    );
  }
  if (path === "" || path.endsWith("/")) {
    throw new Fault("bad_request", `image ${quote(image)} names no file; write the path of a .wasm file`);
  }
  return resolvePath(path, folder);
}

function decodePath(path: string, image: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Fault(
      "bad_request",
      `image ${quote(image)} is no URL; write a "%" of the file's name as "%25"`,
    );
  }
}

/**
 * `path` as an absolute path without `.` and `..`; relative ones start at `folder`. Throws a {@linkcode Fault}
 * `bad_request` when there is no folder to start at, or for a path no system takes.
 */
export function resolvePath(path: string, folder: string | undefined): string {
  if (path.includes("\0")) throw new Fault("bad_request", `path ${quote(path)} holds a NUL; leave it out`);
  if (!path.startsWith("/") && folder === undefined) {
    throw new Fault(
      "bad_request",
      `path ${
        quote(path)
      } is relative, and this manifest has no folder to start from; write an absolute path`,
    );
  }
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${folder}/${path}`).split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}
