/** Columns of the tables of pages. */

import type { RaceClass } from "../timing/classes";

export interface TableColumn<Row> {
  readonly id: string;
  readonly heading: string;
  /** The full name, where the heading is short. */
  readonly name?: string;
  readonly text: (row: Row) => string;
  readonly right?: boolean;
  /** The header cell of the row, for screen readers. */
  readonly names?: boolean;
  /** May be cut where there is no room. */
  readonly cut?: boolean;
  /** May take several lines. */
  readonly wrap?: boolean;
  readonly look?: (row: Row) => string | undefined;
  readonly chip?: (row: Row) => RaceClass | undefined;
  /** The action of the cell and its accessible name; null for none. */
  readonly press?: (row: Row) => { readonly name: string; readonly act: () => void } | null;
  /** Left out on a phone. */
  readonly wide?: boolean;
}
