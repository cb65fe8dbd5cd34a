/**
 * How long a field that runs can be silent.
 *
 * Cars are heard at timing lines. A field behind the safety car crosses one in a train and
 * is then silent until the next line, which no fixed limit knows: thirty seconds at Road
 * Atlanta, three minutes at Le Mans. Under green the cars spread out, and many are heard
 * more often than few. So the limit is made of the laps that are driven.
 */

import { flagOf } from "./flags";
import type { State } from "./state";

/** Before anyone has a lap time, and while the cars stand (red flag). */
export const STANDING_MS = 300_000;

/** Under green nobody is alarmed before; just after a restart the field is a train, too. */
const GREEN_MS = 30_000;

/** Laps are not driven evenly, nor are lines evenly spaced. */
const ALLOWANCE = 2;

/** Cars that make one group under green, roughly. */
const GROUP = 4;

/** In ms; from the time from line to line, at the pace of the slower cars. */
export function patienceOf(state: State): number {
  const { flag, timing_lines: lines } = state.session;
  const laps = Object.values(state.standings)
    .filter((row) => row.status === "running")
    .flatMap((row) => row.last_lap_ms ?? [])
    .sort((one, other) => one - other);
  const slow = laps[Math.floor(laps.length * 0.75)];
  if (slow === undefined || flag === "red") return STANDING_MS;
  const train = Math.min(STANDING_MS, (ALLOWANCE * slow) / Math.max(1, lines.length));
  if (flagOf(flag).look === "yellow") return train;
  return Math.min(train, Math.max(GREEN_MS, (train * GROUP) / laps.length));
}
