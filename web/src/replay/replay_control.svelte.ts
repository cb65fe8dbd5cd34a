/**
 * The replay bar's state. Three things can be at hand: what comes (live), a moment of the past
 * that this viewer looks at, and a replay that all its watchers share and that is steered at
 * the gateway.
 */

import { Refused, viewOf, type Access } from "../live/gateway";
import type { LiveSession } from "../screen/live.svelte";
import type { Address } from "../screen/address";
import {
  begin,
  snapshotAt,
  replayNamed,
  steer,
  type Replay,
  type Speed,
  type Steering,
} from "./requests";
import { addressOfMoment, AS_SHOWN, isSameMoment, momentText, type Moment } from "./moment";
import {
  markerBefore,
  nameOf,
  nextMarker,
  spanOf,
  type Kind,
  type Marker,
  type Span,
} from "./timeline";

export const SPEEDS: readonly Speed[] = [0.5, 1, 2, 5, 10, 20, 50, 100, "max"];

/** Pictures of the past are asked for at most so often, and only one at a time. */
const PACE_MS = 200;
const REPLAY_MS = 1000;
const MARKERS_MS = 3000;
/** A page may write its address some times a second only. */
const WRITE_MS = 400;
/** A moment of the address whose picture nobody answers for is asked for again. */
const AGAIN_MS = 1000;

type Go = (change: Partial<Address>, instead?: boolean) => void;

export class ReplayControl {
  /** How the replay stands; null for a session that is none. */
  replay: Replay | null = $state.raw(null);
  markers: readonly Marker[] = $state.raw([]);
  /** What the jumps go to; null: to any marker. */
  kind: Kind | null = $state(null);
  /** The moment that is looked at, or is asked for; null: what comes. */
  moment: Moment | null = $state.raw(null);
  /** Why something was not done, in the gateway's words. */
  refusal: string | null = $state(null);
  /** Of a moment that is played on by this viewer alone. */
  ownSpeed: Speed = $state(1);
  ownPlaying = $state(false);
  /** Whether the moment that is looked at has yet to come. */
  waiting = $state(false);
  /** Whether there is a bar to put markers on. */
  seen = false;
  /** Where the playhead is being dragged to. */
  dragged: number | null = $state(null);

  readonly looking = $derived(this.moment !== null);
  readonly steering = $derived(this.replay !== null && !this.looking);
  readonly playing: boolean = $derived.by(() =>
    this.looking ? this.ownPlaying : (this.replay?.playing ?? this.live.came.clock.running),
  );
  readonly speed = $derived(this.looking ? this.ownSpeed : (this.replay?.speed ?? 1));
  readonly asShown = $derived(this.moment?.knownAt === AS_SHOWN);
  readonly #atMs = $derived.by(() =>
    this.looking ? (this.live.past?.clock.at ?? 0) : this.live.cameMs,
  );
  readonly atMs: number = $derived(this.dragged ?? this.#atMs);
  readonly span: Span = $derived.by(() =>
    spanOf(this.live.cameMs, this.replay !== null, this.live.came.state?.session.time_limit_ms),
  );

  /** The moment whose picture is shown: a moment that is refused leads back to it. */
  #stands: Moment | null = null;
  /** The moment of the address, until its picture is there. */
  #told: Moment | null = null;
  #written: Moment | null = null;
  #writeAtOnce = false;
  #writing: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #shown: Moment | null = null;
  #playedAt = 0;
  #markersEtag: string | null = null;
  #markersOf = "";
  #askedReplayAt = -Infinity;
  #askedMarkersAt = -Infinity;
  #ended = false;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly live: LiveSession,
    private readonly access: Access,
    private readonly go: Go,
  ) {
    this.#timer = setInterval(() => this.#tick(), PACE_MS);
    void this.#askReplay();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    clearTimeout(this.#writing);
  }

  // -- What is looked at ---------------------------------------------------------------

  /** The address says what is looked at, now or after going back. */
  follow(moment: Moment | null): void {
    if (isSameMoment(moment, this.#written)) return;
    clearTimeout(this.#writing);
    this.#written = moment;
    this.ownPlaying = false;
    this.#look(moment);
    this.#told = moment;
  }

  /** Go to a time of the session clock (ms), or to a moment by its name. */
  to(where: number | string): void {
    const at = typeof where === "number" ? momentText(this.#within(where)) : where;
    if (this.steering) void this.#steer({ do: "seek", to: at });
    else this.look({ at, knownAt: this.moment?.knownAt ?? null });
  }

  /** A session that is no replay is known up to its newest event, behind which the clock runs. */
  #within(ms: number): number {
    return Math.max(0, this.replay === null ? Math.min(ms, this.live.came.clock.at) : ms);
  }

  /** Look at a moment; the address says so once it stands. */
  look(moment: Moment): void {
    clearTimeout(this.#writing);
    this.#writeAtOnce = false;
    this.#look(moment);
  }

  /** What comes. */
  now(): void {
    this.ownPlaying = false;
    this.#look(null);
    this.#write();
  }

  /** With what was known then, or with what is known now. */
  know(asShown: boolean): void {
    this.look({ at: momentText(this.#atMs), knownAt: asShown ? AS_SHOWN : null });
    this.#writeAtOnce = true;
  }

  /** The address of what is shown. */
  link(): string {
    const url = new URL(location.href);
    const moment = this.moment ?? { at: "", knownAt: null };
    url.searchParams.set("at", momentText(this.#atMs));
    if (moment.knownAt !== null) url.searchParams.set("known_at", moment.knownAt);
    url.hash = ""; // a token is not for others
    return url.href.replaceAll("%3A", ":");
  }

  #look(moment: Moment | null): void {
    this.refusal = null;
    this.moment = moment;
    this.#shown = this.#told = null;
    if (moment === null) {
      this.#stands = null;
      this.live.look(null);
    } else {
      this.live.hold();
      void this.#askPicture();
    }
  }

  #write(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    this.#written = this.#stands;
    this.go(addressOfMoment(this.#stands), true);
  }

  async #askPicture(): Promise<void> {
    this.waiting = true;
    if (this.#asking) return;
    this.#asking = true;
    while (this.moment !== null && !isSameMoment(this.moment, this.#shown) && !this.#ended) {
      const asked: Moment = this.moment;
      try {
        const picture = await snapshotAt(this.live.name, asked, this.access);
        this.#stand(asked, picture);
        this.#shown = asked;
      } catch (error) {
        if (isSameMoment(this.moment, asked)) await this.#refused(asked, error);
      }
    }
    this.#asking = this.waiting = false;
  }

  #stand(asked: Moment, picture: Parameters<LiveSession["look"]>[0]): void {
    if (this.moment === null || this.#ended) return;
    this.live.look(picture);
    this.#stands = asked;
    this.refusal = null;
    clearTimeout(this.#writing);
    if (this.#writeAtOnce) this.#write();
    else this.#writing = setTimeout(() => this.#write(), WRITE_MS);
  }

  /** What was shown before is shown again, and the address says that, too. */
  async #refused(asked: Moment, error: unknown): Promise<void> {
    this.ownPlaying = false;
    this.refusal = told(error);
    const answered = error instanceof Refused && error.status < 500;
    if (!answered && isSameMoment(asked, this.#told)) {
      await new Promise((done) => setTimeout(done, AGAIN_MS));
      return;
    }
    this.moment = this.#shown = this.#stands;
    if (this.moment === null) this.live.look(null);
    this.#write();
  }

  // -- Playing -------------------------------------------------------------------------

  /** What comes is left where it is, and what is over is played from its beginning. */
  toggle(): void {
    if (this.steering) void this.#steer({ do: this.playing ? "pause" : "play" });
    else if (this.looking) this.#own(!this.ownPlaying);
    else if (this.playing) this.to(this.#atMs);
    else {
      this.to(0);
      this.#own(true);
    }
  }

  #own(playing: boolean): void {
    this.#playedAt = performance.now();
    this.ownPlaying = playing;
  }

  pace(speed: Speed): void {
    if (this.steering) void this.#steer({ do: "speed", speed });
    else this.ownSpeed = speed;
  }

  /** To the next marker of the kind, or the one before. */
  jump(back: boolean): void {
    const find = back ? markerBefore : nextMarker;
    const found = find(this.markers, this.#atMs, this.kind);
    if (found !== null) this.to(this.steering ? nameOf(found) : found.at_ms);
    else if (this.steering && !back) void this.#step(this.kind ?? "caution");
  }

  /** What lies ahead in a replay is not told: the gateway finds it. */
  async #step(kind: Kind): Promise<void> {
    const { playing } = this;
    await this.#steer({ do: "step", to: kind, back: false });
    if (playing && this.refusal === null) await this.#steer({ do: "play" });
  }

  /** Begin a replay of this session, which all can watch, where this viewer is. */
  async share(): Promise<void> {
    this.refusal = null;
    try {
      const speed = this.ownSpeed;
      const { replay } = await begin(this.live.name, momentText(this.#atMs), speed, this.access);
      this.go({ session: replay, at: null, knownAt: null });
    } catch (error) {
      this.refusal = told(error);
    }
  }

  async #steer(what: Steering): Promise<void> {
    this.refusal = null;
    try {
      this.replay = await steer(this.live.name, what, this.access);
    } catch (error) {
      this.refusal = told(error);
    }
  }

  // -- Time passes ---------------------------------------------------------------------

  #tick(): void {
    if (document.hidden) return;
    const now = performance.now();
    if (this.ownPlaying && !this.#asking) this.#playOn(now);
    if (this.replay !== null && now - this.#askedReplayAt >= REPLAY_MS) void this.#askReplay();
    if (this.seen && now - this.#askedMarkersAt >= MARKERS_MS) void this.#askMarkers();
  }

  #playOn(now: number): void {
    const speed = this.ownSpeed === "max" ? 1000 : this.ownSpeed;
    const at = this.#atMs + (now - this.#playedAt) * speed;
    this.#playedAt = now;
    if (at < this.live.came.clock.at)
      this.look({ at: momentText(at), knownAt: this.moment?.knownAt ?? null });
    else if (this.live.came.clock.running) this.now();
    else {
      this.ownPlaying = false;
      this.to(this.live.cameMs);
    }
  }

  async #askReplay(): Promise<void> {
    this.#askedReplayAt = performance.now();
    try {
      const replay = await replayNamed(this.live.name, this.access);
      if (this.#ended) return;
      this.replay = replay;
      this.live.replayed = replay !== null;
    } catch {
      return; // the connection says so already
    }
  }

  async #askMarkers(): Promise<void> {
    const { position } = this.live.came;
    if (position === "" || position === this.#markersOf) return;
    this.#askedMarkersAt = performance.now();
    try {
      const question = { session: this.live.name, view: "markers", query: {} };
      const signal = AbortSignal.timeout(10_000);
      const found = await viewOf<Marker>(question, this.access, this.#markersEtag, signal);
      this.#markersOf = position;
      if (found === null || this.#ended) return;
      this.#markersEtag = found.etag;
      this.markers = found.rows;
    } catch {
      return;
    }
  }
}

function told(error: unknown): string {
  return error instanceof Refused ? error.message : "The gateway does not answer.";
}
