/** Classes: their order, their colours, their short names. */

import type { SessionLine, State } from "./state";
import { classColours, cssColour, plainName, stylesOf, themeOf, type Theme } from "./themes";

export interface RaceClass {
  readonly name: string;
  readonly tag: string;
  /** One sign that tells the class without its colour; unique in a theme. */
  readonly letter: string;
  /** For a style sheet: by the ground of the element. */
  readonly colour: string;
}

type Classed = Pick<State, "session" | "standings">;

/** The theme of a session; null for the neutral one. */
export function themeOfSession(
  session: Pick<SessionLine, "series" | "rules" | "classes">,
): Theme | null {
  return themeOf(session.series, session.rules, session.classes);
}

/** The classes that the session names, then any others that cars have. */
export function classesOf(state: Classed): RaceClass[] {
  const names = [...state.session.classes];
  const others = new Set(Object.values(state.standings).flatMap((row) => row.class ?? []));
  names.push(...[...others].filter((name) => !names.includes(name)).sort());
  const theme = themeOf(state.session.series, state.session.rules, names);
  const styles = stylesOf(theme);
  const colours = classColours(names, theme);
  const tags = shortTags(names);
  return names.map((name, index) => {
    const style = styles.get(plainName(name));
    const found = colours.get(name);
    return {
      name,
      tag: style?.tag ?? tags[index] ?? name,
      letter: style?.letter ?? name.slice(0, 1).toUpperCase(),
      colour: found === undefined ? "#888888" : cssColour(found),
    };
  });
}

/**
 * Each name cut to at most `width` signs, or as many as make them distinct. A name of one sign
 * more stays whole: `GTDPRO` is clearer than `GTDPR`.
 */
export function shortTags(names: readonly string[], width = 5): string[] {
  const plain = names.map((name) => name.replaceAll(" ", ""));
  const longest = Math.max(0, ...plain.map((name) => name.length));
  const cut = () => plain.map((name) => (name.length <= width + 1 ? name : name.slice(0, width)));
  while (width < longest && new Set(cut()).size < names.length) width += 1;
  return cut();
}
