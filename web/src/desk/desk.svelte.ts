/** A desk: the session as it stands, what was decided, and what is about to be. */

import { Refused, type Access } from "../live/gateway";
import { LiveSession } from "../screen/live.svelte";
import { holds, type Entry } from "./decision_list";
import type { Extra } from "./race_control";
import {
  newSource,
  Sender,
  type Decision,
  type Fault,
  type Order,
  type Outcome,
  type Told,
} from "./decisions";
import { book, decide, hold, lapsOf, outputs, type DrivenLap, type Output } from "./requests";
import type { Bearer } from "./token";

const LOOK_MS = 2_000;

/** What is asked before anything is recorded. */
export interface Question {
  readonly title: string;
  readonly look?: string;
  readonly decisions: readonly Decision[];
  readonly extra?: Extra | null;
  /** A word to type. */
  readonly typed?: string | null;
  readonly reason?: "needed" | "optional";
  /** What the gateway said it comes to; null where that need not be asked. */
  readonly told?: Told | null;
  readonly expected?: string | null;
  /** After it was recorded. */
  readonly done?: () => void;
}

export class Desk {
  readonly live: LiveSession;
  readonly sender: Sender;
  entries: readonly Entry[] = $state.raw([]);
  outputs: readonly Output[] = $state.raw([]);
  /** Why the book could not be read. */
  trouble: string | null = $state(null);
  question: Question | null = $state.raw(null);
  /** What was done last, for all to read and hear. */
  said = $state("");
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

  /** The car that was picked; it is given once, so that no form finds an old one. */
  take(): string | null {
    const car = this.picked;
    this.picked = null;
    return car;
  }

  /** Ask what it would come to, then whether to record it; the faults if it cannot be. */
  async consider(question: Question): Promise<readonly Fault[]> {
    const outcome = await this.sender.preview(
      this.sender.order(question.decisions, question.expected ?? null),
    );
    switch (outcome.kind) {
      case "decided": {
        const expected = question.expected === undefined ? {} : { expected: outcome.told.position };
        this.ask({ ...question, told: outcome.told, ...expected });
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
      this.said = `Recorded: ${outcome.told.events.map((one) => one.text).join(" · ")}`;
    } else if (outcome.kind === "unknown") {
      this.lost = order;
    }
    void this.look();
    return outcome;
  }

  /** The session clock now; null where the gateway had better say. */
  now(): number | null {
    const { state, clock } = this.live.shown;
    return state === null || !clock.running ? null : Math.round(this.live.freshness.clockMs);
  }

  /** Read the book and the outputs. */
  async look(): Promise<void> {
    try {
      const read = await book(this.session, this.token, this.#etag);
      if (read !== null) {
        this.entries = read.rows;
        this.#etag = read.etag;
        this.#settle();
      }
      this.outputs = await outputs(this.session, this.token);
      this.trouble = null;
    } catch (error) {
      this.trouble =
        error instanceof Refused
          ? `The gateway says: ${error.message}`
          : "The gateway does not answer.";
    }
  }

  /** An order whose answer was lost is found in the book, or it is not there. */
  #settle(): void {
    if (this.lost !== null && holds(this.entries, this.lost)) {
      this.lost = null;
      this.said = "Recorded: its answer was lost, and it is in the book.";
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

  /** Freeze or release an output; what was refused, in the gateway's words. */
  async hold(name: string, frozen: boolean): Promise<string | null> {
    try {
      const { status, body } = await hold(this.token, name, frozen);
      await this.look();
      if (status < 300) {
        this.said = `Output ${name} ${frozen ? "frozen" : "released"}`;
        return null;
      }
      return (body as { detail?: string } | null)?.detail ?? `the gateway answered ${status}`;
    } catch {
      return "No answer: it is not known whether it was done. The list says how it stands.";
    }
  }
}
