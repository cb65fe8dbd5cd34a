/** How gaps, times and changes are written on the race pages. */

import { clockText, gapText } from "../timing/formatting";
import type { Closing } from "./closing";
import { gapOf, type DifferenceRow, type GapRow } from "./rows";

/** A gap with its side: `+3.500` behind the other, `−1 L` a lap ahead of it. */
export function sidedGap({ side, gap }: Pick<GapRow, "side" | "gap">): string {
  if (side === "same") return "·";
  const text = gapText(gapOf(gap));
  return text === "" ? "" : `${side === "behind" ? "+" : "−"}${text}`;
}

/** Seconds with their sign: `+0.512`, `−3.250`, `+1:02.0`. */
export function signedSeconds(ms: number): string {
  const text = gapText({ ms: Math.round(Math.abs(ms)) });
  return `${ms < 0 ? "−" : "+"}${text}`;
}

/** A mark of an axis in seconds, all with as many places as their distance needs: `+2.5 s`. */
export function axisSeconds(ms: number, stepMs: number): string {
  const places = [0, 1, 2].find((count) => stepMs % 10 ** (3 - count) === 0) ?? 3;
  return `${ms < 0 ? "−" : ms > 0 ? "+" : ""}${(Math.abs(ms) / 1000).toFixed(places)} s`;
}

/** A mark of an axis in minutes, with as many places as the marks' distance needs: `0:30`,
 * `12:00`, `1:05:00`, `−0:02.5`. */
export function axisMinutes(ms: number, stepMs: number): string {
  const places = [0, 1, 2].find((count) => stepMs % 10 ** (3 - count) === 0) ?? 3;
  const unit = 10 ** (3 - places);
  const whole = Math.round(Math.abs(ms) / unit) * unit;
  const clock = clockText(whole).replace(/^0:0?/, "");
  const part =
    places === 0
      ? ""
      : `.${String(whole % 1000)
          .padStart(3, "0")
          .slice(0, places)}`;
  return `${ms < 0 ? "−" : ""}${clock}${part}`;
}

/** `wins 0.512 s a lap, level in 7 laps`; the latter only while they race (`green`). */
export function closingText(closing: Closing | null, green = true): string {
  if (closing === null) return "";
  const seconds = (Math.abs(closing.perLap) / 1000).toFixed(3);
  const rate = `${closing.perLap >= 0 ? "wins" : "loses"} ${seconds} s a lap`;
  if (closing.laps === null || !green) return rate;
  return `${rate}, level in ${closing.laps} ${closing.laps === 1 ? "lap" : "laps"}`;
}

/** How a car moved between two results: `2 → 1`; it may not be listed in one of them. */
export function moveText({ position_before: was, position_after: is }: DifferenceRow): string {
  if (was === null) return is === null ? "" : `not listed → ${is}`;
  return is === null ? `${was} → not listed` : was === is ? String(is) : `${was} → ${is}`;
}
