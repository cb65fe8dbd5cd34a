/** When a graphic is on: automatically, or by a playout system. */

export type Mode = "auto" | "on" | "off";

/**
 * Shows news (a fastest lap, a penalty) for a while. No news are an older fact that reappears
 * because a newer one was voided, and whatever exists when the page is loaded, when a new epoch
 * begins, or when another class or car is chosen. A freeze begins an epoch with the same facts,
 * so it hides nothing.
 */
export class Cue<T extends { readonly key: string }> {
  #known: T | null = null;
  #seen = new Set<string>();
  #scene: string | null = null;
  #until = -Infinity;

  /** `isNews` compares the newest fact with the one before; null for none yet. */
  constructor(private readonly isNews: (now: T, known: T | null) => boolean) {}

  /** `what` is the newest fact, identified by its key; `scene` identifies epoch and parameters. */
  see(what: T | null, scene: string, nowMs: number, holdMs: number): void {
    const known = this.#known;
    const goesOn = this.#scene === scene;
    if (!goesOn) this.#seen.clear();
    this.#scene = scene;
    this.#known = what;
    if (what?.key !== known?.key) {
      const news = goesOn && what !== null && !this.#seen.has(what.key) && this.isNews(what, known);
      this.#until = news ? nowMs + holdMs : -Infinity;
    }
    if (what !== null) this.#seen.add(what.key);
  }

  isOn(nowMs: number): boolean {
    return nowMs < this.#until;
  }
}

export interface BestLap {
  readonly key: string;
  readonly ms: number;
  /** Whether the car has driven no lap since. */
  readonly isLast: boolean;
}

/** A fastest lap is news if it was just driven, and is quicker than the one before. */
export function isNewBest(now: BestLap, known: BestLap | null): boolean {
  return now.isLast && (known === null || now.ms < known.ms);
}

export interface Decision {
  readonly key: string;
  readonly at: number;
}

/** A decision of the stewards is news if it was taken later than the one before. */
export function isNewDecision(now: Decision, known: Decision | null): boolean {
  return known === null || now.at > known.at;
}

/** Whether a graphic is to be seen; `byItself` is what it would do without being played. */
export function isOn(mode: Mode, byItself: boolean): boolean {
  return mode === "on" || (mode === "auto" && byItself);
}
