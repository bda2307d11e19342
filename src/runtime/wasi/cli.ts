// wasi:cli: what a command sees of its surroundings. Environment and arguments come from the component's declaration;
// standard output and error become log lines (and, on request, bytes for whoever called it by hand); there is never a
// terminal. Made once per instance by `instance.ts`.

import { GuestExit, type InstanceContext } from "../context.ts";
import { type ByteSource, bytesSource, InputStream, OutputStream } from "./io.ts";

/** Which of the two a guest wrote to. */
export type CliStream = "stdout" | "stderr";

/** What a caller of a command may add. */
export interface CliOptions {
  /** What the guest reads on standard input; empty without. */
  stdin?: ByteSource;
  /** Sees the bytes as they are written, before they become lines; its promise holds the guest back. */
  tap?: (stream: CliStream, bytes: Uint8Array) => void | Promise<void>;
}

/** The import objects of `wasi:cli`, and the end of a call for an instance that lives on. */
export interface Cli {
  imports: Record<string, unknown>;
  /** Logs what was written without a line end so far. Done by itself on exit and when the instance is dropped. */
  flush(): void;
}

/** Longest log line, in UTF-16 units: journald keeps 48 KiB per line, and a reader has lost interest long before. */
const LINE_LENGTH_MAX = 8 * 1024;
/** Charged for every line besides its bytes: what a stamp and fields cost, so that short lines are no way around. */
export const LINE_OVERHEAD = 64;

const encoder = new TextEncoder();

/** Cuts what a guest writes into log lines. Holds at most one line. */
class LineLog {
  #rest = "";
  readonly #decoder = new TextDecoder();
  readonly #context: InstanceContext;
  readonly #fields: { stream: CliStream };

  constructor(context: InstanceContext, stream: CliStream) {
    this.#context = context;
    this.#fields = { stream };
  }

  write(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = this.#cut(lines.pop()!);
    for (const line of lines) this.#log(this.#cut(line));
  }

  flush(): void {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    this.#log(this.#cut(rest));
  }

  /** Logs full pieces off the front of a long line and returns the last piece. */
  #cut(line: string): string {
    while (line.length > LINE_LENGTH_MAX) {
      // A surrogate pair stays whole.
      const isPair = (line.charCodeAt(LINE_LENGTH_MAX - 1) & 0xfc00) === 0xd800;
      const length = isPair ? LINE_LENGTH_MAX - 1 : LINE_LENGTH_MAX;
      this.#log(line.slice(0, length));
      line = line.slice(length);
    }
    return line;
  }

  #log(line: string): void {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (!text) return; // a blank line says nothing in a log of records
    if (this.#context.chargeLog(encoder.encode(text).length + LINE_OVERHEAD)) {
      this.#context.log.info(text, this.#fields);
    }
  }
}

/** A standard input that any number of handles share: dropping one does not end it for the next. */
class StdinStream extends InputStream {
  override [Symbol.dispose](): void {}
}

class TerminalInput {}
class TerminalOutput {}

/** Makes `wasi:cli` for one instance. */
export function openCli(context: InstanceContext, options: CliOptions = {}): Cli {
  const { spec } = context;
  const logs = { stdout: new LineLog(context, "stdout"), stderr: new LineLog(context, "stderr") };
  const flush = () => {
    logs.stdout.flush();
    logs.stderr.flush();
  };
  const source = options.stdin ?? bytesSource(new Uint8Array(0));
  const stdin = new StdinStream(source);
  context.onDrop(() => {
    flush();
    source.cancel?.();
  });
  const openOutput = (stream: CliStream) =>
    new OutputStream({
      write(bytes) {
        logs[stream].write(bytes);
        return options.tap?.(stream, bytes);
      },
    });
  const exit = (exitCode: number): never => {
    flush();
    throw new GuestExit(exitCode);
  };
  const isRootSeen = spec.preopens.some((preopen) => preopen.guest === "/");
  return {
    flush,
    imports: {
      "wasi:cli/environment": {
        getEnvironment: () => Object.entries(spec.environment),
        getArguments: () => [spec.name, ...spec.args],
        initialCwd: () => isRootSeen ? "/" : undefined,
      },
      "wasi:cli/exit": {
        exit: (status: { tag: "ok" | "err" }) => exit(status.tag === "ok" ? 0 : 1),
        exitWithCode: exit,
      },
      "wasi:cli/stdin": { getStdin: () => stdin },
      "wasi:cli/stdout": { getStdout: () => openOutput("stdout") },
      "wasi:cli/stderr": { getStderr: () => openOutput("stderr") },
      "wasi:cli/terminal-input": { TerminalInput },
      "wasi:cli/terminal-output": { TerminalOutput },
      "wasi:cli/terminal-stdin": { getTerminalStdin: () => undefined },
      "wasi:cli/terminal-stdout": { getTerminalStdout: () => undefined },
      "wasi:cli/terminal-stderr": { getTerminalStderr: () => undefined },
    },
  };
}

/** The import objects of `wasi:cli`, for callers that need no flush between calls. */
export function cliImports(context: InstanceContext, options: CliOptions = {}): Record<string, unknown> {
  return openCli(context, options).imports;
}
