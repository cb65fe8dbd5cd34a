/** The laps of all cars as lines of a chart, without access to the page. */

import { isCaution } from "../timing/flags";
import type { CautionRow, ChartRow, Column, LapRow } from "./rows";

/** Laps this recent are requested again, for crossings that arrive late. */
export const LATE_MS = 120_000;

export type Member = "at_ms" | "lap_time_ms" | "positions" | "behind_ms" | "behind_laps";

/** From when on to ask for more, in ms on the session clock. */
export function goingOnFrom(rows: readonly ChartRow[]): number {
  let newest = 0;
  for (const row of rows) newest = Math.max(newest, row.at_ms.at(-1) ?? 0);
  return Math.max(0, newest - LATE_MS);
}

/** The rows extended by newer ones; cars without a newer row are unchanged. */
export function goneOn(rows: readonly ChartRow[], more: readonly ChartRow[]): ChartRow[] {
  const later = new Map(more.map((row) => [row.car, row]));
  const known = new Set(rows.map((row) => row.car));
  return [
    ...rows.map((row) => {
      const next = later.get(row.car);
      return next === undefined ? row : joined(row, next);
    }),
    ...more.filter((row) => !known.has(row.car)),
  ];
}

function joined(row: ChartRow, next: ChartRow): ChartRow {
  const keptLaps = next.first_lap - row.first_lap;
  const column = (name: Member): Column => {
    const before = row[name].slice(0, Math.max(0, keptLaps));
    const hole = Array<null>(Math.max(0, keptLaps - before.length)).fill(null);
    return [...before, ...hole, ...next[name]];
  };
  return {
    ...next,
    at_ms: column("at_ms"),
    lap_time_ms: column("lap_time_ms"),
    positions: column("positions"),
    behind_ms: column("behind_ms"),
    behind_laps: column("behind_laps"),
    first_lap: Math.min(row.first_lap, next.first_lap),
    pit_laps: [...row.pit_laps.filter((lap) => lap < next.first_lap), ...next.pit_laps],
  };
}

/** The value of a lap of a car; null for none. */
export function valueAt(row: ChartRow, member: Member, lap: number): number | null {
  return row[member][lap - row.first_lap] ?? null;
}

/** Laps 1 to the last of any car, then for each car its value on each, as uPlot wants it. */
export function lines(
  rows: readonly ChartRow[],
  member: Member,
  value: (found: number, row: ChartRow, lap: number) => number | null = (found) => found,
): [number[], ...(number | null)[][]] {
  const last = Math.max(0, ...rows.map((row) => row.first_lap + row.at_ms.length - 1));
  const laps = Array.from({ length: last }, (_, index) => index + 1);
  return [
    laps,
    ...rows.map((row) =>
      laps.map((lap) => {
        const found = valueAt(row, member, lap);
        return found === null ? null : value(found, row, lap);
      }),
    ),
  ];
}

/** A stretch of a chart's x axis. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** The cautions along the leader's laps; those that no lap of the leader ended under are left out. */
export function cautionBands(cautions: readonly CautionRow[]): Band[] {
  return cautions.flatMap(({ first_lap: from, last_lap: to, number }) =>
    from === null || to === null ? [] : [{ from: from - 0.5, to: to + 0.5, label: String(number) }],
  );
}

/** The stretches of a car's own laps that ended under a caution. */
export function cautionLaps(laps: readonly LapRow[]): Band[] {
  const bands: { from: number; to: number; label: string }[] = [];
  for (const { lap, flag } of laps) {
    if (flag === null || !isCaution(flag)) continue;
    const last = bands.at(-1);
    if (last !== undefined && last.to >= lap - 0.5) last.to = lap + 0.5;
    else bands.push({ from: lap - 0.5, to: lap + 0.5, label: "" });
  }
  return bands;
}

/**
 * The range of lap times (ms) that shows how quick a car is: from its best to a fifth slower
 * than what half of its laps are within; a stop would make all else a straight line.
 */
export function paceRange(times: readonly (number | null)[]): [number, number] {
  const timed = times.filter((ms): ms is number => ms !== null).sort((one, other) => one - other);
  const [best] = timed;
  const middle = timed[Math.floor(timed.length / 2)];
  if (best === undefined || middle === undefined) return [60_000, 120_000];
  const margin = best * 0.01;
  return [best - margin, Math.min(middle * 1.2, (timed.at(-1) ?? middle) + margin)];
}

/** The least range (ms) of a chart of gaps, and how many times the closest gap it shows. */
const LEAST_RANGE_MS = 10_000;
const TIMES_THE_CLOSEST = 4;

/**
 * The range of gaps (ms) in which a battle is fought, for lines of gaps to one car: a car laps
 * down, or laps on which the cars were far apart, would make the rest a straight line. Null where
 * all gaps fit.
 */
export function battleRange(
  gaps: readonly (readonly (number | null)[])[],
): [number, number] | null {
  const closest = gaps.flatMap((line) => {
    const known = line.flatMap((ms) => (ms ? [Math.abs(ms)] : [])).sort((a, b) => a - b);
    return known[Math.floor(known.length / 4)] ?? [];
  });
  if (closest.length === 0) return null;
  const limit = Math.max(LEAST_RANGE_MS, TIMES_THE_CLOSEST * Math.min(...closest));
  let [least, most, beyond] = [0, 0, false];
  for (const line of gaps)
    for (const ms of line) {
      if (ms === null) continue;
      if (Math.abs(ms) > limit) beyond = true;
      least = Math.max(-limit, Math.min(least, ms));
      most = Math.min(limit, Math.max(most, ms));
    }
  const margin = (most - least) * 0.04;
  return beyond ? [least - margin, most + margin] : null;
}

/** The last laps, newest first, on which any of the cars has a time. */
export function lastLaps(rows: readonly ChartRow[], count: number): number[] {
  const last = Math.max(0, ...rows.map((row) => row.first_lap + row.at_ms.length - 1));
  return Array.from({ length: Math.min(count, last) }, (_, index) => last - index);
}
