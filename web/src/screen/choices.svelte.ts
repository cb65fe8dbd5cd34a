/** What the viewer chose, remembered on this machine. */

const KEY = "lapstream.choices";

export type Theme = "auto" | "dark" | "light";

/** All cars in one order; all cars class by class; or the cars of one class, by its name. */
export type View =
  | { readonly kind: "overall" }
  | { readonly kind: "classes" }
  | { readonly kind: "class"; readonly name: string };

interface Kept {
  theme: Theme;
  view: View;
  panel: boolean;
  /** Whether there is a replay bar; null: for replays, and for sessions that are over. */
  bar: boolean | null;
  /** The ids of the columns that are shown, on a wide screen and on a phone; null: as usual. */
  wide: string[] | null;
  phone: string[] | null;
  /** By session, the cars that are pinned. */
  pins: Record<string, string[]>;
}

const USUAL: Kept = {
  theme: "auto",
  view: { kind: "overall" },
  panel: true,
  bar: null,
  wide: null,
  phone: null,
  pins: {},
};

export class Choices {
  kept: Kept = $state(structuredClone(USUAL));

  constructor(private readonly storage: Storage | null) {
    Object.assign(this.kept, read(storage));
  }

  /** Remember; where the browser lets nothing be kept, the choices hold for this visit. */
  save(): void {
    try {
      this.storage?.setItem(KEY, JSON.stringify(this.kept));
    } catch {
      return;
    }
  }

  /** Have a replay bar, or none. */
  readonly bar = (shown: boolean): void => {
    this.kept.bar = shown;
    this.save();
  };

  pinned(session: string): readonly string[] {
    return this.kept.pins[session] ?? [];
  }

  pin(session: string, car: string): void {
    const pins = this.pinned(session);
    const others = pins.filter((one) => one !== car);
    this.kept.pins[session] = others.length < pins.length ? others : [...pins, car];
    this.save();
  }
}

function read(storage: Storage | null): Partial<Kept> {
  try {
    const told: unknown = JSON.parse(storage?.getItem(KEY) ?? "{}");
    return typeof told === "object" && told !== null ? told : {};
  } catch {
    return {};
  }
}

/** The browser's storage, where it lets us. */
export function ownStorage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
