// Hosts on a disk of their own: small, read-only or breakable, mounted where only the host and what is run beside it see
// it, and gone with it. Needs root and mounts; where those are missing tests say so loudly and skip.

import { type CommandResult, holdfastCommand, type HostProcess } from "./host_process.ts";

const PATH = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/** How to start a host behind the shell commands of `mount`: options for the launcher. */
export function onMount(mount: string): { through: string[]; env: Record<string, string> } {
  return {
    through: ["/usr/bin/unshare", "--mount", "sh", "-c", `set -e; ${mount}; exec "$@"`, "sh"],
    env: PATH,
  };
}

/** Whether the shell commands of `mount` work here; says so where they do not. */
export function canMount(mount: string): boolean {
  let reason = "there is no `unshare`";
  try {
    const { through: [program, ...args], env } = onMount(mount);
    const { success, stderr } = new Deno.Command(program, { args: [...args, "true"], env }).outputSync();
    if (success) return true;
    reason = new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  console.error(`%cSKIPPED: tests of disks need root and mounts: ${reason}`, "color: red");
  return false;
}

/** Runs a command line where the host's disk is to be seen. */
export async function runBeside(host: HostProcess, args: string[], stdin = ""): Promise<CommandResult> {
  const child = new Deno.Command("nsenter", {
    args: ["--target", String(host.pid), "--mount", ...args],
    env: PATH,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that ends without reading is no mistake.
  await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** `holdfast ARGS --data …` beside the host. */
export function cliBeside(host: HostProcess, args: string[], stdin = ""): Promise<CommandResult> {
  const command = holdfastCommand([...args, "--data", host.data]);
  return runBeside(host, [command.program, ...command.args], stdin);
}
