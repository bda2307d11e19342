// Collects what was measured and prints it with the machine and the commit it was measured on.

interface Row {
  what: string;
  value: number;
  beside: string;
  isReached?: boolean;
}

export interface Program {
  program: string;
  args: string[];
}

/** One run's figures. */
export class Report {
  readonly rows: Row[] = [];

  constructor(readonly bareServer: Program) {}

  progress(text: string): void {
    console.error(`bench: ${text}`);
  }

  /** Notes a figure; `beside` says its yardstick, `isReached` whether the bound is kept. */
  row(what: string, value: number, beside: string, isReached?: boolean): void {
    this.rows.push({ what, value, beside, isReached });
    console.error(`bench: ${formatRow(this.rows.at(-1)!)}`);
  }

  async print(): Promise<void> {
    const git = await new Deno.Command("git", { args: ["describe", "--always", "--dirty"], stderr: "null" })
      .output();
    const commit = new TextDecoder().decode(git.stdout).trim() || "unknown";
    const cpu = Deno.readTextFileSync("/proc/cpuinfo").match(/model name\s*:\s*(.*)/)?.[1] ?? "unknown CPU";
    console.log(
      `commit ${commit}, ${navigator.hardwareConcurrency} cores of ${cpu}, Linux ${Deno.osRelease()}, V8 ${Deno.version.v8}`,
    );
    for (const row of this.rows) console.log(formatRow(row));
  }

  get isEverythingReached(): boolean {
    return this.rows.every(({ isReached }) => isReached !== false);
  }
}

function formatRow({ what, value, beside, isReached }: Row): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const mark = isReached === undefined ? "  " : isReached ? "ok" : "NO";
  return `${mark} ${what.padEnd(44)} ${value.toFixed(digits).padStart(9)}   (${beside})`;
}
