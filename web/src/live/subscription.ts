/**
 * A subscription that holds: it comes again with its token after every cut, waits longer
 * each time, and takes silence for a cut. What the world does (sockets, timers, chance) is
 * passed in, so that all of this is tried without it.
 */

import { BadMessage, parseMessage, type Message } from "./messages";

/** A heartbeat comes every five seconds; two that are missing are a cut. */
export const SILENCE_MS = 12_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;

export interface Socket {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  close(): void;
}

export interface World {
  open(url: string): Socket;
  /** Call `what` after `ms`; the result calls it off. */
  after(ms: number, what: () => void): () => void;
  /** From 0 to 1. */
  chance(): number;
}

export type Connection = "connecting" | "live" | "lost";

export interface Listener {
  message(message: Message): void;
  connection(state: Connection): void;
}

export class Subscription {
  #token: string | null = null;
  #socket: Socket | null = null;
  #cancelTimer: (() => void) | null = null;
  #failures = 0;
  #ended = false;

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
    private readonly world: World,
  ) {
    listener.connection("connecting");
    this.#open();
  }

  /** Come again at once, as after the machine slept. Nothing if the connection stands. */
  hurry(): void {
    if (this.#ended || this.#socket !== null) return;
    this.#cancelTimer?.();
    this.#open();
  }

  end(): void {
    this.#ended = true;
    this.#drop();
  }

  #open(): void {
    const socket = this.world.open(withToken(this.url, this.#token));
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(String(event.data));
    socket.onclose = () => this.#lose();
    this.#listen();
  }

  /** Wait for the next sign of life. */
  #listen(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.world.after(SILENCE_MS, () => this.#lose());
  }

  #take(text: string): void {
    try {
      const message = parseMessage(text);
      this.listener.message(message);
      this.#token = message.token;
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#token = null; // begin with a snapshot
      this.#lose();
      return;
    }
    this.listener.connection("live");
    this.#failures = 0;
    this.#listen();
  }

  #lose(): void {
    this.#drop();
    if (this.#ended) return;
    this.listener.connection("lost");
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    this.#failures += 1;
    // A hall of screens does not come back in one instant.
    const wait = longest * (0.5 + this.world.chance() / 2);
    this.#cancelTimer = this.world.after(wait, () => this.#open());
  }

  #drop(): void {
    this.#cancelTimer?.();
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}

function withToken(url: string, token: string | null): string {
  if (token === null) return url;
  return `${url}${url.includes("?") ? "&" : "?"}from=${encodeURIComponent(token)}`;
}

/** The browser's sockets, timers and chance. */
export const browser: World = {
  open: (url) => new WebSocket(url) as Socket,
  after: (ms, what) => {
    const timer = setTimeout(what, ms);
    return () => clearTimeout(timer);
  },
  chance: Math.random,
};
