/**
 * Sizes of graphics. A unit is 10 pixels of a picture 1920 wide; graphics.css has the same
 * measures. Whatever is asked for, a graphic keeps to the safe area, and a name to its column.
 */

import type { Name, Parameters, Template } from "./parameters";

/** Heights: what stands above or below the rows, and a row. */
const HEIGHTS: Partial<Record<Template, readonly [rest: number, row: number]>> = {
  tower: [8.2, 4],
  championship: [8.2, 4],
  forecast: [8.2, 4],
  battle: [4.6, 5.4],
  pit: [4, 7.2],
};

/** The number of rows that fit on a picture `tall` units high, at most those wanted. */
export function rowsWithin(
  { rows, scale, safe }: Pick<Parameters, "rows" | "scale" | "safe">,
  template: Template,
  tall: number,
): number {
  const heights = HEIGHTS[template];
  if (heights === undefined) return rows;
  const [rest, row] = heights;
  const room = (tall - 2 * 108 * safe) / scale - rest;
  return Math.max(1, Math.min(rows, Math.floor(room / row + 1e-6)));
}

/** The width of a tower: names of teams and vehicles are longer than those of drivers. */
export function towerWidth(name: Name): number {
  return name === "driver" ? 52 : 66;
}

/** The width for a name in a tower, without the columns beside it. */
export function towerName(name: Name, several: boolean, gaps: boolean): number {
  return towerWidth(name) - 4.6 - 1.6 - 5.2 - 1 - 4.4 - (several ? 3.2 : 0) - (gaps ? 12.4 : 0);
}

/** Smaller than this a name cannot be read from a sofa; what is longer still is cut. */
const LEAST = 0.72;

/** The size of a text, of 1, so that it fits; `ems` is its width at size 1, `room` in the same. */
export function sizeWithin(ems: number, room: number): number {
  return ems <= room ? 1 : Math.max(LEAST, room / ems);
}

const widths = new Map<string, number>();
let context: CanvasRenderingContext2D | null = null;

/** How wide a text is in the font of the page, in em; bold. */
export function emsOf(text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (context === null) {
    context = document.createElement("canvas").getContext("2d");
    if (context === null) return 0;
    context.font = `600 100px ${getComputedStyle(document.documentElement).fontFamily}`;
    context.fontKerning = "none";
  }
  const ems = context.measureText(text).width / 100;
  if (widths.size > 500) widths.clear();
  widths.set(text, ems);
  return ems;
}

/** The size of a name that is set in type so large (units) in a column so wide (units). */
export function nameSize(text: string, type: number, room: number): number {
  return sizeWithin(emsOf(text) + 0.1, room / type);
}
