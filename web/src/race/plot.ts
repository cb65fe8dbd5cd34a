/** Drawing of a chart: dashes, colours, bands, labels. */

import type { Band } from "./chart";

/** One line of a chart. */
export interface Line {
  readonly id: string;
  readonly colour: string;
  /** Drawn broken, so that cars of one class differ by more than a colour. */
  readonly dash?: readonly number[];
  /** The points (by their index) that are marked, such as stops. */
  readonly marks?: ReadonlySet<number>;
}

const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** The dash pattern of the nth line of a colour. */
export function dashOf(count: number): readonly number[] {
  return DASHES[count % DASHES.length] ?? [];
}

const HUES: readonly string[] = [
  "light-dark(#0b63c4, #5aa9ff)",
  "light-dark(#c2410c, #ff9147)",
  "light-dark(#15803d, #4ade80)",
  "light-dark(#a21caf, #e879f9)",
  "light-dark(#0f766e, #2dd4bf)",
  "light-dark(#b91c1c, #ff7b7b)",
  "light-dark(#6d28d9, #b79bff)",
  "light-dark(#854d0e, #facc15)",
];

/** The colour of the nth chosen car, whatever its class. */
export function hueOf(count: number): string {
  return HUES[count % HUES.length] ?? "#888888";
}

export interface Colours {
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly ground: string;
  /** The page's colour for one of a style sheet, such as `light-dark(...)`. */
  readonly of: (css: string) => string;
}

/** The colours of the page as it is now, dark or light. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const probe = document.createElement("span");
  const resolved = new Map<string, string>();
  const colour = (css: string) => {
    probe.style.color = css;
    element.append(probe);
    const found = getComputedStyle(probe).color || style.color;
    probe.remove();
    resolved.set(css, found);
    return found;
  };
  return {
    ink: colour("var(--ink)"),
    faint: colour("var(--faint)"),
    line: colour("var(--line)"),
    ground: colour("var(--ground)"),
    of: (css) => resolved.get(css) ?? colour(css),
  };
}

/** A label of a band, and the row below the top edge that it stands in. */
export interface BandLabel {
  readonly label: string;
  readonly middle: number;
  readonly row: number;
}

const LABEL_ROWS = 3;

/** Labels of the bands in sight, in rows so that none touches another; one without room is left out. */
export function bandLabels(
  spans: readonly { left: number; right: number; label: string }[],
  from: number,
  to: number,
  widthOf: (label: string) => number,
  space: number,
): BandLabel[] {
  const ends = Array<number>(LABEL_ROWS).fill(-Infinity);
  return spans.flatMap(({ left, right, label }) => {
    if (label === "" || right < from || left > to) return [];
    const half = widthOf(label) / 2;
    const inside = (Math.max(left, from) + Math.min(right, to)) / 2;
    const middle = Math.max(from + half, Math.min(inside, to - half));
    const row = ends.findIndex((end) => middle - half >= end + space);
    if (row < 0) return [];
    ends[row] = middle + half;
    return [{ label, middle, row }];
  });
}

/** The bands behind the lines, hatched, each with its label at the top. */
export function drawBands(
  context: CanvasRenderingContext2D,
  bands: readonly Band[],
  box: { left: number; top: number; width: number; height: number },
  place: (x: number) => number,
  colours: Colours,
): void {
  const ratio = devicePixelRatio;
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  const spans = bands.map(({ from, to, label }) => {
    const left = place(from);
    return { left, right: left + Math.max(2 * ratio, place(to) - left), label };
  });
  context.globalAlpha = 0.22;
  context.fillStyle = "#e0b000";
  for (const { left, right } of spans) context.fillRect(left, box.top, right - left, box.height);
  context.globalAlpha = 1;
  context.fillStyle = colours.faint;
  context.font = `${11 * ratio}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  const labels = bandLabels(
    spans,
    box.left,
    box.left + box.width,
    (label) => context.measureText(label).width,
    4 * ratio,
  );
  for (const { label, middle, row } of labels)
    context.fillText(label, middle, box.top + (2 + 12 * row) * ratio);
  context.restore();
}

/** How many labels have room below each other. */
export function roomFor(height: number, top: number, bottom: number): number {
  return Math.max(1, Math.floor((bottom - top) / height) + 1);
}

/** Labels at the right end of lines, moved apart so that none lies on another; the last ones
 * may go no lower than `bottom`, and if there is room for all (`roomFor`) none lies above `top`. */
export function apart(
  places: readonly number[],
  height: number,
  top: number,
  bottom: number,
): number[] {
  const order = places.map((_, index) => index).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const moved = [...places];
  let least = top;
  for (const index of order) {
    const at = Math.max(moved[index] ?? 0, least);
    moved[index] = at;
    least = at + height;
  }
  let most = bottom;
  for (const index of order.reverse()) {
    moved[index] = Math.min(moved[index] ?? 0, most);
    most = (moved[index] ?? 0) - height;
  }
  return moved;
}
