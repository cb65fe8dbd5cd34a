/** A displayed moment of the past, as the address of the page has it. */

import type { Address } from "../screen/address";
import { clockText } from "../timing/formatting";

/**
 * `at` is a moment as the gateway takes it (`5:00:00`, `lap:100`, `caution:9`); `knownAt` is
 * null for what is known now, `at` for what was known when the screens showed it, else a time
 * or a position of the log.
 */
export interface Moment {
  readonly at: string;
  readonly knownAt: string | null;
}

/** As `known_at`: with what was known when the session clock showed the moment. */
export const AS_KNOWN_THEN = "at";

/** The moment of an address; null: now. */
export function momentOf({ at, knownAt }: Pick<Address, "at" | "knownAt">): Moment | null {
  return at === null ? null : { at, knownAt };
}

/** How the address is to be changed for it. */
export function addressOfMoment(moment: Moment | null): Pick<Address, "at" | "knownAt"> {
  return moment ?? { at: null, knownAt: null };
}

export function isSameMoment(one: Moment | null, other: Moment | null): boolean {
  return one?.at === other?.at && one?.knownAt === other?.knownAt;
}

/** A time of the session clock to the millisecond: `5:00:00`, `5:00:00.123`. */
export function momentText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const rest = whole % 1000;
  return clockText(whole) + (rest === 0 ? "" : `.${String(rest).padStart(3, "0")}`);
}
