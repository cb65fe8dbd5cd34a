/** How cars, gaps and decisions are written on air. */

import type { Gap, Standing } from "../timing/state";
import { gapText } from "../timing/words";
import type { Imposed } from "./aired";
import type { Name } from "./parameters";

/** `VAN DER ZANDE` of `Renger van der Zande`; a name of one word is that word. */
export function familyName(name: string): string {
  const words = name.trim().split(/\s+/);
  return (words.length > 1 ? words.slice(1) : words).join(" ").toLocaleUpperCase();
}

/** Family names by full name; where two people share one, with their initials. */
export class FamilyNames {
  readonly #people = new Map<string, Set<string>>();

  constructor(names: Iterable<string | undefined>) {
    for (const name of names) {
      if (name === undefined) continue;
      const family = familyName(name);
      this.#people.set(family, (this.#people.get(family) ?? new Set()).add(name));
    }
  }

  of(name: string): string {
    const family = familyName(name);
    const alone = (this.#people.get(family)?.size ?? 0) < 2;
    return alone ? family : `${name.trim().charAt(0).toLocaleUpperCase()}. ${family}`;
  }
}

/** What a car is called: as wanted, else whatever of its names there is. */
export function carName(row: Standing | undefined, wanted: Name, families?: FamilyNames): string {
  if (row === undefined) return "";
  const told = row.driver;
  const driver = told === undefined ? undefined : (families?.of(told) ?? familyName(told));
  const names = { driver, team: row.team, vehicle: row.vehicle };
  return names[wanted] ?? driver ?? row.team ?? row.vehicle ?? "";
}

/** `+35.104`, `+2 LAPS`, or nothing where it is not known. */
export function behindText(gap: Gap | undefined): string {
  if (gap?.laps) return `+${gap.laps} LAP${gap.laps > 1 ? "S" : ""}`;
  const text = gapText(gap);
  return text === "" ? "" : `+${text}`;
}

/** Seconds of a timer that runs: `7.4`, `1:03.9`. */
export function timerText(ms: number): string {
  const tenths = Math.floor(Math.max(0, ms) / 100);
  const minutes = Math.floor(tenths / 600);
  const seconds = ((tenths % 600) / 10).toFixed(1);
  return minutes === 0 ? seconds : `${minutes}:${seconds.padStart(4, "0")}`;
}

const KINDS: Readonly<Record<string, string>> = {
  drive_through: "Drive-through",
  stop_and_go: "Stop and go",
  stop_and_hold: "Stop and hold",
  time: "Time added",
  laps: "Laps taken away",
  places: "Places dropped",
  grid_drop: "Grid places",
  points: "Points taken away",
  back_of_class: "Back of class",
  disqualification: "Disqualified",
};

/** A penalty in a few words: `Drive-through`, `Stop and hold 30 s`, `Laps taken away: 2`. */
export function penaltyWords({ kind, amount }: Pick<Imposed, "kind" | "amount">): string {
  const words = KINDS[kind] ?? sentence(kind.replaceAll("_", " "));
  if (amount === undefined) return words;
  if (kind === "stop_and_hold") return `${words} ${amount} s`;
  return kind === "time" ? `${words}: ${amount} s` : `${words}: ${amount}`;
}

const STATUSES: Readonly<Record<string, string>> = {
  imposed: "Penalty",
  served: "Penalty served",
  converted: "Penalty converted",
  rescinded: "Penalty rescinded",
};

export function penaltyHeading(status: string): string {
  return STATUSES[status] ?? "Penalty";
}

/** `1st`, `2nd`, `3rd`, `11th`, `21st`. */
export function ordinal(place: number): string {
  const tens = place % 100;
  const sign = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${sign}`;
}

export function sentence(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
