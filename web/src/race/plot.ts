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
  for (const { from, to, label } of bands) {
    const left = place(from);
    const width = Math.max(2 * ratio, place(to) - left);
    context.globalAlpha = 0.22;
    context.fillStyle = "#e0b000";
    context.fillRect(left, box.top, width, box.height);
    context.globalAlpha = 1;
    context.fillStyle = colours.faint;
    context.font = `${11 * ratio}px ${getComputedStyle(context.canvas).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "top";
    const half = context.measureText(label).width / 2;
    const middle = Math.min(left + width / 2, box.left + box.width - half); // whole at the right edge
    if (label !== "") context.fillText(label, middle, box.top + 2 * ratio);
  }
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
