/** How times, gaps and penalties are written; as the terminal's tower writes them. */

import type { Gap, Penalty } from "./state";
import { penaltyEffect, penaltyTag } from "./wording";

const MINUTE = 60_000;

/** A gap in seven signs at most: `2 L`, `35.104`, `1:02.3`; `-` for the leader. */
export function gapText(gap: Gap | undefined, leads = false): string {
  if (gap === undefined) return "";
  if (gap.laps) return `${gap.laps} L`;
  if (gap.ms === undefined) return "";
  return leads ? "-" : secondsText(gap.ms);
}

/** A difference of times: `0.842`, `1:02.3`. */
export function secondsText(ms: number): string {
  const minutes = Math.floor(ms / MINUTE);
  const rest = ms % MINUTE;
  if (minutes === 0) return (rest / 1000).toFixed(3);
  return `${minutes}:${two(rest / 1000)}.${Math.floor((rest % 1000) / 100)}`;
}

/** A lap time in eight signs at most: `1:09.195`, and `62:13` for one in the garage. */
export function lapTimeText(ms: number | undefined): string {
  if (ms === undefined) return "";
  const minutes = Math.floor(ms / MINUTE);
  const rest = ms % MINUTE;
  const seconds = `${minutes}:${two(rest / 1000)}`;
  return minutes > 9 ? seconds : `${seconds}.${String(rest % 1000).padStart(3, "0")}`;
}

/** A sector's time: `21.978`, `1:09.195`. */
export function sectorText(ms: number | undefined): string {
  if (ms === undefined) return "";
  return ms < MINUTE ? (ms / 1000).toFixed(3) : lapTimeText(ms);
}

/** `H:MM:SS`. */
export function clockText(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const seconds = Math.floor(Math.abs(ms) / 1000);
  return `${sign}${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** How long something has lasted: `4:12`, `1:04:12`. */
export function runningText(ms: number): string {
  return clockText(Math.max(0, ms)).replace(/^0:0?/, "");
}

/** The age of the data: `0.4 s`, `37 s`, `4:12`. */
export function ageText(ms: number): string {
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return ms < MINUTE ? `${Math.floor(ms / 1000)} s` : runningText(ms);
}

/**
 * What a car still owes, `SG+30`, and what counts in the result without being served, `=+30`;
 * else the last of the others, in brackets.
 */
export function penaltyText(penalties: readonly Penalty[]): string {
  const standing = penalties.filter((one) => isOwed(one) || isCounting(one));
  const tags = (standing.length > 0 ? standing : penalties.slice(-1))
    .map((one) => (isCounting(one) ? `=${penaltyTag(one)}` : penaltyTag(one)))
    .join(" ");
  return standing.length > 0 || tags === "" ? tags : `(${tags})`;
}

/** Whether it is still to be served in the pit lane. */
export function isOwed(penalty: Penalty): boolean {
  return penalty.status !== "served" && penaltyEffect(penalty.kind) === "to_serve";
}

/** Whether it counts in the result without being served, such as added time. */
export function isCounting(penalty: Penalty): boolean {
  return penalty.status !== "served" && penaltyEffect(penalty.kind) === "counts";
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
