/** The session clock of a picture. */

import type { Clock } from "../live/messages";

/**
 * The clock so long after its picture was learned. Where the source is silent for longer than
 * it can be, the clock stands where it was by then: on air nothing runs backwards.
 */
export function clockOf(clock: Clock, ageMs: number, patienceMs: number): number {
  return clock.at + (clock.running ? Math.min(Math.max(0, ageMs), patienceMs) : 0);
}
