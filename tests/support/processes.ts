// Processes of this machine, read from /proc: the children of a host are its cells, and a killed one has to be gone.

/** The processes that `pid` started and that still run. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`);
      children.push(...text.split(" ").filter((one) => one !== "").map(Number));
    }
  } catch {
    return children; // it ended meanwhile
  }
  return children.filter(isAlive);
}

/** Whether a process is there and not merely unburied. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Sends a signal; a process that is gone already is no mistake. */
export function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
