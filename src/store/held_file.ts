// One descriptor for each database file in this process, closed after the last store on it. Closing any descriptor of a
// file drops every POSIX lock the process holds on that file, and SQLite's locks on a database are such locks: so
// besides SQLite itself, this is the only code that may open a database that is in use, and it closes it last.

const held = new Map<string, { file: Deno.FsFile; users: number }>();

/** A share of the descriptor of a database file. */
export interface HeldFile {
  /** Resolves when all that was written to the file before this call is on the disk. */
  sync(): Promise<void>;
  /** Gives the share back: to be called when the caller's own connections are closed. */
  release(): void;
}

/** Takes a share of the descriptor of `path`, which a connection of the caller's has open already. */
export function holdFile(path: string): HeldFile {
  const real = Deno.realPathSync(path);
  const entry = held.get(real) ?? { file: Deno.openSync(real, { read: true, write: true }), users: 0 };
  held.set(real, entry);
  entry.users++;
  let isReleased = false;
  return {
    sync: () => entry.file.syncData(),
    release: () => {
      if (isReleased) return;
      isReleased = true;
      if (--entry.users > 0) return;
      held.delete(real);
      entry.file.close();
    },
  };
}
