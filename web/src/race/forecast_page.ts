/** What the forecast page shows, from the rows of a forecast; without access to the page. */

import { lapsRange, rangeText, type ForecastRow, type Quantiles } from "../timing/forecast";

/** How the cars of a class are ordered: as they stand, or by the place they are expected at. */
export type Order = "now" | "end";

/** A class's part of the page. */
export interface ForecastClass {
  readonly name: string;
  readonly rows: readonly ForecastRow[];
  /** The cars with a chance that can be seen, the best first, and their share of the bar. */
  readonly odds: readonly { readonly car: string; readonly share: number }[];
  /** The scale of its pit windows, in laps. */
  readonly laps: number;
}

/** Odds below this have no part of the bar of their own. */
const LEAST_SHARE = 0.02;
/** A scale of pit windows that no class goes below (laps). */
const LEAST_LAPS = 10;

/** The classes in the order of the session, then others. */
export function forecastClasses(
  cars: Iterable<ForecastRow>,
  classes: readonly string[],
  order: Order,
): ForecastClass[] {
  const found = new Map<string, ForecastRow[]>(classes.map((name) => [name, []]));
  for (const row of cars) {
    const name = row.class ?? "";
    const rows = found.get(name) ?? [];
    rows.push(row);
    found.set(name, rows);
  }
  return [...found]
    .filter(([, rows]) => rows.length > 0)
    .map(([name, rows]) => ({
      name,
      rows: [...rows].sort(
        (one, other) =>
          (order === "end" ? one.expected_place - other.expected_place : 0) ||
          one.class_position - other.class_position,
      ),
      odds: rows
        .filter((row) => row.win >= LEAST_SHARE)
        .map((row) => ({ car: row.car, share: row.win }))
        .sort((one, other) => other.share - one.share),
      laps: Math.max(LEAST_LAPS, ...rows.map(latest)),
    }));
}

function latest(row: ForecastRow): number {
  return Math.max(row.next_stop?.p90 ?? 0, row.latest_stop ?? 0);
}

/** The scale of a place or lap: where it begins, in percent. */
export function percentOf(value: number, of: number): string {
  return `${((100 * Math.max(0, Math.min(value, of))) / Math.max(1, of)).toFixed(2)}%`;
}

/** How strongly a place is filled: the square root, so that small chances can be seen. */
export function strength(probability: number): number {
  return probability < 0.005 ? 0 : Math.sqrt(Math.min(1, probability));
}

/** The places of a car in words. */
export function placesWords(row: ForecastRow): string {
  const range = rangeText(row.place_p10, row.place_p90);
  return `now ${row.class_position}, eight times of ten it ends ${range}, on average ${row.expected_place.toFixed(1)}`;
}

/** The leader's laps to the flag: `29`, `28–31`, and the last lap likewise. */
export interface ToFlag {
  readonly laps: string;
  readonly range: string;
  readonly last: string;
  /** The lap at whose end the leader is shown the white flag. */
  readonly white: string;
}

export function toFlag(left: Quantiles, done: number): ToFlag {
  const last = done + Math.round(left.p50);
  return {
    laps: String(Math.round(left.p50)),
    range: lapsRange(left),
    last: String(last),
    white: String(Math.max(0, last - 1)),
  };
}

/** `+12.3`, `+1:02`; empty for the first of its class, and for cars far behind. */
export function flagGapText(ms: number): string {
  if (ms <= 0 || ms >= 3_600_000) return "";
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `+${(ms / 1000).toFixed(1)}`;
  return `+${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
