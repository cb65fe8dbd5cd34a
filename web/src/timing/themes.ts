/**
 * Themes: the colours, short names and letters of a series' classes. The rules are those of
 * `projections/views/themes.py`; `tests/golden/themes.json` has cases for both.
 */

import shipped from "../../../projections/views/themes.json";

/** One colour, as it is on a dark and on a light ground. */
export interface Shades {
  readonly dark: string;
  readonly light: string;
}

export interface ClassStyle extends Shades {
  readonly tag: string;
  readonly letter: string;
}

export interface Theme {
  readonly name: string;
  readonly title: string;
  readonly series: readonly string[];
  readonly rules: readonly string[];
  readonly accent: Shades;
  /** The radius of corners, in px. */
  readonly corners: number;
  readonly classes: Readonly<Record<string, ClassStyle>>;
}

export const NEUTRAL = shipped.neutral;
const SHIPPED: readonly Theme[] = shipped.themes;

let themes: readonly Theme[] = SHIPPED;

/** Put themes of the operator's own before those that are shipped. */
export function useThemes(own: readonly Theme[]): void {
  themes = [...own, ...SHIPPED];
}

/** A class name as themes compare it: `GTD PRO` is `GTDPRO`. */
export function plainName(name: string): string {
  return name.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
}

/** The theme of a session, by its series, else its pack, else its classes; null: neutral. */
export function themeOf(
  series: string | null | undefined,
  rules: string | null | undefined,
  classes: readonly string[],
): Theme | null {
  const named = (series ?? "").toLowerCase();
  const bySeries = themes.find((theme) =>
    theme.series.some((part) => named !== "" && named.includes(part.toLowerCase())),
  );
  if (bySeries !== undefined) return bySeries;
  const byRules = themes.find((theme) => theme.rules.some((part) => rules?.startsWith(part)));
  if (byRules !== undefined) return byRules;
  const names = new Set(classes.map(plainName));
  if (names.size < 2) return null; // a single class, such as GT3, is of many series
  return themes.find((theme) => [...names].every((name) => stylesOf(theme).has(name))) ?? null;
}

/** The styles of a theme's classes by their plain names. */
export function stylesOf(theme: Theme | null): ReadonlyMap<string, ClassStyle> {
  return new Map(
    Object.entries(theme?.classes ?? {}).map(([name, style]) => [plainName(name), style]),
  );
}

/** Each class's colours: those of the theme; for others by the name, none of them twice. */
export function classColours(
  names: readonly string[],
  theme: Theme | null,
): ReadonlyMap<string, Shades> {
  const styles = stylesOf(theme);
  const colours = new Map<string, Shades>();
  for (const name of names) {
    const style = styles.get(plainName(name));
    if (style !== undefined) colours.set(name, { dark: style.dark, light: style.light });
  }
  const used = new Set([...colours.values()].map(({ dark }) => dark));
  const { palette } = NEUTRAL;
  for (const name of [...new Set(names)].filter((one) => !colours.has(one)).sort()) {
    const first = Array.from(plainName(name)).reduce(
      (sum, sign) => sum + (sign.codePointAt(0) ?? 0),
      0,
    );
    const slots = palette.map((_, n) => palette[(first + n) % palette.length]);
    const free = slots.find((one) => one !== undefined && !used.has(one.dark)) ?? slots[0];
    if (free === undefined) continue;
    colours.set(name, free);
    used.add(free.dark);
  }
  return colours;
}

/** A colour for a style sheet, by the ground of the element that has it. */
export function cssColour({ dark, light }: Shades): string {
  return `light-dark(${light}, ${dark})`;
}

/** Ask for the operator's own themes; without an answer those that are shipped hold. */
export async function ownThemes(boundMs: number): Promise<void> {
  try {
    const answer = await fetch("/themes.json", { signal: AbortSignal.timeout(boundMs) });
    if (answer.ok) useThemes((await answer.json()) as Theme[]);
  } catch {
    return;
  }
}
