/** The state of an output: the topics of its view; other topics are empty. */

import type { PublishedPenalty, SubscribedState } from "../generated/rows";
import type { JsonObject } from "../live/patch";
import { classesOf, type RaceClass } from "../timing/classes";
import type { Gap, Immutable } from "../timing/state";

export type PenaltyItem = Immutable<PublishedPenalty>;

export interface BattleItem {
  readonly position: number;
  readonly gap?: Gap;
  readonly interval?: Gap;
}

export interface Contender {
  readonly position: number;
  readonly rank: number;
  readonly tied: boolean;
  readonly name: string;
  readonly car?: string;
  readonly class: string;
  readonly points: number;
  readonly before?: number;
  readonly gained?: number;
}

/** How a car may end. */
export interface ForecastItem {
  readonly car: string;
  readonly class?: string;
  readonly class_position: number;
  readonly net_position: number;
  readonly win: number;
}

type Topics = Required<
  Pick<SubscribedState, "session" | "standings" | "fastest" | "pits" | "penalties">
>;

export type OutputState = Immutable<Topics> & {
  readonly battle: Readonly<Record<string, BattleItem>>;
  readonly championship: {
    readonly title?: string;
    readonly of?: string;
    readonly rows: Readonly<Record<string, Contender>>;
  };
  readonly forecast: { readonly rows: Readonly<Record<string, ForecastItem>> };
};

/** The state, or null before the session is opened. */
export function outputStateOf(received: JsonObject | null): OutputState | null {
  const state = received as unknown as Partial<OutputState> | null;
  if (state?.session?.title === undefined) return null;
  return {
    session: state.session,
    standings: state.standings ?? {},
    fastest: state.fastest ?? { classes: {} },
    pits: state.pits ?? {},
    penalties: state.penalties ?? {},
    battle: state.battle ?? {},
    championship: state.championship ?? { rows: {} },
    forecast: state.forecast ?? { rows: {} },
  };
}

/** The classes by name, with their colours. */
export function classesByName(output: OutputState): ReadonlyMap<string, RaceClass> {
  return new Map(classesOf(output).map((one) => [one.name, one]));
}

/** The classes that there is something of to show. */
function classNames(output: OutputState): string[] {
  const scored = Object.values(output.championship.rows).map((one) => one.class);
  return [...new Set([...classesOf(output).map((one) => one.name), ...scored])];
}

/** Why the chosen class or cars cannot be shown; null if they can. */
export function whyNot(
  output: OutputState,
  typed: string | null,
  cars: readonly string[],
): string | null {
  const names = classNames(output);
  const wanted = classNamed(output, typed);
  if (wanted !== null && names.length > 0 && !names.includes(wanted))
    return `no class ${wanted} here: ${names.join(", ")}`;
  const numbers = new Set(Object.keys(output.standings));
  if (cars.length > 0 && numbers.size > 0 && !cars.some((car) => numbers.has(car)))
    return `no car ${cars.join(", ")} here`;
  return null;
}

/** The class that was typed, in capitals or not. */
export function classNamed(output: OutputState, typed: string | null): string | null {
  if (typed === null) return null;
  const wanted = typed.toLocaleLowerCase();
  return classNames(output).find((name) => name.toLocaleLowerCase() === wanted) ?? typed;
}
