/** The list of decisions: by whom, when, their state, and what would undo them. */

import { DESK, type Decision, type Order, type DecisionText } from "./decisions";

export type DecisionState = "in force" | "voided" | "owed" | "served" | "converted" | "rescinded";

export interface DecisionRow extends DecisionText {
  readonly position: string;
  readonly learned_at_ms: number;
  readonly by: string | null;
  readonly car: string | null;
  readonly penalty_id: string | null;
  readonly state: DecisionState;
  readonly undo: Decision | null;
}

/** Decisions of one order, such as a flag and the safety car. */
export interface Action {
  readonly key: string;
  readonly entries: readonly DecisionRow[];
  readonly at_ms: number;
  readonly learned_at_ms: number;
  readonly by: string | null;
  readonly text: string;
  readonly state: string;
  readonly undo: readonly Decision[];
}

/** The decisions grouped into actions, the newest first. */
export function actionsOf(entries: readonly DecisionRow[]): Action[] {
  const groups: DecisionRow[][] = [];
  for (const entry of entries) {
    const group = groups.at(-1);
    const later = group?.at(-1);
    if (group !== undefined && later !== undefined && together(entry, later)) group.push(entry);
    else groups.push([entry]);
  }
  return groups.map((group) => actionOf(group.reverse()));
}

/** Decisions of one order have adjacent numbers and the same recorded time. */
function together(earlier: DecisionRow, later: DecisionRow): boolean {
  return (
    earlier.source.startsWith(DESK) &&
    earlier.source === later.source &&
    earlier.source_seq + 1 === later.source_seq &&
    earlier.learned_at_ms === later.learned_at_ms
  );
}

function actionOf(entries: readonly DecisionRow[]): Action {
  const first = entries[0] as DecisionRow;
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

/** The current state of a penalty. */
export interface ListedPenalty {
  readonly id: string;
  readonly car: string;
  readonly text: string;
  /** What it became, if it was converted. */
  readonly became: string | null;
  readonly state: DecisionState;
  readonly by: string | null;
  readonly at_ms: number;
}

/** Owed penalties first, each group with the newest first; without voided ones. */
export function penaltiesOf(entries: readonly DecisionRow[]): ListedPenalty[] {
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

/** Whether it is still to be served. */
export function isOpen({ state }: { readonly state: DecisionState }): boolean {
  return state === "owed" || state === "converted";
}

function becameOf(entries: readonly DecisionRow[], id: string | null): string | null {
  const converted = entries.find(
    (entry) =>
      entry.type === "penalty_converted" && entry.penalty_id === id && entry.state !== "voided",
  );
  return converted === undefined ? null : (converted.text.split(" becomes ")[1] ?? null);
}

/** Whether the list has the order, though its answer was lost. */
export function contains(entries: readonly DecisionRow[], order: Order): boolean {
  return entries.some(
    (entry) => entry.source === order.source && entry.source_seq === order.source_seq,
  );
}
