// Who a lost cell is the fault of. A cell that crashes or falls silent names the components whose calls were running;
// one that is named again gets a cell of its own, and one that keeps losing that is stopped. Pure.

import { LIMITS } from "../model/limits.ts";

/** Losses that count, per component: when each happened, in milliseconds on any scale. */
export type BlameRecord = Readonly<Record<string, readonly number[]>>;

export interface Verdict {
  record: BlameRecord;
  /** Components to move to a cell of their own. */
  quarantine: string[];
  /** Components to stop. */
  stop: string[];
}

/**
 * Judges one loss. `suspects` were running when the cell was last heard; `own` is set when the lost cell was a
 * quarantined component's. Among several suspects only those named by every recent loss are to blame: neighbours change.
 */
export function judge(
  record: BlameRecord,
  loss: { suspects: readonly string[]; own?: string; atMs: number },
): Verdict {
  const since = loss.atMs - LIMITS.blameWindowMs;
  const named = loss.own ? [loss.own] : loss.suspects;
  const next: Record<string, number[]> = {};
  for (const [id, times] of Object.entries(record)) {
    const recent = times.filter((at) => at > since);
    if (recent.length) next[id] = recent;
  }
  for (const id of named) next[id] = [...next[id] ?? [], loss.atMs];
  const worst = Math.max(0, ...named.map((id) => next[id].length));
  const guilty = named.filter((id) => next[id].length === worst);
  if (loss.own) {
    const isEnough = next[loss.own].length >= LIMITS.quarantineAfter + LIMITS.stopAfter;
    return { record: next, quarantine: [], stop: isEnough ? [loss.own] : [] };
  }
  return { record: next, quarantine: worst >= LIMITS.quarantineAfter ? guilty : [], stop: [] };
}
