/** Places won and lost recently, for the marks beside the cars. */

import display from "../../../projections/views/display.json";
import { sameEntries, steady } from "./stable";
import type { Standing } from "./state";

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

type Runner = Pick<Standing, "car" | "status">;

/** The cars that have just passed another on the road: both ran, neither was in the lane. */
export class Passes {
  #order: readonly Runner[] = [];
  readonly #at = new Map<string, number>();
  #passed: ReadonlySet<string> = new Set();

  /** Note the order at a time of the viewer's clock; the same set as before if nothing changed. */
  see(order: readonly Runner[], nowMs: number): ReadonlySet<string> {
    const places = new Map(order.map(({ car }, place) => [car, place]));
    const now = new Map(order.map((one) => [one.car, one]));
    for (const [before, one] of this.#order.entries()) {
      const place = places.get(one.car) ?? before;
      if (place >= before || !runs(one) || !runs(now.get(one.car))) continue;
      const behind = this.#order.slice(place, before).filter(({ car }) => {
        return (places.get(car) ?? 0) > place;
      });
      if (behind.some((other) => runs(other) && runs(now.get(other.car))))
        this.#at.set(one.car, nowMs);
    }
    this.#order = order;
    for (const [car, at] of this.#at) if (nowMs - at >= HOLD_MS) this.#at.delete(car);
    const same =
      this.#at.size === this.#passed.size &&
      [...this.#at.keys()].every((car) => this.#passed.has(car));
    if (!same) this.#passed = new Set(this.#at.keys());
    return this.#passed;
  }

  /** Forget the order, as after a jump in time. */
  reset(): void {
    this.#order = [];
    this.#at.clear();
  }
}

function runs(one: Runner | undefined): boolean {
  return one?.status === "running";
}
