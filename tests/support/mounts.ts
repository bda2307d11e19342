// Runs a script where a disk of its own is mounted, in a mount namespace that ends with it: small, read-only or
// breakable disks for tests. Needs root; says so loudly where it has to skip.

import assert from "node:assert/strict";

/** The exit code by which a shell script says that it cannot run here (automake's). */
const CANNOT_RUN = 77;

/** Runs `script` with `args` after the shell commands of `mount`; its output, or undefined where it cannot run. */
export async function runOnMount(mount: string, script: URL, args: string[]): Promise<string | undefined> {
  const shell = `(set -e; ${mount}) || exit ${CANNOT_RUN}; exec "$@"`;
  const deno = [Deno.execPath(), "run", "-A", "--no-check", "--quiet", script.pathname, ...args];
  const text = new TextDecoder();
  let reason = "";
  try {
    const { code, success, stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", shell, "sh", ...deno],
    }).output();
    reason = text.decode(stderr);
    // What unshare itself cannot do ends with 1 and its name.
    const cannotRun = code === CANNOT_RUN || reason.startsWith("unshare:");
    if (!cannotRun) assert.ok(success, `${text.decode(stdout)}\n${reason}`);
    if (success) return text.decode(stdout);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    reason = "there is no `unshare`";
  }
  console.error(`%cSKIPPED: this test needs root and mounts (loop devices, ext4): ${reason}`, "color: red");
  return undefined;
}
