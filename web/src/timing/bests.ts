/** How good a lap or a sector is: the best of all, of its class, or the car's own. */

import { sameEntries } from "./stable";
import type { Standing } from "./state";

export type Mark = "overall" | "class" | "own" | "";

/** Read by shape, and not by colour alone. */
export const SIGNS: Readonly<Record<Mark, string>> = { overall: "◆", class: "◇", own: "•", "": "" };

export const SPOKEN: Readonly<Record<Mark, string>> = {
  overall: "best of all",
  class: "best of its class",
  own: "the car's own best",
  "": "",
};

class Least {
  #overall = Infinity;
  readonly #classes = new Map<string | undefined, number>();

  add(ms: number, of: string | undefined): void {
    this.#overall = Math.min(this.#overall, ms);
    this.#classes.set(of, Math.min(ms, this.#classes.get(of) ?? Infinity));
  }

  isSame(other: Least): boolean {
    return this.#overall === other.#overall && sameEntries(this.#classes, other.#classes);
  }

  mark(ms: number | undefined, of: string | undefined): Mark {
    if (ms === undefined) return "";
    if (ms === this.#overall) return "overall";
    return ms === this.#classes.get(of) ? "class" : "";
  }
}

export class Bests {
  readonly #laps = new Least();
  readonly #sectors = new Map<string, Least>();

  constructor(rows: Iterable<Standing>) {
    for (const row of rows) {
      if (row.best_lap_ms !== undefined) this.#laps.add(row.best_lap_ms, row.class);
      for (const [line, ms] of Object.entries(row.best_sectors_ms)) {
        const least = this.#sectors.get(line) ?? new Least();
        this.#sectors.set(line, least);
        least.add(ms, row.class);
      }
    }
  }

  /** Whether every time would get the same mark. */
  isSame(other: Bests): boolean {
    if (!this.#laps.isSame(other.#laps) || this.#sectors.size !== other.#sectors.size) return false;
    for (const [line, least] of this.#sectors) {
      const same = other.#sectors.get(line)?.isSame(least);
      if (!same) return false;
    }
    return true;
  }

  last(row: Standing): Mark {
    return this.#laps.mark(row.last_lap_ms, row.class) || own(row.last_lap_ms, row.best_lap_ms);
  }

  best(row: Standing): Mark {
    return this.#laps.mark(row.best_lap_ms, row.class);
  }

  sector(row: Standing, line: string): Mark {
    const ms = row.last_sectors_ms[line];
    const mark = this.#sectors.get(line)?.mark(ms, row.class);
    return mark || own(ms, row.best_sectors_ms[line]);
  }
}

function own(ms: number | undefined, best: number | undefined): Mark {
  return ms !== undefined && ms === best ? "own" : "";
}
