// The certificate and key of one listener, from files, looked at again every few seconds: certificates are renewed in
// place, by tools that replace files or links, which no file watch sees reliably.

import { Fault } from "../../src/model/fault.ts";
import type { Log } from "../../src/model/ports.ts";

/** How often the files are looked at; a renewal comes days before it is needed. */
const LOOK_MS = 10_000;

/** Certificate and key, as Deno.serve takes them. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** A pair of files and what they held when last looked at. */
export class Certificates {
  readonly #certFile: string;
  readonly #keyFile: string;
  readonly #onChange: () => void;
  readonly #log: Log;
  #timer: ReturnType<typeof setInterval> | undefined;
  #seen = "";
  current: KeyPair | undefined;

  constructor(certFile: string, keyFile: string, onChange: () => void, log: Log) {
    this.#certFile = certFile;
    this.#keyFile = keyFile;
    this.#onChange = onChange;
    this.#log = log;
  }

  async load(): Promise<void> {
    this.#seen = await this.#stamp();
    this.current = {
      cert: await readPem(this.#certFile, "CERTIFICATE"),
      key: await readPem(this.#keyFile, "PRIVATE KEY"),
    };
  }

  watch(): void {
    this.#timer ??= setInterval(() => void this.check(), LOOK_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Takes over what the files hold, if they changed; what cannot be read leaves the old pair in force. */
  async check(): Promise<void> {
    const before = this.current;
    try {
      if (await this.#stamp() === this.#seen) return;
      await this.load();
      if (before?.cert === this.current?.cert && before?.key === this.current?.key) return;
      this.#onChange();
      this.#log.info(`http-server: new certificate from ${this.#certFile}`);
    } catch (error) {
      this.current = before;
      this.#log.error(
        `http-server: the certificate was not renewed: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** Changes whenever either file does. */
  async #stamp(): Promise<string> {
    const stats = await Promise.all([this.#certFile, this.#keyFile].map(async (path) => {
      const { mtime, size, ino } = await statFile(path);
      return `${mtime?.getTime()}/${size}/${ino}`;
    }));
    return stats.join();
  }
}

async function statFile(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    throw fileFault(path, error);
  }
}

async function readPem(path: string, kind: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw fileFault(path, error);
  }
  if (!new RegExp(`-----BEGIN (?:\\w+ )?${kind}-----`).test(text)) {
    throw new Fault("bad_request", `http-server: ${path} holds no PEM block "${kind}"`);
  }
  return text;
}

function fileFault(path: string, error: unknown): Fault {
  const reason = error instanceof Deno.errors.NotFound
    ? "there is no such file"
    : error instanceof Error
    ? error.message
    : String(error);
  return new Fault("bad_request", `http-server: cannot read ${path}: ${reason}`, { cause: error });
}
