/** How old the picture is, by the server's clock, and whether it can still be trusted. */

import type { Clock } from "./messages";

/**
 * Data that is older while the clock runs is said to be quiet. The rule is that of
 * `projections/views/freshness.py`, which also gives the patience.
 */
export const QUIET_MS = 10_000;

/**
 * The server's clock, judged from what it sends. A message cannot come before it was sent,
 * so each one gives a bound; a heartbeat tells how old its data is, and so gives the time.
 * Until then this machine's own clock is believed.
 */
export class ServerClock {
  #ahead = 0;

  /** Learn that it was `serverMs` there, at least, when it was `localMs` here. */
  atLeast(serverMs: number, localMs: number): void {
    this.#ahead = Math.max(this.#ahead, serverMs - localMs);
  }

  /** Learn that it was `serverMs` there when it was `localMs` here, but for the way. */
  exactly(serverMs: number, localMs: number): void {
    this.#ahead = serverMs - localMs;
  }

  now(localMs: number): number {
    return localMs + this.#ahead;
  }
}

export interface Freshness {
  readonly ageMs: number;
  /**
   * `quiet`: nothing has come for a while. `stale`: for longer than cars that run can be
   * silent, or their feed is not heard, so something on the way is broken.
   */
  readonly state: "fresh" | "quiet" | "stale";
  /**
   * The session clock now: it runs on, but not away from a source that is silent. From where it
   * is when that is stale it stands still, and never goes back.
   */
  readonly clockMs: number;
}

/**
 * `patience` is how long cars that run can be silent, in ms; `silent`, whether their feed is
 * known to be, for which there is no patience.
 */
export function freshness(
  learnedAt: number,
  clock: Clock,
  serverNow: number,
  patience: number,
  silent = false,
): Freshness {
  const ageMs = Math.max(0, serverNow - learnedAt);
  const longest = Math.max(QUIET_MS, patience);
  const late = (limit: number) => clock.running && ageMs > limit;
  const state = late(silent ? QUIET_MS : longest) ? "stale" : late(QUIET_MS) ? "quiet" : "fresh";
  const gone = clock.running ? Math.min(ageMs, longest) : 0;
  return { ageMs, state, clockMs: clock.at + gone };
}
