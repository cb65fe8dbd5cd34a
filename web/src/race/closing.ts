/** How fast one car comes to another. */

import { valueAt } from "./chart";
import type { ChartRow } from "./rows";

/** Laps that are looked at. */
export const WINDOW = 5;

export interface Closing {
  /** What the car gains on the other in a lap (ms); below 0: loses. */
  readonly perLap: number;
  /** In how many laps it will have closed the gap; null where it never would. */
  readonly laps: number | null;
}

/**
 * Of the last laps without a visit to the pits by the car: the median of what it won from each
 * to the next on the car that its gaps are measured from; one lap in traffic, or the first
 * behind the safety car, says nothing. Null with too few of them.
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

/** From behind one must win, from ahead one must lose for the cars to meet. */
function lapsToClose(gap: number, perLap: number): number | null {
  if (perLap === 0 || gap === 0 || Math.sign(gap) !== Math.sign(perLap)) return null;
  return Math.ceil(gap / perLap);
}
