/** The gaps of all cars to one of them, as the tower shows them. */

import type { Access } from "../live/gateway";
import { wantedOf, type PageProps } from "./page";
import type { GapRow } from "./shapes";
import { Watched } from "./watched.svelte";
import { sidedGap } from "./words";

const PACE_MS = 1000;

export class Measure {
  readonly #watched: Watched<GapRow>;
  /** Null while they are not measured. */
  readonly gaps: ReadonlyMap<string, string> | null = $derived.by(() => {
    if (this.asked().to === null) return null;
    return new Map((this.#watched.rows ?? []).map((row) => [row.car, sidedGap(row)]));
  });

  constructor(
    private readonly asked: () => Pick<PageProps, "live" | "address"> & {
      readonly to: string | null;
    },
    access: () => Access,
  ) {
    this.#watched = new Watched<GapRow>(
      () => {
        const { to, ...scope } = asked();
        return to === null ? null : wantedOf(scope, "gaps", { to });
      },
      access,
      PACE_MS,
    );
  }
}
