/** Properties of every page. */

import type { Access } from "../live/gateway";
import type { Address } from "../screen/address";
import type { LiveSession } from "../screen/live.svelte";
import type { RaceClass } from "../timing/classes";
import type { Standing, State } from "../timing/state";
import type { ViewRequest } from "./live_view.svelte";

export interface PageProps {
  readonly live: LiveSession;
  readonly race: State;
  /** In the running order. */
  readonly rows: readonly Standing[];
  readonly classes: ReadonlyMap<string, RaceClass>;
  readonly access: Access;
  readonly address: Address;
  readonly go: (change: Partial<Address>, instead?: boolean) => void;
  readonly explain: (car: string, about: string) => void;
}

/** The request of a view at the displayed moment. */
export function viewRequest(
  { live, address }: Pick<PageProps, "live" | "address">,
  view: string,
  query: ViewRequest["question"]["query"] = {},
  as: string | undefined = live.displayed.position,
): ViewRequest {
  const { at, knownAt } = address;
  const question = { session: live.name, view, query: { ...query, at, known_at: knownAt } };
  return { question, as: at !== null || knownAt !== null ? "then" : as };
}

/** The class of a car, with its colour. */
export function classOfCar(
  { race, classes }: Pick<PageProps, "race" | "classes">,
  car: string,
): RaceClass | undefined {
  return classes.get(race.standings[car]?.class ?? "");
}
