/** A session as the page shows it: its state, how old that is, and which cars moved. */

import { freshness, ServerClock, type Freshness } from "../live/freshness";
import { liveUrl, Refused, serverTime, type Access } from "../live/gateway";
import type { Clock, Message } from "../live/messages";
import { ReceivedState } from "../live/received_state";
import { browser, Subscription, type Connection, type Listener } from "../live/subscription";
import { Movements, Passes } from "../timing/movements";
import { isRace, stateOf, TOPICS, type State } from "../timing/state";
import { Board } from "./board.svelte";

const TICK_MS = 200;

interface SessionSnapshot {
  readonly state: State | null;
  readonly recordedAt: number;
  readonly clock: Clock;
  readonly position: string;
}

const EMPTY: SessionSnapshot = {
  state: null,
  recordedAt: 0,
  clock: { at: 0, running: false },
  position: "",
};

export class LiveSession implements Listener {
  readonly #server = new ServerClock();
  readonly #received = new ReceivedState();
  /** The newest state. */
  newest: SessionSnapshot = $state.raw(EMPTY);
  /** The state of a past moment that is shown instead; null for none. */
  past: SessionSnapshot | null = $state.raw(null);
  displayed: SessionSnapshot = $state.raw(EMPTY);
  /** Whether the session is a replay. */
  replayed = $state(false);
  readonly board = new Board();
  link: Connection = $state("connecting");
  /** Since when there has been no connection, by this machine's clock; null while there is one. */
  lostAt: number | null = $state(null);
  /** Why the gateway refuses the subscription; null if it does not. */
  refusal: string | null = $state(null);
  /** Whether it is refused because there is no such session. */
  unknown = $state(false);
  moved: ReadonlyMap<string, number> = $state.raw(new Map());
  movedInClass: ReadonlyMap<string, number> = $state.raw(new Map());
  /** The cars that have just passed another on the road, overall and in class. */
  passed: ReadonlySet<string> = $state.raw(new Set());
  #now = $state(Date.now());
  /** Whether the session's feed is silent, by the last heartbeat. */
  #silent = $state(false);
  readonly freshness: Freshness = $derived.by(() => {
    const { recordedAt, clock, state } = this.displayed;
    const seen = (now: number) =>
      freshness(recordedAt, clock, this.#server.now(now), state?.session.patience_ms, this.#silent);
    const found = seen(this.#now);
    // Without a connection nobody knows whether the clock still runs: it and all timers stand.
    return this.lostAt === null ? found : { ...found, clockMs: seen(this.lostAt).clockMs };
  });
  /** The session clock of the newest state. */
  readonly newestMs: number = $derived.by(() => {
    const { recordedAt, clock, state } = this.newest;
    const now = this.#server.now(this.#now);
    return freshness(recordedAt, clock, now, state?.session.patience_ms).clockMs;
  });
  readonly lostMs: number = $derived(
    this.lostAt === null ? 0 : Math.max(0, this.#now - this.lostAt),
  );

  readonly #overall = new Movements();
  readonly #inClass = new Movements();
  readonly #passes = new Passes();
  readonly #subscription: Subscription;
  readonly #timer: ReturnType<typeof setInterval>;
  #drawing = 0;

  constructor(
    readonly name: string,
    private readonly access: Access,
  ) {
    const url = liveUrl(new URL(location.href), name, TOPICS, access);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#subscription = new Subscription(url, this, browser);
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    void this.#askTime();
  }

  message(message: Message): void {
    const now = Date.now();
    if (message.kind === "snapshot") {
      this.#overall.reset();
      this.#inClass.reset();
      this.#passes.reset();
    }
    if (message.kind === "heartbeat") {
      this.#server.exactly(message.at + message.age_ms, now);
      this.#silent = message.silent ?? false;
    } else {
      this.#server.atLeast(message.at, now);
    }
    this.#received.show(message);
    // The page is drawn once per animation frame, however many messages arrive.
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  connection(state: Connection): void {
    if (state === this.link && state !== "lost") return;
    if (state === "live") {
      this.lostAt = null;
      this.refusal = null;
    } else {
      this.lostAt ??= Date.now();
    }
    if (state === "lost") void this.#askTime();
    this.link = state;
  }

  /**
   * Freeze the displayed state until that of the requested moment arrives. Its clock stops, so
   * that nobody takes the rows for current ones.
   */
  hold(): void {
    if (this.past !== null) return;
    this.past = { ...this.displayed, clock: { at: this.freshness.clockMs, running: false } };
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  /** Show the snapshot of a past moment; null for the newest state. */
  look(snapshot: (Message & { kind: "snapshot" }) | null): void {
    this.past =
      snapshot === null
        ? null
        : {
            state: stateOf(snapshot.data),
            recordedAt: snapshot.at,
            clock: { at: snapshot.clock.at, running: false },
            position: snapshot.token,
          };
    this.#overall.reset();
    this.#inClass.reset();
    this.#passes.reset();
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  end(): void {
    this.#subscription.end();
    clearInterval(this.#timer);
    cancelAnimationFrame(this.#drawing);
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
  }

  readonly #hurry = (): void => {
    if (document.visibilityState === "visible") this.#subscription.hurry();
  };

  /** Ask for the server's time; a refusal says why the subscription fails, too. */
  async #askTime(): Promise<void> {
    try {
      this.#server.exactly(await serverTime(this.name, this.access), Date.now());
      this.refusal = null;
    } catch (error) {
      this.refusal = error instanceof Refused ? error.message : null;
      this.unknown = error instanceof Refused && error.status === 404;
    }
  }

  #draw(): void {
    this.#drawing = 0;
    const { state, recordedAt, clock, token } = this.#received;
    this.#now = Date.now();
    if (this.newest.clock !== clock)
      this.newest = { state: stateOf(state), recordedAt, clock, position: token ?? "" };
    const displayed = this.past ?? this.newest;
    if (displayed === this.displayed) return;
    this.displayed = displayed;
    this.board.show(displayed.state);
    this.#seeMoves();
  }

  #tick(): void {
    this.#now = Date.now();
    if (this.moved.size + this.movedInClass.size + this.passed.size > 0) this.#seeMoves();
  }

  #seeMoves(): void {
    const { rows } = this.board;
    const places = new Map(rows.map((row) => [row.car, row.position]));
    const inClass = new Map(rows.map((row) => [row.car, row.class_position]));
    this.moved = this.#overall.see(places, this.#now);
    this.movedInClass = this.#inClass.see(inClass, this.#now);
    const { state } = this.displayed;
    this.passed = this.#passes.see(state !== null && isRace(state.session) ? rows : [], this.#now);
  }
}
