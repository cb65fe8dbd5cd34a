/** What a car does, in a word. */

import type { Standing } from "./state";
import { isOwed } from "./words";

export type CarState = "PIT" | "OUT" | "PEN" | "RET" | "FIN" | "DNS" | "";

const STATES = { pit: "PIT", retired: "RET", finished: "FIN", not_started: "DNS" } as const;

export const STATE_WORDS: Readonly<Record<CarState, string>> = {
  PIT: "in the pit lane",
  OUT: "on its out lap",
  PEN: "owes a penalty",
  RET: "retired",
  FIN: "finished",
  DNS: "did not start",
  "": "",
};

/**
 * `PIT`, `OUT` (on the lap after a visit), `RET`, `FIN`, `DNS`, else `PEN` for a car that
 * owes a penalty, or nothing.
 */
export function carState(row: Standing): CarState {
  if (row.status !== "running") return STATES[row.status];
  if (row.last_pit_lap !== undefined && row.last_pit_lap >= row.laps) return "OUT";
  return Object.values(row.penalties).some(isOwed) ? "PEN" : "";
}

/** Whether the car is what was typed: a number exactly or its beginning, or any name. */
export function matches(row: Standing, typed: string): boolean {
  const wanted = typed.trim().toLocaleLowerCase();
  if (wanted === "") return true;
  const names = [row.driver, row.team, row.vehicle, row.class];
  return (
    row.car.toLocaleLowerCase().startsWith(wanted) ||
    names.some((name) => name?.toLocaleLowerCase().includes(wanted))
  );
}
