/** What was decided: by whom, when, what became of it, and what takes it back. */

import { DESK, type Decision, type Order, type Said } from "./decisions";

export type Fate = "in force" | "voided" | "owed" | "served" | "converted" | "rescinded";

export interface Entry extends Said {
  readonly position: string;
  readonly learned_at_ms: number;
  readonly by: string | null;
  readonly car: string | null;
  readonly penalty_id: string | null;
  readonly state: Fate;
  readonly undo: Decision | null;
}

/** Entries that were decided at once, such as a flag and the safety car. */
export interface Action {
  readonly key: string;
  readonly entries: readonly Entry[];
  readonly at_ms: number;
  readonly learned_at_ms: number;
  readonly by: string | null;
  readonly text: string;
  readonly state: string;
  readonly undo: readonly Decision[];
}

/** The actions of a book, in its order: the newest first. */
export function actionsOf(entries: readonly Entry[]): Action[] {
  const groups: Entry[][] = [];
  for (const entry of entries) {
    const group = groups.at(-1);
    const later = group?.at(-1);
    if (group !== undefined && later !== undefined && together(entry, later)) group.push(entry);
    else groups.push([entry]);
  }
  return groups.map((group) => actionOf(group.reverse()));
}

/** What a desk sent at once stands in the log side by side, learned in the same millisecond. */
function together(earlier: Entry, later: Entry): boolean {
  return (
    earlier.source.startsWith(DESK) &&
    earlier.source === later.source &&
    earlier.source_seq + 1 === later.source_seq &&
    earlier.learned_at_ms === later.learned_at_ms
  );
}

function actionOf(entries: readonly Entry[]): Action {
  const first = entries[0] as Entry;
  return {
    key: `${first.source} ${first.source_seq}`,
    entries,
    at_ms: first.at_ms,
    learned_at_ms: first.learned_at_ms,
    by: first.by,
    text: entries.map((entry) => entry.text).join(" · "),
    state: [...new Set(entries.map((entry) => entry.state))].join(", "),
    undo: entries.flatMap((entry) => entry.undo ?? []),
  };
}

/** A penalty as it stands. */
export interface ListedPenalty {
  readonly id: string;
  readonly car: string;
  readonly text: string;
  /** What it became, if it was converted. */
  readonly became: string | null;
  readonly state: Fate;
  readonly by: string | null;
  readonly at_ms: number;
}

/** Those that are owed first, each part with the newest first; what was voided is left out. */
export function penaltiesOf(entries: readonly Entry[]): ListedPenalty[] {
  const penalties = entries
    .filter((entry) => entry.type === "penalty_imposed" && entry.state !== "voided")
    .map((entry) => ({
      id: entry.penalty_id ?? "",
      car: entry.car ?? "",
      text: entry.text,
      became: becameOf(entries, entry.penalty_id),
      state: entry.state,
      by: entry.by,
      at_ms: entry.at_ms,
    }));
  return [...penalties.filter(isOpen), ...penalties.filter((one) => !isOpen(one))];
}

/** Whether something may still become of it. */
export function isOpen({ state }: { readonly state: Fate }): boolean {
  return state === "owed" || state === "converted";
}

function becameOf(entries: readonly Entry[], id: string | null): string | null {
  const converted = entries.find(
    (entry) =>
      entry.type === "penalty_converted" && entry.penalty_id === id && entry.state !== "voided",
  );
  return converted === undefined ? null : (converted.text.split(" becomes ")[1] ?? null);
}

/** Whether the book has the order already, though its answer was lost. */
export function holds(entries: readonly Entry[], order: Order): boolean {
  return entries.some(
    (entry) => entry.source === order.source && entry.source_seq === order.source_seq,
  );
}
