/**
 * The columns of the tower. Each makes its cells from a row and from what all rows are
 * compared to; nothing here knows the page.
 */

import { SIGNS, SPOKEN, type Bests, type Mark } from "./bests";
import { carState, STATE_WORDS } from "./cars";
import type { RaceClass } from "./classes";
import type { Standing } from "./state";
import * as words from "./words";

export interface Cell {
  readonly text: string;
  /** A style of the cell, and of its sign. */
  readonly look?: string;
  /** A sign behind the text, which a reader is told as `spoken`. */
  readonly sign?: string;
  readonly spoken?: string;
  /** The car's class, where the cell is a chip of its colour. */
  readonly chip?: RaceClass | undefined;
  readonly title?: string | undefined;
}

/** What all rows are compared to. */
export interface Scene {
  readonly bests: Bests;
  readonly classes: ReadonlyMap<string, RaceClass>;
  /** Whether gaps are those within the class. */
  readonly inClass: boolean;
  readonly moved: ReadonlyMap<string, number>;
  readonly clockMs: number;
}

export interface Column {
  readonly id: string;
  /** As it stands above the column, and as it is said. */
  readonly heading: string;
  readonly name: string;
  /** Width in `ch`, without the padding; `grows` may take more. */
  readonly width: number;
  readonly grows?: boolean;
  readonly align?: "right" | "centre";
  /** Chosen unless the viewer says otherwise: on a wide screen, on a phone. */
  readonly wide: boolean;
  readonly phone: boolean;
  /** Cannot be taken away. */
  readonly fixed?: boolean;
  readonly cell: (row: Standing, scene: Scene) => Cell;
}

/** An interval below this is a fight. */
export const CLOSE_MS = 1500;

function marked(text: string, mark: Mark): Cell {
  if (mark === "" || text === "") return { text };
  return { text, look: mark, sign: SIGNS[mark], spoken: SPOKEN[mark] };
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
  return scene.inClass
    ? classGap(row)
    : { text: words.gapText(row.gap, row.position === 1) };
}

function classGap(row: Standing): Cell {
  return { text: words.gapText(row.class_gap, row.class_position === 1) };
}

function interval(row: Standing, scene: Scene): Cell {
  const [told, place] = scene.inClass
    ? [row.class_interval, row.class_position]
    : [row.interval, row.position];
  const text = words.gapText(told, place === 1);
  const close = place > 1 && !told?.laps && told?.ms !== undefined && told.ms < CLOSE_MS;
  return close ? { text, look: "close" } : { text };
}

function state(row: Standing, scene: Scene): Cell {
  const short = carState(row);
  const since = short === "PIT" ? row.in_pit_since_ms : undefined;
  const timer = since === undefined ? "" : ` ${words.runningText(scene.clockMs - since)}`;
  return { text: short + timer, look: short.toLowerCase(), title: STATE_WORDS[short] };
}

function penalties(row: Standing): Cell {
  const all = Object.values(row.penalties);
  return { text: words.penaltyText(all), look: all.some(words.isOwed) ? "owed" : "served" };
}

function classChip(row: Standing, scene: Scene): Cell {
  const chip = scene.classes.get(row.class ?? "");
  return { text: chip?.tag ?? row.class ?? "", chip, title: row.class };
}

function column(
  id: string,
  heading: string,
  name: string,
  width: number,
  on: "always" | "wide" | "choice" | "fixed",
  cell: Column["cell"],
  more: Partial<Column> = {},
): Column {
  const phone = on === "always" || on === "fixed";
  return { id, heading, name, width, wide: on !== "choice", phone, fixed: on === "fixed", cell, ...more };
}

const right = { align: "right" } as const;

/** Every column, in order; the sectors are the timing lines of the session. */
export function columnsFor(lines: readonly string[]): Column[] {
  return [
    column("position", "P", "Position", 2, "fixed", (row) => ({ text: String(row.position) }), right),
    column("moved", "", "Places won or lost just now", 2.5, "always", moved),
    column("class", "Class", "Class", 5, "always", classChip),
    column("class_position", "CP", "Position in class", 2, "always", (row) => ({ text: String(row.class_position) }), right),
    column("car", "No", "Car number", 3, "fixed", (row) => ({ text: row.car }), right),
    column("driver_short", "Drv", "Driver, short", 3, "choice", (row) => ({ text: row.driver_short ?? "" }), { phone: true }),
    column("driver", "Driver", "Driver", 12, "wide", (row) => ({ text: row.driver ?? "" }), { grows: true }),
    column("team", "Team", "Team", 14, "wide", (row) => ({ text: row.team ?? "" }), { grows: true }),
    column("vehicle", "Car", "Vehicle", 12, "choice", (row) => ({ text: row.vehicle ?? "" }), { grows: true }),
    column("laps", "Laps", "Laps", 3, "wide", (row) => ({ text: String(row.laps) }), right),
    column("gap", "Gap", "Gap to the leader", 7, "always", gap, right),
    column("interval", "Int", "Interval to the car ahead", 7, "always", interval, right),
    column("class_gap", "Cl gap", "Gap to the class leader", 7, "wide", classGap, right),
    column("last", "Last", "Last lap", 9, "always", (row, scene) => marked(words.lapTimeText(row.last_lap_ms), scene.bests.last(row)), right),
    ...lines.map((line) =>
      column(`sector ${line}`, line, `Last ${line}`, 7.5, "wide", (row, scene) => marked(words.sectorText(row.last_sectors_ms[line]), scene.bests.sector(row, line)), right),
    ),
    column("best", "Best", "Best lap", 9, "wide", (row, scene) => marked(words.lapTimeText(row.best_lap_ms), scene.bests.best(row)), right),
    column("best_lap", "on lap", "Lap of the best", 4, "choice", (row) => ({ text: String(row.best_lap ?? "") }), right),
    column("pace", "Pace", "Mean of the last green laps", 8, "choice", (row) => ({ text: words.lapTimeText(row.pace_ms) }), right),
    column("stint", "Stint", "Laps since the last stop", 3, "wide", (row) => ({ text: String(row.stint_laps) }), right),
    column("stops", "Stops", "Pit stops", 3, "wide", (row) => ({ text: String(row.stops) }), right),
    column("last_pit", "Last in", "Lap of the last visit to the pits", 4, "choice", (row) => ({ text: String(row.last_pit_lap ?? "") }), right),
    column("state", "", "State", 9, "always", state),
    column("penalties", "Pen", "Penalties", 6, "wide", penalties),
  ];
}
