/** The font of the pages: wait for it, and know how wide its digits are. */

import "./fonts.css";

const FAMILY = "IBM Plex Sans Condensed";
const WEIGHTS = [400, 600];

/** A machine on the same network has it at once; a page is not held up for longer than this. */
export const SCREEN_WAITS_MS = 1500;
/** Graphics wait longer, because a change of the font would be seen on air. */
export const AIR_WAITS_MS = 4000;

let digit = 0.54;

/** How wide a digit is, in em. */
export function digitEm(): number {
  return digit;
}

/**
 * Wait until the font is there, or for so long. A font that comes later is not used: a picture
 * that is seen does not jump.
 */
export async function fontIsThere(boundMs: number): Promise<void> {
  const loads = WEIGHTS.map((weight) =>
    document.fonts.load(`${weight} 16px "${FAMILY}"`, "0123456789"),
  );
  const loaded = Promise.all(loads).then(
    (faces) => faces.every((found) => found.length > 0),
    () => false,
  );
  const root = document.documentElement;
  root.dataset["font"] = (await within(loaded, boundMs)) ? "own" : "other";
  digit = measured();
  root.style.setProperty("--digit", digit.toFixed(4));
}

/** The result of a promise, or false after a time. */
export async function within(coming: Promise<boolean>, boundMs: number): Promise<boolean> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const bound = new Promise<boolean>((done) => {
    late = setTimeout(() => done(false), boundMs);
  });
  return Promise.race([coming, bound]).finally(() => clearTimeout(late));
}

function measured(): number {
  const ruler = document.createElement("span");
  Object.assign(ruler.style, { position: "absolute", visibility: "hidden", fontSize: "100px" });
  ruler.textContent = "0123456789";
  document.body.append(ruler);
  const { width } = ruler.getBoundingClientRect();
  ruler.remove();
  return width > 0 ? width / 1000 : digit;
}
