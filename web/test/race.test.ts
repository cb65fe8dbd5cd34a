import { describe, expect, test } from "vitest";
import { viewPath } from "../src/live/gateway";
import { addressed, addressOf } from "../src/screen/address";
import {
  battleRange,
  cautionBands,
  cautionLaps,
  goingOnFrom,
  goneOn,
  LATE_MS,
  lastLaps,
  lines,
  paceRange,
  valueAt,
} from "../src/race/chart";
import { closing, median } from "../src/race/closing";
import { apart, bandLabels, dashOf, hueOf, roomFor } from "../src/race/plot";
import type {
  CautionRow,
  ChartRow,
  DifferenceRow,
  LapRow,
  PitRow,
  StintRow,
} from "../src/race/rows";
import { bars, newestFirst, ticks } from "../src/race/strategy";
import {
  axisMinutes,
  axisSeconds,
  closingText,
  moveText,
  sidedGap,
  signedSeconds,
} from "../src/race/formatting";

function car(name: string, more: Partial<ChartRow> = {}): ChartRow {
  const length = (more.behind_ms ?? more.at_ms ?? [0, 0, 0]).length;
  const times = Array.from({ length }, (_, index) => (index + 1) * 60_000);
  return {
    car: name,
    class: "GT",
    to: null,
    first_lap: 1,
    at_ms: times,
    lap_time_ms: times.map(() => 60_000),
    positions: times.map(() => 1),
    behind_ms: times.map(() => 0),
    behind_laps: times.map(() => 0),
    pit_laps: [],
    ...more,
  };
}

describe("the address", () => {
  const page = new URL(
    "http://here/?session=petit&page=battle&cars=7,01&to=01&at=lap:300&x=1#access_token=t",
  );

  test("says what is looked at", () => {
    expect(addressOf(page)).toEqual({
      session: "petit",
      page: "battle",
      cars: ["7", "01"],
      to: "01",
      part: null,
      at: "lap:300",
      knownAt: null,
    });
    expect(addressOf(new URL("http://here/?page=nothing")).page).toBe("timing");
  });
  test("keeps whatever else it says when something else is looked at", () => {
    const next = addressed(page, { page: "timing", cars: [], to: null });
    expect(next.href).toBe("http://here/?session=petit&at=lap:300&x=1#access_token=t");
    expect(addressOf(addressed(page, { part: "gaps" }))).toEqual({
      ...addressOf(page),
      part: "gaps",
    });
  });
  test("of a view leaves out what is not asked", () => {
    const query = { to: "0 7", since_ms: 0, at: null };
    expect(viewPath({ session: "petit", view: "chart", query })).toBe(
      "/sessions/petit/chart?to=0+7&since_ms=0",
    );
    expect(viewPath({ session: "petit", view: "pits", query: {} })).toBe("/sessions/petit/pits");
  });
});

describe("a chart", () => {
  test("goes on from a little before its newest lap", () => {
    expect(goingOnFrom([car("1", { at_ms: [60_000, 400_000] }), car("2")])).toBe(400_000 - LATE_MS);
    expect(goingOnFrom([])).toBe(0);
  });
  test("takes in what came since: later laps, another past, a hole, another car", () => {
    const before = [car("1"), car("2")];
    const more = [
      car("1", { first_lap: 3, at_ms: [181_000, 240_000], behind_ms: [5, 7], pit_laps: [4] }),
      car("3", { first_lap: 2 }),
    ];
    const after = goneOn(before, more);
    expect(after.map((row) => row.car)).toEqual(["1", "2", "3"]);
    expect(after[0]?.at_ms).toEqual([60_000, 120_000, 181_000, 240_000]);
    expect(after[0]?.behind_ms).toEqual([0, 0, 5, 7]);
    expect(after[0]?.pit_laps).toEqual([4]);
    expect(after[1]).toBe(before[1]);
    const late = goneOn([car("1")], [car("1", { first_lap: 5, at_ms: [300_000] })]);
    expect(late[0]?.at_ms).toEqual([60_000, 120_000, 180_000, null, 300_000]);
  });
  test("a continued view equals the view read as a whole", () => {
    const whole = car("1", { at_ms: [1, 2, 3, 4, 5].map((lap) => lap * 60_000), pit_laps: [2, 5] });
    const columns = ["at_ms", "lap_time_ms", "positions", "behind_ms", "behind_laps"] as const;
    for (const first of [1, 2, 4]) {
      const cut = (from: number, to: number): ChartRow => ({
        ...whole,
        first_lap: from,
        ...Object.fromEntries(columns.map((name) => [name, whole[name].slice(from - 1, to)])),
        pit_laps: whole.pit_laps.filter((lap) => lap >= from && lap <= to),
      });
      expect(goneOn([cut(1, 4)], [cut(first, 5)])[0]).toEqual(whole);
    }
  });
  test("has a line for each car, with holes", () => {
    const rows = [
      car("1", { positions: [2, 1, 1] }),
      car("2", { first_lap: 2, at_ms: [null], positions: [2] }),
    ];
    expect(lines(rows, "positions")).toEqual([
      [1, 2, 3],
      [2, 1, 1],
      [null, 2, null],
    ]);
    expect(valueAt(rows[1] as ChartRow, "positions", 1)).toBeNull();
    expect(lines([], "positions")).toEqual([[]]);
    expect(lastLaps(rows, 2)).toEqual([3, 2]);
    expect(lastLaps([], 2)).toEqual([]);
  });
  test("shows cautions along the leader's laps, and along a car's own", () => {
    const caution = (from: number | null, to: number | null) =>
      ({ number: 2, first_lap: from, last_lap: to }) as CautionRow;
    expect(cautionBands([caution(3, 5), caution(null, null)])).toEqual([
      { from: 2.5, to: 5.5, label: "2" },
    ]);
    const lap = (number: number, flag: string | null) => ({ lap: number, flag }) as LapRow;
    const flags = [
      lap(1, "green"),
      lap(2, "fcy"),
      lap(3, "safety_car"),
      lap(4, null),
      lap(5, "red"),
    ];
    expect(cautionLaps(flags).map(({ from, to }) => [from, to])).toEqual([
      [1.5, 3.5],
      [4.5, 5.5],
    ]);
  });
  test("is as high as the pace, not as a stop", () => {
    const [least, most] = paceRange([61_000, null, 60_000, 62_000, 900_000]);
    expect(least).toBeLessThan(60_000);
    expect(most).toBe(62_000 * 1.2);
    expect(paceRange([])).toEqual([60_000, 120_000]);
    expect(paceRange([60_000, 60_100])[1]).toBeLessThan(61_000);
  });
  test("lines of a colour differ", () => {
    expect(dashOf(0)).toEqual([]);
    expect(new Set([0, 1, 2, 3].map((count) => dashOf(count).join())).size).toBe(4);
  });
  test("names the ends of lines so that none lies on another", () => {
    expect(apart([10, 11, 50], 12, 0, 100)).toEqual([10, 22, 50]);
    expect(apart([98, 99], 12, 0, 100)).toEqual([88, 100]);
    expect(apart([], 12, 0, 100)).toEqual([]);
  });
  test("names no more of them than have room, and none above the chart", () => {
    const [height, top, bottom] = [12, 8, 458];
    const room = roomFor(height, top, bottom);
    expect(room).toBe(38);
    const places = Array.from({ length: 47 }, (_, place) => 20 + place * 9).slice(0, room);
    const moved = apart(places, height, top, bottom);
    expect(Math.min(...moved)).toBeGreaterThanOrEqual(top);
    expect(Math.max(...moved)).toBeLessThanOrEqual(bottom);
    const apartBy = moved.slice(1).map((at, index) => at - (moved[index] ?? 0));
    expect(Math.min(...apartBy)).toBeGreaterThanOrEqual(height);
    expect(roomFor(12, 8, 9)).toBe(1);
  });
  test("writes all marks of an axis in seconds alike", () => {
    const written = (step: number, ...marks: number[]) => marks.map((ms) => axisSeconds(ms, step));
    expect(written(5000, -10_000, -5000, 0, 5000)).toEqual(["−10 s", "−5 s", "0 s", "+5 s"]);
    expect(written(2500, -10_000, 2500)).toEqual(["−10.0 s", "+2.5 s"]);
    expect(written(250, 250, 0)).toEqual(["+0.25 s", "0.00 s"]);
    expect(written(50, 50)).toEqual(["+0.05 s"]);
  });
});

describe("gaps and cautions of a chart", () => {
  test.each([
    [30_000, 10_000, "0:30"],
    [600_000, 60_000, "10:00"],
    [720_000, 60_000, "12:00"],
    [3_900_000, 300_000, "1:05:00"],
    [-2_500, 500, "−0:02.5"],
  ])("a mark of %i ms is written in full", (ms, step, text) => {
    expect(axisMinutes(ms, step)).toBe(text);
  });

  test("a car laps down does not flatten a battle", () => {
    const fight = [3500, 3400, 3600, 3500];
    const [least, most] = battleRange([[0, 0, 0, 0], fight, [5e6, 5e6, 5e6, 5e6]]) ?? [0, 0];
    expect(most).toBeLessThan(16_000);
    expect(least).toBeLessThan(0);
    expect(battleRange([[0, 0, 0, 0], fight])).toBeNull();
  });

  test("nor do laps on which they were far apart", () => {
    const split = [60_000, 60_000, 60_000, 60_000, 3500, 3400, 3600];
    expect(battleRange([split])?.[1]).toBeLessThan(16_000);
  });

  test("labels of cautions do not touch, and those out of range are left out", () => {
    const spans = [
      { left: -30, right: -10, label: "1" },
      { left: 100, right: 104, label: "12" },
      { left: 106, right: 110, label: "13" },
      { left: 300, right: 320, label: "14" },
    ];
    const labels = bandLabels(spans, 0, 200, () => 14, 4);
    expect(labels).toEqual([
      { label: "12", middle: 102, row: 0 },
      { label: "13", middle: 108, row: 1 },
    ]);
  });

  test("chosen cars have a hue each", () => {
    expect(new Set(Array.from({ length: 8 }, (_, at) => hueOf(at))).size).toBe(8);
  });
});

describe("closing", () => {
  test("is the median of the last laps, and gives the lap when they meet", () => {
    expect(closing(car("2", { behind_ms: [9000, 8000, 7000, 6000, 2000, 4000] }))).toEqual({
      perLap: 1000,
      laps: 4,
    });
    expect(closing(car("2", { behind_ms: [1000, 2000, 3000] }))).toEqual({
      perLap: -1000,
      laps: null,
    });
    expect(closing(car("2", { behind_ms: [-3000, -2000, -1000] }))).toEqual({
      perLap: -1000,
      laps: 1,
    });
  });
  test("says nothing of a stop, of holes, or of too few laps", () => {
    expect(closing(car("2", { behind_ms: [0, 1000, 40_000, 41_000], pit_laps: [3] }))).toBeNull();
    expect(closing(car("2", { behind_ms: [1000, null, null, 900] }))).toBeNull();
    expect(closing(car("2", { behind_ms: [1000] }))).toBeNull();
    expect(median([3, 1, 2, 10])).toBe(2.5);
  });
  test("in words", () => {
    expect(closingText({ perLap: 512.4, laps: 7 })).toBe("wins 0.512 s a lap, level in 7 laps");
    expect(closingText({ perLap: -300, laps: 1 })).toBe("loses 0.300 s a lap, level in 1 lap");
    expect(closingText({ perLap: 512, laps: 7 }, false)).toBe("wins 0.512 s a lap");
    expect(closingText(null)).toBe("");
  });
});

describe("strategy", () => {
  const stint = (more: Partial<StintRow>): StintRow => ({
    car: "1",
    number: 1,
    first_lap: 1,
    last_lap: 10,
    start_ms: 0,
    end_ms: 600_000,
    laps: 10,
    ...more,
  });

  test("bars lie along the clock; the longest of the class is the oldest", () => {
    const rows = [
      stint({}),
      stint({ number: 2, first_lap: 11, last_lap: 15, laps: 5, start_ms: 660_000, end_ms: null }),
      stint({ car: "2", laps: 20, end_ms: null }),
      stint({ car: "3", laps: 0 }),
    ];
    const found = bars(
      rows,
      (name) => (name === "2" ? { class: "LMP", until: 300_000 } : { class: "GT" }),
      1_200_000,
    );
    expect(found.get("1")).toEqual([
      { from: 0, length: 0.5, laps: 10, first: 1, last: 10, open: false, age: 1 },
      { from: 0.55, length: 0.45, laps: 5, first: 11, last: 15, open: true, age: 0.5 },
    ]);
    expect(found.get("2")).toMatchObject([{ length: 0.25, open: false, age: 1 }]);
    expect(found.has("3")).toBe(false);
  });
  test("the axis has few marks", () => {
    expect(ticks(9.5 * 3_600_000)).toHaveLength(9);
    expect(ticks(2 * 3_600_000)).toHaveLength(3);
    expect(ticks(1_500_000)).toEqual([600_000, 1_200_000]);
  });
  test("the newest visit comes first", () => {
    const visits = [{ entered_ms: 1 }, { entered_ms: 3 }, { entered_ms: 2 }] as PitRow[];
    expect(newestFirst(visits).map((row) => row.entered_ms)).toEqual([3, 2, 1]);
  });
});

describe("words of the pages", () => {
  test("gaps with their side", () => {
    const gap = (laps: number | null, ms: number | null) => ({ laps, ms });
    expect(sidedGap({ side: "behind", gap: gap(null, 3500) })).toBe("+3.500");
    expect(sidedGap({ side: "ahead", gap: gap(1, null) })).toBe("−1 L");
    expect(sidedGap({ side: "same", gap: gap(0, 0) })).toBe("·");
    expect(sidedGap({ side: "behind", gap: gap(null, null) })).toBe("");
    expect(signedSeconds(-512)).toBe("−0.512");
    expect(signedSeconds(62_000)).toBe("+1:02.0");
  });
  test("moves", () => {
    const move = (was: number | null, is: number | null) =>
      moveText({ position_before: was, position_after: is } as DifferenceRow);
    expect([move(2, 1), move(3, 3), move(4, null), move(null, 5), move(null, null)]).toEqual([
      "2 → 1",
      "3",
      "4 → not listed",
      "not listed → 5",
      "",
    ]);
  });
});
