/**
 * The state of a session as frames tell it (`projections/views/frame.py`), as far as the screen
 * reads it. An absent member means null. Times are ms on the session clock.
 */

import type { JsonObject } from "../live/patch";

export interface Gap {
  readonly laps?: number;
  readonly ms?: number;
}

export interface Penalty {
  readonly id: string;
  readonly kind: string;
  readonly amount?: number;
  readonly status: string;
}

export type Status = "not_started" | "running" | "pit" | "retired" | "finished";

export interface Standing {
  readonly position: number;
  readonly car: string;
  readonly class?: string;
  readonly class_position: number;
  readonly team?: string;
  readonly vehicle?: string;
  readonly driver?: string;
  readonly driver_short?: string;
  readonly laps: number;
  readonly gap?: Gap;
  readonly interval?: Gap;
  readonly class_gap?: Gap;
  readonly class_interval?: Gap;
  readonly last_lap_ms?: number;
  readonly best_lap_ms?: number;
  readonly best_lap?: number;
  readonly pace_ms?: number;
  readonly last_sectors_ms: Readonly<Record<string, number>>;
  readonly best_sectors_ms: Readonly<Record<string, number>>;
  /** How many of the last sectors are of the lap under way; at 0 all are of the last lap. */
  readonly sectors_done?: number;
  readonly status: Status;
  readonly in_pit_since_ms?: number;
  readonly stops: number;
  readonly last_pit_lap?: number;
  readonly stint_laps: number;
  readonly last_seen_ms?: number;
  readonly penalties: Readonly<Record<string, Penalty>>;
}

export interface SessionLine {
  readonly title: string;
  readonly circuit?: string;
  readonly kind: string;
  readonly classes?: readonly string[];
  readonly timing_lines: readonly string[];
  readonly starts_at?: string;
  readonly provenance?: string;
  readonly time_limit_ms?: number;
  readonly laps_to_go?: number;
  readonly flag?: string;
  readonly flag_since_ms?: number;
  /** The local flags that stand, by sector. */
  readonly sector_flags?: Readonly<Record<string, LocalFlag>>;
  readonly caution?: number;
  readonly caution_since_ms?: number;
  readonly safety_car_since_ms?: number;
  readonly pit_lane_closed?: readonly string[];
  readonly leader?: string;
  readonly leader_lap: number;
  readonly lead_changes: number;
  readonly ended_ms?: number;
  /** How long the field can be silent while the clock runs, in ms. */
  readonly patience_ms?: number;
}

export interface LocalFlag {
  readonly flag: string;
  readonly since_ms: number;
}

/** An entry of race control's feed. */
export interface Entry {
  readonly at_ms: number;
  readonly kind: string;
  readonly text: string;
  readonly car?: string;
  readonly flag?: string;
  readonly sector?: number;
  readonly lap: number;
}

export interface FastestLap {
  readonly car: string;
  readonly class?: string;
  readonly lap_time_ms: number;
  readonly lap: number;
  readonly driver?: string;
}

export interface Fastest {
  readonly overall?: FastestLap;
  readonly classes?: Readonly<Record<string, FastestLap>>;
}

export interface Caution {
  readonly number: number;
  readonly kind: string;
  readonly start_ms: number;
  readonly end_ms?: number;
  readonly first_lap?: number;
  readonly last_lap?: number;
}

export interface State {
  readonly session: SessionLine;
  readonly standings: Readonly<Record<string, Standing>>;
  /** The newest of race control's feed. */
  readonly control: Readonly<Record<string, Entry>>;
  readonly fastest: Fastest;
  readonly cautions: Readonly<Record<string, Caution>>;
}

/** The topics that the screen subscribes to. */
export const TOPICS = "session,standings,control,fastest,cautions";

/** The state, if the session has begun; an empty log has no session line. */
export function stateOf(picture: JsonObject | null): State | null {
  const state = picture as unknown as Partial<State> | null;
  return state?.session?.title === undefined ? null : (state as State);
}

/** The cars in the running order. */
export function inOrder(state: Pick<State, "standings">): Standing[] {
  return Object.values(state.standings).sort((one, other) => one.position - other.position);
}
