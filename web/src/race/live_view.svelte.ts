/** A view of the gateway, kept up to date by requests at a limited rate. */

import { Refused, viewOf, type Access, type ViewQuery } from "../live/gateway";

/** The least time between two requests of a view. It is only requested when there is news. */
export const PACE_MS = 2000;

/** How often a view that is continued is read as a whole: a correction may have changed older rows. */
const WHOLE_MS = 60_000;

export interface Continuation<Row> {
  /** Parameters that restrict the answer to rows since those that are known. */
  readonly on: (rows: readonly Row[]) => ViewQuery["query"];
  readonly with: (rows: readonly Row[], more: readonly Row[]) => readonly Row[];
}

export interface ViewRequest {
  readonly question: ViewQuery;
  /** The position of the session that is shown; when it changes, the view may have changed. */
  readonly as: string;
}

/** The session time of the rows, and why they could not be renewed. */
export interface ViewStatus {
  readonly clockMs: number;
  readonly problem: string | null;
}

/** A request without an answer is given up after this time. */
const PATIENCE_MS = 30_000;

/** A pause before requests, because scrubbing passes many moments and stops at few. */
const SCRUB_MS = 300;

function withoutMoment({ session, view, query }: ViewQuery): string {
  return JSON.stringify({ session, view, query: { ...query, at: null, known_at: null } });
}

/**
 * Created during the initialization of a component, and ended with it. `wanted` gives the
 * request, null for none; it is called again when a state that it reads changes.
 */
export class LiveView<Row> {
  /** The rows; null before the first answer. */
  rows: readonly Row[] | null = $state.raw(null);
  clockMs: number = $state(0);
  /** Why there are no rows: the gateway's message. */
  refusal: string | null = $state(null);
  /** Why the rows could not be renewed; null if they are current. */
  problem: string | null = $state(null);
  #query: string | null = null;
  #of: string | null = null;
  #version: string | null = null;
  #etag: string | null = null;
  #requestedAt = -Infinity;
  /** The pause since the last request before the next one. */
  #patience = 0;
  #wholeAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pending: AbortController | null = null;
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
    const query = wanted === null ? null : JSON.stringify(wanted.question);
    if (query !== this.#query) {
      const of = wanted === null ? null : withoutMoment(wanted.question);
      this.#end();
      this.#query = query;
      this.#version = this.#etag = null;
      this.#patience = SCRUB_MS;
      this.#wholeAt = -Infinity;
      this.refusal = this.problem = null;
      // At another moment the old rows stay until the new ones arrive.
      if (of !== this.#of) this.rows = null;
      this.#of = of;
    }
    if (wanted !== null && wanted.as !== this.#version) this.#soon();
  }

  #soon(): void {
    if (this.#pending !== null || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#requestedAt + this.#patience - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#request();
    }, wait);
  }

  async #request(): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const pending = (this.#pending = new AbortController());
    this.#requestedAt = performance.now();
    this.#patience = this.pace;
    let late = false;
    const patience = setTimeout(() => {
      late = true;
      pending.abort();
    }, PATIENCE_MS);
    try {
      await this.#take(wanted, pending.signal);
      this.#version = wanted.as;
      this.problem = null;
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the timer
      if (pending.signal.aborted && !late) return;
      const answer = error instanceof Refused ? error.message : "the gateway does not answer";
      if (this.rows === null) this.refusal = answer;
      else this.problem = answer;
      // A refusal stands until there is news; a request without an answer is repeated.
      this.#version = error instanceof Refused && error.status < 500 ? wanted.as : null;
    } finally {
      clearTimeout(patience);
    }
    if (this.#pending !== pending) return;
    this.#pending = null;
    if (this.#wanted !== null && this.#wanted.as !== this.#version) this.#soon();
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
    const answer = await viewOf<Row>(question, this.access(), this.#etag, signal);
    if (signal.aborted) return;
    this.#wholeAt = now;
    this.refusal = null;
    if (answer === null) return;
    this.#etag = answer.etag;
    this.rows = answer.rows;
    this.clockMs = answer.clockMs;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending?.abort();
    this.#pending = null;
  }
}
