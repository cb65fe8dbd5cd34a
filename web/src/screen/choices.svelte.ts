/** The viewer's choices, stored in the browser. */

const KEY = "lapstream.choices";

export type Theme = "auto" | "dark" | "light";

/** All cars in one order; all cars class by class; or the cars of one class, by its name. */
export type View =
  | { readonly kind: "overall" }
  | { readonly kind: "classes" }
  | { readonly kind: "class"; readonly name: string };

interface Stored {
  theme: Theme;
  view: View;
  panel: boolean;
  /** The same on a phone, where the cars need the room. */
  phonePanel: boolean;
  /** Whether sectors are times instead of bars. */
  times: boolean;
  /** Whether there is a replay bar; null: for replays, and for sessions that are over. */
  bar: boolean | null;
  /** The ids of the visible columns on a wide screen and on a phone; null for the defaults. */
  wide: string[] | null;
  phone: string[] | null;
  /** By session, the cars that are pinned. */
  pins: Record<string, string[]>;
}

const USUAL: Stored = {
  theme: "auto",
  view: { kind: "overall" },
  panel: true,
  phonePanel: false,
  times: false,
  bar: null,
  wide: null,
  phone: null,
  pins: {},
};

export class Choices {
  stored: Stored = $state(structuredClone(USUAL));

  constructor(private readonly storage: Storage | null) {
    Object.assign(this.stored, read(storage));
  }

  /** Store the choices. Without storage they last for this visit. */
  save(): void {
    try {
      this.storage?.setItem(KEY, JSON.stringify(this.stored));
    } catch {
      return;
    }
  }

  /** Show or hide the replay bar. */
  readonly bar = (visible: boolean): void => {
    this.stored.bar = visible;
    this.save();
  };

  pinned(session: string): readonly string[] {
    return this.stored.pins[session] ?? [];
  }

  pin(session: string, car: string): void {
    const pins = this.pinned(session);
    const others = pins.filter((one) => one !== car);
    this.stored.pins[session] = others.length < pins.length ? others : [...pins, car];
    this.save();
  }
}

function read(storage: Storage | null): Partial<Stored> {
  try {
    const stored: unknown = JSON.parse(storage?.getItem(KEY) ?? "{}");
    return typeof stored === "object" && stored !== null ? stored : {};
  } catch {
    return {};
  }
}

/** The browser's storage, or null where it is disabled. */
export function ownStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
