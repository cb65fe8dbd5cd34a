/** The state of the desk: the session, its decisions, and the one that is being confirmed. */

import { Refused, type Access } from "../live/gateway";
import { LiveSession } from "../screen/live.svelte";
import { contains, type DecisionRow } from "./decision_list";
import type { Extra } from "./race_control";
import {
  newSource,
  Sender,
  type Decision,
  type Fault,
  type Order,
  type Outcome,
  type DecisionResult,
} from "./decisions";
import { decisions, decide, hold, lapsOf, outputs, type DrivenLap, type Output } from "./requests";
import type { Bearer } from "./token";

const LOOK_MS = 2_000;

/** What the dialog asks before anything is recorded. */
export interface Question {
  readonly title: string;
  readonly look?: string;
  readonly decisions: readonly Decision[];
  readonly extra?: Extra | null;
  /** A word to type as confirmation. */
  readonly typed?: string | null;
  readonly reason?: "needed" | "optional";
  /** The previewed result; null for a decision that needs no preview. */
  readonly result?: DecisionResult | null;
  readonly expected?: string | null;
  /** After it was recorded. */
  readonly done?: () => void;
}

export class Desk {
  readonly live: LiveSession;
  readonly sender: Sender;
  entries: readonly DecisionRow[] = $state.raw([]);
  outputs: readonly Output[] = $state.raw([]);
  /** Why the decisions could not be read. */
  problem: string | null = $state(null);
  question: Question | null = $state.raw(null);
  /** The last action, for the status line and screen readers. */
  announcement = $state("");
  /** The car that was picked in the tower, until a form has taken it. */
  picked: string | null = $state(null);
  /** An order whose answer was lost. */
  lost: Order | null = $state.raw(null);
  readonly connected: boolean = $derived.by(() => this.live.link === "live");

  #etag: string | null = null;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    readonly session: string,
    readonly bearer: Bearer,
    private readonly token: string,
    reading: Access,
  ) {
    this.live = new LiveSession(session, reading);
    this.sender = new Sender(
      newSource((bytes) => crypto.getRandomValues(bytes)),
      (order, dryRun) => decide(session, token, order, dryRun),
      (ms) => new Promise((done) => setTimeout(done, ms)),
    );
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    void this.look();
  }

  end(): void {
    clearInterval(this.#timer);
    this.live.end();
  }

  ask(question: Question): void {
    this.question = question;
  }

  /** Take the picked car. It is returned once, so that no form gets an old one. */
  take(): string | null {
    const car = this.picked;
    this.picked = null;
    return car;
  }

  /** Preview the decisions, then ask for confirmation. Returns the faults if they are refused. */
  async consider(question: Question): Promise<readonly Fault[]> {
    const outcome = await this.sender.preview(
      this.sender.order(question.decisions, question.expected ?? null),
    );
    switch (outcome.kind) {
      case "decided": {
        const expected =
          question.expected === undefined ? {} : { expected: outcome.result.position };
        this.ask({ ...question, result: outcome.result, ...expected });
        return [];
      }
      case "refused":
        return outcome.faults.length > 0 ? outcome.faults : [{ field: "", reason: outcome.detail }];
      case "unknown":
        return [{ field: "", reason: "Nothing was sent: the gateway does not answer." }];
    }
  }

  /** Record it, at the session clock as this desk shows it. */
  async send(order: Order): Promise<Outcome> {
    const outcome = await this.sender.send(order);
    if (outcome.kind === "decided") {
      this.lost = null;
      this.announcement = `Recorded: ${outcome.result.events.map((one) => one.text).join(" · ")}`;
    } else if (outcome.kind === "unknown") {
      this.lost = order;
    }
    void this.look();
    return outcome;
  }

  /** The session clock now; null where the gateway should set the time. */
  now(): number | null {
    const { state, clock } = this.live.displayed;
    return state === null || !clock.running ? null : Math.round(this.live.freshness.clockMs);
  }

  /** Read the decisions and the outputs. */
  async look(): Promise<void> {
    try {
      const read = await decisions(this.session, this.token, this.#etag);
      if (read !== null) {
        this.entries = read.rows;
        this.#etag = read.etag;
        this.#settle();
      }
      this.outputs = await outputs(this.session, this.token);
      this.problem = null;
    } catch (error) {
      this.problem =
        error instanceof Refused
          ? `The gateway says: ${error.message}`
          : "The gateway does not answer.";
    }
  }

  /** Look for the order whose answer was lost in the list of decisions. */
  #settle(): void {
    if (this.lost !== null && contains(this.entries, this.lost)) {
      this.lost = null;
      this.announcement = "Recorded: its answer was lost, and it is in the list of decisions.";
    }
  }

  /** The laps of a car, the last one first. */
  async laps(car: string): Promise<readonly DrivenLap[]> {
    try {
      return await lapsOf(this.session, this.token, car);
    } catch {
      return [];
    }
  }

  /** Freeze or release an output; the gateway's message if it is refused, else null. */
  async hold(name: string, frozen: boolean): Promise<string | null> {
    try {
      const { status, body } = await hold(this.token, name, frozen);
      await this.look();
      if (status < 300) {
        this.announcement = `Output ${name} ${frozen ? "frozen" : "released"}`;
        return null;
      }
      return (body as { detail?: string } | null)?.detail ?? `the gateway answered ${status}`;
    } catch {
      return "No answer: it is not known whether it was done. The list says how it stands.";
    }
  }
}
