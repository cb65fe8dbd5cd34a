/**
 * What is looked at, as the address of the page says it, so that any page can be shared as a
 * link and the browser goes back.
 */

export const PAGES = ["timing", "car", "battle", "race"] as const;
export type Page = (typeof PAGES)[number];

export interface Address {
  readonly session: string | null;
  readonly page: Page;
  /** The cars of the page: one on the car page, those of the battle, the chosen of the race. */
  readonly cars: readonly string[];
  /** The car that gaps are measured from; null: as usual. */
  readonly to: string | null;
  /** The part of the page, by its name; null: its first. */
  readonly part: string | null;
  /** A moment of the race that is looked at, and what was known when; null: now. */
  readonly at: string | null;
  readonly knownAt: string | null;
}

export function addressOf(url: URL): Address {
  const asked = url.searchParams;
  const page = PAGES.find((one) => one === asked.get("page")) ?? "timing";
  return {
    session: asked.get("session"),
    page,
    cars: (asked.get("cars") ?? "").split(",").filter((car) => car !== ""),
    to: asked.get("to"),
    part: asked.get("part"),
    at: asked.get("at"),
    knownAt: asked.get("known_at"),
  };
}

/** The address with something else looked at; whatever else it says stays, the token too. */
export function addressed(url: URL, change: Partial<Address>): URL {
  const told = { ...addressOf(url), ...change };
  const next = new URL(url);
  const set = (name: string, value: string | null) => {
    if (value === null || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  };
  set("session", told.session);
  set("page", told.page === "timing" ? null : told.page);
  set("cars", told.cars.join(","));
  set("to", told.to);
  set("part", told.part);
  set("at", told.at);
  set("known_at", told.knownAt);
  next.search = next.search.replaceAll("%2C", ",").replaceAll("%3A", ":"); // to be read and typed
  return next;
}
