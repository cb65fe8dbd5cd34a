/** The rows of the gateway's views, as far as the pages read them (`/docs` describes them). */

import type {
  CautionsRow,
  ControlRow as GeneratedControlRow,
  DriversRow,
  GapValue,
  LapsRow,
  MarkersRow,
  PenaltiesRow,
  PitsRow,
  ResultsRow,
  StintsRow,
} from "../generated/rows";
import type { Gap, Immutable } from "../timing/state";

export type NullableGap = Immutable<GapValue>;
export type LapRow = Immutable<LapsRow>;
export type StintRow = Immutable<StintsRow>;
export type PitRow = Immutable<PitsRow>;
export type DriverRow = Immutable<DriversRow>;
export type PenaltyRow = Immutable<PenaltiesRow>;
export type CautionRow = Immutable<CautionsRow>;
export type ControlRow = Immutable<GeneratedControlRow>;
export type MarkerRow = Immutable<MarkersRow>;
export type ResultRow = Immutable<ResultsRow>;

export interface DriveTimeRow {
  readonly car: string;
  readonly driver: string;
  readonly at_wheel: boolean;
  readonly total_ms: number;
  readonly to_minimum_ms: number | null;
  readonly to_maximum_ms: number | null;
  readonly to_window_ms: number | null;
  readonly alert: "short" | "soon" | "over" | null;
}

export interface RevisionRow {
  readonly number: number;
  readonly status: string;
  readonly declared: boolean;
  readonly rests_on: string;
  readonly learned_at: string | null;
}

export interface DifferenceRow {
  readonly car: string;
  readonly class: string | null;
  readonly position_before: number | null;
  readonly position_after: number | null;
  readonly laps_before: number | null;
  readonly laps_after: number | null;
  readonly total_ms_before: number | null;
  readonly total_ms_after: number | null;
  readonly status_before: string | null;
  readonly status_after: string | null;
  readonly points_before: number | null;
  readonly points_after: number | null;
}

export interface PointsRow {
  readonly rank: number;
  readonly tied: boolean;
  readonly name: string;
  readonly car: string | null;
  readonly class: string;
  readonly points: number;
}

export interface ClinchRow {
  readonly names: readonly string[];
  readonly class: string;
  readonly points: number;
  readonly status: string;
  readonly most: number | null;
  readonly clinches_from: number | string | null;
  readonly can_win_from: number | string | null;
  readonly sentence: string | null;
  readonly left: readonly string[];
}

export interface GapRow {
  readonly car: string;
  readonly to: string;
  readonly side: "ahead" | "behind" | "same";
  readonly gap: NullableGap;
}

export interface ChartRow {
  readonly car: string;
  readonly class: string | null;
  readonly first_lap: number;
  readonly at_ms: Column;
  readonly lap_time_ms: Column;
  readonly positions: Column;
  readonly behind_ms: Column;
  readonly behind_laps: Column;
  readonly pit_laps: readonly number[];
}

/** A value for each lap from the row's `first_lap` on; null for one that was not timed. */
export type Column = readonly (number | null)[];

export interface Statement {
  readonly about: string;
  readonly text: string;
  readonly rule: string | null;
  readonly rule_source: string | null;
  readonly events: readonly { readonly position: string | null }[];
}

/** A gap as frames have it: without what is missing. */
export function gapOf({ laps, ms }: NullableGap): Gap {
  return { ...(laps === null ? {} : { laps }), ...(ms === null ? {} : { ms }) };
}
