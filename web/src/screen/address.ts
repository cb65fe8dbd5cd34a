/** The state of the pages in their address, for links and for the history of the browser. */

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
  /** The displayed moment, and as known when; null for now. */
  readonly at: string | null;
  readonly knownAt: string | null;
}

export function addressOf(url: URL): Address {
  const parameters = url.searchParams;
  const page = PAGES.find((one) => one === parameters.get("page")) ?? "timing";
  return {
    session: parameters.get("session"),
    page,
    cars: (parameters.get("cars") ?? "").split(",").filter((car) => car !== ""),
    to: parameters.get("to"),
    part: parameters.get("part"),
    at: parameters.get("at"),
    knownAt: parameters.get("known_at"),
  };
}

/** The address with a change; everything else in it stays, including the token. */
export function addressed(url: URL, change: Partial<Address>): URL {
  const address = { ...addressOf(url), ...change };
  const next = new URL(url);
  const set = (name: string, value: string | null) => {
    if (value === null || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  };
  set("session", address.session);
  set("page", address.page === "timing" ? null : address.page);
  set("cars", address.cars.join(","));
  set("to", address.to);
  set("part", address.part);
  set("at", address.at);
  set("known_at", address.knownAt);
  next.search = next.search.replaceAll("%2C", ",").replaceAll("%3A", ":"); // to be read and typed
  return next;
}
