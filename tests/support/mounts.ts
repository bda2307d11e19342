// Runs a script where a disk of its own is mounted, in a mount namespace that ends with it: small, read-only or
// breakable disks for tests. Needs root; says so loudly where it has to skip.

import assert from "node:assert/strict";

/** Runs `script` with `args` after the shell commands of `mount`; its output, or undefined where it cannot run. */
export async function runOnMount(mount: string, script: URL, args: string[]): Promise<string | undefined> {
  if (!await canMount()) {
    console.error(
      `%cSKIPPED: ${script.pathname.split("/").at(-1)} ${args[0]} needs root and mounts`,
      "color: red",
    );
    return undefined;
  }
  const deno = [Deno.execPath(), "run", "-A", "--no-check", "--quiet", script.pathname, ...args];
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", `set -e\n${mount}\nexec "$@"`, "sh", ...deno],
  }).output();
  const text = new TextDecoder();
  assert.ok(success, `${text.decode(stdout)}\n${text.decode(stderr)}`);
  return text.decode(stdout);
}

async function canMount(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    const args = ["--mount", "sh", "-c", "mount -t tmpfs none /mnt"];
    return (await new Deno.Command("unshare", { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
