/**
 * The forecast at the displayed moment: of the newest state by subscription, of a past moment by
 * request. It is only there while it is `on`: a forecast costs the gateway work.
 */

import { liveUrl, type Access } from "../live/gateway";
import type { Message } from "../live/messages";
import { browser, Subscription, type Connection } from "../live/subscription";
import { isOver } from "../timing/flags";
import { STALE_MS, type ForecastRow, type ShownForecast } from "../timing/forecast";
import { LiveView } from "./live_view.svelte";
import { viewRequest, type PageProps } from "./page";

const TOPIC = "forecast";

interface Received {
  readonly cars: ReadonlyMap<string, ForecastRow>;
  readonly atMs: number;
  /** By this machine's clock. */
  readonly receivedAt: number;
}

interface Body {
  readonly at_ms: number;
  readonly cars: Readonly<Record<string, ForecastRow>>;
}

type Scope = Pick<PageProps, "live" | "address"> & { readonly on: boolean };

/** Created during the initialization of a component, and ended with it. */
export class Forecasts {
  #received: Received | null = $state.raw(null);
  #refusal: string | null = $state(null);
  #link: Connection = $state("connecting");
  readonly #past: LiveView<ForecastRow>;

  readonly #isPast = $derived.by(() => {
    const { address } = this.scope();
    return address.at !== null || address.knownAt !== null;
  });

  /** What is over is not forecast. */
  readonly #on = $derived.by(() => {
    const { on, live } = this.scope();
    return on && !isOver(live.displayed.state?.session);
  });

  /** The forecast; null while there is none. */
  readonly shown: ShownForecast | null = $derived.by(() => {
    if (!this.#on) return null;
    return this.#isPast ? this.#ofMoment() : this.#ofNow();
  });

  /** Why there is none. */
  readonly refusal: string | null = $derived.by(() =>
    this.#isPast ? this.#past.refusal : this.#refusal,
  );

  constructor(
    private readonly scope: () => Scope,
    access: () => Access,
  ) {
    this.#past = new LiveView<ForecastRow>(() => {
      return this.#on && this.#isPast ? viewRequest(scope(), "forecast") : null;
    }, access);
    const name = $derived(scope().live.name);
    const follows = $derived(this.#on && !this.#isPast);
    $effect(() => {
      if (!follows) return;
      const url = liveUrl(new URL(location.href), name, TOPIC, access());
      const subscription = new Subscription(url, this, browser);
      return () => {
        subscription.end();
        this.#received = null;
        this.#refusal = null;
      };
    });
  }

  message(message: Message): void {
    if (message.kind === "snapshot") this.#received = null; // another epoch
    if (message.kind !== "forecast") return;
    const body = message.data as unknown as Body | null;
    this.#refusal = message.reason ?? null;
    this.#received =
      body === null
        ? null
        : {
            cars: new Map(Object.entries(body.cars)),
            atMs: body.at_ms,
            receivedAt: Date.now(),
          };
  }

  connection(state: Connection): void {
    this.#link = state;
  }

  #ofNow(): ShownForecast | null {
    const received = this.#received;
    if (received === null) return null;
    const { freshness, link } = this.scope().live;
    const lost = link === "lost" || this.#link === "lost" || freshness.state === "stale";
    // Read with the freshness, which is renewed with each tick of the page.
    const waits = Date.now() - received.receivedAt > STALE_MS && freshness.ageMs < STALE_MS;
    const { cars, atMs } = received;
    return { cars, atMs, stale: lost || waits };
  }

  #ofMoment(): ShownForecast | null {
    const { rows, clockMs, problem } = this.#past;
    if (rows === null) return null;
    const cars = new Map(rows.map((row) => [row.car, row]));
    return { cars, atMs: clockMs, stale: problem !== null };
  }
}
