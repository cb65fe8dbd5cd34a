/** When a graphic is on: by itself, or as whoever plays it says. */

export type Mode = "auto" | "on" | "off";

/**
 * What has just happened (a fastest lap, a penalty) is shown for a while. What was there when
 * the page came, or what another picture began with, has not just happened. A freeze begins a
 * picture that shows the same, and takes nothing off the air.
 */
export class Cue {
  #known: string | null = null;
  #epoch: number | null = null;
  #until = -Infinity;

  /** `what` tells one happening from the next; null: none yet. */
  see(what: string | null, epoch: number, nowMs: number, holdMs: number): void {
    const other = what !== this.#known;
    const goesOn = this.#epoch === epoch;
    this.#epoch = epoch;
    this.#known = what;
    if (other) this.#until = goesOn && what !== null ? nowMs + holdMs : -Infinity;
  }

  isOn(nowMs: number): boolean {
    return nowMs < this.#until;
  }
}

/** Whether a graphic is to be seen; `byItself` is what it would do without being played. */
export function isOn(mode: Mode, byItself: boolean): boolean {
  return mode === "on" || (mode === "auto" && byItself);
}
