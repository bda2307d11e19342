// Processes of this machine, read from /proc: the children of a host are its cells, and a killed one has to be gone.
// Through a shell, because Deno itself reads /proc only with every permission there is.

/** What `command` prints; what it complains of, as of a process that just ended, is left out. */
function readByShell(command: string, ...args: string[]): string {
  const { stdout } = new Deno.Command("sh", { args: ["-c", command, "sh", ...args], stderr: "null" })
    .outputSync();
  return new TextDecoder().decode(stdout);
}

/** The processes that `pid` started and that still run. */
export function childrenOf(pid: number): number[] {
  const text = readByShell("cat /proc/$1/task/*/children; echo", String(pid));
  return text.split(/\s+/).filter((one) => one !== "").map(Number).filter(isAlive);
}

/** Whether a process is there and not merely unburied. */
export function isAlive(pid: number): boolean {
  return /^\d+ \(.*\) [^ZX]/.test(readByShell('cat "/proc/$1/stat"', String(pid)));
}

/** Bytes of memory that are this process's own, shared pages by its share of them. */
export function memoryOf(pid: number): number {
  const text = readByShell('cat "/proc/$1/smaps_rollup"', String(pid));
  return Number(text.match(/^Pss:\s+(\d+) kB/m)?.[1] ?? 0) * 1024;
}

/** Sends a signal; a process that is gone already is no mistake. */
export function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
