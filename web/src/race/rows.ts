/** Rows of the gateway's views. A member without a value is null, unlike in published states. */

import type * as generated from "../generated/rows";
import type { Gap, Immutable } from "../timing/state";

export type CautionRow = Immutable<generated.CautionsRow>;
export type ChampionshipRow = Immutable<generated.ChampionshipRow>;
/** Laps that ended in the pits are never null, though the schema of 0.1 allows it. */
export type ChartRow = Immutable<
  Omit<generated.ChartRow, "pit_laps"> & { readonly pit_laps: readonly number[] }
>;
export type ClinchRow = Immutable<generated.ClinchRow>;
export type ControlRow = Immutable<generated.ControlRow>;
export type DifferenceRow = Immutable<generated.DifferencesRow>;
export type DriverRow = Immutable<generated.DriversRow>;
export type DriveTimeRow = Immutable<generated.DriveTimesRow>;
export type GapRow = Immutable<generated.GapsRow>;
export type LapRow = Immutable<generated.LapsRow>;
export type MarkerRow = Immutable<generated.MarkersRow>;
export type PenaltyRow = Immutable<generated.PenaltiesRow>;
export type PitRow = Immutable<generated.PitsRow>;
export type PointsRow = Immutable<generated.PointsRow>;
export type ResultRow = Immutable<generated.ResultsRow>;
export type RevisionRow = Immutable<generated.RevisionsRow>;
export type Statement = Immutable<generated.ExplainRow>;
export type StintRow = Immutable<generated.StintsRow>;

/** A value for each lap from the row's `first_lap` on; null for one that was not timed. */
export type Column = readonly (number | null)[];

/** A gap as published states have it: without what is null. */
export function gapOf({ laps, ms }: Immutable<generated.GapValue>): Gap {
  return { ...(laps === null ? {} : { laps }), ...(ms === null ? {} : { ms }) };
}
