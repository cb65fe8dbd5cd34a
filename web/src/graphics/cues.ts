/** When a graphic is on: by itself, or as whoever plays it says. */

export type Mode = "auto" | "on" | "off";

/**
 * What has just happened (a fastest lap, a penalty) is shown for a while. What was there when
 * the page came, or when another picture began, has not just happened.
 */
export class Cue {
  #known: string | null = null;
  #epoch: number | null = null;
  #until = -Infinity;

  /** `what` tells one happening from the next; null: none yet. */
  see(what: string | null, epoch: number, nowMs: number, holdMs: number): void {
    const fresh = this.#epoch === epoch && what !== this.#known && what !== null;
    if (this.#epoch !== epoch) this.#until = -Infinity;
    this.#epoch = epoch;
    this.#known = what;
    if (fresh) this.#until = nowMs + holdMs;
  }

  isOn(nowMs: number): boolean {
    return nowMs < this.#until;
  }
}

/** Whether a graphic is to be seen; `byItself` is what it would do without being played. */
export function isOn(mode: Mode, byItself: boolean): boolean {
  return mode === "on" || (mode === "auto" && byItself);
}
