import { describe, expect, test } from "vitest";
import { BadMessage, parseMessage } from "../src/live/messages";
import { columnsFor, type Scene } from "../src/timing/columns";
import { nextStopWords, percentText, rangeText, type ForecastRow } from "../src/timing/forecast";
import {
  flagGapText,
  forecastClasses,
  percentOf,
  strength,
  toFlag,
} from "../src/race/forecast_page";
import type { Standing } from "../src/timing/state";

export function forecastRow(more: Partial<ForecastRow> = {}): ForecastRow {
  return {
    car: "7",
    class: "LMP2",
    class_position: 1,
    expected_place: 1.62,
    place_p10: 1,
    place_p90: 3,
    win: 0.62,
    podium: 0.9,
    gains: -0.6,
    laps_left: { p10: 58, p50: 60, p90: 62 },
    stops_left: 2,
    next_stop: { p10: 4, p50: 9, p90: 11 },
    latest_stop: 12,
    net_position: 2,
    gap_at_flag_ms: 4_000,
    places: [0.62, 0.2, 0.18],
    ...more,
  };
}

describe("words of forecasts", () => {
  test.each([
    [0, "<1 %"],
    [0.004, "<1 %"],
    [0.62, "62 %"],
    [0.994, "99 %"],
    [1, ">99 %"],
  ])("%j is %j: nothing is impossible or certain", (probability, text) => {
    expect(percentText(probability)).toBe(text);
  });

  test("intervals and stops", () => {
    expect([rangeText(2, 5), rangeText(3, 3)]).toEqual(["2–5", "3"]);
    expect(nextStopWords(forecastRow())).toBe("next stop in 4–11 laps, at the latest in 12");
    expect(nextStopWords(forecastRow({ next_stop: null }))).toBe("probably no stop to the flag");
  });
});

describe("columns with forecasts", () => {
  const columns = columnsFor(["FL"], 4).filter((column) => column.forecast);
  const row = { car: "7" } as Standing;
  const scene = (stale: boolean) =>
    ({ forecast: { cars: new Map([["7", forecastRow()]]), atMs: 0, stale } }) as unknown as Scene;

  test("are left to choice, say what they are, and are not of qualifying", () => {
    expect(columns.length).toBe(5);
    for (const column of columns) {
      expect(column.from).toBe(Infinity);
      expect(column.name).toMatch(/^Forecast: /);
    }
    expect(columnsFor(["FL"], 4, null, true).some((column) => column.forecast)).toBe(false);
  });

  test("a cell is a forecast, and dimmed when it is out of date", () => {
    const cells = columns.map((column) => column.cell(row, scene(false)));
    expect(cells.map(({ text }) => text)).toEqual(["62 %", "1.6", "1–3", "9", "2"]);
    for (const { look, title } of cells) {
      expect(look).toBe("forecast");
      expect(title).toMatch(/^Forecast: /);
    }
    expect(columns[0]?.cell(row, scene(true))).toMatchObject({ look: "forecast old" });
    expect(columns[0]?.cell({ car: "1" } as Standing, scene(false)).text).toBe("");
  });
});

describe("messages with forecasts", () => {
  const message = {
    kind: "forecast",
    token: "1:5-0",
    epoch: 1,
    at: 5,
    clock: { at: 5, running: true },
    made_from: "4-0",
  };

  test("have one, or none and a reason", () => {
    expect(parseMessage(JSON.stringify({ ...message, data: { cars: {} } })).kind).toBe("forecast");
    expect(parseMessage(JSON.stringify({ ...message, data: null })).kind).toBe("forecast");
    expect(() => parseMessage(JSON.stringify(message))).toThrow(BadMessage);
  });
});

describe("the page", () => {
  const rows = [
    forecastRow({ car: "1", class_position: 1, expected_place: 2, win: 0.3 }),
    forecastRow({ car: "2", class_position: 2, expected_place: 1.2, win: 0.69 }),
    forecastRow({ car: "3", class_position: 3, expected_place: 3, win: 0.01, latest_stop: 40 }),
    forecastRow({ car: "9", class: "GTP" }),
  ];

  test("has the classes of the session, with cars as they stand or may end", () => {
    const cars = (order: "now" | "end") =>
      forecastClasses(rows, ["GTP", "LMP2", "GTD"], order).map((one) => [
        one.name,
        one.rows.map(({ car }) => car).join(),
      ]);
    expect(cars("now")).toEqual([
      ["GTP", "9"],
      ["LMP2", "1,2,3"],
    ]);
    expect(cars("end")[1]).toEqual(["LMP2", "2,1,3"]);
  });

  test("has the odds that can be seen, the best first, and one scale for pit windows", () => {
    const lmp2 = forecastClasses(rows, ["LMP2"], "now")[0];
    expect(lmp2?.odds.map(({ car }) => car)).toEqual(["2", "1"]);
    expect(lmp2?.laps).toBe(40);
  });

  test("scales stay on the page", () => {
    expect([percentOf(5, 10), percentOf(-1, 10), percentOf(20, 10)]).toEqual([
      "50.00%",
      "0.00%",
      "100.00%",
    ]);
    expect([strength(0.001), strength(0.25), strength(1)]).toEqual([0, 0.5, 1]);
  });

  test("the white flag falls a lap before the last one ends", () => {
    expect(toFlag({ p10: 28, p50: 29, p90: 31 }, 400)).toEqual({
      laps: "29",
      range: "28–31",
      last: "429",
      white: "428",
    });
  });

  test.each([
    [0, ""],
    [9_640, "+9.6"],
    [62_000, "+1:02"],
    [4_000_000, ""],
  ])("a gap of %j ms at the flag is %j", (ms, text) => {
    expect(flagGapText(ms)).toBe(text);
  });
});
