// Where a host's state is, for the host itself and for every verb that asks a running one; and paths as users give them.

import type { Values } from "./values.ts";
import type { OptionSpec } from "./verb.ts";

export const DATA_OPTION: OptionSpec = {
  name: "data",
  value: "DIR",
  summary: "Folder of the host's state",
  default: "$STATE_DIRECTORY, else ~/.local/share/holdfast",
  complete: "folder",
};

/** The folder of a host's state: what is asked for, else systemd's, else the user's, else one beside us. */
export function resolveDataFolder(values: Values, environment: Readonly<Record<string, string>>): string {
  const asked = values.text("data");
  if (asked !== undefined) return toAbsolutePath(asked);
  // systemd lists several with colons; our unit declares one.
  const ofService = environment.STATE_DIRECTORY?.split(":", 1)[0];
  if (ofService) return toAbsolutePath(ofService);
  return toAbsolutePath(environment.HOME ? `${environment.HOME}/.local/share/holdfast` : "holdfast-data");
}

/** `path` from the root, without `.`, `..` and doubled slashes. */
export function toAbsolutePath(path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
