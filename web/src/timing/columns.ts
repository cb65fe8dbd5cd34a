/**
 * The columns of the tower. Each makes its cells from a row and the scene that all rows share,
 * without access to the page.
 */

import display from "../../../projections/views/display.json";
import { SIGNS, SPOKEN, type Bests, type Mark } from "./bests";
import { nameParts } from "../graphics/driver_names";
import { carState } from "./cars";
import type { RaceClass } from "./classes";
import { forecastColumns, type ShownForecast } from "./forecast";
import type { Standing } from "./state";
import * as words from "./formatting";

export interface Cell {
  readonly text: string;
  /** A style of the cell, and of its sign. */
  readonly look?: string;
  /** A sign behind the text (an empty one keeps its space); screen readers read `spoken`. */
  readonly sign?: string;
  readonly spoken?: string;
  /** The car's class, where the cell is its name in its colour. */
  readonly chip?: RaceClass | undefined;
  /** Whether it is drawn as a bar, whose text is read out and stands in the title. */
  readonly bar?: boolean;
  readonly title?: string | undefined;
}

/** What the cells of all rows need. */
export interface Scene {
  readonly bests: Bests;
  readonly classes: ReadonlyMap<string, RaceClass>;
  /** Whether gaps are those within the class. */
  readonly inClass: boolean;
  readonly moved: ReadonlyMap<string, number>;
  /** The cars that have just passed another on the road. */
  readonly passed?: ReadonlySet<string>;
  readonly clockMs: number;
  /** Whether cars are ordered by best lap: in qualifying and practice. */
  readonly timed: boolean;
  /** The gaps to a chosen car, formatted; null for the usual gaps. */
  readonly measured: ReadonlyMap<string, string> | null;
  /** The forecast, where one of its columns is visible; null for none. */
  readonly forecast: ShownForecast | null;
}

export interface Column {
  readonly id: string;
  /** The short heading and the full name. */
  readonly heading: string;
  readonly name: string;
  /** Width in `ch`, without the padding; `grows` may take more. */
  readonly width: number;
  readonly grows?: boolean;
  readonly align?: "right" | "centre";
  /** Visible by default on pages at least this wide (px). */
  readonly from: number;
  /** Always visible. */
  readonly fixed?: boolean;
  /** Whether its cells are forecasts, and no facts. */
  readonly forecast?: boolean;
  readonly cell: (row: Standing, scene: Scene) => Cell;
}

/** Columns that fit, and the padding (px) at the sides of each. */
export interface Fitting {
  readonly columns: readonly Column[];
  readonly pad: number;
}

/** The smallest type (px) that can be read from where a timing screen stands. */
export const LEAST_PX = 11;

/** Typesettings, the best first: the padding and the smallest type size for it. */
const SET: readonly (readonly [pad: number, px: number])[] = [
  [7, 13],
  [5, 12],
  [3, 11.5],
  [2, LEAST_PX],
];

/**
 * The columns that are left out where there is no room, in this order. Others stay: places,
 * number, gap, interval, last lap, state and penalties.
 */
const GIVES_WAY: readonly RegExp[] = [
  ...[
    /^last_pit$/,
    /^best_lap$/,
    /^last_diff$/,
    /^pace$/,
    /^vehicle$/,
    /^sector /,
    /^best$/,
    /^class_gap$/,
  ],
  ...[/^stops$/, /^stint$/, /^driver_short$/, /^team$/, /^laps$/, /^driver$/, /^moved$/],
  ...[/^forecast net$/, /^forecast /],
];

/** The columns that fit into a width (px); `digit` is the width of a digit (em). */
export function fitting(wanted: readonly Column[], room: number, digit: number): Fitting {
  let columns = wanted;
  for (;;) {
    const chs = columns.reduce((sum, { width }) => sum + width, 0);
    const set = SET.find(([pad, px]) => chs * digit * px + columns.length * pad * 2 <= room);
    if (set !== undefined) return { columns, pad: set[0] };
    const loose = columns.filter(({ fixed }) => fixed !== true);
    const next = GIVES_WAY.find((kind) => loose.some(({ id }) => kind.test(id)));
    const gone = next && loose.findLast(({ id }) => next.test(id));
    if (gone === undefined) return { columns, pad: 2 };
    columns = columns.filter((column) => column !== gone);
  }
}

/** An interval (ms) below this is emphasized. */
export const CLOSE_MS = display.close_interval_ms;

/** A time with its mark. An empty mark keeps its space, so that times are aligned. */
function marked(text: string, mark: Mark): Cell {
  return { text, look: mark, sign: SIGNS[mark], spoken: SPOKEN[mark] };
}

function lastLap(row: Standing, scene: Scene): Cell {
  return marked(words.lapTimeText(row.last_lap_ms), scene.bests.last(row));
}

/** How much slower the last lap was than the best of the car: what a driver has lost. */
function lastDifference(row: Standing): Cell {
  const [last, best] = [row.last_lap_ms, row.best_lap_ms];
  if (last === undefined || best === undefined) return { text: "" };
  return last <= best
    ? { text: "best", look: "own" }
    : { text: `+${words.secondsText(last - best)}` };
}

function bestLap(row: Standing, scene: Scene): Cell {
  if (row.outside_percent !== undefined) {
    const spoken = `not within ${row.outside_percent} % of the best time`;
    const text = words.lapTimeText(row.best_lap_ms);
    return { text, look: "outside", sign: "%", title: spoken, spoken };
  }
  return marked(words.lapTimeText(row.best_lap_ms), scene.bests.best(row));
}

/** The sector that ends at a line; one of the lap before is marked as such. */
function sector(row: Standing, scene: Scene, line: string, place: number): Cell {
  const cell = marked(words.sectorText(row.last_sectors_ms[line]), scene.bests.sector(row, line));
  const done = row.sectors_done;
  return done > 0 && place >= done
    ? { ...cell, look: `${cell.look} before`, title: "of the lap before" }
    : cell;
}

/** The sector as a bar, the higher the better: its time is read out, and seen on hover. */
function sectorBar(row: Standing, scene: Scene, line: string, place: number): Cell {
  const { text, look = "", spoken } = sector(row, scene, line, place);
  if (text === "") return { text };
  const title = [text, spoken, look.endsWith("before") && "of the lap before"].filter(Boolean);
  return { text, look: `bar ${look}`, bar: true, title: title.join(", ") };
}

/** `S1`; the last one ends at the finish line, whose name would be read as that of a lap. */
export function sectorName(lines: readonly string[], place: number): string {
  return place === lines.length - 1 ? `S${lines.length}` : (lines[place] ?? "");
}

function moved(row: Standing, scene: Scene): Cell {
  const places = scene.moved.get(row.car) ?? 0;
  if (places === 0) return { text: "" };
  const count = Math.abs(places);
  return places > 0
    ? { text: `▲${count}`, look: "won", title: `won ${count}` }
    : { text: `▼${count}`, look: "lost", title: `lost ${count}` };
}

function gap(row: Standing, scene: Scene): Cell {
  if (scene.measured !== null) return { text: scene.measured.get(row.car) ?? "", look: "measured" };
  return scene.inClass ? classGap(row) : { text: words.gapText(row.gap, row.position === 1) };
}

function classGap(row: Standing): Cell {
  return { text: words.gapText(row.class_gap, row.class_position === 1) };
}

function interval(row: Standing, scene: Scene): Cell {
  const [gap, place] = scene.inClass
    ? [row.class_interval, row.class_position]
    : [row.interval, row.position];
  const text = words.gapText(gap, place === 1);
  const close = place > 1 && !gap.laps && gap.ms !== undefined && gap.ms < CLOSE_MS;
  return close && !scene.timed ? { text, look: "close" } : { text };
}

function state(row: Standing, scene: Scene): Cell {
  const { tag, name } = carState(row);
  // In qualifying and practice cars are parked in the lane for most of the session.
  const since = row.status === "pit" && !scene.timed ? row.in_pit_since_ms : undefined;
  const timer = since === undefined ? "" : ` ${words.runningText(scene.clockMs - since)}`;
  return { text: tag + timer, look: tag.toLowerCase(), title: tag && name };
}

function penalties(row: Standing): Cell {
  const all = Object.values(row.penalties);
  return { text: words.penaltyText(all), look: all.some(words.isOwed) ? "owed" : "served" };
}

function classChip(row: Standing, scene: Scene): Cell {
  const chip = scene.classes.get(row.class ?? "");
  return { text: chip?.tag ?? row.class ?? "", chip, title: row.class };
}

/** The page widths (px) from which a column is visible by default. */
const ALWAYS = 0;
const TABLET = 701;
const DESK = 1100;
const WALL = 2400;
const CHOICE = Infinity;

function column(
  id: string,
  heading: string,
  name: string,
  width: number,
  from: number,
  cell: Column["cell"],
  more: Partial<Column> = {},
): Column {
  return { id, heading, name, width, from, cell, ...more };
}

const right = { align: "right" } as const;
const fixed = { align: "right", fixed: true } as const;
const grows = { grows: true } as const;

/**
 * Every column, in order. The sectors are the timing lines of the session; `tag` is the
 * length of the longest class name, `to` the car that gaps are measured from. Where cars are
 * `timed`, ordered by best lap, that comes before the gaps and always stays, and what is of a
 * race is left to choice.
 */
export function columnsFor(
  lines: readonly string[],
  tag: number,
  to: string | null = null,
  timed = false,
  bars = true,
): Column[] {
  const usual = timed ? "Gap to the best lap" : "Gap to the leader";
  const measured: [string, string] =
    to === null ? ["Gap", usual] : [`to ${to}`, `Gap to car ${to}`];
  const best = column("best", "Best", "Best lap", 9.5, TABLET, bestLap, right);
  const ofRace = timed ? CHOICE : TABLET;
  return [
    column(
      "position",
      "P",
      "Position",
      2,
      ALWAYS,
      (row) => ({ text: String(row.position) }),
      fixed,
    ),
    column("moved", "", "Places won or lost just now", 3.6, ALWAYS, moved),
    column("class", "Class", "Class", tag * 1.3 + 0.5, ALWAYS, classChip),
    column(
      "class_position",
      "PIC",
      "Position in class",
      2,
      ALWAYS,
      (row) => ({ text: String(row.class_position) }),
      right,
    ),
    column("car", "No", "Car number", 3, ALWAYS, (row) => ({ text: row.car }), fixed),
    column("state", "State", "State", timed ? 4.5 : 10, ALWAYS, state),
    column("driver_short", "Drv", "Driver, in short", 4.5, CHOICE, (row) => ({
      text: row.driver_short ?? "",
    })),
    column("driver", "Driver", "Driver", 14, TABLET, (row) => ({ text: row.driver ?? "" }), grows),
    column("team", "Team", "Team", 16, DESK, (row) => ({ text: row.team ?? "" }), grows),
    column("vehicle", "Car", "Vehicle", 14, WALL, (row) => ({ text: row.vehicle ?? "" }), grows),
    column("laps", "Laps", "Laps", 4, TABLET, (row) => ({ text: String(row.laps) }), right),
    ...(timed ? [{ ...best, fixed: true }] : []),
    column("gap", ...measured, 7, ALWAYS, gap, right),
    column("interval", "Int", "Interval to the car ahead", 7, ALWAYS, interval, right),
    column(
      "class_gap",
      "Class gap",
      timed ? "Gap to the best lap of the class" : "Gap to the class leader",
      7,
      DESK,
      classGap,
      right,
    ),
    column("last", "Last", "Last lap", 9.5, ALWAYS, lastLap, right),
    column(
      "last_diff",
      "± best",
      "Last lap against the best of the car",
      9,
      ofRace,
      lastDifference,
      right,
    ),
    ...lines.map((line, place) =>
      column(
        `sector ${line}`,
        sectorName(lines, place),
        `Sector ${place + 1}, up to ${line}`,
        bars ? 3 : 9.5,
        DESK,
        (row, scene) => (bars ? sectorBar : sector)(row, scene, line, place),
        bars ? { align: "centre" } : right,
      ),
    ),
    ...(timed ? [] : [best]),
    column(
      "best_lap",
      "on lap",
      "Lap of the best",
      4,
      timed ? DESK : CHOICE,
      (row) => ({ text: String(row.best_lap ?? "") }),
      right,
    ),
    column(
      "pace",
      "Pace",
      "Mean of the last green laps",
      8,
      timed ? CHOICE : WALL,
      (row) => ({ text: words.lapTimeText(row.pace_ms) }),
      right,
    ),
    column(
      "stint",
      "Stint",
      "Laps since the last stop",
      4,
      ofRace,
      (row) => ({ text: String(row.stint_laps) }),
      right,
    ),
    column("stops", "Stops", "Pit stops", 4, ofRace, (row) => ({ text: String(row.stops) }), right),
    column(
      "last_pit",
      "Last in",
      "Lap of the last visit to the pits",
      5,
      CHOICE,
      (row) => ({ text: String(row.last_pit_lap ?? "") }),
      right,
    ),
    column("penalties", "Pen", "Penalties", 8, TABLET, penalties),
    ...(timed ? [] : forecastColumns()),
  ];
}

/** The columns of a phone, whose rows have two lines: what stands where, `screen.css` says. */
const TWO_LINES = [
  ...["position", "car", "driver", "state", "gap", "last"],
  ...["class", "class_position", "team", "interval", "last_diff"],
];

/** The columns that stand in a row of two lines, the driver by the family name. */
export function twoLines(all: readonly Column[], timed: boolean): Column[] {
  const wanted = TWO_LINES.map((id) => (timed && id === "last_diff" ? "best" : id));
  return wanted.flatMap((id) => {
    const found = all.find((column) => column.id === id);
    if (found === undefined) return [];
    return id === "driver" ? [{ ...found, cell: familyName }] : [found];
  });
}

const families = new Map<string, string>();

function familyName({ driver }: Standing): Cell {
  if (driver === undefined) return { text: "" };
  const family = families.get(driver) ?? nameParts(driver).family;
  families.set(driver, family);
  return { text: family, title: driver };
}
