// The cells of one host: all hold the same components; a quarantined component has a cell of its own besides. Hands out
// assignments, and acts on losses as `blame.ts` judges.

import type { CallByHand, CallOutcome, CellSettings } from "../model/cell_protocol.ts";
import { Fault, type FaultData, fromFaultData } from "../model/fault.ts";
import type { Clock, EventSink, Log } from "../model/ports.ts";
import { type BlameRecord, judge } from "./blame.ts";
import type { CellFactory, CellLossReport, CellPort } from "./host_ports.ts";
import { type HostState, toAssignment } from "./state.ts";

export interface FleetOptions {
  cells: number;
  settings: Omit<CellSettings, "cell" | "socket">;
  /** Unix socket of the cell with this number. */
  socketPath(cell: number): string;
  createCell: CellFactory;
  clock: Clock;
  log: Log;
  events: EventSink;
  /** Asks the host to isolate components: a change of state, which comes back as an assignment. */
  onVerdict(verdict: { quarantine: string[]; stop: string[]; reason: string }): void;
}

/** Time for all cells to take an assignment: the slowest start is a new cell's, under a second here. */
const ASSIGN_MS = 30_000;

/** Holds the cells. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #cells: CellPort[] = [];
  readonly #quarantine = new Map<string, CellPort>();
  #blame: BlameRecord = {};
  #revision = 0;
  #nextCell = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Every cell, ordinary ones first. */
  get cells(): readonly CellPort[] {
    return [...this.#cells, ...this.#quarantine.values()];
  }

  /** The component that a cell is kept apart for. */
  quarantineOf(cell: CellPort): string | undefined {
    for (const [id, own] of this.#quarantine) if (own === cell) return id;
    return undefined;
  }

  start(): void {
    for (let i = 0; i < this.#options.cells; i++) this.#cells.push(this.#create());
  }

  /** Gives every cell the state; rejects with the first refusal, and then holds what it holds: assign the old state. */
  async assign(state: HostState): Promise<void> {
    const wanted = Object.keys(state.quarantined).filter((id) => !(id in state.stopped));
    for (const id of wanted) if (!this.#quarantine.has(id)) this.#quarantine.set(id, this.#create(true));
    const elsewhere: Record<string, string> = {};
    for (const id of wanted) elsewhere[id] = this.#quarantine.get(id)!.settings.socket!;
    const revision = ++this.#revision;
    const assignment = toAssignment(state, { revision, elsewhere, failed: {} });
    const late = this.#options.clock.sleep(ASSIGN_MS).then((): Record<string, FaultData> => ({
      cell: { code: "unavailable", message: "a cell did not take the change in time; see the log" },
    }));
    const answers = await Promise.all(
      this.cells.map((cell) => Promise.race([cell.assign(assignment), late])),
    );
    for (const [id, cell] of this.#quarantine) {
      if (wanted.includes(id)) continue;
      this.#quarantine.delete(id);
      void cell.stop(0);
    }
    const [refused] = answers.flatMap((problems) => Object.values(problems));
    if (refused) throw fromFaultData(refused);
  }

  call(call: CallByHand): Promise<CallOutcome> {
    return this.#cellFor(call.component).call(call);
  }

  run(component: string): Promise<CallOutcome> {
    return this.#cellFor(component).run(component);
  }

  /** Drains all cells at once. */
  async stop(withinMs: number): Promise<void> {
    await Promise.all(this.cells.map((cell) => cell.stop(withinMs)));
  }

  #cellFor(component: string): CellPort {
    const own = this.#quarantine.get(component);
    const cell = own ?? this.#cells.find(({ state }) => state === "ready") ?? this.#cells[0];
    if (!cell) throw new Fault("unavailable", "the host is not started");
    return cell;
  }

  #create(hasSocket = false): CellPort {
    const { settings, socketPath, createCell } = this.#options;
    const number = this.#nextCell++;
    const cell = createCell(
      { ...settings, cell: number, socket: hasSocket ? socketPath(number) : undefined },
      {
        onLost: (lost, loss) => this.#onLost(lost, loss),
        onStarted: ({ pid }) => this.#options.events.publish({ type: "cell_started", cell: number, pid }),
      },
    );
    cell.start();
    return cell;
  }

  #onLost(cell: CellPort, loss: CellLossReport): void {
    const { log, events, clock } = this.#options;
    const number = cell.settings.cell;
    log.error("a cell was lost and is being replaced", { cell: number, pid: loss.pid, reason: loss.reason });
    events.publish({
      type: "cell_lost",
      cell: number,
      pid: loss.pid,
      reason: loss.reason,
      suspects: loss.running,
    });
    // A cell killed from outside says nothing about its components.
    if (!loss.isOwnDoing) return;
    const own = this.quarantineOf(cell);
    const verdict = judge(this.#blame, { suspects: loss.running, own, atMs: clock.monotonicMs() });
    this.#blame = verdict.record;
    const quarantine = verdict.quarantine.filter((id) => !this.#quarantine.has(id));
    if (quarantine.length || verdict.stop.length) {
      this.#options.onVerdict({ quarantine, stop: verdict.stop, reason: `its cell ${loss.reason}` });
    }
  }
}
