/** The state of a car, and the search for cars. */

import type { Standing } from "./state";
import { CAR_STATES } from "./wording";
import { isOwed } from "./formatting";

export interface CarState {
  /** `PIT`, `OUT` (on the lap after a visit), `PEN` (owes a penalty), `RET`, `FIN`, `DNS` or "". */
  readonly tag: string;
  readonly name: string;
}

export function carState(row: Standing): CarState {
  if (row.status !== "running") return CAR_STATES[row.status];
  if (row.last_pit_lap !== undefined && row.last_pit_lap >= row.laps) return CAR_STATES.out_lap;
  const owes = Object.values(row.penalties).some(isOwed);
  return owes ? CAR_STATES.penalty : CAR_STATES.running;
}

/** Whether the car matches a search: the beginning of its number, or a part of a name. */
export function matches(row: Standing, typed: string): boolean {
  const wanted = typed.trim().toLocaleLowerCase();
  if (wanted === "") return true;
  const names = [row.driver, row.team, row.vehicle, row.class];
  return (
    row.car.toLocaleLowerCase().startsWith(wanted) ||
    names.some((name) => name?.toLocaleLowerCase().includes(wanted))
  );
}
