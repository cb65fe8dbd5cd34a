/** The words and the look of each track state. */

export interface Flag {
  readonly words: string;
  /** The style of the band; the words tell it, too. */
  readonly look: "none" | "green" | "yellow" | "red" | "white" | "chequered";
}

const FLAGS: Readonly<Record<string, Flag>> = {
  green: { words: "Green", look: "green" },
  white: { words: "Last lap", look: "white" },
  yellow: { words: "Yellow", look: "yellow" },
  fcy: { words: "Full course yellow", look: "yellow" },
  safety_car: { words: "Safety car", look: "yellow" },
  vsc: { words: "Virtual safety car", look: "yellow" },
  code_60: { words: "Code 60", look: "yellow" },
  slow_zone: { words: "Slow zone", look: "yellow" },
  red: { words: "Red flag", look: "red" },
  chequered: { words: "Chequered flag", look: "chequered" },
};

export function flagOf(name: string | undefined): Flag {
  if (name === undefined) return { words: "Waiting for the start", look: "none" };
  return FLAGS[name] ?? { words: name.replaceAll("_", " "), look: "none" };
}
