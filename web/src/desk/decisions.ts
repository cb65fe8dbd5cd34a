/** Decisions and the answers of the gateway, which describes them at `/docs`. */

import type { Json } from "../live/patch";

/** An event without its time, author and number. */
export type Decision = Readonly<Record<string, Json>> & { readonly type: string };

/** Decisions that are recorded together, with the number of the first. Sent twice they count once. */
export interface Order {
  readonly source: string;
  readonly source_seq: number;
  readonly decisions: readonly Decision[];
  /** The session time (ms); null for now. */
  readonly at_ms: number | null;
  /** Only if the log is at this position. */
  readonly expected: string | null;
}

/** One fault, with the gateway's message. */
export interface Fault {
  readonly field: string;
  readonly value?: string;
  readonly reason: string;
  readonly index?: number;
}

export interface DecisionText {
  readonly source: string;
  readonly source_seq: number;
  readonly type: string;
  readonly at_ms: number;
  readonly text: string;
}

/** A car whose result would change. */
export interface Change {
  readonly car: string;
  readonly class: string | null;
  readonly position_now: number | null;
  readonly position_then: number | null;
  readonly class_position_now: number | null;
  readonly class_position_then: number | null;
  readonly laps_now: number | null;
  readonly laps_then: number;
  readonly total_ms_now: number | null;
  readonly total_ms_then: number | null;
  readonly status_now: string | null;
  readonly status_then: string;
  readonly points_now: number | null;
  readonly points_then: number | null;
}

export interface DecisionResult {
  readonly added: boolean;
  readonly position: string;
  readonly by: string;
  readonly events: readonly DecisionText[];
  readonly changes: readonly Change[];
  /** What each penalty of a preview changes; absent from gateways before 0.2. */
  readonly effects?: readonly string[];
}

export type Outcome =
  | { readonly kind: "decided"; readonly result: DecisionResult }
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly detail: string;
      readonly faults: readonly Fault[];
    }
  /** There was no answer: it may be recorded or not. The same order can be sent again. */
  | { readonly kind: "unknown" };

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Send an order; rejects if there is no answer. */
export type Post = (order: Order, dryRun: boolean) => Promise<Answer>;

const WAITS_MS = [300, 1200];

/** Numbers orders, and sends each until it is answered. */
export class Sender {
  #next = 0;
  readonly #underWay = new Map<number, Promise<Outcome>>();

  /** `source` must be unique: a new one each time a page is loaded. */
  constructor(
    readonly source: string,
    private readonly post: Post,
    private readonly wait: (ms: number) => Promise<void>,
  ) {}

  /** Number these decisions. */
  order(decisions: readonly Decision[], expected: string | null = null): Order {
    const source_seq = this.#next;
    this.#next += decisions.length;
    return { source: this.source, source_seq, decisions, at_ms: null, expected };
  }

  /** The consequences of the order. Nothing is recorded, and nothing is retried. */
  async preview(order: Order): Promise<Outcome> {
    try {
      return outcome(await this.post(order, true));
    } catch {
      return { kind: "unknown" };
    }
  }

  /** Send it. Sent twice at once, as by a double click, it is one request. */
  send(order: Order): Promise<Outcome> {
    const before = this.#underWay.get(order.source_seq);
    if (before !== undefined) return before;
    const sending = this.#insist(order).finally(() => this.#underWay.delete(order.source_seq));
    this.#underWay.set(order.source_seq, sending);
    return sending;
  }

  async #insist(order: Order): Promise<Outcome> {
    for (const wait of [...WAITS_MS, null]) {
      const result = await this.#try(order);
      if (result.kind !== "unknown" || wait === null) return result;
      await this.wait(wait);
    }
    return { kind: "unknown" };
  }

  async #try(order: Order): Promise<Outcome> {
    try {
      return outcome(await this.post(order, false));
    } catch {
      return { kind: "unknown" };
    }
  }
}

/** A server's error may have come after the event was recorded. */
function outcome({ status, body }: Answer): Outcome {
  if (status >= 500) return { kind: "unknown" };
  if (status < 300) return { kind: "decided", result: body as DecisionResult };
  const { detail, errors } = (body ?? {}) as { detail?: string; errors?: Fault[] };
  return {
    kind: "refused",
    status,
    detail: detail ?? `the gateway answered ${status}`,
    faults: errors ?? [],
  };
}

/** The prefix of the sources of desks. */
export const DESK = "desk-";

/** A random source for this page. */
export function newSource(random: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(5);
  random(bytes);
  return `${DESK}${Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("")}`;
}

// -- Form values -------------------------------------------------------------------

/** A whole number as a number; other text unchanged, so that the gateway reports it. */
export function numeral(text: string): Json {
  const plain = text.trim();
  return /^\d{1,9}$/.test(plain) ? Number(plain) : plain;
}

/** A decision with the members that are not empty. */
export function written(type: string, members: Record<string, Json>): Decision {
  const announcement = Object.entries(members).filter(
    ([, value]) => value !== "" && value !== null,
  );
  return { type, ...Object.fromEntries(announcement) };
}

const TAKES_REASON = new Set([
  "safety_car_deployed",
  "penalty_imposed",
  "penalty_converted",
  "penalty_rescinded",
  "lap_time_deleted",
  "event_voided",
  "lap_amended",
  "crossings_reassigned",
  "crossing_inserted",
  "crossing_counted",
  "shortest_lap_set",
  "session_resumed",
]);

export function takesReason(decisions: readonly Decision[]): boolean {
  return decisions.some((one) => TAKES_REASON.has(one.type) && one["reason"] === undefined);
}

/** The decisions with a reason, where they take one and have none of their own. */
export function withReason(decisions: readonly Decision[], reason: string): readonly Decision[] {
  if (reason === "") return decisions;
  return decisions.map((one) =>
    TAKES_REASON.has(one.type) && one["reason"] === undefined ? { ...one, reason } : one,
  );
}

/** What is wrong with a field; the first of several. */
export function faultOf(faults: readonly Fault[], ...fields: readonly string[]): string | null {
  return faults.find((fault) => fields.includes(fault.field))?.reason ?? null;
}

/** The faults of none of these fields. */
export function otherFaults(faults: readonly Fault[], fields: readonly string[]): readonly Fault[] {
  return faults.filter((fault) => !fields.includes(fault.field));
}
