/** Forecasts as cells and words. They are never mixed with standings, and always say what they are. */

import type { PredictRow, QuantilesValue } from "../generated/rows";
import type { Cell, Column, Scene } from "./columns";
import type { Immutable, Standing } from "./state";

export type ForecastRow = Immutable<PredictRow>;
export type Quantiles = Immutable<QuantilesValue>;

/** The forecast that is shown with a state: its rows by car. */
export interface ShownForecast {
  readonly cars: ReadonlyMap<string, ForecastRow>;
  /** The session clock of the moment that it was made at. */
  readonly atMs: number;
  /** Whether the race has gone on without a newer one. */
  readonly stale: boolean;
}

/** A forecast of a race that goes on is stale if no newer one arrives for so long (ms). */
export const STALE_MS = 10_000;

/** A probability: `62 %`; neither `0 %` nor `100 %`, which no forecast can say. */
export function percentText(probability: number): string {
  const percent = Math.round(probability * 100);
  if (percent < 1) return "<1 %";
  return percent > 99 ? ">99 %" : `${percent} %`;
}

/** An interval: `2–5`, and `3` where both ends are the same. */
export function rangeText(from: number, to: number): string {
  return from === to ? String(from) : `${from}–${to}`;
}

/** In how many laps a car stops next: `9` with the range as the title; empty for not again. */
export function nextStopText(row: ForecastRow): string {
  return row.next_stop === null ? "" : String(Math.round(row.next_stop.p50));
}

export function lapsRange({ p10, p90 }: Quantiles): string {
  return rangeText(Math.round(p10), Math.round(p90));
}

/** What the next stop of a car is, in words. */
export function nextStopWords(row: ForecastRow): string {
  if (row.next_stop === null) return "probably no stop to the flag";
  const latest = row.latest_stop === null ? "" : `, at the latest in ${row.latest_stop}`;
  return `next stop in ${lapsRange(row.next_stop)} laps${latest}`;
}

function of(row: Standing, scene: Scene, cell: (row: ForecastRow) => Cell): Cell {
  const forecast = scene.forecast?.cars.get(row.car);
  if (scene.forecast == null || forecast === undefined) return { text: "" };
  const made = cell(forecast);
  return {
    ...made,
    look: scene.forecast.stale ? "forecast old" : "forecast",
    title: `Forecast: ${made.title ?? ""}${scene.forecast.stale ? " (out of date)" : ""}`,
  };
}

function column(
  id: string,
  heading: string,
  name: string,
  width: number,
  cell: (row: ForecastRow) => Cell,
): Column {
  return {
    id: `forecast ${id}`,
    heading: `≈ ${heading}`,
    name: `Forecast: ${name}`,
    width,
    align: "right",
    from: Infinity, // only where it is chosen
    forecast: true,
    cell: (row, scene) => of(row, scene, cell),
  };
}

/** The columns of the tower with forecasts, each of which is left to choice. */
export function forecastColumns(): Column[] {
  return [
    column("win", "Win", "probability of winning the class", 6.5, (row) => ({
      text: percentText(row.win),
      title: `wins its class with a probability of ${percentText(row.win)}`,
    })),
    column("expected", "Place", "expected place in class", 6, (row) => ({
      text: row.expected_place.toFixed(1),
      title: `the mean of the places in class it may end in is ${row.expected_place}`,
    })),
    column("range", "From–to", "places in class, eight of ten", 7.5, (row) => ({
      text: rangeText(row.place_p10, row.place_p90),
      title: `ends from ${row.place_p10} to ${row.place_p90} in class, eight times of ten`,
    })),
    column("stop", "Stop in", "laps to the next stop", 7, (row) => ({
      text: nextStopText(row),
      title: nextStopWords(row),
    })),
    column("net", "Net", "place in class once all have made the stops they owe", 5.5, (row) => ({
      text: String(row.net_position),
      title: `${row.net_position} in class if all had made the stops they owe`,
    })),
  ];
}
