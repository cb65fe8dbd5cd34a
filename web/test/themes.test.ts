import { afterEach, describe, expect, test } from "vitest";
import { classesOf } from "../src/timing/classes";
import type { State } from "../src/timing/state";
import {
  classColours,
  NEUTRAL,
  plainName,
  themeOf,
  useThemes,
  type Theme,
} from "../src/timing/themes";
import cases from "../../tests/golden/themes.json";

function state(classes: string[], more: object = {}): State {
  return { session: { classes, ...more }, standings: {} } as unknown as State;
}

afterEach(() => useThemes([]));

describe("the theme of a session", () => {
  test.each(cases)("$series $rules $classes: $theme", ({ series, rules, classes, theme }) => {
    expect(themeOf(series, rules, classes)?.name ?? null).toBe(theme);
  });
});

describe("a class", () => {
  test("keeps its colour from session to session", () => {
    const race = classesOf(state(["GTP", "LMP2", "GTD PRO", "GTD"], { rules: "imsa-2024" }));
    const qualifying = classesOf(state(["GTD", "GTDPRO", "GTP"], { rules: "imsa-2024" }));
    const colour = new Map(race.map((one) => [plainName(one.name), one.colour]));
    for (const one of qualifying) expect(one.colour).toBe(colour.get(plainName(one.name)));
  });
  test("without a theme keeps it, too, and shares it with no other", () => {
    const names = ["GT3", "GT4", "Pro", "Am", "TCR", "Cup", "Silver", "Gold"];
    const all = classColours(names, null);
    expect(new Set([...all.values()].map(({ dark }) => dark)).size).toBe(NEUTRAL.palette.length);
    const turned = classColours([...names].reverse(), null);
    for (const name of names) expect(turned.get(name)).toEqual(all.get(name));
  });
  test("is the operator's own where a file has it", () => {
    const own = { tag: "TOP", letter: "T", dark: "#ffffff", light: "#000000" };
    const wec = themeOf("WEC", null, []) as Theme;
    useThemes([{ ...wec, name: "own", classes: { Hypercar: own } }]);
    const [hypercar] = classesOf(state(["HYPERCAR"], { series: "WEC" }));
    expect(hypercar).toMatchObject({
      tag: "TOP",
      letter: "T",
      colour: "light-dark(#000000, #ffffff)",
    });
  });
});
