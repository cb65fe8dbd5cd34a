/** The lines of tower and championship. All figures come from the output; none is computed. */

import { carState } from "../timing/cars";
import { lapTimeText } from "../timing/formatting";
import { percentText } from "../timing/forecast";
import { inOrder, isRace, type Gap, type Standing } from "../timing/state";
import { classNamed, type OutputState, type Contender } from "./output_state";
import type { GapTo, Parameters } from "./parameters";
import { behindText, FamilyNames } from "./formatting";

export interface TowerLine {
  readonly row: Standing;
  readonly place: number;
  readonly gap: string;
  /** The tag of its state, `PIT`; `107%` for a car too slow for the rules of qualifying. */
  readonly state: string;
}

type Selection = Pick<Parameters, "class" | "cars" | "gap">;

/** The cars of a tower, leader first. */
export function towerLines(output: OutputState, wanted: Selection): TowerLine[] {
  const name = classNamed(output, wanted.class);
  const rows = inOrder(output).filter(
    (row) =>
      (name === null || row.class === name) &&
      (wanted.cars.length === 0 || wanted.cars.includes(row.car)),
  );
  return rows.map((row) => ({
    row,
    place: name === null ? row.position : row.class_position,
    gap: gapOf(row, wanted.gap, name !== null, isRace(output.session)),
    state: row.outside_percent === undefined ? carState(row).tag : `${row.outside_percent}%`,
  }));
}

/**
 * The gap as it is on air: of the leader of a race that word, of the quickest car of qualifying
 * and practice its time. A car that goes no further in a race has none; a best lap stands.
 */
function gapOf(row: Standing, to: GapTo, inClass: boolean, race: boolean): string {
  const leads = (inClass ? row.class_position : row.position) === 1;
  if (to === "none") return "";
  if (race && (row.status === "retired" || row.status === "not_started")) return "";
  if (!race && row.best_lap_ms === undefined) return "NO TIME";
  if (leads) return race ? "LEADER" : lapTimeText(row.best_lap_ms);
  const gap: Gap | undefined = inClass
    ? { leader: row.class_gap, ahead: row.class_interval }[to]
    : { leader: row.gap, ahead: row.interval }[to];
  return behindText(gap);
}

/** Part `page` of the lines, the first again behind the last. */
export function pageOf<T>(lines: readonly T[], rows: number, page: number): readonly T[] {
  const pages = Math.max(1, Math.ceil(lines.length / rows));
  const first = (page % pages) * rows;
  return lines.slice(first, first + rows);
}

export interface ChampionshipLine {
  readonly key: string;
  readonly rank: string;
  readonly names: string;
  readonly car: string | undefined;
  readonly class: string;
  readonly points: number;
  readonly gained: number | undefined;
  /** Places won since before the session (lost: below 0); undefined: was in no table. */
  readonly won: number | undefined;
}

/**
 * The championship of one class (null: of the first there is), a crew on one line. A rank is that
 * of the rules, and counts people: it is shared where it has `=`, by a crew too, and whoever
 * comes behind two who are `1=` is 3.
 */
export function championshipLines(output: OutputState, wanted: string | null): ChampionshipLine[] {
  const all = Object.values(output.championship.rows).sort((a, b) => a.position - b.position);
  const name = classNamed(output, wanted) ?? all[0]?.class;
  const crews: [Contender, ...Contender[]][] = [];
  for (const one of all.filter((row) => row.class === name)) {
    const crew = crews.find(([first]) => isOneCrew(first, one));
    if (crew === undefined) crews.push([one]);
    else crew.push(one);
  }
  const people = output.championship.of === "drivers";
  const families = new FamilyNames(all.map((one) => one.name));
  const ranks = all.filter((row) => row.class === name).map((row) => row.rank);
  return crews.map((crew) => {
    const [first] = crew;
    const shared = ranks.filter((rank) => rank === first.rank).length > 1;
    return {
      key: `${first.class}:${first.name}`,
      rank: `${first.rank}${shared ? "=" : ""}`,
      names: people
        ? crew.map((one) => families.of(one.name)).join(" / ")
        : withoutNumber(first.name, first.car),
      car: first.car,
      class: first.class,
      points: first.points,
      gained: first.gained,
      won: first.before === undefined ? undefined : first.before - first.rank,
    };
  });
}

export interface ForecastLine {
  readonly car: string;
  readonly net: number;
  /** Places that the car wins on the present order once all have made the stops they owe. */
  readonly won: number;
  readonly win: number;
  readonly odds: string;
}

/** The net order of one class (null: of the first that runs), with the odds of its win. */
export function forecastLines(
  output: OutputState,
  wanted: string | null,
  cars: readonly string[] = [],
): { readonly class: string | undefined; readonly lines: readonly ForecastLine[] } {
  const all = Object.values(output.forecast.rows);
  const first = inOrder(output).find((row) => output.forecast.rows[row.car] !== undefined);
  const name = classNamed(output, wanted) ?? first?.class;
  const lines = all
    .filter((row) => row.class === name && (cars.length === 0 || cars.includes(row.car)))
    .sort((a, b) => a.net_position - b.net_position || a.class_position - b.class_position)
    .map((row) => ({
      car: row.car,
      net: row.net_position,
      won: row.class_position - row.net_position,
      win: row.win,
      odds: percentText(row.win),
    }));
  return { class: name, lines };
}

/** `Porsche Penske` of `#7 Porsche Penske`: the number has a column of its own. */
function withoutNumber(name: string, car: string | undefined): string {
  const number = `#${car ?? ""} `;
  return name.startsWith(number) ? name.slice(number.length) : name;
}

function isOneCrew(one: Contender, other: Contender): boolean {
  return (
    one.rank === other.rank &&
    one.points === other.points &&
    one.car !== undefined &&
    one.car === other.car
  );
}
