/** The pit stop timer: who is in the lane, since when, and in which of a few fixed slots. */

import { inOrder, type Standing } from "../timing/state";
import { classNamed, type OutputState } from "./output_state";
import type { Parameters } from "./parameters";

export interface Stop {
  readonly row: Standing;
  readonly since: number;
  /** The time from lane entry to lane exit; undefined while it runs. */
  readonly took: number | undefined;
}

type Selection = Pick<Parameters, "class" | "cars" | "holdMs">;

/**
 * The cars in the lane, in the running order, and those that left it within `holdMs`. A car
 * whose exit was not timed is left out.
 */
export function stopsOf(output: OutputState, clockMs: number, wanted: Selection): Stop[] {
  const name = classNamed(output, wanted.class);
  return inOrder(output).flatMap((row): Stop[] => {
    if (name !== null && row.class !== name) return [];
    if (wanted.cars.length > 0 && !wanted.cars.includes(row.car)) return [];
    const since = row.in_pit_since_ms;
    if (since !== undefined) {
      const inside = row.status === "pit";
      return inside ? [{ row, since, took: undefined }] : [];
    }
    const visits = Object.entries(output.pits[row.car] ?? {});
    const last = visits.reduce<(typeof visits)[number] | null>(
      (newest, one) => (newest === null || Number(one[0]) > Number(newest[0]) ? one : newest),
      null,
    )?.[1];
    if (last?.exited_ms === undefined || last.lane_ms === undefined) return [];
    const ago = clockMs - last.exited_ms;
    if (ago < 0 || ago > wanted.holdMs) return [];
    return [{ row, since: last.entered_ms, took: last.lane_ms }];
  });
}

/** Gives each car a slot that it keeps until it is gone: a timer never jumps. */
export class Slots {
  #cars: (string | null)[] = [];

  /** The slots, each with its car or null. New cars take those that are free, in order. */
  give(cars: readonly string[], count: number): readonly (string | null)[] {
    const slots = Array.from({ length: count }, (_, index) => {
      const car = this.#cars[index] ?? null;
      return car !== null && cars.includes(car) ? car : null;
    });
    for (const car of cars) {
      const free = slots.indexOf(null);
      if (free < 0) break;
      if (!slots.includes(car)) slots[free] = car;
    }
    this.#cars = slots;
    return slots;
  }
}
