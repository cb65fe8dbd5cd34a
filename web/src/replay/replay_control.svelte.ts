/**
 * The state of the replay bar. It controls one of three: the live session, a past moment that
 * only this viewer sees, or a replay that all its viewers share and that the gateway controls.
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
  type ReplayCommand,
} from "./requests";
import { addressOfMoment, AS_KNOWN_THEN, isSameMoment, momentText, type Moment } from "./moment";
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

/** The least time between requests of past moments; there is only one at a time. */
const PACE_MS = 200;
const REPLAY_MS = 1000;
const MARKERS_MS = 3000;
/** Browsers limit how often a page may change its address. */
const WRITE_MS = 400;
/** The pause before a moment of the address without an answer is requested again. */
const AGAIN_MS = 1000;

type Go = (change: Partial<Address>, instead?: boolean) => void;

export class ReplayControl {
  /** How the replay stands; null for a session that is none. */
  replay: Replay | null = $state.raw(null);
  markers: readonly Marker[] = $state.raw([]);
  /** What the jumps go to; null: to any marker. */
  kind: Kind | null = $state(null);
  /** The moment that is displayed or requested; null for the newest state. */
  moment: Moment | null = $state.raw(null);
  /** Why a command was refused: the gateway's message. */
  refusal: string | null = $state(null);
  /** Of a moment that is played on by this viewer alone. */
  ownSpeed: Speed = $state(1);
  ownPlaying = $state(false);
  /** Whether the requested moment has yet to arrive. */
  waiting = $state(false);
  /** Whether there is a bar to put markers on. */
  seen = false;
  /** Where the playhead is being dragged to. */
  dragged: number | null = $state(null);

  readonly looking = $derived(this.moment !== null);
  readonly steering = $derived(this.replay !== null && !this.looking);
  readonly playing: boolean = $derived.by(() =>
    this.looking ? this.ownPlaying : (this.replay?.playing ?? this.live.newest.clock.running),
  );
  readonly speed = $derived(this.looking ? this.ownSpeed : (this.replay?.speed ?? 1));
  readonly asKnownThen = $derived(this.moment?.knownAt === AS_KNOWN_THEN);
  readonly #atMs = $derived.by(() =>
    this.looking ? (this.live.past?.clock.at ?? 0) : this.live.newestMs,
  );
  readonly atMs: number = $derived(this.dragged ?? this.#atMs);
  readonly span: Span = $derived.by(() =>
    spanOf(this.live.newestMs, this.replay !== null, this.live.newest.state?.session.time_limit_ms),
  );

  /** The moment that is displayed; a refused moment leads back to it. */
  #displayedMoment: Moment | null = null;
  /** The moment of the address, until its snapshot has arrived. */
  #addressed: Moment | null = null;
  #written: Moment | null = null;
  #writeAtOnce = false;
  #writing: ReturnType<typeof setTimeout> | undefined;
  #requesting = false;
  #displayed: Moment | null = null;
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

  // -- The displayed moment ---------------------------------------------------------------

  /** Follow the address, which changes with links and with the history. */
  follow(moment: Moment | null): void {
    if (isSameMoment(moment, this.#written)) return;
    clearTimeout(this.#writing);
    this.#written = moment;
    this.ownPlaying = false;
    this.#look(moment);
    this.#addressed = moment;
  }

  /** Go to a time of the session clock (ms), or to a moment by its name. */
  to(where: number | string): void {
    const at = typeof where === "number" ? momentText(this.#within(where)) : where;
    if (this.steering) void this.#steer({ do: "seek", to: at });
    else this.look({ at, knownAt: this.moment?.knownAt ?? null });
  }

  /** A session that is no replay is known up to its newest event, behind which the clock runs. */
  #within(ms: number): number {
    return Math.max(0, this.replay === null ? Math.min(ms, this.live.newest.clock.at) : ms);
  }

  /** Look at a moment; the address says so once it stands. */
  look(moment: Moment): void {
    clearTimeout(this.#writing);
    this.#writeAtOnce = false;
    this.#look(moment);
  }

  /** Return to the newest state. */
  now(): void {
    this.ownPlaying = false;
    this.#look(null);
    this.#write();
  }

  /** With what was known then, or with what is known now. */
  know(asKnownThen: boolean): void {
    this.look({ at: momentText(this.#atMs), knownAt: asKnownThen ? AS_KNOWN_THEN : null });
    this.#writeAtOnce = true;
  }

  /** The address of the displayed moment. */
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
    this.#displayed = this.#addressed = null;
    if (moment === null) {
      this.#displayedMoment = null;
      this.live.look(null);
    } else {
      this.live.hold();
      void this.#requestSnapshot();
    }
  }

  #write(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    this.#written = this.#displayedMoment;
    this.go(addressOfMoment(this.#displayedMoment), true);
  }

  async #requestSnapshot(): Promise<void> {
    this.waiting = true;
    if (this.#requesting) return;
    this.#requesting = true;
    while (this.moment !== null && !isSameMoment(this.moment, this.#displayed) && !this.#ended) {
      const requested: Moment = this.moment;
      try {
        const snapshot = await snapshotAt(this.live.name, requested, this.access);
        this.#display(requested, snapshot);
        this.#displayed = requested;
      } catch (error) {
        if (isSameMoment(this.moment, requested)) await this.#refused(requested, error);
      }
    }
    this.#requesting = this.waiting = false;
  }

  #display(requested: Moment, snapshot: Parameters<LiveSession["look"]>[0]): void {
    if (this.moment === null || this.#ended) return;
    this.live.look(snapshot);
    this.#displayedMoment = requested;
    this.refusal = null;
    clearTimeout(this.#writing);
    if (this.#writeAtOnce) this.#write();
    else this.#writing = setTimeout(() => this.#write(), WRITE_MS);
  }

  /** Return to the moment that was displayed before, in the address too. */
  async #refused(requested: Moment, error: unknown): Promise<void> {
    this.ownPlaying = false;
    this.refusal = messageOf(error);
    const answered = error instanceof Refused && error.status < 500;
    if (!answered && isSameMoment(requested, this.#addressed)) {
      await new Promise((done) => setTimeout(done, AGAIN_MS));
      return;
    }
    this.moment = this.#displayed = this.#displayedMoment;
    if (this.moment === null) this.live.look(null);
    this.#write();
  }

  // -- Playing -------------------------------------------------------------------------

  /** Play or pause. A running session is paused at its clock; an ended one is played from its start. */
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

  /** Step to a marker ahead. The future of a replay is not published: the gateway finds it. */
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
      this.refusal = messageOf(error);
    }
  }

  async #steer(what: ReplayCommand): Promise<void> {
    this.refusal = null;
    try {
      this.replay = await steer(this.live.name, what, this.access);
    } catch (error) {
      this.refusal = messageOf(error);
    }
  }

  // -- Time passes ---------------------------------------------------------------------

  #tick(): void {
    if (document.hidden) return;
    const now = performance.now();
    if (this.ownPlaying && !this.#requesting) this.#playOn(now);
    if (this.replay !== null && now - this.#askedReplayAt >= REPLAY_MS) void this.#askReplay();
    if (this.seen && now - this.#askedMarkersAt >= MARKERS_MS) void this.#askMarkers();
  }

  #playOn(now: number): void {
    const speed = this.ownSpeed === "max" ? 1000 : this.ownSpeed;
    const at = this.#atMs + (now - this.#playedAt) * speed;
    this.#playedAt = now;
    if (at < this.live.newest.clock.at)
      this.look({ at: momentText(at), knownAt: this.moment?.knownAt ?? null });
    else if (this.live.newest.clock.running) this.now();
    else {
      this.ownPlaying = false;
      this.to(this.live.newestMs);
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
    const { position } = this.live.newest;
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

function messageOf(error: unknown): string {
  return error instanceof Refused ? error.message : "The gateway does not answer.";
}
