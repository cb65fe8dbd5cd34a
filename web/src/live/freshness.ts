/** How old the data is, by the server's clock, and whether it can still be trusted. */

import display from "../../../projections/views/display.json";
import type { Clock } from "./messages";

/** Older data is quiet while the clock runs. Patience is never less. */
export const QUIET_MS = display.quiet_ms;

/** The patience where the session line has none. */
const LONGEST_PATIENCE_MS = display.longest_patience_ms;

/**
 * The server's clock, estimated from its messages. A message arrives after it was sent, so its
 * time is a lower bound; a heartbeat says how old its data is, and so gives the time itself.
 * Before the first one the estimate is this machine's own clock.
 */
export class ServerClock {
  #ahead = 0;

  /** The server's clock showed `serverMs` or later when this machine's showed `localMs`. */
  atLeast(serverMs: number, localMs: number): void {
    this.#ahead = Math.max(this.#ahead, serverMs - localMs);
  }

  /** The server's clock showed `serverMs` when this machine's showed `localMs`. */
  exactly(serverMs: number, localMs: number): void {
    this.#ahead = serverMs - localMs;
  }

  now(localMs: number): number {
    return localMs + this.#ahead;
  }
}

/**
 * `quiet`: nothing has arrived for a while. `stale`: for longer than a field of cars can be
 * silent, or the feed is known to be silent, so something on the way is broken.
 */
export type FreshnessState = "fresh" | "quiet" | "stale";

export interface Freshness {
  readonly ageMs: number;
  readonly state: FreshnessState;
  /** The session clock now. It stops where the data became stale, and never runs backwards. */
  readonly clockMs: number;
}

/**
 * The rule of `projections/views/freshness.py`; `tests/golden/display.json` has cases for both.
 * `patienceMs` is how long the field can be silent, undefined where that is not known; `silent`,
 * whether its feed is known to be.
 */
export function freshnessState(
  running: boolean,
  ageMs: number,
  patienceMs: number | undefined,
  silent = false,
): FreshnessState {
  if (!running || ageMs <= QUIET_MS) return "fresh";
  return silent || ageMs > longestSilence(patienceMs) ? "stale" : "quiet";
}

/** How far (ms) the session clock has run on from a state of this age. */
export function ranOnMs(running: boolean, ageMs: number, patienceMs: number | undefined): number {
  return running ? Math.min(Math.max(0, ageMs), longestSilence(patienceMs)) : 0;
}

function longestSilence(patienceMs: number | undefined): number {
  return patienceMs === undefined ? LONGEST_PATIENCE_MS : Math.max(QUIET_MS, patienceMs);
}

/** Of a state whose newest event was recorded at `recordedAt`, when the server has `serverNow`. */
export function freshness(
  recordedAt: number,
  clock: Clock,
  serverNow: number,
  patienceMs: number | undefined,
  silent = false,
): Freshness {
  const ageMs = Math.max(0, serverNow - recordedAt);
  const state = freshnessState(clock.running, ageMs, patienceMs, silent);
  return { ageMs, state, clockMs: clock.at + ranOnMs(clock.running, ageMs, patienceMs) };
}
