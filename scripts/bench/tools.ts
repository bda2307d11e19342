// What every measurement needs: a load generator, processes that go away, memory as the kernel counts it.

/** One run of the load generator. */
export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
}

/** Finds `wrk`: $WRK, or PATH; as root on Debian it is installed. */
export async function findWrk(): Promise<string> {
  const named = Deno.env.get("WRK") ?? "wrk";
  if (await runs(named)) return named;
  if (Deno.uid() === 0) {
    console.error("bench: installing wrk from Debian's packages …");
    await new Deno.Command("apt-get", { args: ["install", "-y", "wrk"], stdout: "null", stderr: "null" })
      .output();
    if (await runs(named)) return named;
  }
  throw new Error("wrk is needed to make load: install it (apt-get install wrk), or name it with WRK");
}

async function runs(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["-v"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

/** Loads `url` for `seconds` with `connections` kept-alive connections. */
export async function load(
  wrk: string,
  url: string,
  options: { seconds: number; connections: number },
): Promise<LoadResult> {
  const { seconds, connections } = options;
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "10s", url];
  const { stdout } = await new Deno.Command(wrk, { args }).output();
  const text = new TextDecoder().decode(stdout);
  const rate = text.match(/Requests\/sec:\s+([\d.]+)/);
  if (!rate) throw new Error(`wrk gave no rate for ${url}:\n${text}`);
  const bad = text.match(/Non-2xx or 3xx responses: (\d+)/);
  const socket = text.match(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  const socketErrors = socket ? socket.slice(1).reduce((sum, count) => sum + Number(count), 0) : 0;
  return {
    perSecond: Number(rate[1]),
    p50Ms: percentile(text, "50%"),
    p99Ms: percentile(text, "99%"),
    errors: Number(bad?.[1] ?? 0) + socketErrors,
  };
}

function percentile(text: string, name: string): number {
  const [, value, unit] = text.match(new RegExp(`${name.replace("%", "\\%")}\\s+([\\d.]+)(us|ms|s)`)) ?? [];
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? NaN);
}

/** A process that is killed at the end of the scope. */
export class Background implements AsyncDisposable {
  readonly child: Deno.ChildProcess;

  constructor(program: string, args: string[], options: Partial<Deno.CommandOptions> = {}) {
    this.child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...options,
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // npx and our own bare server have children that would live on.
    for (const pid of descendants(this.child.pid)) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* ended already */ }
    }
    await this.child.status;
  }
}

/** Resolves when `url` answers; rejects after `seconds`. */
export async function untilAnswers(url: string, seconds = 60): Promise<void> {
  for (let i = 0; i < seconds * 20; i++) {
    try {
      const response = await fetch(url);
      await response.body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${url} did not answer in ${seconds} s`);
}

/** Memory of a process and its children: each page counted once, shared ones divided (PSS), in bytes. */
export function memoryOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return children(pid).reduce(
    (sum, child) => sum + memoryOf(child),
    1024 * Number(text.match(/^Pss:\s+(\d+)/m)?.[1] ?? 0),
  );
}

/** A process and all below it, as far as they live. */
function descendants(pid: number): number[] {
  try {
    return [pid, ...children(pid).flatMap(descendants)];
  } catch {
    return []; // ended
  }
}

function children(pid: number): number[] {
  return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
