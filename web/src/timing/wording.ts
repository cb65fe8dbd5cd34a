/**
 * Words of flags, penalties, states and statuses, from the file that Python reads, too:
 * `projections/wording.py` says what its members are for. A value that the file lacks comes
 * from a newer gateway, and is written as it is.
 */

import wording from "../../../projections/wording.json";

interface PenaltyWording {
  readonly effect: string;
  readonly name: string;
  readonly title: string;
  readonly tag: string;
  readonly unit?: { readonly one: string; readonly other: string };
  readonly with_amount?: { readonly name: string; readonly title: string; readonly tag: string };
}

const FLAGS: Readonly<Record<string, { name: string; title: string; local: string }>> =
  wording.flags;
const PENALTIES: Readonly<Record<string, PenaltyWording>> = wording.penalties;
const PENALTY_STATUSES: Readonly<Record<string, { title: string }>> = wording.penalty_statuses;
const RESULT_STATUSES: Readonly<Record<string, string>> = wording.result_statuses;
const TITLE_STATUSES: Readonly<Record<string, string>> = wording.title_statuses;
const PIT_VISITS: Readonly<Record<string, string>> = wording.pit_visits;

export const PENALTY_KINDS: readonly string[] = Object.keys(wording.penalties);
export const CAR_STATES = wording.car_states;
export const OVER: string = wording.over;
export const MARKERS = wording.markers;
export const RESULT_REVISIONS = wording.result_revisions;

/** Whether a penalty of that kind is `to_serve`, `counts` in the result, or does neither. */
export function penaltyEffect(kind: string): string {
  return PENALTIES[kind]?.effect ?? "to_serve";
}

/** An identifier as text: `not_started` as `not started`. */
export function plain(word: string): string {
  return word.replaceAll("_", " ");
}

/** The text as the beginning of a sentence. */
export function sentence(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** `1st`, `2nd`, `3rd`, `11th`, `21st`. */
export function ordinal(number: number): string {
  const tens = number % 100;
  const sign = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${sign}`;
}

/** A count with its noun: `1 visit`, `2 visits`. */
export function counted(count: number, one: string, other = `${one}s`): string {
  return `${count} ${count === 1 ? one : other}`;
}

// -- Flags --------------------------------------------------------------------------------

/** A flag or kind of caution in a table or sentence: `FCY`, `safety car`. */
export function flagName(flag: string): string {
  return FLAGS[flag]?.name ?? plain(flag);
}

/** A flag by itself: `Full course yellow`; undefined before the first flag. */
export function flagTitle(flag: string | undefined): string {
  if (flag === undefined) return wording.no_flag;
  return FLAGS[flag]?.title ?? plain(flag);
}

/** A flag in one sector, by itself: a white one there is for a slow car. */
export function localFlagTitle(flag: string): string {
  return sentence(FLAGS[flag]?.local ?? plain(flag));
}

/** The flag of this name; undefined if there is none. */
export function flagNamed(name: string): string | undefined {
  return Object.keys(FLAGS).find((flag) => flagName(flag) === name);
}

// -- Penalties ----------------------------------------------------------------------------

export interface PenaltyAmount {
  readonly kind: string;
  readonly amount?: number | null;
}

/** A penalty in a table or sentence: `drive-through`, `stop and hold 30 s`, `1 lap`. */
export function penaltyName({ kind, amount }: PenaltyAmount): string {
  const words = PENALTIES[kind];
  const name = words?.name ?? plain(kind);
  if (amount === undefined || amount === null) return name;
  return filled(words, words?.with_amount?.name ?? `${name} {amount}`, amount);
}

/** A penalty by itself: `Drive-through`, `Stop and hold 30 s`, `Laps taken away: 2`. */
export function penaltyTitle({ kind, amount }: PenaltyAmount): string {
  const words = PENALTIES[kind];
  const title = words?.title ?? sentence(plain(kind));
  if (amount === undefined || amount === null) return title;
  return filled(words, words?.with_amount?.title ?? `${title}: {amount}`, amount);
}

/** A penalty in a narrow column: `DT`, `SG+30`, `-2L`. */
export function penaltyTag({ kind, amount }: PenaltyAmount): string {
  const words = PENALTIES[kind];
  const tag = words?.tag ?? kind.slice(0, 4).toUpperCase();
  if (amount === undefined || amount === null) return tag;
  return filled(words, words?.with_amount?.tag ?? `-{amount}${tag.slice(0, 1)}`, amount);
}

/** What the amount of a penalty counts: `seconds`; undefined for a penalty without one. */
export function penaltyUnit(kind: string): string | undefined {
  return PENALTIES[kind]?.unit?.other;
}

/** The heading over a penalty: `Penalty served`. */
export function penaltyHeading(status: string): string {
  return PENALTY_STATUSES[status]?.title ?? "Penalty";
}

function filled(words: PenaltyWording | undefined, template: string, amount: number): string {
  const unit = words?.unit?.[amount === 1 ? "one" : "other"] ?? "";
  return template.replace("{amount}", String(amount)).replace("{unit}", unit);
}

// -- Statuses -----------------------------------------------------------------------------

export function resultStatus(status: string): string {
  return RESULT_STATUSES[status] ?? plain(status);
}

/** How a contender stands in a title: `champion`, `can win`. */
export function titleStatus(status: string): string {
  return TITLE_STATUSES[status] ?? plain(status);
}

export function pitVisit(kind: string): string {
  return PIT_VISITS[kind] ?? plain(kind);
}
