/** The words and the look of each track state. */

import type { SessionLine } from "./state";

export interface Flag {
  readonly words: string;
  /** The style of the band; the words tell it, too. */
  readonly look: "none" | "green" | "yellow" | "red" | "white" | "chequered";
}

const FLAGS: Readonly<Record<string, Flag>> = {
  green: { words: "Green", look: "green" },
  white: { words: "Last lap", look: "white" },
  yellow: { words: "Yellow", look: "yellow" },
  fcy: { words: "Full course yellow", look: "yellow" },
  safety_car: { words: "Safety car", look: "yellow" },
  vsc: { words: "Virtual safety car", look: "yellow" },
  code_60: { words: "Code 60", look: "yellow" },
  slow_zone: { words: "Slow zone", look: "yellow" },
  red: { words: "Red flag", look: "red" },
  chequered: { words: "Chequered flag", look: "chequered" },
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

/** A flag in one sector: a white one there is for a slow car. */
export function localFlagOf(name: string): Flag {
  return name === "white" ? { words: "White flag", look: "white" } : flagOf(name);
}

export function flagOf(name: string | undefined): Flag {
  if (name === undefined) return { words: "Waiting for the start", look: "none" };
  return FLAGS[name] ?? { words: name.replaceAll("_", " "), look: "none" };
}
