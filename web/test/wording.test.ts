import { describe, expect, test } from "vitest";
import schema from "../../docs/events.schema.json";
import wording from "../../projections/wording.json";
import {
  counted,
  flagName,
  flagNamed,
  flagTitle,
  localFlagTitle,
  ordinal,
  penaltyHeading,
  penaltyName,
  penaltyTag,
  penaltyTitle,
  pitVisit,
  resultStatus,
  titleStatus,
} from "../src/timing/wording";
import fixture from "./fixtures/words.json";

describe("words are those of Python", () => {
  test.each(fixture.flags)("flag %s: %s, %s", (flag, name, title) => {
    expect([flagName(flag), flagTitle(flag)]).toEqual([name, title]);
  });
  const penalties = fixture.penalty_words as [string, number | null, string, string][];
  test.each(penalties)("penalty %s %s: %s, %s", (kind, amount, name, tag) => {
    expect([penaltyName({ kind, amount }), penaltyTag({ kind, amount })]).toEqual([name, tag]);
  });
  test.each(fixture.ordinals as [number, string][])("%d: %s", (number, text) => {
    expect(ordinal(number)).toBe(text);
  });
});

describe("every value of the events has its words", () => {
  const { FlagShown, PenaltyImposed, ResultRow, ResultDeclared } = schema.$defs;

  test.each([
    ["flags", FlagShown.properties.flag.enum, wording.flags],
    ["penalties", PenaltyImposed.properties.kind.enum, wording.penalties],
    ["results", ResultRow.properties.status.enum, wording.result_statuses],
    ["revisions", ResultDeclared.properties.status.enum, wording.result_revisions],
  ])("%s", (_, values, words) => {
    expect(values.filter((value) => !(value in words))).toEqual([]);
  });
});

test("a flag by itself, for the track and for a sector", () => {
  expect(flagTitle(undefined)).toBe("Waiting for the start");
  expect([flagTitle("white"), localFlagTitle("white")]).toEqual(["Last lap", "White flag"]);
  expect(localFlagTitle("new_flag")).toBe("New flag");
  expect([flagNamed("FCY"), flagNamed("safety car"), flagNamed("?")]).toEqual([
    "fcy",
    "safety_car",
    undefined,
  ]);
});

test("a penalty by itself", () => {
  expect(penaltyTitle({ kind: "stop_and_hold", amount: 30 })).toBe("Stop and hold 30 s");
  expect(penaltyTitle({ kind: "drive_through" })).toBe("Drive-through");
  expect(penaltyTitle({ kind: "time", amount: 97 })).toBe("Time added: 97 s");
  expect(penaltyTitle({ kind: "laps", amount: 2 })).toBe("Laps taken away: 2");
  expect(penaltyTitle({ kind: "track_walk" })).toBe("Track walk");
  expect([penaltyHeading("served"), penaltyHeading("new_status")]).toEqual([
    "Penalty served",
    "Penalty",
  ]);
});

test("statuses", () => {
  expect([titleStatus("clinched"), titleStatus("something_new")]).toEqual([
    "champion",
    "something new",
  ]);
  expect([resultStatus("not_classified"), pitVisit("drive_through")]).toEqual([
    "not classified",
    "drive-through",
  ]);
});

test("a count has its noun in the right number", () => {
  expect([0, 1, 2].map((count) => counted(count, "visit"))).toEqual([
    "0 visits",
    "1 visit",
    "2 visits",
  ]);
});
