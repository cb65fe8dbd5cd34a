/** Parameters of a graphics page, from its address and from updates. */

export const TEMPLATES = [
  "tower",
  "battle",
  "flag",
  "pit",
  "penalty",
  "fastest",
  "championship",
  "forecast",
] as const;
export type Template = (typeof TEMPLATES)[number];

/** The template of an output's view, unless the address names another. */
export const TEMPLATE_OF: Readonly<Record<string, Template>> = {
  standings: "tower",
  battle: "battle",
  flag: "flag",
  cautions: "flag",
  lane: "pit",
  pits: "pit",
  penalties: "penalty",
  fastest: "fastest",
  championship: "championship",
  forecast: "forecast",
};

const PLACES = [
  ...["top-left", "top", "top-right"],
  ...["left", "centre", "right"],
  ...["bottom-left", "bottom", "bottom-right"],
] as const;

const WHERE: Readonly<Record<Template, string>> = {
  tower: "top-left",
  battle: "bottom-left",
  flag: "top-right",
  pit: "bottom-right",
  penalty: "bottom-left",
  fastest: "bottom-left",
  championship: "top-left",
  forecast: "top-left",
};

const ROWS: Readonly<Record<Template, number>> = {
  tower: 10,
  battle: 4,
  flag: 1,
  pit: 3,
  penalty: 1,
  fastest: 1,
  championship: 8,
  forecast: 6,
};

export type Name = "driver" | "team" | "vehicle";
export type GapTo = "leader" | "ahead" | "none";

export interface Parameters {
  readonly template: Template;
  /** Only cars of this class; places and gaps are then those in it. */
  readonly class: string | null;
  readonly cars: readonly string[];
  readonly rows: number;
  /** The heading; null: that of the template. */
  readonly title: string | null;
  readonly name: Name;
  readonly gap: GapTo;
  readonly at: string;
  /** Of the design at 1920x1080; the page's own size is seen to besides. */
  readonly scale: number;
  /** The margin, as a share of the picture (EBU R 95: 5 % for graphics). */
  readonly safe: number;
  /** Whether it comes in by itself, or waits for `play()`. */
  readonly autoplay: boolean;
  /** How long what has just happened stays, in ms. */
  readonly holdMs: number;
  /** Whether the flag graphic is visible under green, too. */
  readonly always: boolean;
  /** The opacity while the source is lost; 1 leaves it unchanged. */
  readonly dim: number;
  readonly maxHz: number;
  /** Whether age and state are written on the page, for the control room. */
  readonly check: boolean;
}

/** Read the address. What is not there, or is nothing, is as usual for the template. */
export function parametersOf(query: URLSearchParams, template: Template): Parameters {
  const name = query.get("name");
  const gap = query.get("gap");
  const at = query.get("at") ?? "";
  return {
    template,
    class: text(query.get("class")),
    cars: listOf(query.get("cars")),
    rows: Math.round(numberOf(query.get("rows"), ROWS[template], 1, 60)),
    title: text(query.get("title")),
    name: name === "team" || name === "vehicle" ? name : "driver",
    gap: gap === "ahead" || gap === "none" ? gap : "leader",
    at: (PLACES as readonly string[]).includes(at) ? at : WHERE[template],
    scale: numberOf(query.get("scale"), 1, 0.25, 4),
    safe: numberOf(query.get("safe"), 5, 0, 20) / 100,
    autoplay: query.get("autoplay") !== "0",
    holdMs: numberOf(query.get("hold"), 8, 1, 600) * 1000,
    always: query.get("always") === "1",
    dim: numberOf(query.get("dim"), 1, 0, 1),
    maxHz: numberOf(query.get("hz"), 10, 0.1, 50),
    check: query.get("check") === "1",
  };
}

export function templateNamed(name: string | null): Template | null {
  return TEMPLATES.find((one) => one === name) ?? null;
}

/** The fields of graphics systems that know them by number. */
const NUMBERED: Readonly<Record<string, string>> = {
  f0: "title",
  f1: "class",
  f2: "cars",
  f3: "rows",
  f4: "gap",
  f5: "name",
};
const CHANGEABLE = new Set(Object.values(NUMBERED));

/**
 * The address after an update of these fields. Only the selection can be changed
 * so, never the data. An empty field is as in the first address.
 */
export function updated(
  first: URLSearchParams,
  now: URLSearchParams,
  fields: Readonly<Record<string, string>>,
): URLSearchParams {
  const after = new URLSearchParams(now);
  for (const [field, value] of Object.entries(fields)) {
    const name = NUMBERED[field] ?? field;
    if (!CHANGEABLE.has(name)) continue;
    const wanted = value.trim() || first.get(name);
    if (wanted) after.set(name, wanted);
    else after.delete(name);
  }
  return after;
}

function text(value: string | null): string | null {
  return value?.trim() || null;
}

function listOf(value: string | null): string[] {
  return (value ?? "").split(/[\s,;]+/).filter((one) => one !== "");
}

function numberOf(value: string | null, usual: number, least: number, most: number): number {
  const number = value === null || value.trim() === "" ? NaN : Number(value);
  return Number.isFinite(number) ? Math.min(most, Math.max(least, number)) : usual;
}
