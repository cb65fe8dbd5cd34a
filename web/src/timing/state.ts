/**
 * The published state of a session, as far as the pages read it. An absent member means null;
 * times are ms on the session clock.
 */

import type {
  FastestTopic,
  PublishedCarPenalty,
  PublishedCaution,
  PublishedControlItem,
  PublishedFastestLap,
  PublishedGapValue,
  PublishedSession,
  PublishedStandingsRow,
  PublishedState,
} from "../generated/rows";
import type { JsonObject } from "../live/patch";

/** A generated type that nobody may change: states share what a patch leaves as it is. */
export type Immutable<T> = T extends object ? { readonly [K in keyof T]: Immutable<T[K]> } : T;

export type Gap = Immutable<PublishedGapValue>;
export type Penalty = Immutable<PublishedCarPenalty>;
export type Standing = Immutable<PublishedStandingsRow>;
export type SessionLine = Immutable<PublishedSession>;
export type ControlItem = Immutable<PublishedControlItem>;
export type FastestLap = Immutable<PublishedFastestLap>;
export type Fastest = Immutable<FastestTopic>;
export type Caution = Immutable<PublishedCaution>;
export type State = Immutable<
  Pick<PublishedState, "session" | "standings" | "control" | "fastest" | "cautions">
>;

/** The topics that the screen subscribes to. */
export const TOPICS = "session,standings,control,fastest,cautions";

/** The state, or null before the session is opened. */
export function stateOf(received: JsonObject | null): State | null {
  const state = received as unknown as Partial<State> | null;
  return state?.session?.title === undefined ? null : (state as State);
}

/** Whether the session is a race; qualifying and practice are ordered by best lap. */
export function isRace(session: Pick<SessionLine, "kind">): boolean {
  return session.kind === "race";
}

/** The cars in the order of the session. */
export function inOrder(state: Pick<State, "standings">): Standing[] {
  return Object.values(state.standings).sort((one, other) => one.position - other.position);
}
