/** Stints as bars along the session clock. */

import type { PitRow, StintRow } from "./rows";

export interface Bar {
  /** As parts of the whole length, 0 to 1. */
  readonly from: number;
  readonly length: number;
  readonly laps: number;
  readonly first: number;
  readonly last: number;
  /** Whether the stint is under way. */
  readonly open: boolean;
  /** Its length relative to the longest of the class, a measure of tyre age. */
  readonly age: number;
}

/** The class of a car, and when it last ran (ms) if it has stopped. */
export interface Ran {
  readonly class?: string | undefined;
  readonly until?: number | undefined;
}

/** The bars of each car; `untilMs` is the end of the axis, on the session clock. */
export function bars(
  stints: readonly StintRow[],
  ran: (car: string) => Ran,
  untilMs: number,
): Map<string, Bar[]> {
  const longest = new Map<string | undefined, number>();
  for (const { car, laps } of stints) {
    const name = ran(car).class;
    longest.set(name, Math.max(longest.get(name) ?? 1, laps));
  }
  const end = Math.max(1, untilMs);
  const found = new Map<string, Bar[]>();
  for (const stint of stints) {
    if (stint.laps < 1) continue;
    const { class: name, until: gone } = ran(stint.car);
    const until = Math.min(end, stint.end_ms ?? gone ?? end);
    const bar: Bar = {
      from: stint.start_ms / end,
      length: Math.max(0, until - stint.start_ms) / end,
      laps: stint.laps,
      first: stint.first_lap,
      last: stint.last_lap,
      open: stint.end_ms === null && gone === undefined,
      age: stint.laps / (longest.get(name) ?? 1),
    };
    found.set(stint.car, [...(found.get(stint.car) ?? []), bar]);
  }
  return found;
}

/** Hours, or parts of one in a short session: where the axis has its marks, in ms. The last
 * has room for its name. */
export function ticks(untilMs: number): number[] {
  const step = untilMs > 4 * 3_600_000 ? 3_600_000 : untilMs > 3_600_000 ? 1_800_000 : 600_000;
  return Array.from(
    { length: Math.floor((untilMs * 0.97) / step) },
    (_, index) => (index + 1) * step,
  );
}

/** Visits, the newest first. */
export function newestFirst(pits: readonly PitRow[]): PitRow[] {
  return [...pits].sort((one, other) => other.entered_ms - one.entered_ms);
}
