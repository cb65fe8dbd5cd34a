/** Classes: their order, their colours, their short names. */

import display from "../../../projections/views/display.json";
import type { State } from "./state";

/** In the order of the classes; distinct for colour-blind eyes too (Okabe and Ito). */
const COLOURS: readonly string[] = display.class_colours;

export interface RaceClass {
  readonly name: string;
  readonly tag: string;
  readonly colour: string;
}

/** The classes that the session names, then any others that cars have. */
export function classesOf(state: Pick<State, "session" | "standings">): RaceClass[] {
  const names = [...state.session.classes];
  const others = new Set(Object.values(state.standings).flatMap((row) => row.class ?? []));
  names.push(...[...others].filter((name) => !names.includes(name)).sort());
  const tags = shortTags(names);
  return names.map((name, index) => ({
    name,
    tag: tags[index] ?? name,
    colour: COLOURS[index % COLOURS.length] as string,
  }));
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
