/** Actions of race control: what each records, and how it is confirmed. */

import { isOver } from "../timing/flags";
import type { SessionLine } from "../timing/state";
import {
  flagName,
  flagTitle,
  PENALTY_KINDS,
  penaltyTitle,
  penaltyUnit,
  plain,
  sentence,
} from "../timing/wording";
import type { Decision } from "./decisions";

export interface Extra {
  readonly label: string;
  readonly usual: boolean;
  readonly decisions: readonly Decision[];
}

export interface TrackAction {
  readonly id: string;
  readonly label: string;
  /** Its keyboard shortcut, or null. */
  readonly key: string | null;
  readonly look: "green" | "yellow" | "red" | "white" | "chequered" | "plain";
  readonly decisions: readonly Decision[];
  /** A decision that can be added to it. */
  readonly extra: Extra | null;
  /** A word to type where a slip would end the race. A red flag must not wait for one. */
  readonly typed: string | null;
  /** Whether it is in force. */
  readonly on: boolean;
}

const OPEN: Extra = {
  label: "Open the pit lane, too",
  usual: true,
  decisions: [{ type: "pit_lane_opened" }],
};
const CLOSE: Extra = {
  label: "Close the pit lane, too",
  usual: false,
  decisions: [{ type: "pit_lane_closed" }],
};

/** Offered once the session is over: no flag starts it again. */
const RESUME: TrackAction = {
  id: "resume",
  label: "Resume the session",
  key: null,
  look: "plain",
  decisions: [{ type: "session_resumed" }],
  extra: null,
  typed: "RESUME",
  on: false,
};

/** The flags for the whole track and the safety car, given the state of the track. */
export function trackActions(line: SessionLine | null): TrackAction[] {
  const closed = (line?.pit_lane_closed ?? []).length > 0;
  const out = line?.safety_car_since_ms !== undefined;
  const flag = (name: string): Decision => ({ type: "flag_shown", flag: name });
  const caution = (id: string, key: string, more: readonly Decision[] = []): TrackAction => ({
    id,
    label: flagTitle(id),
    key,
    look: "yellow",
    decisions: [flag(id), ...more],
    extra: closed ? null : CLOSE,
    typed: null,
    on: line?.flag === id,
  });
  const green = flagTitle("green");
  const local = Object.keys(line?.sector_flags ?? {}).length > 0;
  const withdrawn: Decision[] = out ? [{ type: "safety_car_withdrawn" }] : [];
  return [
    {
      id: "green",
      label: out ? `${green}, safety car in` : local ? `${green}, all sectors clear` : green,
      key: "g",
      look: "green",
      decisions: [...withdrawn, flag("green")],
      extra: closed ? OPEN : null,
      typed: null,
      on: line?.flag === "green" && !out && !local,
    },
    {
      ...caution("safety_car", "s"),
      decisions: [flag("safety_car"), ...(out ? [] : [{ type: "safety_car_deployed" }])],
      on: line?.flag === "safety_car" && out,
    },
    caution("fcy", "y"),
    caution("vsc", "v"),
    caution("code_60", "6"),
    { ...caution("red", "r"), look: "red" },
    {
      id: "white",
      label: flagTitle("white"),
      key: "l",
      look: "white",
      decisions: [flag("white")],
      extra: null,
      typed: null,
      on: line?.flag === "white",
    },
    {
      id: "chequered",
      label: flagTitle("chequered"),
      key: "x",
      look: "chequered",
      decisions: [flag("chequered")],
      extra: null,
      typed: "FINISH",
      on: line?.flag === "chequered",
    },
    ...(isOver(line) ? [RESUME] : []),
  ];
}

/** The decisions, with the extra ones if they were chosen. */
export function withExtra(
  { decisions, extra }: { readonly decisions: readonly Decision[]; readonly extra?: Extra | null },
  along: boolean,
): readonly Decision[] {
  return extra && along ? [...decisions, ...extra.decisions] : decisions;
}

/** A decision as text, before the gateway has described it. */
export function describeDecision(decision: Decision): string {
  const { type, flag, sector, classes, name } = decision;
  const of = Array.isArray(classes) ? ` for ${classes.join(", ")}` : "";
  if (type === "segment_started" && typeof name === "string") return `${name} begins${of}`;
  if (type !== "flag_shown") return `${plain(type)}${of}`;
  const where = typeof sector === "number" ? `, sector ${sector}` : "";
  return `${typeof flag === "string" ? flagName(flag) : ""} flag${where}`;
}

export interface PitLane {
  /** Null for all classes. */
  readonly name: string | null;
  readonly open: boolean;
}

/** The pit lane for each class; as one where there are no classes. */
export function pitLanes(line: SessionLine | null): PitLane[] {
  const classes = line?.classes ?? [];
  const closed = line?.pit_lane_closed ?? [];
  if (classes.length < 2) return [{ name: null, open: closed.length === 0 }];
  return classes.map((name) => ({ name, open: !closed.includes(name) }));
}

export function lane(open: boolean, name: string | null): Decision {
  const type = open ? "pit_lane_opened" : "pit_lane_closed";
  return name === null ? { type } : { type, classes: [name] };
}

/** A local flag; it changes no caution. */
export function local(flag: string, sector: number): Decision {
  return { type: "flag_shown", flag, sector };
}

// -- Segments -----------------------------------------------------------------------------

/** The name of the segment after the last one: Q1, then Q2; empty where none can be guessed. */
export function nextSegment(line: SessionLine | null): string {
  if (line?.segment === undefined) return line?.kind === "qualifying" ? "Q1" : "";
  const numbered = /^(.*?)(\d+)$/.exec(line.segment);
  return numbered === null ? "" : `${numbered[1]}${Number(numbered[2]) + 1}`;
}

/** A segment begins, for one class or (null) for all. */
export function segment(name: string, carClass: string | null): Decision {
  const begins = { type: "segment_started", name: name.trim() };
  return carClass === null ? begins : { ...begins, classes: [carClass] };
}

/** The end of the segment under way: its chequered flag. Null where there is none. */
export function segmentEnd(line: SessionLine | null): TrackAction | null {
  const chequered = trackActions(line).find((one) => one.id === "chequered");
  if (line?.segment === undefined || chequered === undefined || isOver(line)) return null;
  return { ...chequered, label: `End ${line.segment}` };
}

/** Cars as they are written, between blanks or commas. */
export function parseCars(text: string): string[] {
  return text.split(/[\s,;#]+/).filter((one) => one !== "");
}

// -- Penalties ----------------------------------------------------------------------------

export interface PenaltyKind {
  readonly kind: string;
  readonly label: string;
  /** What the amount counts; null for a penalty without one. */
  readonly amount: string | null;
}

export const PENALTIES: readonly PenaltyKind[] = PENALTY_KINDS.map((kind) => {
  const unit = penaltyUnit(kind);
  return {
    kind,
    label: penaltyTitle({ kind }),
    amount: unit === undefined ? null : sentence(unit),
  };
});

export const REASONS: readonly string[] = [
  "Speeding in the pit lane",
  "Avoidable contact",
  "Unsafe release",
  "Track limits",
  "Passing under yellow",
  "Jump start",
  "Too many crew over the wall",
  "Pitting while the lane is closed",
  "Blocking",
];

export function amountOf(kind: string): string | null {
  return PENALTIES.find((one) => one.kind === kind)?.amount ?? null;
}
