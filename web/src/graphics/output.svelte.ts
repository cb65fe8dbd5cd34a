/** An output as its own subscription tells it: late and held as it is, and kept when it is gone. */

import { freshness, ServerClock, type Freshness } from "../live/freshness";
import { outputInfo, outputUrl, Refused, type Access } from "../live/gateway";
import type { Clock, Message } from "../live/messages";
import { ReceivedState } from "../live/received_state";
import { browser, Subscription, type Connection, type Listener } from "../live/subscription";
import { outputStateOf, type OutputState } from "./output_state";

const TICK_MS = 100;
const ASK_AGAIN_MS = 2000;

interface Shown {
  readonly aired: OutputState | null;
  readonly token: string;
  readonly epoch: number;
  readonly learnedAt: number;
  readonly clock: Clock;
}

const NOTHING: Shown = {
  aired: null,
  token: "",
  epoch: 0,
  learnedAt: 0,
  clock: { at: 0, running: false },
};

export class LiveOutput implements Listener {
  readonly #server = new ServerClock();
  readonly #picture = new ReceivedState();
  shown: Shown = $state.raw(NOTHING);
  link: Connection = $state("connecting");
  /** The view that the output is arranged for; null until that is known. */
  view: string | null = $state(null);
  /** Why the gateway does not let us in. */
  refusal: string | null = $state(null);
  /** This machine's clock, ten times a second. */
  now = $state(Date.now());
  /** Whether the session's feed is known to be silent; told with each heartbeat. */
  #silent = $state(false);
  readonly freshness: Freshness = $derived(
    freshness(
      this.shown.learnedAt,
      this.shown.clock,
      this.#server.now(this.now),
      this.shown.aired?.session.patience_ms,
      this.#silent,
    ),
  );
  /** The session clock now; it stops where its source went silent, and never goes back. */
  readonly clockMs: number = $derived(this.freshness.clockMs);
  readonly isGone: boolean = $derived(this.link === "lost" || this.freshness.state === "stale");
  #epoch = 0;
  #drawing = 0;
  #asking = false;

  constructor(
    readonly name: string,
    maxHz: number,
    private readonly access: Access,
  ) {
    const subscription = new Subscription(
      outputUrl(new URL(location.href), name, maxHz, access),
      this,
      browser,
    );
    setInterval(() => (this.now = Date.now()), TICK_MS);
    addEventListener("online", () => subscription.hurry());
    void this.#askView();
  }

  message(message: Message): void {
    const now = Date.now();
    if (message.kind === "heartbeat") {
      this.#server.exactly(message.at + message.age_ms, now);
      this.#silent = message.silent ?? false;
    } else {
      this.#server.atLeast(message.at, now);
    }
    this.#picture.show(message);
    this.#epoch = message.epoch;
    // However many messages come, the page is drawn once a frame; a hidden page draws none.
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  connection(state: Connection): void {
    if (state === "lost") void this.#askView(); // that is also how a changed output says so
    this.link = state;
  }

  #draw(): void {
    this.#drawing = 0;
    const { state, token, learnedAt, clock } = this.#picture;
    this.now = Date.now();
    this.shown = {
      aired: outputStateOf(state),
      token: token ?? "",
      epoch: this.#epoch,
      learnedAt,
      clock,
    };
  }

  async #askView(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      this.view = (await outputInfo(this.name, this.access)).view;
      this.refusal = null;
    } catch (error) {
      this.refusal = error instanceof Refused ? error.message : null;
      setTimeout(() => void this.#askView(), ASK_AGAIN_MS);
    } finally {
      this.#asking = false;
    }
  }
}
