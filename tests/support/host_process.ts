// Starts real hosts for tests: the compiled binary where HOLDFAST_BIN names one, else the program from source. Free
// ports, throw-away folders, the whole log kept for when something fails.

import { selfCommand } from "../../src/runtime/self_command.ts";

const BINARY = Deno.env.get("HOLDFAST_BIN");

/** Program and arguments of `holdfast ARGS`. */
export function holdfastCommand(args: string[]): { program: string; args: string[] } {
  return BINARY ? { program: BINARY, args } : selfCommand(args);
}

/** Absolute path of a file of the repository. */
export function repositoryPath(path: string): string {
  return new URL(`../../${path}`, import.meta.url).pathname;
}

/** A TCP port nobody listens on at this moment. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** A temporary folder that goes away with the scope. */
export async function disposableFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "holdfast-test-" });
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch(() => {});
    },
  };
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one `holdfast` command line to its end, with an environment of nothing but `env`. */
export async function runHoldfast(
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; stdin?: string } = {},
): Promise<CommandResult> {
  const command = holdfastCommand(args);
  const child = new Deno.Command(command.program, {
    args: command.args,
    env: { ...sourceEnvironment(), ...options.env },
    clearEnv: true,
    cwd: options.cwd,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** From source, Deno needs its cache; the binary needs nothing at all. */
function sourceEnvironment(): Record<string, string> {
  if (BINARY) return {};
  const kept: Record<string, string> = {};
  for (const name of ["HOME", "PATH", "DENO_DIR", "XDG_CACHE_HOME"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

export interface HostOptions {
  data: string;
  manifests?: string[];
  cells?: number;
  port?: number;
  args?: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** A command line that ends by executing the one put behind it. */
  through?: string[];
}

/** A running host. */
export class HostProcess implements AsyncDisposable {
  readonly data: string;
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  readonly exited: Promise<Deno.CommandStatus>;
  #child: Deno.ChildProcess;
  #output = "";
  #pumps: Promise<void>[];

  private constructor(child: Deno.ChildProcess, data: string, port: number) {
    this.#child = child;
    this.data = data;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.pid = child.pid;
    this.exited = child.status;
    this.#pumps = [child.stdout, child.stderr].map((stream) => this.#pump(stream));
  }

  /** Starts a host and waits until it says that it serves. */
  static async start(options: HostOptions): Promise<HostProcess> {
    const host = HostProcess.spawn(options);
    await host.untilReady();
    return host;
  }

  /** Starts a host and does not wait. */
  static spawn(options: HostOptions): HostProcess {
    const port = options.port ?? freePort();
    const { program, args } = holdfastCommand([
      "up",
      "--data",
      options.data,
      "--http",
      `127.0.0.1:${port}`,
      "--cells",
      String(options.cells ?? 2),
      ...(options.manifests ?? []).flatMap((path) => ["--manifest", path]),
      ...options.args ?? [],
    ]);
    const [first, ...rest] = [...options.through ?? [], program, ...args];
    const child = new Deno.Command(first, {
      args: rest,
      env: { ...sourceEnvironment(), ...options.env },
      clearEnv: true,
      cwd: options.cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new HostProcess(child, options.data, port);
  }

  /** Everything it printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the host says that it serves; rejects with its output when it ends first. */
  async untilReady(): Promise<void> {
    await this.untilOutput(/is serving/);
  }

  /** Resolves when the output matches. */
  async untilOutput(pattern: RegExp): Promise<void> {
    let isOver = false;
    void this.exited.then(() => isOver = true);
    for (let waitedMs = 0; !pattern.test(this.#output); waitedMs += 10) {
      if (isOver) {
        await Promise.all(this.#pumps);
        if (pattern.test(this.#output)) return;
        throw new Error(`the host ended before ${pattern}:\n${this.#output}`);
      }
      if (waitedMs > 60_000) throw new Error(`the host did not say ${pattern} in 60 s:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Asks it to stop; resolves with its exit code. */
  async stop(): Promise<number> {
    this.kill("SIGTERM");
    const { code } = await this.exited;
    await Promise.all(this.#pumps);
    return code;
  }

  /** A command line against this host. */
  cli(...args: string[]): Promise<CommandResult> {
    return runHoldfast([...args, "--data", this.data]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill("SIGKILL");
    } catch { /* ended already */ }
    await this.exited;
    await Promise.all(this.#pumps);
  }

  async #pump(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
  }
}
