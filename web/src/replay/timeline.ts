/** Where moments lie on the bar, without a page: times to places, marks, ticks, jumps. */

import type { MarkersRow } from "../generated/rows";
import { flagOf, type Flag } from "../timing/flags";
import type { Immutable } from "../timing/state";
import { flagNamed } from "../timing/wording";
import { clockText } from "../timing/formatting";

export const KINDS = [
  "caution",
  "restart",
  "lead_change",
  "flag",
  "local_flag",
  "penalty",
  "retirement",
] as const;
export type Kind = (typeof KINDS)[number];

/** A row of the gateway's `markers`. */
export type Marker = Immutable<MarkersRow>;

/** What the bar is long, in ms on the session clock. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A marker on the bar; `left` and `width` are parts of its length, 0 to 1. */
export interface Mark {
  readonly key: string;
  readonly marker: Marker;
  readonly left: number;
  readonly width: number;
  readonly look: Flag["look"];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The end of a replay is not published: the bar then ends at the next full half hour. */
const AHEAD = HOUR / 2;

/**
 * A session that can be looked through ends where it has come to, by the minute, so that its
 * marks stand still in between. The end of a replay is not published: its bar is as long as the
 * race may last, else somewhat longer than what was seen.
 */
export function spanOf(newestMs: number, replay: boolean, limitMs: number | undefined): Span {
  if (!replay)
    return { startMs: 0, endMs: Math.max(MINUTE, Math.ceil(newestMs / MINUTE) * MINUTE) };
  const open = Math.ceil((newestMs + 1) / AHEAD) * AHEAD;
  return { startMs: 0, endMs: limitMs !== undefined && limitMs >= newestMs ? limitMs : open };
}

/** Where a time lies, 0 to 1; what lies outside is at the edge. */
export function placeOf({ startMs, endMs }: Span, ms: number): number {
  return Math.min(1, Math.max(0, (ms - startMs) / (endMs - startMs)));
}

/** The time at a place, in whole ms. */
export function timeAt({ startMs, endMs }: Span, place: number): number {
  return Math.round(startMs + Math.min(1, Math.max(0, place)) * (endMs - startMs));
}

/** A marker without an end lasts until `newestMs`. */
export function marksOf(markers: readonly Marker[], span: Span, newestMs: number): Mark[] {
  return markers.map((marker) => {
    const left = placeOf(span, marker.at_ms);
    const until =
      marker.end_ms ??
      (marker.kind === "caution" ? Math.max(newestMs, marker.at_ms) : marker.at_ms);
    return {
      key: `${marker.kind}:${marker.number}`,
      marker,
      left,
      width: placeOf(span, until) - left,
      look:
        marker.kind === "flag" || marker.kind === "local_flag"
          ? flagOf(flagIn(marker.label)).look
          : "none",
    };
  });
}

/** `Flag: safety car` is of the flag `safety_car`, `Sector 2: yellow` of `yellow`. */
function flagIn(label: string): string | undefined {
  return flagNamed(label.replace(/^(Flag|Sector \d+): /, ""));
}

/** As the gateway takes it: `caution:9`, `lead-change:3`. */
export function nameOf({ kind, number }: Marker): string {
  return `${kind.replaceAll("_", "-")}:${number}`;
}

/** The first marker behind a time; of a kind, where one is named. */
export function nextMarker(
  markers: readonly Marker[],
  ms: number,
  kind: Kind | null,
): Marker | null {
  return ofKind(markers, kind).find((marker) => marker.at_ms > ms) ?? null;
}

/** The last marker before a time. */
export function markerBefore(
  markers: readonly Marker[],
  ms: number,
  kind: Kind | null,
): Marker | null {
  return ofKind(markers, kind).findLast((marker) => marker.at_ms < ms) ?? null;
}

function ofKind(markers: readonly Marker[], kind: Kind | null): Marker[] {
  const found = kind === null ? [...markers] : markers.filter((marker) => marker.kind === kind);
  return found.sort(byTime);
}

/** At one moment the caution comes before its flag. */
function byTime(one: Marker, other: Marker): number {
  return one.at_ms - other.at_ms || KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind);
}

/** What was last at a time. */
export function lastMarker(markers: readonly Marker[], ms: number): Marker | null {
  const passed = markers.filter((marker) => marker.at_ms <= ms);
  const last = Math.max(...passed.map((marker) => marker.at_ms));
  return passed.filter((marker) => marker.at_ms === last).sort(byTime)[0] ?? null;
}

/** The marker nearest to a time, within `reachMs` of it. */
export function markerNear(markers: readonly Marker[], ms: number, reachMs: number): Marker | null {
  const away = ({ at_ms: at }: Marker) => Math.abs(at - ms);
  const near = markers.filter((marker) => away(marker) <= reachMs);
  return near.sort((one, other) => away(one) - away(other) || byTime(one, other))[0] ?? null;
}

/** What lasts at a time; a caution before the local flag that led to it. */
export function markerOver(markers: readonly Marker[], ms: number): Marker | null {
  const over = markers.filter(({ at_ms: at, end_ms: end }) => end !== null && at <= ms && ms < end);
  return over.find(({ kind }) => kind === "caution") ?? over[0] ?? null;
}

export interface Tick {
  readonly ms: number;
  readonly left: number;
  readonly text: string;
}

const STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR];
const TICK_PX = 64;

/** Times written under a bar so many pixels wide, none at its very end. */
export function ticksOf(span: Span, widthPx: number): Tick[] {
  const fitting = (span.endMs - span.startMs) / Math.max(1, widthPx / TICK_PX);
  const step = STEPS.find((one) => one >= fitting) ?? 12 * HOUR;
  const ticks: Tick[] = [];
  for (let ms = Math.ceil(span.startMs / step) * step; ms <= span.endMs - step / 2; ms += step)
    ticks.push({ ms, left: placeOf(span, ms), text: clockText(ms).replace(/:00$/, "") });
  return ticks;
}
