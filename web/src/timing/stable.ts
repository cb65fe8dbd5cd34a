/**
 * Return the previous object while the next one is equal to it. A frame changes three rows of
 * sixty; what depends on the rest (cells, columns, headings) sees by identity that it is
 * unchanged.
 */
export function steady<T>(isSame: (before: T, next: T) => boolean): (next: T) => T {
  let held: T | undefined;
  return (next) => {
    if (held === undefined || !isSame(held, next)) held = next;
    return held;
  };
}

/** Whether two lists have the same members in the same order. */
export function sameItems<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** Whether two maps have the same values by the same names. */
export function sameEntries<K, V>(one: ReadonlyMap<K, V>, other: ReadonlyMap<K, V>): boolean {
  if (one.size !== other.size) return false;
  for (const [name, value] of one) if (other.get(name) !== value) return false;
  return true;
}
