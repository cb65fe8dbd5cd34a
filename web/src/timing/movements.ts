/** Places won and lost recently, for the marks beside the cars. */

import display from "../../../projections/views/display.json";
import { sameEntries, steady } from "./stable";

/** How long a mark stands. */
const HOLD_MS = display.movement_hold_ms;

export class Movements {
  #places: ReadonlyMap<string, number> = new Map();
  #moved = new Map<string, { readonly from: number; readonly at: number }>();
  readonly #won = steady<ReadonlyMap<string, number>>(sameEntries);

  /**
   * Note each car's place at a time of the viewer's clock. Returns the places won (lost: below
   * 0) since the car's marks began; the same object as before if nothing changed.
   */
  see(places: ReadonlyMap<string, number>, nowMs: number): ReadonlyMap<string, number> {
    for (const [car, place] of places) {
      const before = this.#places.get(car) ?? place;
      if (before !== place)
        this.#moved.set(car, { from: this.#moved.get(car)?.from ?? before, at: nowMs });
    }
    this.#places = places;
    const won = new Map<string, number>();
    for (const [car, { from, at }] of this.#moved) {
      const place = places.get(car);
      if (place === undefined || nowMs - at >= HOLD_MS) this.#moved.delete(car);
      else if (from !== place) won.set(car, from - place);
    }
    return this.#won(won);
  }

  /** Forget the places: after a jump in time nobody has overtaken anybody. */
  reset(): void {
    this.#places = new Map();
    this.#moved.clear();
  }
}
