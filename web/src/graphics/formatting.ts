/** How names, gaps and timers are written in graphics. */

import type { Gap, Standing } from "../timing/state";
import { gapText } from "../timing/formatting";
import { nameParts } from "./driver_names";
import type { Name } from "./parameters";

/** `VAN DER ZANDE` of `Renger van der Zande`; a name of one word is that word. */
export function familyName(name: string): string {
  return nameParts(name).family.toLocaleUpperCase();
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
    const initial = nameParts(name).given.charAt(0).toLocaleUpperCase();
    return alone || initial === "" ? family : `${initial}. ${family}`;
  }
}

/** What a car is called: as wanted, else whatever of its names there is. */
export function carName(row: Standing | undefined, wanted: Name, families?: FamilyNames): string {
  if (row === undefined) return "";
  const full = row.driver;
  const driver = full === undefined ? undefined : (families?.of(full) ?? familyName(full));
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
