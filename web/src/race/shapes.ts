/** The rows of the gateway's views, as far as the pages read them (`/docs` describes them). */

import type { Gap } from "../timing/state";

/** As the views tell it: one of both, or none. */
export interface ToldGap {
  readonly laps: number | null;
  readonly ms: number | null;
}

export interface LapRow {
  readonly car: string;
  readonly lap: number;
  readonly at_ms: number;
  readonly lap_time_ms: number | null;
  readonly sectors_ms: readonly (number | null)[];
  readonly driver: string | null;
  readonly position: number;
  readonly pit: boolean;
  readonly flag: string | null;
  readonly deleted: boolean;
}

export interface StintRow {
  readonly car: string;
  readonly number: number;
  readonly first_lap: number;
  readonly last_lap: number;
  readonly start_ms: number;
  readonly end_ms: number | null;
  readonly laps: number;
}

export interface PitRow {
  readonly car: string;
  readonly class: string | null;
  readonly visit: number;
  readonly lap: number;
  readonly entered_ms: number;
  readonly exited_ms: number | null;
  readonly lane_ms: number | null;
  readonly stationary_ms: number | null;
  readonly kind: string;
  readonly flag: string | null;
  readonly driver_changed: boolean;
}

export interface DriverRow {
  readonly car: string;
  readonly driver: string;
  readonly drive_time_ms: number;
  readonly laps: number;
  readonly at_wheel: boolean;
}

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

export interface PenaltyRow {
  readonly penalty_id: string;
  readonly car: string;
  readonly kind: string;
  readonly amount: number | null;
  readonly reason: string | null;
  readonly status: string;
  readonly imposed_at: number;
}

export interface CautionRow {
  readonly number: number;
  readonly kind: string;
  readonly start_ms: number;
  readonly end_ms: number | null;
  readonly first_lap: number | null;
  readonly last_lap: number | null;
  readonly laps: number;
  readonly duration_ms: number | null;
  readonly leader_before: string | null;
  readonly leader_after: string | null;
  readonly pitted: readonly string[];
}

/** An entry of race control's feed. */
export interface ControlRow {
  readonly at_ms: number;
  readonly kind: string;
  readonly text: string;
  readonly car: string | null;
  readonly lap: number;
}

export interface MarkerRow {
  readonly kind: string;
  readonly number: number;
  readonly at_ms: number;
  readonly lap: number;
  readonly car: string | null;
  readonly label: string;
}

export interface ResultRow {
  readonly position: number;
  readonly car: string;
  readonly class: string | null;
  readonly class_position: number;
  readonly status: string;
  readonly laps: number;
  readonly total_ms: number | null;
  readonly penalty_ms: number;
  readonly best_lap_ms: number | null;
  readonly best_lap: number | null;
  readonly points: number | null;
  readonly gap: ToldGap;
  readonly team: string | null;
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
  readonly gap: ToldGap;
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
export function gapOf({ laps, ms }: ToldGap): Gap {
  return { ...(laps === null ? {} : { laps }), ...(ms === null ? {} : { ms }) };
}
