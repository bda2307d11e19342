// Components as rows of a table: shared by `status`, `component list` and `app status`.

import type { ComponentStatus } from "../control/api.ts";
import { type Cell, formatTable, type Tone } from "./table.ts";

const TONES: Readonly<Record<ComponentStatus["state"], Tone>> = {
  ready: "good",
  running: "good",
  completed: "dim",
  stopped: "dim",
  failed: "bad",
  quarantined: "bad",
};

/** A table of components, with why each is not ready. */
export function formatComponents(
  components: readonly ComponentStatus[],
  options: { colour: boolean },
): string[] {
  const header = ["COMPONENT", "STATE", "INSTANCES", "CALLS", "FAILURES", "WHERE, OR WHY NOT"];
  const rows = components.map((one): Cell[] => [
    one.id,
    { text: one.state, tone: TONES[one.state] ?? "dim" },
    one.instances,
    one.calls,
    one.failures,
    [one.reason, ...one.urls].filter((part) => part !== undefined && part !== "").join(" "),
  ]);
  return formatTable(header, rows, options);
}
