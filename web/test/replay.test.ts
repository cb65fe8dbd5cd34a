import { describe, expect, test } from "vitest";
import { addressOfMoment, isSameMoment, momentOf, momentText } from "../src/replay/moment";
import {
  lastMarker,
  markerBefore,
  markerNear,
  markerOver,
  marksOf,
  nameOf,
  nextMarker,
  placeOf,
  spanOf,
  ticksOf,
  timeAt,
  type Kind,
  type Marker,
} from "../src/replay/timeline";
import { addressed, addressOf } from "../src/screen/address";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function marker(kind: Kind, number: number, at: number, end: number | null = null): Marker {
  const label = `${kind} ${number}`;
  const times = { at_ms: at, end_ms: end, wall_clock: null, end_wall_clock: null };
  return { kind, number, lap: 1, car: null, label, ...times };
}

const SPAN = { startMs: 0, endMs: 10 * HOUR };
const MARKERS: Marker[] = [
  marker("caution", 1, HOUR, HOUR + 20 * MINUTE),
  { ...marker("flag", 1, HOUR, HOUR + 20 * MINUTE), label: "Flag: safety car" },
  marker("restart", 1, HOUR + 20 * MINUTE),
  marker("lead_change", 1, 2 * HOUR),
  marker("penalty", 1, 2 * HOUR + 1000),
  marker("caution", 2, 9 * HOUR),
];

describe("how long the bar is", () => {
  test("a session ends where it has come to, by the minute", () => {
    expect(spanOf(3_599_001, false, undefined)).toEqual({ startMs: 0, endMs: HOUR });
    expect(spanOf(HOUR, false, 10 * HOUR)).toEqual({ startMs: 0, endMs: HOUR });
    expect(spanOf(0, false, undefined).endMs).toBe(MINUTE);
  });

  test("the end of a replay is not published", () => {
    const race = { length: 9 * HOUR + 19 * MINUTE, limit: 10 * HOUR };
    for (const at of [0, HOUR, race.length])
      expect(spanOf(at, true, race.limit).endMs).toBe(race.limit);
    expect(spanOf(race.limit + 1, true, race.limit).endMs).toBe(10.5 * HOUR);
    expect(spanOf(HOUR - 1, true, undefined).endMs).toBe(HOUR);
    expect(spanOf(HOUR, true, undefined).endMs).toBe(1.5 * HOUR);
  });
});

describe("times and places", () => {
  test("a place is that part of the bar, and leads back to its time", () => {
    expect(placeOf(SPAN, 5 * HOUR)).toBe(0.5);
    for (const ms of [0, 1, 8 * HOUR + 50 * MINUTE + 13_291, 10 * HOUR])
      expect(timeAt(SPAN, placeOf(SPAN, ms))).toBe(ms);
  });

  test("what lies outside is at the edge", () => {
    expect([placeOf(SPAN, -1), placeOf(SPAN, 11 * HOUR)]).toEqual([0, 1]);
    expect([timeAt(SPAN, -0.2), timeAt(SPAN, 1.2)]).toEqual([0, 10 * HOUR]);
  });

  test.each([200, 390, 1280, 1920])("ticks on %i px stand apart, and none at the end", (width) => {
    const ticks = ticksOf(SPAN, width);
    expect(ticks[0]).toEqual({ ms: 0, left: 0, text: "0:00" });
    expect(ticks.length).toBeGreaterThan(1);
    const apart = ticks
      .slice(1)
      .map((tick, index) => (tick.left - (ticks[index]?.left ?? 0)) * width);
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(60);
    expect(ticks.at(-1)?.left).toBeLessThan(1);
  });
});

describe("marks", () => {
  test("a caution is as wide as it was long, one under way up to now", () => {
    const marks = new Map(marksOf(MARKERS, SPAN, 9.5 * HOUR).map((mark) => [mark.key, mark]));
    expect(marks.get("caution:1")?.left).toBe(0.1);
    expect(marks.get("caution:1")?.width).toBeCloseTo(20 / 600);
    expect(marks.get("caution:2")?.left).toBe(0.9);
    expect(marks.get("caution:2")?.width).toBeCloseTo(0.05);
    expect(marks.get("lead_change:1")).toMatchObject({ left: 0.2, width: 0 });
  });

  test("a flag has the look of its colour", () => {
    const looks = ["green", "safety car", "FCY", "chequered", "red"].map((said) => {
      const flag = { ...marker("flag", 1, 0), label: `Flag: ${said}` };
      return marksOf([flag], SPAN, 0)[0]?.look;
    });
    expect(looks).toEqual(["green", "yellow", "yellow", "chequered", "red"]);
  });

  test("a local flag has its look, lasts as long as it stood, and gives way to a caution", () => {
    const local = {
      ...marker("local_flag", 1, HOUR - MINUTE),
      end_ms: HOUR + MINUTE,
      label: "Sector 2: slow zone",
    };
    const [mark] = marksOf([local], SPAN, 9 * HOUR);
    expect(mark).toMatchObject({ key: "local_flag:1", look: "yellow" });
    expect(mark?.width).toBeCloseTo(2 / 600);
    expect(markerOver([local, ...MARKERS], HOUR - 1)).toBe(local);
    expect(markerOver([local, ...MARKERS], HOUR)).toMatchObject({ kind: "caution" });
    expect(nameOf(local)).toBe("local-flag:1");
  });

  test("their names are those that the gateway goes to", () => {
    expect(MARKERS.map(nameOf).slice(2)).toEqual([
      "restart:1",
      "lead-change:1",
      "penalty:1",
      "caution:2",
    ]);
  });

  test("jumps go to the next one and the one before, of any kind or of one", () => {
    const next = (ms: number, kind: Kind | null = null) => nextMarker(MARKERS, ms, kind);
    const before = (ms: number, kind: Kind | null = null) => markerBefore(MARKERS, ms, kind);
    expect(next(0)).toMatchObject({ kind: "caution", number: 1 });
    expect(next(HOUR)).toMatchObject({ kind: "restart" });
    expect(next(HOUR, "caution")).toMatchObject({ number: 2 });
    expect(next(9 * HOUR)).toBeNull();
    expect(before(9 * HOUR)).toMatchObject({ kind: "penalty" });
    expect(before(9 * HOUR, "caution")).toMatchObject({ number: 1 });
    expect(before(HOUR)).toBeNull();
  });

  test("what is near was meant; of one moment the caution, not its flag", () => {
    expect(markerNear(MARKERS, HOUR + 900, 1000)).toMatchObject({ kind: "caution" });
    expect(markerNear(MARKERS, 2 * HOUR + 600, 1000)).toMatchObject({ kind: "penalty" });
    expect(markerNear(MARKERS, 3 * HOUR, 1000)).toBeNull();
    expect(markerOver(MARKERS, HOUR + 5 * MINUTE)).toMatchObject({ kind: "caution", number: 1 });
    expect(markerOver(MARKERS, HOUR + 20 * MINUTE)).toBeNull();
  });

  test("the last marker before a moment", () => {
    expect(lastMarker(MARKERS, HOUR)).toMatchObject({ kind: "caution", number: 1 });
    expect(lastMarker(MARKERS, 8 * HOUR)).toMatchObject({ kind: "penalty" });
    expect(lastMarker(MARKERS, HOUR - 1)).toBeNull();
  });
});

describe("a moment", () => {
  test.each([
    [0, "0:00:00"],
    [31_813_291, "8:50:13.291"],
    [86_400_007, "24:00:00.007"],
    [-5, "0:00:00"],
    [1999.6, "0:00:02"],
  ])("%d ms is %s", (ms, text) => {
    expect(momentText(ms)).toBe(text);
  });

  test("the address keeps it, to be read, and everything else", () => {
    const url = new URL("http://pit/?session=petit&cars=7,1#access_token=x");
    const moment = { at: "8:50:13.291", knownAt: "at" };
    const next = addressed(url, addressOfMoment(moment));
    expect(next.href).toBe(
      "http://pit/?session=petit&cars=7,1&at=8:50:13.291&known_at=at#access_token=x",
    );
    expect(momentOf(addressOf(next))).toEqual(moment);
    expect(addressed(next, addressOfMoment(null)).href).toBe(url.href);
    expect(momentOf(addressOf(url))).toBeNull();
  });

  test("two are the same by what they say", () => {
    const one = { at: "caution:9", knownAt: null };
    expect(isSameMoment(one, { ...one })).toBe(true);
    expect(isSameMoment(one, { ...one, knownAt: "at" })).toBe(false);
    expect(isSameMoment(one, null)).toBe(false);
    expect(isSameMoment(null, null)).toBe(true);
  });
});
