/** Tables of the pages: what their columns are. */

import type { RaceClass } from "../timing/classes";

export interface TableColumn<Row> {
  readonly id: string;
  readonly heading: string;
  /** The full name, where the heading is short. */
  readonly name?: string;
  readonly text: (row: Row) => string;
  readonly right?: boolean;
  /** Names the row for those who listen. */
  readonly names?: boolean;
  /** May be cut where there is no room. */
  readonly cut?: boolean;
  /** May take several lines. */
  readonly wrap?: boolean;
  readonly look?: (row: Row) => string | undefined;
  readonly chip?: (row: Row) => RaceClass | undefined;
  /** What pressing the cell does, and what that is called; null: nothing. */
  readonly press?: (row: Row) => { readonly name: string; readonly act: () => void } | null;
  /** Left out on a phone. */
  readonly wide?: boolean;
}
