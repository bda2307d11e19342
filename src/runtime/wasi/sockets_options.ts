// Socket options of wasi:sockets that Deno offers no way to set: checked, kept and told back, as the WIT allows
// ("might be silently clamped"). Bases of the socket classes.

/** Linux' defaults, in the units of the WIT (nanoseconds, bytes). */
const DEFAULTS = {
  keepAliveEnabled: false,
  keepAliveIdleTime: 7_200_000_000_000n,
  keepAliveInterval: 75_000_000_000n,
  keepAliveCount: 9,
  hopLimit: 64,
  receiveBufferSize: 131_072n,
  sendBufferSize: 131_072n,
};

/** Throws `invalid-argument` for zero, which no option takes. */
function positive<T extends number | bigint>(value: T): T {
  if (!value) throw "invalid-argument";
  return value;
}

/** Options every socket has. */
export class SocketOptions {
  protected readonly options = { ...DEFAULTS };

  receiveBufferSize(): bigint {
    return this.options.receiveBufferSize;
  }
  setReceiveBufferSize(value: bigint): void {
    this.options.receiveBufferSize = positive(value);
  }
  sendBufferSize(): bigint {
    return this.options.sendBufferSize;
  }
  setSendBufferSize(value: bigint): void {
    this.options.sendBufferSize = positive(value);
  }
  hopLimit(): number {
    return this.options.hopLimit;
  }
  setHopLimit(value: number): void {
    this.options.hopLimit = positive(value);
  }
}

/** Options of a TCP socket. */
export class TcpOptions extends SocketOptions {
  keepAliveEnabled(): boolean {
    return this.options.keepAliveEnabled;
  }
  setKeepAliveEnabled(value: boolean): void {
    this.options.keepAliveEnabled = value;
  }
  keepAliveIdleTime(): bigint {
    return this.options.keepAliveIdleTime;
  }
  setKeepAliveIdleTime(value: bigint): void {
    this.options.keepAliveIdleTime = positive(value);
  }
  keepAliveInterval(): bigint {
    return this.options.keepAliveInterval;
  }
  setKeepAliveInterval(value: bigint): void {
    this.options.keepAliveInterval = positive(value);
  }
  keepAliveCount(): number {
    return this.options.keepAliveCount;
  }
  setKeepAliveCount(value: number): void {
    this.options.keepAliveCount = positive(value);
  }
  /** An accepted socket starts with its listener's options. */
  copyOptions(from: TcpOptions): void {
    Object.assign(this.options, from.options);
  }
}
