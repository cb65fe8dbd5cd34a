/** A view of the gateway's that is kept up to date at a calm pace. */

import { Refused, viewOf, type Access, type Question } from "../live/gateway";

/** A view is asked for again when something has happened, but not more often. */
export const PACE_MS = 2000;

/** A view that goes on from what is known is read as a whole now and then: a correction may
 * have changed what lies further back. */
const WHOLE_MS = 60_000;

export interface Continuation<Row> {
  /** What to ask for beside the question, to be told only what came since. */
  readonly on: (rows: readonly Row[]) => Question["query"];
  readonly with: (rows: readonly Row[], more: readonly Row[]) => readonly Row[];
}

export interface ViewRequest {
  readonly question: Question;
  /** What the session shows; whenever it is another, the view may be another. */
  readonly as: string;
}

/** From when something is, and why it was not told anew. */
export interface ViewStatus {
  readonly clockMs: number;
  readonly trouble: string | null;
}

/** Whoever gives no answer for so long gives none. */
const PATIENCE_MS = 30_000;

/** Who scrubs along a race asks for many moments, and looks at few. */
const SCRUB_MS = 300;

function withoutMoment({ session, view, query }: Question): string {
  return JSON.stringify({ session, view, query: { ...query, at: null, known_at: null } });
}

/**
 * Made while a component is: it ends with that. `wanted` gives what is asked, null for
 * nothing; what it reads is followed.
 */
export class LiveView<Row> {
  /** The rows; null before they were first told. */
  rows: readonly Row[] | null = $state.raw(null);
  clockMs: number = $state(0);
  /** Why there are none, in the gateway's words. */
  refusal: string | null = $state(null);
  /** Why what is there was not told anew; null: it was. */
  trouble: string | null = $state(null);
  #asked: string | null = null;
  #of: string | null = null;
  #shown: string | null = null;
  #etag: string | null = null;
  #askedAt = -Infinity;
  /** How long after it was asked last it is asked again. */
  #patience = 0;
  #wholeAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | null = null;
  #wanted: ViewRequest | null = null;

  constructor(
    wanted: () => ViewRequest | null,
    private readonly access: () => Access,
    private readonly pace = PACE_MS,
    private readonly going: Continuation<Row> | null = null,
  ) {
    $effect(() => {
      this.#follow(wanted());
    });
    $effect(() => () => this.#end());
  }

  #follow(wanted: ViewRequest | null): void {
    this.#wanted = wanted;
    const asked = wanted === null ? null : JSON.stringify(wanted.question);
    if (asked !== this.#asked) {
      const of = wanted === null ? null : withoutMoment(wanted.question);
      this.#end();
      this.#asked = asked;
      this.#shown = this.#etag = null;
      this.#patience = SCRUB_MS;
      this.#wholeAt = -Infinity;
      this.refusal = this.trouble = null;
      // At another moment the same picture stays until that one's comes.
      if (of !== this.#of) this.rows = null;
      this.#of = of;
    }
    if (wanted !== null && wanted.as !== this.#shown) this.#soon();
  }

  #soon(): void {
    if (this.#asking !== null || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#askedAt + this.#patience - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#ask();
    }, wait);
  }

  async #ask(): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const asking = (this.#asking = new AbortController());
    this.#askedAt = performance.now();
    this.#patience = this.pace;
    let late = false;
    const patience = setTimeout(() => {
      late = true;
      asking.abort();
    }, PATIENCE_MS);
    try {
      await this.#take(wanted, asking.signal);
      this.#shown = wanted.as;
      this.trouble = null;
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the timer
      if (asking.signal.aborted && !late) return;
      const told = error instanceof Refused ? error.message : "the gateway does not answer";
      if (this.rows === null) this.refusal = told;
      else this.trouble = told;
      // What was refused stays so until something happens; what was not answered is asked again.
      this.#shown = error instanceof Refused && error.status < 500 ? wanted.as : null;
    } finally {
      clearTimeout(patience);
    }
    if (this.#asking !== asking) return;
    this.#asking = null;
    if (this.#wanted !== null && this.#wanted.as !== this.#shown) this.#soon();
  }

  async #take({ question }: ViewRequest, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const { going, rows } = this;
    if (going !== null && rows !== null && now - this.#wholeAt < WHOLE_MS) {
      const query = { ...question.query, ...going.on(rows) };
      const more = await viewOf<Row>({ ...question, query }, this.access(), null, signal);
      if (more === null || signal.aborted) return;
      this.rows = going.with(rows, more.rows);
      this.clockMs = more.clockMs;
      return;
    }
    const told = await viewOf<Row>(question, this.access(), this.#etag, signal);
    if (signal.aborted) return;
    this.#wholeAt = now;
    this.refusal = null;
    if (told === null) return;
    this.#etag = told.etag;
    this.rows = told.rows;
    this.clockMs = told.clockMs;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asking?.abort();
    this.#asking = null;
  }
}
