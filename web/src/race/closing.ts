/** The rate at which one car closes on another. */

import { valueAt } from "./chart";
import type { ChartRow } from "./rows";

/** The number of last laps that are considered. */
export const WINDOW = 5;

export interface Closing {
  /** What the car gains on the other in a lap (ms); below 0: loses. */
  readonly perLap: number;
  /** In how many laps it will have closed the gap; null where it never would. */
  readonly laps: number | null;
}

/**
 * The median gain per lap on the car that gaps are measured from, over the last laps since the
 * car's last visit to the pits. A median, so that one lap in traffic or the first one behind
 * the safety car does not count. Null with fewer than two laps.
 */
export function closing(row: ChartRow): Closing | null {
  const last = row.first_lap + row.behind_ms.length - 1;
  const pits = new Set(row.pit_laps);
  const won: number[] = [];
  for (let lap = last; lap > last - WINDOW && lap > row.first_lap; lap -= 1) {
    const now = valueAt(row, "behind_ms", lap);
    const before = valueAt(row, "behind_ms", lap - 1);
    if (now === null || before === null) continue;
    if (pits.has(lap) || pits.has(lap - 1)) break;
    won.push(before - now);
  }
  if (won.length < 2) return null;
  const perLap = median(won);
  const gap = valueAt(row, "behind_ms", last) ?? valueAt(row, "behind_ms", last - 1);
  return { perLap, laps: gap === null ? null : lapsToClose(gap, perLap) };
}

/** The middle one, or the mean of the two; of none NaN. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The cars meet if the one behind gains, or the one ahead loses. */
function lapsToClose(gap: number, perLap: number): number | null {
  if (perLap === 0 || gap === 0 || Math.sign(gap) !== Math.sign(perLap)) return null;
  return Math.ceil(gap / perLap);
}
