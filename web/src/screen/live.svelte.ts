/** A session as the page shows it: what was told, how old that is, and who moved. */

import { freshness, ServerClock, type Freshness } from "../live/freshness";
import { liveUrl, Refused, serverTime, type Access } from "../live/gateway";
import type { Clock, Message } from "../live/messages";
import { ReceivedState } from "../live/received_state";
import { browser, Subscription, type Connection, type Listener } from "../live/subscription";
import { Movements } from "../timing/movements";
import { stateOf, TOPICS, type State } from "../timing/state";
import { Board } from "./board.svelte";

const TICK_MS = 200;

interface Shown {
  readonly state: State | null;
  readonly learnedAt: number;
  readonly clock: Clock;
  readonly position: string;
}

const NOTHING: Shown = {
  state: null,
  learnedAt: 0,
  clock: { at: 0, running: false },
  position: "",
};

export class LiveSession implements Listener {
  readonly #server = new ServerClock();
  readonly #picture = new ReceivedState();
  /** What comes. */
  came: Shown = $state.raw(NOTHING);
  /** What is looked at instead; null: nothing else. */
  past: Shown | null = $state.raw(null);
  shown: Shown = $state.raw(NOTHING);
  /** Whether this is a session that is played again. */
  replayed = $state(false);
  readonly board = new Board();
  link: Connection = $state("connecting");
  /** Since when the connection has not been what it should, by this machine's clock. */
  lostAt: number | null = $state(null);
  /** Why the gateway does not let us in. */
  refusal: string | null = $state(null);
  moved: ReadonlyMap<string, number> = $state.raw(new Map());
  movedInClass: ReadonlyMap<string, number> = $state.raw(new Map());
  #now = $state(Date.now());
  /** Whether the session's feed is known to be silent; told with each heartbeat. */
  #silent = $state(false);
  readonly freshness: Freshness = $derived(
    freshness(
      this.shown.learnedAt,
      this.shown.clock,
      this.#server.now(this.#now),
      this.shown.state?.session.patience_ms,
      this.#silent,
    ),
  );
  /** Where the clock of what comes is. */
  readonly cameMs: number = $derived.by(() => {
    const { learnedAt, clock, state } = this.came;
    const now = this.#server.now(this.#now);
    return freshness(learnedAt, clock, now, state?.session.patience_ms).clockMs;
  });
  readonly lostMs: number = $derived(
    this.lostAt === null ? 0 : Math.max(0, this.#now - this.lostAt),
  );

  readonly #overall = new Movements();
  readonly #inClass = new Movements();
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
    }
    if (message.kind === "heartbeat") {
      this.#server.exactly(message.at + message.age_ms, now);
      this.#silent = message.silent ?? false;
    } else {
      this.#server.atLeast(message.at, now);
    }
    this.#picture.show(message);
    // However many messages come, the page is drawn once a frame.
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
   * Keep what is shown, whatever comes, until it is known what is looked at. Its clock stands:
   * of rows that wait nobody may think that they are of now.
   */
  hold(): void {
    if (this.past !== null) return;
    this.past = { ...this.shown, clock: { at: this.freshness.clockMs, running: false } };
    this.#drawing ||= requestAnimationFrame(() => this.#draw());
  }

  /** Show the picture of a moment instead of what comes; null: what comes. */
  look(picture: (Message & { kind: "snapshot" }) | null): void {
    this.past =
      picture === null
        ? null
        : {
            state: stateOf(picture.data),
            learnedAt: picture.at,
            clock: { at: picture.clock.at, running: false },
            position: picture.token,
          };
    this.#overall.reset();
    this.#inClass.reset();
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

  /** What time it is there; and, where we are not let in, why. */
  async #askTime(): Promise<void> {
    try {
      this.#server.exactly(await serverTime(this.name, this.access), Date.now());
      this.refusal = null;
    } catch (error) {
      this.refusal = error instanceof Refused ? error.message : null;
    }
  }

  #draw(): void {
    this.#drawing = 0;
    const { state, learnedAt, clock, token } = this.#picture;
    this.#now = Date.now();
    if (this.came.clock !== clock)
      this.came = { state: stateOf(state), learnedAt, clock, position: token ?? "" };
    const shown = this.past ?? this.came;
    if (shown === this.shown) return;
    this.shown = shown;
    this.board.show(shown.state);
    this.#seeMoves();
  }

  #tick(): void {
    this.#now = Date.now();
    if (this.moved.size > 0 || this.movedInClass.size > 0) this.#seeMoves();
  }

  #seeMoves(): void {
    const { rows } = this.board;
    const places = new Map(rows.map((row) => [row.car, row.position]));
    const inClass = new Map(rows.map((row) => [row.car, row.class_position]));
    this.moved = this.#overall.see(places, this.#now);
    this.movedInClass = this.#inClass.see(inClass, this.#now);
  }
}
