/** An output by its own subscription: delayed and frozen as it is, and kept when it is lost. */

import { freshness, ServerClock, type Freshness } from "../live/freshness";
import { outputInfo, outputUrl, Refused, type Access } from "../live/gateway";
import type { Clock, Message } from "../live/messages";
import { ReceivedState } from "../live/received_state";
import { browser, Subscription, type Connection, type Listener } from "../live/subscription";
import { outputStateOf, type OutputState } from "./output_state";

const TICK_MS = 100;
const ASK_AGAIN_MS = 2000;

interface OutputSnapshot {
  readonly output: OutputState | null;
  readonly token: string;
  readonly epoch: number;
  readonly recordedAt: number;
  readonly clock: Clock;
}

const EMPTY: OutputSnapshot = {
  output: null,
  token: "",
  epoch: 0,
  recordedAt: 0,
  clock: { at: 0, running: false },
};

export class LiveOutput implements Listener {
  readonly #server = new ServerClock();
  readonly #received = new ReceivedState();
  displayed: OutputSnapshot = $state.raw(EMPTY);
  link: Connection = $state("connecting");
  /** The view that the output is arranged for; null until that is known. */
  view: string | null = $state(null);
  /** Why the gateway refuses the subscription; null if it does not. */
  refusal: string | null = $state(null);
  /** This machine's clock, ten times a second. */
  now = $state(Date.now());
  /** Whether the session's feed is silent, by the last heartbeat. */
  #silent = $state(false);
  readonly freshness: Freshness = $derived(
    freshness(
      this.displayed.recordedAt,
      this.displayed.clock,
      this.#server.now(this.now),
      this.displayed.output?.session.patience_ms,
      this.#silent,
    ),
  );
  /** The session clock now; it stops where its source went silent, and never goes back. */
  readonly clockMs: number = $derived(this.freshness.clockMs);
  readonly isGone: boolean = $derived(this.link === "lost" || this.freshness.state === "stale");
  #epoch = 0;
  #drawing = 0;
  #requesting = false;

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
    void this.#requestView();
  }

  message(message: Message): void {
    const now = Date.now();
    if (message.kind === "heartbeat") {
      this.#server.exactly(message.at + message.age_ms, now);
      this.#silent = message.silent ?? false;
    } else {
      this.#server.atLeast(message.at, now);
    }
    this.#received.show(message);
    this.#epoch = message.epoch;
    // The page is drawn once per animation frame, however many messages arrive.
    if (this.#drawing === 0) this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  connection(state: Connection): void {
    if (state === "lost") void this.#requestView(); // a changed output closes its subscriptions
    this.link = state;
  }

  #draw(): void {
    this.#drawing = 0;
    const { state, token, recordedAt, clock } = this.#received;
    this.now = Date.now();
    this.displayed = {
      output: outputStateOf(state),
      token: token ?? "",
      epoch: this.#epoch,
      recordedAt,
      clock,
    };
  }

  async #requestView(): Promise<void> {
    if (this.#requesting) return;
    this.#requesting = true;
    try {
      this.view = (await outputInfo(this.name, this.access)).view;
      this.refusal = null;
    } catch (error) {
      this.refusal = error instanceof Refused ? error.message : null;
      setTimeout(() => void this.#requestView(), ASK_AGAIN_MS);
    } finally {
      this.#requesting = false;
    }
  }
}
