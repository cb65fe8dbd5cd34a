/** The words and the look of each flag. */

import type { SessionLine } from "./state";
import { flagTitle, localFlagTitle, OVER } from "./wording";

export type Look = "none" | "green" | "yellow" | "red" | "white" | "chequered";

export interface Flag {
  readonly words: string;
  /** The style of the band. It never stands without the words. */
  readonly look: Look;
}

const LOOKS: Readonly<Record<string, Look>> = {
  green: "green",
  white: "white",
  yellow: "yellow",
  fcy: "yellow",
  safety_car: "yellow",
  vsc: "yellow",
  code_60: "yellow",
  slow_zone: "yellow",
  red: "red",
  chequered: "chequered",
};

/** Local flags of one kind, as the band marks them. */
export interface LocalMark extends Flag {
  /** `S2 S3 yellow`. */
  readonly text: string;
}

/** The local flags that stand, those of one kind together. */
export function localMarks(flags: SessionLine["sector_flags"]): LocalMark[] {
  const sectors = new Map<string, number[]>();
  for (const [sector, { flag }] of Object.entries(flags ?? {}))
    sectors.set(flag, [...(sectors.get(flag) ?? []), Number(sector)]);
  return [...sectors].map(([name, of]) => {
    const flag = localFlagOf(name);
    const numbers = of.sort((one, other) => one - other).map((sector) => `S${sector}`);
    return { ...flag, text: `${numbers.join(" ")} ${flag.words}` };
  });
}

/** A flag in one sector. */
export function localFlagOf(name: string): Flag {
  return { words: localFlagTitle(name), look: lookOf(name) };
}

/** Whether the session is over: the chequered flag was shown, or nothing more is timed. */
export function isOver(
  session: Pick<SessionLine, "flag" | "ended_ms"> | null | undefined,
): boolean {
  return session?.flag === "chequered" || session?.ended_ms !== undefined;
}

/** The flag of a session; one that is over without any flag does not wait for its start. */
export function flagOfSession(
  session: Pick<SessionLine, "flag" | "ended_ms"> | null | undefined,
): Flag {
  const flag = flagOf(session?.flag);
  return session?.flag === undefined && isOver(session) ? { ...flag, words: OVER } : flag;
}

export function flagOf(name: string | undefined): Flag {
  return { words: flagTitle(name), look: lookOf(name) };
}

/** Whether the field is slowed down under the flag. */
export function isCaution(name: string): boolean {
  return ["yellow", "red"].includes(lookOf(name));
}

function lookOf(name: string | undefined): Look {
  return LOOKS[name ?? ""] ?? "none";
}
