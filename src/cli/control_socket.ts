// The control API's Unix socket: where it lies and who may open it.

import { Fault } from "../model/fault.ts";

/** Longest path a Unix socket can have on Linux (108 with its NUL), with room for a cell's name. */
const SOCKET_PATH_MAX = 90;

/** The path of a socket called `name` for this data folder; elsewhere when the folder's own path is too long. */
export async function socketPath(data: string, name: string): Promise<string> {
  const path = `${data}/${name}.sock`;
  if (new TextEncoder().encode(path).length <= SOCKET_PATH_MAX) return path;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(data)));
  const short = Array.from(hash.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const folder = `${Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp"}/holdfast-${short}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  // In a folder that everyone may write, it might have been there before us.
  const { mode, uid } = await Deno.stat(folder);
  if (uid !== Deno.uid() || (mode ?? 0) & 0o077) {
    throw new Fault(
      "denied",
      `${folder} belongs to someone else; choose a data folder with a shorter path (--data)`,
    );
  }
  return `${folder}/${name}.sock`;
}

/** Serves the API; only the host's own user (and root) may connect. */
export function serveControl(path: string, answer: (request: Request) => Promise<Response>): Deno.HttpServer {
  try {
    Deno.removeSync(path); // left by a host that was killed; the folder's lock says that it is gone
  } catch { /* there was none */ }
  const server = Deno.serve({ path, onListen() {} }, answer);
  Deno.chmodSync(path, 0o600);
  return server;
}
