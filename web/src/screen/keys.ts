/** Which element a pressed key belongs to. */

/**
 * Whether a key belongs to the focused element, to an open dialog or to the browser, so that no
 * shortcut may act on it: typing a word into a field presses the keys of many shortcuts.
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

/** The form field at an event target; null for none. */
export function fieldOf(at: EventTarget | null): HTMLElement | null {
  const fields = "input, select, textarea, [contenteditable]:not([contenteditable='false'])";
  return at instanceof Element ? at.closest<HTMLElement>(fields) : null;
}

/** Whether a field takes a key: checkboxes and radio buttons take no letters. */
function takes({ type }: Partial<HTMLInputElement>, key: string): boolean {
  if (type === "checkbox") return key === " ";
  return type !== "radio" || key === " " || key.startsWith("Arrow");
}
