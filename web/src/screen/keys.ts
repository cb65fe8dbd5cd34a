/** Whose a pressed key is. */

/**
 * Whether a key belongs to what has the focus, to a dialog that is open or to the browser, so
 * that no page may act on it: whoever types a word into a field presses the keys of all pages.
 */
export function isTaken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  const at = event.target;
  if (!(at instanceof Element)) return false;
  const presses = event.key === "Enter" || event.key === " ";
  if (presses && at.closest("button, a, summary") !== null) return true;
  const field = fieldOf(at);
  return field !== null && takes(field, event.key);
}

/** The field that is written into or chosen from; null: none. */
export function fieldOf(at: EventTarget | null): HTMLElement | null {
  const fields = "input, select, textarea, [contenteditable]:not([contenteditable='false'])";
  return at instanceof Element ? at.closest<HTMLElement>(fields) : null;
}

/** What is ticked is no place for letters. */
function takes({ type }: Partial<HTMLInputElement>, key: string): boolean {
  if (type === "checkbox") return key === " ";
  return type !== "radio" || key === " " || key.startsWith("Arrow");
}
