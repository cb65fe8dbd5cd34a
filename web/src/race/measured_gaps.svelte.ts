/** The gaps of all cars to one of them, as the tower shows them. */

import type { Access } from "../live/gateway";
import { viewRequest, type PageProps } from "./page";
import type { GapRow } from "./rows";
import { LiveView } from "./live_view.svelte";
import { sidedGap } from "./formatting";

const PACE_MS = 1000;

export class MeasuredGaps {
  readonly #watched: LiveView<GapRow>;
  /** Null while they are not measured. */
  readonly gaps: ReadonlyMap<string, string> | null = $derived.by(() => {
    if (this.selection().to === null) return null;
    return new Map((this.#watched.rows ?? []).map((row) => [row.car, sidedGap(row)]));
  });

  constructor(
    private readonly selection: () => Pick<PageProps, "live" | "address"> & {
      readonly to: string | null;
    },
    access: () => Access,
  ) {
    this.#watched = new LiveView<GapRow>(
      () => {
        const { to, ...scope } = selection();
        return to === null ? null : viewRequest(scope, "gaps", { to });
      },
      access,
      PACE_MS,
    );
  }
}
