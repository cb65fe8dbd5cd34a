import { describe, expect, test } from "vitest";
import {
  outputStateOf,
  classesByName,
  whyNot,
  type OutputState,
} from "../src/graphics/output_state";
import { Cue, isNewBest, isNewDecision, isOn } from "../src/graphics/cues";
import { fieldsOf } from "../src/graphics/fields";
import { Slots, stopsOf } from "../src/graphics/pit_lane";
import { rowsWithin, sizeWithin, towerName, towerWidth } from "../src/graphics/layout";
import { inOrder } from "../src/timing/state";
import { championshipLines, forecastLines, pageOf, towerLines } from "../src/graphics/lines";
import { parametersOf, templateNamed, updated } from "../src/graphics/parameters";
import {
  behindText,
  carName,
  FamilyNames,
  familyName,
  timerText,
} from "../src/graphics/formatting";
import { parseMessage } from "../src/live/messages";
import { ReceivedState } from "../src/live/received_state";
import type { Standing } from "../src/timing/state";
import { nameParts } from "../src/graphics/driver_names";
import sent from "./fixtures/messages.json";
import names from "./fixtures/names.json";

/** The 2007 Petit Le Mans in its last caution, as the gateway sends it. */
function lastCaution(): OutputState {
  const picture = new ReceivedState();
  for (const { message } of sent) {
    const next = parseMessage(message);
    if (next.epoch > 2) break;
    picture.show(next);
  }
  const output = outputStateOf(picture.state);
  if (output === null) throw new Error("no session");
  return output;
}

const race = lastCaution();
const all = { class: null, cars: [], gap: "leader" } as const;

describe("what graphics systems hand over", () => {
  const wanted = { f0: "Le Mans & more", f1: "LMP2" };

  test("XML as CasparCG sends it", () => {
    const data = (id: string, value: string) =>
      `<componentData id="${id}"><data id="text" value="${value}"/></componentData>`;
    const xml = `<templateData>${data("f0", "Le Mans &amp; more")}${data("f1", "LMP2")}</templateData>`;
    expect(fieldsOf(xml)).toEqual(wanted);
    expect(fieldsOf(`<templateData>${data("f0", "&#233;&#x2713;&quot;")}</templateData>`)).toEqual({
      f0: 'é✓"',
    });
  });

  test("JSON as text, and objects", () => {
    expect(fieldsOf(JSON.stringify(wanted))).toEqual(wanted);
    expect(fieldsOf(wanted)).toEqual(wanted);
    expect(fieldsOf({ rows: 12, none: null, list: [] })).toEqual({ rows: "12" });
  });

  test.each([undefined, null, "", "{", "<", "<templateData>", 7, []])("%j is no data", (data) => {
    expect(fieldsOf(data)).toEqual({});
  });
});

describe("parameters", () => {
  const query = (text: string) => new URLSearchParams(text);

  test("an address without any is as usual for its template", () => {
    const { rows, at, scale, safe, autoplay, gap, dim } = parametersOf(query(""), "tower");
    expect({ rows, at, scale, safe, autoplay, gap, dim }).toEqual({
      rows: 10,
      at: "top-left",
      scale: 1,
      safe: 0.05,
      autoplay: true,
      gap: "leader",
      dim: 1,
    });
  });

  test("what is beyond bounds is brought within, nonsense is as usual", () => {
    const odd = query("rows=1000&scale=0&safe=-1&at=moon&gap=far&name=x&hold=&dim=2&hz=0");
    const { rows, scale, safe, at, gap, name, holdMs, dim, maxHz } = parametersOf(odd, "flag");
    expect({ rows, scale, safe, at, gap, name, holdMs, dim, maxHz }).toEqual({
      rows: 60,
      scale: 0.25,
      safe: 0,
      at: "top-right",
      gap: "leader",
      name: "driver",
      holdMs: 8000,
      dim: 1,
      maxHz: 0.1,
    });
  });

  test("an update changes what is shown, by name or number, and nothing else", () => {
    const first = query("output=tower&class=LMP1&rows=8");
    const after = updated(first, first, { f1: "LMP2", rows: "5", output: "other", f99: "x" });
    expect(after.toString()).toBe("output=tower&class=LMP2&rows=5");
    expect(updated(first, after, { f1: "", f0: "" }).get("class")).toBe("LMP1");
    expect(first.get("class")).toBe("LMP1");
  });

  test("templates by name", () => {
    expect([templateNamed("battle"), templateNamed("moon"), templateNamed(null)]).toEqual([
      "battle",
      null,
      null,
    ]);
  });
});

describe("the tower", () => {
  test("overall: places and gaps to the leader, as they were sent", () => {
    const lines = towerLines(race, all);
    expect(lines.map((line) => line.place)).toEqual(lines.map((_, index) => index + 1));
    expect(lines[0]?.gap).toBe("LEADER");
    for (const { row, gap } of lines.slice(1))
      if (row.status === "running") expect(gap).toBe(behindText(row.gap));
  });

  test("of a class: its own places and gaps, in capitals or not", () => {
    const lines = towerLines(race, { ...all, class: "lmp2", gap: "ahead" });
    expect(lines.length).toBeGreaterThan(3);
    expect(new Set(lines.map((line) => line.row.class))).toEqual(new Set(["LMP2"]));
    expect(lines.map((line) => line.place)).toEqual(lines.map((_, index) => index + 1));
    const behind = lines.find(({ row, place }) => place > 1 && row.status === "running");
    expect(behind?.gap).toBe(behindText(behind?.row.class_interval));
    expect(towerLines(race, { ...all, class: "LMP7" })).toEqual([]);
  });

  test("whoever has stopped for good has no gap", () => {
    const retired = towerLines(race, all).filter((line) => line.state === "RET");
    expect(retired.length).toBeGreaterThan(0);
    expect(new Set(retired.map((line) => line.gap))).toEqual(new Set([""]));
  });

  test("of qualifying: the best time, gaps to it, and who has none", () => {
    const timed: OutputState = { ...race, session: { ...race.session, kind: "qualifying" } };
    const standings = {
      ...race.standings,
      "7": { ...race.standings["7"], position: 1, best_lap_ms: 69_195, gap: { laps: 0, ms: 0 } },
      "1": { ...race.standings["1"], position: 2, best_lap_ms: 69_400, gap: { ms: 205 } },
      "6": { ...race.standings["6"], position: 3, best_lap_ms: undefined, gap: {} },
    } as unknown as OutputState["standings"];
    const cars = { ...all, cars: ["7", "1", "6"] };
    const lines = towerLines({ ...timed, standings }, cars);
    expect(lines.map((line) => line.gap)).toEqual(["1:09.195", "+0.205", "NO TIME"]);
  });

  test("parts follow each other, and the first comes again", () => {
    const parts = [0, 1, 2, 3].map((page) => pageOf([1, 2, 3, 4, 5], 2, page));
    expect(parts).toEqual([[1, 2], [3, 4], [5], [1, 2]]);
    expect(pageOf([], 2, 5)).toEqual([]);
  });

  test("each class has its colour", () => {
    const colours = [...classesByName(race).values()].map((one) => one.colour);
    expect(new Set(colours).size).toBe(4);
  });
});

describe("room", () => {
  test("rows keep to the safe area", () => {
    const wanted = { rows: 24, scale: 1, safe: 0.05 };
    expect(rowsWithin(wanted, "tower", 108)).toBe(22);
    expect(rowsWithin({ ...wanted, rows: 12 }, "tower", 108)).toBe(12);
    expect(rowsWithin({ ...wanted, scale: 1.5 }, "championship", 108)).toBe(14);
    expect(rowsWithin({ ...wanted, scale: 4 }, "pit", 54)).toBe(1);
    expect(rowsWithin({ ...wanted, rows: 1 }, "flag", 54)).toBe(1);
  });

  test("a name is set smaller before it is cut", () => {
    expect([sizeWithin(5, 10), sizeWithin(12, 9), sizeWithin(40, 10)]).toEqual([1, 0.75, 0.72]);
    expect(towerWidth("team")).toBeGreaterThan(towerWidth("driver"));
    expect(towerName("team", true, true)).toBeLessThan(towerName("team", false, true));
  });
});

describe("what cannot be shown", () => {
  test("is a class or cars that there are not", () => {
    expect(whyNot(race, null, [])).toBeNull();
    expect(whyNot(race, "lmp2", ["7", "99"])).toBeNull();
    expect(whyNot(race, "NOPE", [])).toBe("no class NOPE here: LMP1, LMP2, GT1, GT2");
    expect(whyNot(race, null, ["99"])).toBe("no car 99 here");
    const season = { rows: { a: { class: "GTP" } } } as unknown as OutputState["championship"];
    expect(whyNot({ ...race, standings: {}, championship: season }, "gtp", ["7"])).toBeNull();
  });
});

describe("the pit lane", () => {
  const [car] = Object.keys(race.standings) as [string];
  const row = {
    ...(race.standings[car] as Standing),
    status: "pit" as const,
    in_pit_since_ms: 5000,
  };
  const { in_pit_since_ms: _, ...out } = { ...row, status: "running" as const };
  const wanted = { class: null, cars: [car], holdMs: 8000 };
  const visit = { lap: 1, kind: "stop" as const, driver_changed: false };

  test("a car that is in has been there since it came", () => {
    const stops = stopsOf({ ...race, standings: { [car]: row } }, 9000, wanted);
    expect(stops).toEqual([{ row, since: 5000, took: undefined }]);
  });

  test("a car that has left keeps the time it took for a while", () => {
    const pits = {
      [car]: {
        "9": { ...visit, entered_ms: 1, exited_ms: 2, lane_ms: 1 },
        "10": { ...visit, entered_ms: 5000, exited_ms: 40_000, lane_ms: 35_000 },
      },
    };
    const output = { ...race, standings: { [car]: out }, pits };
    expect(stopsOf(output, 48_000, wanted)[0]?.took).toBe(35_000);
    expect(stopsOf(output, 48_001, wanted)).toEqual([]);
    expect(stopsOf(output, 39_999, wanted)).toEqual([]);
    const unknown = { ...output, pits: { [car]: { "1": { ...visit, entered_ms: 5000 } } } };
    expect(stopsOf(unknown, 41_000, wanted)).toEqual([]);
  });

  test("a car keeps its slot until it is gone", () => {
    const slots = new Slots();
    expect(slots.give(["7"], 2)).toEqual(["7", null]);
    expect(slots.give(["1", "7", "6"], 2)).toEqual(["7", "1"]);
    expect(slots.give(["1", "6"], 2)).toEqual(["6", "1"]);
    expect(slots.give(["1", "6"], 1)).toEqual(["6"]);
    expect(slots.give([], 2)).toEqual([null, null]);
  });
});

describe("the championship", () => {
  const contender = (position: number, name: string, more: object) => [
    `LMP1:${name}`,
    { position, name, class: "LMP1", tied: false, ...more },
  ];
  const rows = Object.fromEntries([
    contender(1, "Allan McNish", { rank: 1, points: 223, car: "1", before: 1, gained: 26 }),
    contender(2, "Rinaldo Capello", { rank: 1, points: 223, car: "1", before: 1, gained: 26 }),
    contender(3, "Jon Field", { rank: 3, points: 95, before: 5, car: "37" }),
    contender(4, "Clint Field", { rank: 3, points: 95, before: 3 }),
    contender(5, "Zed", { rank: 3, points: 95, before: 5, car: "37" }),
    ["LMP2:A B", { position: 5, name: "A B", class: "LMP2", rank: 1, tied: false, points: 9 }],
  ]) as OutputState["championship"]["rows"];
  const output = { ...race, championship: { of: "drivers", rows } };

  test("a crew is one line, and names that are shared have initials", () => {
    const lines = championshipLines(output, "LMP1");
    expect(lines.map(({ rank, names, points, won }) => [rank, names, points, won])).toEqual([
      ["1=", "MCNISH / CAPELLO", 223, 0],
      ["3=", "J. FIELD / ZED", 95, 2],
      ["3=", "C. FIELD", 95, 0],
    ]);
    expect(championshipLines(output, null)).toEqual(lines);
    expect(championshipLines(output, "lmp2").map(({ rank }) => rank)).toEqual(["1"]);
  });

  test("a team's number stands in its column alone", () => {
    const team = { position: 1, rank: 1, tied: false, name: "#7 Penske", car: "7", class: "GTP" };
    const teams = { of: "teams", rows: { a: { ...team, points: 350 } } };
    expect(championshipLines({ ...race, championship: teams }, null)[0]?.names).toBe("Penske");
  });
});

describe("the forecast", () => {
  const cars = inOrder(race).filter((one) => one.class === inOrder(race)[0]?.class);
  const rows = Object.fromEntries(
    cars.map(({ car, class_position }) => [
      car,
      {
        ...{ car, class: cars[0]?.class, class_position },
        net_position: class_position === 1 ? 2 : class_position === 2 ? 1 : class_position,
        win: class_position === 1 ? 0.3 : class_position === 2 ? 0.62 : 0.001,
      },
    ]),
  ) as OutputState["forecast"]["rows"];
  const output = { ...race, forecast: { rows } };

  test("is in the net order, of the class that leads, with the odds of its win", () => {
    const { class: name, lines } = forecastLines(output, null);
    expect(name).toBe(cars[0]?.class);
    expect(lines.slice(0, 2).map(({ net, won, odds }) => [net, won, odds])).toEqual([
      [1, 1, "62 %"],
      [2, -1, "30 %"],
    ]);
    expect(lines.at(-1)?.odds).toBe("<1 %");
  });

  test("has the cars that were chosen, and none without a forecast", () => {
    const [first] = cars;
    expect(forecastLines(output, null, [first?.car ?? ""]).lines.length).toBe(1);
    expect(forecastLines(race, null).lines).toEqual([]);
  });
});

describe("when a graphic is on", () => {
  const decision = (key: string, at: number) => ({ key, at });

  test("what has just happened is shown for a while, what was there before is not", () => {
    const cue = new Cue(isNewDecision);
    cue.see(decision("1", 1), "1", 0, 8000);
    expect(cue.isOn(0)).toBe(false);
    cue.see(decision("2", 2), "1", 1000, 8000);
    cue.see(decision("2", 2), "1", 5000, 8000);
    expect([cue.isOn(8999), cue.isOn(9000)]).toEqual([true, false]);
    cue.see(decision("3", 3), "2", 9500, 8000);
    expect(cue.isOn(9500)).toBe(false);
    cue.see(null, "2", 9600, 8000);
    cue.see(decision("4", 4), "2", 9700, 8000);
    expect(cue.isOn(9700)).toBe(true);
    cue.see(decision("4", 4), "3", 9800, 8000);
    expect(cue.isOn(9800)).toBe(true);
    cue.see(decision("5", 5), "4", 9900, 8000);
    expect(cue.isOn(9900)).toBe(false);
  });

  test("an older decision that comes to light is no news, nor is one that comes back", () => {
    const cue = new Cue(isNewDecision);
    cue.see(decision("a", 100), "1", 0, 8000);
    cue.see(decision("b", 200), "1", 1, 8000);
    expect(cue.isOn(1)).toBe(true);
    cue.see(decision("a", 100), "1", 2, 8000);
    expect(cue.isOn(2)).toBe(false);
    cue.see(decision("b", 200), "1", 3, 8000);
    expect(cue.isOn(3)).toBe(false);
  });

  test("a fastest lap is news if it was just driven and is quicker than the last", () => {
    const cue = new Cue(isNewBest);
    const lap = (key: string, ms: number, isLast: boolean) => ({ key, ms, isLast });
    const seen = (what: ReturnType<typeof lap>, at: number) => {
      cue.see(what, "1", at, 8000);
      return cue.isOn(at);
    };
    expect(seen(lap("7 20", 70_000, false), 0)).toBe(false);
    expect(seen(lap("1 30", 69_000, true), 1)).toBe(true);
    expect(seen(lap("7 20", 70_000, false), 2)).toBe(false); // car 1's time was deleted
    expect(seen(lap("1 30", 69_000, true), 3)).toBe(false); // and is back
    expect(seen(lap("6 12", 68_000, false), 4)).toBe(false); // a lap of long ago was amended
    expect(seen(lap("6 31", 67_500, true), 5)).toBe(true);
    expect(seen(lap("7 32", 67_800, true), 6)).toBe(false); // the best that is left is slower
  });

  test("whoever plays it has the say", () => {
    expect([isOn("on", false), isOn("off", true), isOn("auto", true), isOn("auto", false)]).toEqual(
      [true, false, true, false],
    );
  });
});

describe("words", () => {
  test.each(names as [string, string, string][])("the names of %s", (name, given, family) => {
    expect(nameParts(name)).toEqual({ given, family });
  });

  test("names", () => {
    expect(familyName("Renger van der Zande")).toBe("VAN DER ZANDE");
    expect(familyName("Popow")).toBe("POPOW");
    const families = new FamilyNames(["Ricky Taylor", "Jordan Taylor", "Ricky Taylor", undefined]);
    expect([families.of("Jordan Taylor"), families.of("Louis Delétraz")]).toEqual([
      "J. TAYLOR",
      "DELÉTRAZ",
    ]);
    const alike = new FamilyNames(["ZHOU Guanyu", "ZHOU Cao", "Kees DE GROOT"]);
    expect([alike.of("ZHOU Guanyu"), alike.of("Kees DE GROOT")]).toEqual(["G. ZHOU", "DE GROOT"]);
    const row = Object.values(race.standings)[0] as Standing;
    const { driver: _, ...without } = row;
    expect(carName(without, "driver")).toBe(row.team ?? row.vehicle ?? "");
    expect(carName(undefined, "team")).toBe("");
  });

  test.each([
    [undefined, ""],
    [{}, ""],
    [{ laps: 1 }, "+1 LAP"],
    [{ laps: 12 }, "+12 LAPS"],
    [{ ms: 923 }, "+0.923"],
    [{ ms: 62_345 }, "+1:02.3"],
  ])("a gap of %j", (gap, text) => expect(behindText(gap)).toBe(text));

  test.each([
    [-5, "0.0"],
    [7449, "7.4"],
    [59_999, "59.9"],
    [63_990, "1:03.9"],
    [600_000, "10:00.0"],
  ])("a timer at %d ms", (ms, text) => expect(timerText(ms)).toBe(text));
});
