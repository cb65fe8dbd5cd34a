/**
 * The content of the tower. Each part is set only if it has changed, so that a state in which
 * three rows changed redraws three rows and evaluates nothing else.
 */

import { Bests } from "../timing/bests";
import { classesOf, type RaceClass } from "../timing/classes";
import { inOrder, type Standing, type State } from "../timing/state";
import { sameItems, steady } from "../timing/stable";

/** Members that may be absent for all cars of a session. */
const NAMES = ["driver", "team", "vehicle"] as const;

export class Board {
  /** The cars in the running order. */
  rows: readonly Standing[] = $state.raw([]);
  classes: readonly RaceClass[] = $state.raw([]);
  /** The timing lines of the session. */
  lines: readonly string[] = $state.raw([]);
  bests: Bests = $state.raw(new Bests([]));
  /** The members that no car has. */
  missing: readonly string[] = $state.raw([]);

  readonly #classes = steady<RaceClass[]>((before, next) =>
    sameItems(
      before.map(({ name }) => name),
      next.map(({ name }) => name),
    ),
  );
  readonly #lines = steady<readonly string[]>(sameItems);
  readonly #bests = steady<Bests>((before, next) => before.isSame(next));
  readonly #missing = steady<readonly string[]>(sameItems);

  show(state: State | null): void {
    const rows = state === null ? [] : inOrder(state);
    this.rows = rows;
    this.classes = this.#classes(state === null ? [] : classesOf(state));
    this.lines = this.#lines(state?.session.timing_lines ?? []);
    this.bests = this.#bests(new Bests(rows));
    this.missing = this.#missing(NAMES.filter((name) => rows.every((row) => !row[name])));
  }
}
