import { describe, expect, test } from "vitest";
import { parseMessage } from "../src/live/messages";
import { Bests } from "../src/timing/bests";
import { carState, matches } from "../src/timing/cars";
import { classesOf, shortTags } from "../src/timing/classes";
import { columnsFor, fitting, LEAST_PX, twoLines, type Scene } from "../src/timing/columns";
import { flagOfSession, localMarks } from "../src/timing/flags";
import { Movements, Passes } from "../src/timing/movements";
import {
  inOrder,
  stateOf,
  type Gap,
  type Penalty,
  type Standing,
  type State,
} from "../src/timing/state";
import { sameEntries, sameItems, steady } from "../src/timing/stable";
import * as words from "../src/timing/formatting";
import display from "../../tests/golden/display.json";
import sent from "./fixtures/messages.json";
import fixture from "./fixtures/words.json";

interface Written {
  gaps: [Gap | null, boolean, string][];
  lap_times: [number, string][];
  clocks: [number, string][];
  running: [number, string][];
  penalties: [Penalty[], string][];
  states: [Standing, string][];
  tags: [string[], string[]][];
}
const written = fixture as unknown as Written;

/** The race as a late message of the fixture has it. */
const race = stateOf(sent.findLast((one) => one.state !== undefined)?.state as never) as State;

function row(more: Partial<Standing> = {}): Standing {
  return {
    position: 1,
    car: "7",
    class: "LMP2",
    class_position: 1,
    laps: 10,
    gap: {},
    interval: {},
    class_gap: {},
    class_interval: {},
    last_sectors_ms: {},
    best_sectors_ms: {},
    sectors_done: 0,
    in_pit: false,
    status: "running",
    stops: 0,
    stint_laps: 10,
    penalties: {},
    ...more,
  };
}

describe("words are those of the terminal's tower", () => {
  test.each(written.gaps)("gap %j, leading %j: %j", (gap, leads, text) => {
    expect(words.gapText(gap ?? undefined, leads)).toBe(text);
  });
  test.each(written.lap_times)("lap time %j: %j", (ms, text) => {
    expect(words.lapTimeText(ms)).toBe(text);
  });
  test.each(written.clocks)("clock %j: %j", (ms, text) => {
    expect(words.clockText(ms)).toBe(text);
  });
  test.each(written.running)("running for %j: %j", (ms, text) => {
    expect(words.runningText(ms)).toBe(text);
  });
  test.each(written.penalties)("penalties %j: %j", (penalties, text) => {
    expect(words.penaltyText(penalties)).toBe(text);
  });
  test.each(written.states)("state of %j: %j", (car, text) => {
    expect(carState(car).tag).toBe(text);
  });
  test.each(written.tags)("tags of %j: %j", (names, tags) => {
    expect(shortTags(names)).toEqual(tags);
  });
  test("ages", () => {
    expect([0, 4321, 9999, 37_400, 252_000].map(words.ageText)).toEqual([
      "0.0 s",
      "4.3 s",
      "9.9 s",
      "37 s",
      "4:12",
    ]);
  });
});

describe("bests", () => {
  const rows = [
    row({
      car: "1",
      class: "LMP1",
      best_lap_ms: 69_195,
      last_lap_ms: 74_000,
      best_sectors_ms: { S1: 20 },
      last_sectors_ms: { S1: 21 },
    }),
    row({
      car: "20",
      best_lap_ms: 70_279,
      last_lap_ms: 70_279,
      best_sectors_ms: { S1: 19 },
      last_sectors_ms: { S1: 19 },
    }),
    row({
      car: "7",
      best_lap_ms: 70_713,
      last_lap_ms: 70_713,
      best_sectors_ms: { S1: 22 },
      last_sectors_ms: { S1: 22 },
    }),
  ];
  const bests = new Bests(rows);

  test("laps: of all, of the class, the car's own", () => {
    expect(rows.map((one) => bests.best(one))).toEqual(["overall", "class", ""]);
    expect(rows.map((one) => bests.last(one))).toEqual(["", "class", "own"]);
  });
  test("sectors likewise", () => {
    expect(rows.map((one) => bests.sector(one, "S1"))).toEqual(["", "overall", "own"]);
    expect(bests.sector(rows[0] as Standing, "S2")).toBe("");
  });
});

describe("movements", () => {
  const places = (...cars: string[]) => new Map(cars.map((car, place) => [car, place]));

  test.each(display.movements)("$title", ({ steps }) => {
    const movements = new Movements();
    for (const { at_ms: at, order, won } of steps)
      expect(Object.fromEntries(movements.see(places(...order), at))).toEqual(won);
  });
  test("after a jump nobody has overtaken anybody", () => {
    const movements = new Movements();
    movements.see(places("1", "2"), 0);
    movements.reset();
    expect(movements.see(places("2", "1"), 10).size).toBe(0);
  });
});

describe("passes", () => {
  const order = (...cars: string[]) =>
    cars.map((one) => ({
      car: one.replace("*", ""),
      status: one.endsWith("*") ? ("pit" as const) : ("running" as const),
    }));

  test.each([
    ["on the road", ["1", "2", "3"], ["2", "1", "3"], ["2"]],
    ["of a car in the lane", ["1", "2", "3"], ["2", "1*", "3"], []],
    ["of two, one of them in the lane", ["1", "2", "3"], ["3", "1*", "2"], ["3"]],
    ["by a car that comes out of the lane", ["1", "2*"], ["2", "1"], []],
    ["none", ["1", "2", "3"], ["1", "2", "3"], []],
  ])("%s", (_, before, after, passed) => {
    const passes = new Passes();
    passes.see(order(...before), 0);
    expect([...passes.see(order(...after), 10)]).toEqual(passed);
    expect([...passes.see(order(...after), 5000)]).toEqual(passed);
    expect([...passes.see(order(...after), 60_000)]).toEqual([]);
  });
});

describe("a phone", () => {
  const columns = twoLines(columnsFor(["S1"], 5), false);
  const cell = (id: string, of: Standing) =>
    columns.find((column) => column.id === id)?.cell(of, {} as Scene);

  test("has the family name, and the last lap against the car's best", () => {
    const car = row({ driver: "José María LÓPEZ", last_lap_ms: 70_842, best_lap_ms: 70_000 });
    expect(cell("driver", car)).toEqual({ text: "LÓPEZ", title: "José María LÓPEZ" });
    expect(cell("last_diff", car)).toEqual({ text: "+0.842" });
    expect(cell("last_diff", { ...car, last_lap_ms: 70_000 })?.text).toBe("best");
    expect(cell("last_diff", row())?.text).toBe("");
  });
  test("of qualifying has the best lap instead", () => {
    const ids = twoLines(columnsFor(["S1"], 5, null, true), true).map(({ id }) => id);
    expect(ids).toContain("best");
    expect(ids).not.toContain("last_diff");
  });
});

describe("a race", () => {
  test("the cars are in the running order", () => {
    const rows = inOrder(race);
    expect(rows.map((one) => one.position)).toEqual(rows.map((_, place) => place + 1));
  });
  test("classes stand in the order of the session, others behind", () => {
    expect(classesOf(race).map((one) => one.name)).toEqual(["LMP1", "LMP2", "GT1", "GT2"]);
    const standings = { ...race.standings, "0": row({ car: "0", class: "P1X" }) };
    expect(classesOf({ ...race, standings }).at(-1)?.name).toBe("P1X");
  });
  test("every column has a cell for every car", () => {
    const scene: Scene = {
      bests: new Bests(inOrder(race)),
      classes: new Map(classesOf(race).map((one) => [one.name, one])),
      inClass: false,
      moved: new Map([["7", 2]]),
      clockMs: 33_000_000,
      timed: false,
      measured: null,
      forecast: null,
    };
    const columns = columnsFor(race.session.timing_lines, 4, null, false, false);
    for (const one of inOrder(race))
      for (const column of columns) expect(typeof column.cell(one, scene).text).toBe("string");
    const cell = (id: string, of: Standing, inClass = false) =>
      columns.find((column) => column.id === id)?.cell(of, { ...scene, inClass });
    const second = row({
      position: 2,
      gap: { laps: 1 },
      class_gap: { ms: 0, laps: 0 },
      interval: { ms: 900 },
    });
    expect(cell("gap", second)?.text).toBe("1 L");
    expect(cell("gap", second, true)?.text).toBe("-");
    expect(cell("interval", second)).toEqual({ text: "0.900", look: "close" });
    expect(cell("moved", second)?.text).toBe("▲2");
    const behind = columns.find(({ id }) => id === "interval");
    expect(behind?.cell(second, { ...scene, timed: true })).toEqual({ text: "0.900" });
    const inPit = row({ status: "pit", in_pit_since_ms: 32_930_000 });
    expect(cell("state", inPit)?.text).toBe("PIT 1:10");
    const parked = columns.find(({ id }) => id === "state");
    expect(parked?.cell(inPit, { ...scene, timed: true }).text).toBe("PIT");
    const bar = columnsFor(race.session.timing_lines, 4).find(({ id }) => id === "sector S1");
    const sectors = row({ last_sectors_ms: { S1: 21_000 }, best_sectors_ms: { S1: 21_000 } });
    expect(bar?.cell(sectors, scene)).toMatchObject({ text: "21.000", bar: true, look: "bar own" });
    expect(
      columns.flatMap(({ id, heading, name }) =>
        id.startsWith("sector") ? [[heading, name]] : [],
      ),
    ).toEqual([
      ["S1", "Sector 1, up to S1"],
      ["S2", "Sector 2, up to S2"],
      ["S3", "Sector 3, up to FL"],
    ]);
    const under = (done: number) => {
      const times = {
        last_sectors_ms: { S1: 21, S2: 24, FL: 27 },
        best_sectors_ms: { S1: 20, S2: 23, FL: 27 },
      };
      return ["S1", "S2", "FL"].map(
        (line) => cell(`sector ${line}`, row({ ...times, sectors_done: done }))?.look,
      );
    };
    expect(under(0)).toEqual(["", "", "own"]);
    expect(under(1)).toEqual(["", " before", "own before"]);
    expect(under(2)).toEqual(["", "", "own before"]);
  });
  test("an empty log is no race yet", () => {
    expect(stateOf({ session: {}, standings: {} })).toBeNull();
    expect(stateOf(null)).toBeNull();
  });
  test("search finds numbers from their beginning, and names anywhere", () => {
    const car = row({ car: "007", driver: "Tom Kristensen", team: "Aston Martin Racing" });
    expect(
      ["", "00", "007", "krist", "MARTIN", "lmp2"].map((typed) => matches(car, typed)),
    ).toEqual(Array(6).fill(true));
    expect(["7", "audi"].map((typed) => matches(car, typed))).toEqual([false, false]);
  });
});

describe("columns have room, or give way", () => {
  const wide = columnsFor(["S1", "S2", "FL"], 6, null, false, false).filter(
    (column) => column.from < 2400,
  );
  const phone = wide.filter((column) => column.from === 0);
  const needed = ({ columns, pad }: ReturnType<typeof fitting>, digit: number) =>
    columns.reduce((sum, { width }) => sum + width * digit * LEAST_PX + pad * 2, 0);
  const ids = (set: ReturnType<typeof fitting>) => set.columns.map(({ id }) => id);

  test.each([
    ["full HD beside race control", 1600, wide],
    ["1600", 1280, wide],
    ["1366", 1046, wide],
    ["a tablet", 768, wide],
    ["a phone", 390, phone],
    ["a small phone", 384, phone],
  ])("%s (%d px), in our font and in the widest there is", (_, room, wanted) => {
    for (const digit of [0.54, 0.64]) {
      const set = fitting(wanted, room, digit);
      expect(needed(set, digit)).toBeLessThanOrEqual(room);
      expect(ids(set)).toEqual(expect.arrayContaining(["position", "car", "gap", "last", "state"]));
      if (wanted === wide) expect(ids(set)).toContain("penalties");
    }
  });

  test("of qualifying the best lap comes before the gaps, and stays", () => {
    const timed = columnsFor(["S1", "S2", "FL"], 6, null, true);
    const shown = timed.filter((column) => column.from <= 1600 || column.fixed);
    const order = shown.map(({ id }) => id);
    expect(order.indexOf("best")).toBe(order.indexOf("gap") - 1);
    for (const id of ["pace", "stint", "stops"]) expect(order).not.toContain(id);
    expect(ids(fitting(shown, 10, 0.54))).toContain("best");
    expect(timed.find(({ id }) => id === "gap")?.name).toBe("Gap to the best lap");
  });

  test("sectors and bests go before names, and what a car owes never", () => {
    expect(ids(fitting(wide, 1046, 0.54))).toEqual(wide.map(({ id }) => id));
    const narrow = ids(fitting(wide, 900, 0.54));
    expect(narrow).not.toContain("sector FL");
    expect(narrow).toEqual(expect.arrayContaining(["driver", "team", "state", "penalties"]));
    expect(ids(fitting(wide, 10, 0.54))).toEqual([
      "position",
      "class",
      "class_position",
      "car",
      "state",
      "gap",
      "interval",
      "last",
      "penalties",
    ]);
  });
});

test("local flags of one kind are listed together, in the order of their sectors", () => {
  const flags = {
    "10": { flag: "yellow", since_ms: 3 },
    "2": { flag: "yellow", since_ms: 1 },
    "3": { flag: "white", since_ms: 2 },
  } as const;
  expect(localMarks(flags)).toEqual([
    { text: "S2 S10 Yellow", words: "Yellow", look: "yellow" },
    { text: "S3 White flag", words: "White flag", look: "white" },
  ]);
  expect(localMarks(undefined)).toEqual([]);
});

test("messages of the fixture are of all kinds", () => {
  const kinds = new Set(sent.map(({ message }) => parseMessage(message).kind));
  expect(kinds).toEqual(new Set(["snapshot", "delta", "heartbeat"]));
});

describe("what says the same stays the same object", () => {
  test("until it says something else", () => {
    const list = steady<readonly number[]>(sameItems);
    const first = list([1, 2]);
    expect(list([1, 2])).toBe(first);
    expect(list([1, 3])).not.toBe(first);
    const map = steady<ReadonlyMap<string, number>>(sameEntries);
    const before = map(new Map([["7", 1]]));
    expect(map(new Map([["7", 1]]))).toBe(before);
    expect(map(new Map([["1", 1]]))).not.toBe(before);
    expect(map(new Map())).not.toBe(before);
  });

  test("bests, while every time would get the same mark", () => {
    const sectors = { last_sectors_ms: { S1: 21 }, best_sectors_ms: { S1: 20 } };
    const best = new Bests([row({ best_lap_ms: 70, ...sectors })]);
    expect(best.isSame(new Bests([row({ best_lap_ms: 70, laps: 99, ...sectors })]))).toBe(true);
    expect(best.isSame(new Bests([row({ best_lap_ms: 69, ...sectors })]))).toBe(false);
    expect(best.isSame(new Bests([row({ best_lap_ms: 70, class: "GT2", ...sectors })]))).toBe(
      false,
    );
    expect(
      best.isSame(new Bests([row({ best_lap_ms: 70, ...sectors, best_sectors_ms: {} })])),
    ).toBe(false);
  });

  test("movements, while nobody moves", () => {
    const movements = new Movements();
    const places = (first: string, second: string) =>
      new Map([
        [first, 1],
        [second, 2],
      ]);
    const still = movements.see(places("7", "1"), 0);
    expect(movements.see(places("7", "1"), 10)).toBe(still);
    const moved = movements.see(places("1", "7"), 20);
    expect(movements.see(places("1", "7"), 30)).toBe(moved);
    expect(moved.get("1")).toBe(1);
  });
});

describe("the flag of a session", () => {
  test.each([
    [{}, "Waiting for the start"],
    [{ ended_ms: 60_000 }, "Finished"],
    [{ flag: "chequered" as const }, "Chequered flag"],
  ])("%o", (session, words) => {
    expect(flagOfSession(session).words).toBe(words);
  });
});
