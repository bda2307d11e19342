// What the glue generators (themselves wasm components) want from WASI: next to nothing. The import map points
// their four preview2-shim specifiers here, so that no shim and no npm package is needed at run time. The only
// thing they really use is stderr (a Rust panic inside the generator prints there) and random bytes.

const decoder = new TextDecoder();
const log = (bytes: Uint8Array) => console.error(decoder.decode(bytes).trimEnd());

class TerminalInput {}
class TerminalOutput {}
class Descriptor {}
class DirectoryEntryStream {}
class IoError {
  toDebugString(): string {
    return "io";
  }
}
class InputStream {
  read(): never {
    throw { tag: "closed" };
  }
  blockingRead(): never {
    throw { tag: "closed" };
  }
}
class OutputStream {
  checkWrite(): bigint {
    return 65536n;
  }
  write(bytes: Uint8Array): void {
    log(bytes);
  }
  blockingWriteAndFlush(bytes: Uint8Array): void {
    log(bytes);
  }
  blockingFlush(): void {}
  flush(): void {}
}

const output = new OutputStream();
const input = new InputStream();

export const environment = { getEnvironment: () => [] };
export const exit = {
  exit(): never {
    throw new Error("the glue generator exited");
  },
};
export const stderr = { getStderr: () => output };
export const stdout = { getStdout: () => output };
export const stdin = { getStdin: () => input };
export const terminalInput = { TerminalInput };
export const terminalOutput = { TerminalOutput };
export const terminalStderr = { getTerminalStderr() {} };
export const terminalStdin = { getTerminalStdin() {} };
export const terminalStdout = { getTerminalStdout() {} };
export const preopens = { getDirectories: () => [] };
export const types = { Descriptor, DirectoryEntryStream, filesystemErrorCode() {} };
export const error = { Error: IoError };
export const streams = { InputStream, OutputStream };
export const random = {
  getRandomBytes: (length: bigint) => crypto.getRandomValues(new Uint8Array(Number(length))),
};

/** Compiles one of the generator's gzip-compressed core modules (`scripts/vendor.ts` puts them there). */
export async function compileGzip(url: URL): Promise<WebAssembly.Module> {
  const compressed = await Deno.readFile(url);
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new WebAssembly.Module(await new Response(stream).arrayBuffer());
}
