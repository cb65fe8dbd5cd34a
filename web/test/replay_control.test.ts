import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ReplayControl } from "../src/replay/replay_control.svelte";
import type { Address } from "../src/screen/address";
import type { LiveSession } from "../src/screen/live.svelte";

const LIVE = "what comes";

/** What a page shows: what comes, what it held, or the picture of a moment. */
class Screen {
  readonly name = "petit";
  shows: unknown = LIVE;
  newestMs = 600_000;
  newest = { state: null, clock: { at: 600_000, running: true }, position: "" };
  get past(): unknown {
    return this.shows === LIVE ? null : this.shows;
  }
  hold(): void {
    if (this.shows === LIVE) this.shows = "held";
  }
  look(picture: { token: string } | null): void {
    this.shows = picture?.token ?? LIVE;
  }
}

/** A gateway that knows some moments. */
function gateway(known: readonly string[]): void {
  vi.stubGlobal("fetch", (path: string) => {
    if (path === "/replays") return Promise.resolve(new Response("[]"));
    const at = new URL(path, "http://gateway").searchParams.get("at") ?? "";
    if (at === "unreachable") return Promise.reject(new TypeError("failed to fetch"));
    const clock = { at: 1000, running: false };
    const picture = { kind: "snapshot", token: at, epoch: 1, at: 1, clock, data: {} };
    return Promise.resolve(
      known.includes(at)
        ? new Response(JSON.stringify(picture))
        : new Response(JSON.stringify({ detail: `'${at}': not an instant` }), { status: 422 }),
    );
  });
}

describe("a moment that is refused", () => {
  let screen: Screen;
  let control: ReplayControl;
  let written: Partial<Address>[];

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", { hidden: false });
    gateway(["lap:3", "lap:4"]);
    screen = new Screen();
    written = [];
    control = new ReplayControl(screen as unknown as LiveSession, { token: null }, (change) =>
      written.push(change),
    );
  });
  afterEach(() => {
    control.end();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const settled = () => vi.advanceTimersByTimeAsync(450);

  test("leaves what comes, says why, and is not in the address", async () => {
    control.to("caution 1");
    expect(screen.shows).toBe("held");
    await settled();
    expect(screen.shows).toBe(LIVE);
    expect(control.moment).toBeNull();
    expect(control.refusal).toBe("'caution 1': not an instant");
    expect(control.waiting).toBe(false);
    expect(written.filter(({ at }) => at != null)).toEqual([]);
  });

  test("leads back to the moment that was looked at", async () => {
    control.to("lap:3");
    await settled();
    expect(written.at(-1)).toEqual({ at: "lap:3", knownAt: null });
    control.to("lap:390");
    await settled();
    expect(screen.shows).toBe("lap:3");
    expect(control.moment).toEqual({ at: "lap:3", knownAt: null });
    expect(written.at(-1)).toEqual({ at: "lap:3", knownAt: null });
    control.to("lap:4");
    await settled();
    expect([screen.shows, control.refusal]).toEqual(["lap:4", null]);
  });

  test("of an address is taken out of it", async () => {
    control.follow({ at: "nonsense", knownAt: null });
    await settled();
    expect(screen.shows).toBe(LIVE);
    expect(control.refusal).toBe("'nonsense': not an instant");
    expect(written).toEqual([{ at: null, knownAt: null }]);
  });

  test("is asked for again where the address has it and nobody answered", async () => {
    control.follow({ at: "unreachable", knownAt: null });
    await settled();
    expect([control.refusal, screen.shows, written]).toEqual([
      "The gateway does not answer.",
      "held",
      [],
    ]);
    control.now();
    await vi.advanceTimersByTimeAsync(2000);
    expect(screen.shows).toBe(LIVE);
    control.to("unreachable");
    await settled();
    expect([control.refusal, screen.shows]).toEqual(["The gateway does not answer.", LIVE]);
  });

  test("is not written before its picture is there", async () => {
    const answers: (() => void)[] = [];
    const answered = globalThis.fetch;
    vi.stubGlobal("fetch", (path: string) =>
      path === "/replays"
        ? answered(path)
        : new Promise((done) => answers.push(() => done(answered(path)))),
    );
    control.to("lap:3");
    await vi.advanceTimersByTimeAsync(2000);
    expect(written).toEqual([]);
    answers[0]?.();
    await settled();
    expect(written).toEqual([{ at: "lap:3", knownAt: null }]);
  });
});
