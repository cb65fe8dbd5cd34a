import { describe, expect, test } from "vitest";
import { freshness, freshnessState, QUIET_MS, ranOnMs, ServerClock } from "../src/live/freshness";
import { BadMessage, parseMessage, type Message } from "../src/live/messages";
import { applyPatch, type Json, type JsonObject } from "../src/live/patch";
import { ReceivedState } from "../src/live/received_state";
import {
  SILENCE_MS,
  Subscription,
  type Connection,
  type Socket,
  type World,
} from "../src/live/subscription";
import display from "../../tests/golden/display.json";
import sent from "./fixtures/messages.json";
import patches from "./fixtures/patches.json";

describe("merge patches", () => {
  test.each(patches)("$before and $patch", ({ before, patch, after }) => {
    const kept = JSON.stringify(before);
    const result = applyPatch(before, patch);
    expect(JSON.parse(JSON.stringify(result))).toEqual(after);
    expect(JSON.stringify(before)).toBe(kept);
  });

  test("the examples of RFC 7396, appendix A", () => {
    const examples: [Json, Json, Json][] = [
      [{ a: "b" }, { a: null }, {}],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [
        ["a", "b"],
        ["c", "d"],
        ["c", "d"],
      ],
      [{ a: "b" }, ["c"], ["c"]],
      [{ a: "foo" }, null, null],
      [{ a: "foo" }, "bar", "bar"],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [[1, 2], { a: "b", c: null }, { a: "b" }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [before, patch, after] of examples)
      expect(JSON.parse(JSON.stringify(applyPatch(before, patch)))).toEqual(after);
  });

  test("what did not change is the same object", () => {
    const before: JsonObject = { one: { a: 1 }, two: { b: 2 } };
    const after = applyPatch(before, { one: { a: 3 } }) as JsonObject;
    expect(after["two"]).toBe(before["two"]);
    expect(after["one"]).not.toBe(before["one"]);
  });

  test("a member named __proto__ is a member like any other", () => {
    const patch = JSON.parse('{"__proto__": {"polluted": true}}') as Json;
    const after = applyPatch({}, patch) as JsonObject;
    expect(JSON.stringify(after)).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("a picture", () => {
  test("the gateway's messages lead to the gateway's states", () => {
    const picture = new ReceivedState();
    let compared = 0;
    for (const { message, state } of sent as { message: string; state?: unknown }[]) {
      picture.show(parseMessage(message));
      if (state === undefined) continue;
      expect(JSON.parse(JSON.stringify(picture.state))).toEqual(state);
      compared += 1;
    }
    expect(compared).toBeGreaterThanOrEqual(3);
  });

  test("a delta that follows nothing, or another epoch, is refused", () => {
    const messages = sent.map(({ message }) => parseMessage(message));
    const delta = messages.find((one) => one.kind === "delta") as Message;
    expect(() => new ReceivedState().show(delta)).toThrow(BadMessage);
    const picture = new ReceivedState();
    picture.show(messages[0] as Message);
    const later = messages.findLast((one) => one.kind === "delta") as Message;
    expect(() => picture.show(later)).toThrow(BadMessage);
  });

  test.each(["", "{", "[]", "null", '{"kind": "delta"}', '{"kind": "news", "clock": {}}'])(
    "%j is no message",
    (text) => {
      expect(() => parseMessage(text)).toThrow(BadMessage);
    },
  );
});

interface Case {
  readonly running: boolean;
  readonly age_ms: number;
  readonly patience_ms?: number;
  readonly silent?: boolean;
  readonly state: string;
  readonly ran_on_ms: number;
}

describe("freshness", () => {
  const running = { at: 60_000, running: true };

  const cases: readonly Case[] = display.freshness;

  test.each(cases)("%j", (one) => {
    const { running, age_ms: age, patience_ms: patience, silent } = one;
    expect(freshnessState(running, age, patience, silent)).toBe(one.state);
    expect(ranOnMs(running, age, patience)).toBe(one.ran_on_ms);
  });

  test("the clock runs on with the server's clock", () => {
    const clock = new ServerClock();
    clock.exactly(5_000_000, 1000);
    const { ageMs, state, clockMs } = freshness(4_999_000, running, clock.now(1500), 30_000);
    expect([ageMs, state, clockMs]).toEqual([1500, "fresh", 61_500]);
  });

  test("a message cannot come before it was sent", () => {
    const clock = new ServerClock();
    clock.atLeast(900, 1000);
    expect(clock.now(1000)).toBe(1000);
    clock.atLeast(2000, 1000);
    expect(clock.now(1000)).toBe(2000);
  });

  test("a silent source is first quiet, then stale, and its clock stops", () => {
    const after = (ms: number) => freshness(0, running, ms, 30_000);
    expect(after(QUIET_MS).state).toBe("fresh");
    expect(after(QUIET_MS + 1)).toMatchObject({ state: "quiet", clockMs: 60_000 + QUIET_MS + 1 });
    expect(after(30_001)).toMatchObject({ state: "stale", clockMs: 90_000, ageMs: 30_001 });
  });

  test("where its feed is known to be silent there is no patience", () => {
    const after = (ms: number) => freshness(0, running, ms, 30_000, true);
    expect(after(QUIET_MS).state).toBe("fresh");
    expect(after(QUIET_MS + 1)).toMatchObject({ state: "stale", clockMs: 60_000 + QUIET_MS + 1 });
  });

  test("a session that has ended grows old, but not stale", () => {
    const ended = { at: 60_000, running: false };
    expect(freshness(0, ended, 86_400_000, 30_000)).toMatchObject({
      state: "fresh",
      clockMs: 60_000,
    });
  });
});

/** A world whose time the test advances. */
class Tried implements World {
  readonly urls: string[] = [];
  readonly sockets: (Socket & { closed: boolean })[] = [];
  #now = 0;
  #timers: { at: number; what: () => void }[] = [];

  open(url: string): Socket {
    const socket = {
      onmessage: null,
      onclose: null,
      closed: false,
      close(): void {
        socket.closed = true;
      },
    };
    this.urls.push(url);
    this.sockets.push(socket);
    return socket;
  }

  after(ms: number, what: () => void): () => void {
    const timer = { at: this.#now + ms, what };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((one) => one !== timer));
  }

  chance(): number {
    return 1;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#now = next.at;
      this.#timers = this.#timers.filter((one) => one !== next);
      next.what();
    }
    this.#now = end;
  }

  say(text: string): void {
    this.sockets.at(-1)?.onmessage?.({ data: text });
  }

  cut(): void {
    this.sockets.at(-1)?.onclose?.();
  }
}

describe("a subscription", () => {
  function begun() {
    const world = new Tried();
    const picture = new ReceivedState();
    const states: Connection[] = [];
    const listener = {
      message: (message: Message) => picture.show(message),
      connection: (state: Connection) => void states.push(state),
    };
    return {
      world,
      picture,
      states,
      subscription: new Subscription("ws://x/live?a=1", listener, world),
    };
  }

  const texts = sent.map(({ message }) => message);
  const tokens = texts.map((text) => parseMessage(text).token);

  test("it comes again with its token after a cut, and goes on", () => {
    const { world, picture, states } = begun();
    for (const text of texts.slice(0, 3)) world.say(text);
    world.cut();
    expect(states.at(-1)).toBe("lost");
    world.pass(250);
    expect(world.urls).toEqual([
      "ws://x/live?a=1",
      `ws://x/live?a=1&from=${encodeURIComponent(tokens[2] as string)}`,
    ]);
    world.say(texts[3] as string);
    expect(states.at(-1)).toBe("live");
    expect(picture.token).toBe(tokens[3]);
  });

  test("it waits longer each time, up to a limit, and not at all once it was heard", () => {
    const { world } = begun();
    const waits: number[] = [];
    for (let cut = 0; cut < 8; cut += 1) {
      const opened = world.urls.length;
      world.cut();
      let wait = 0;
      for (; world.urls.length === opened; wait += 125) world.pass(125);
      waits.push(wait);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    world.say(texts[0] as string);
    world.cut();
    world.pass(250);
    expect(world.urls).toHaveLength(10);
  });

  test("silence is a cut, and a heartbeat is none", () => {
    const { world, states } = begun();
    world.say(texts[0] as string);
    const { epoch, token, at, clock } = parseMessage(texts[0] as string);
    for (let beat = 0; beat < 5; beat += 1) {
      world.pass(SILENCE_MS - 1);
      world.say(JSON.stringify({ kind: "heartbeat", epoch, token, at, clock, age_ms: 1 }));
    }
    expect(states).not.toContain("lost");
    world.pass(SILENCE_MS);
    expect(states.at(-1)).toBe("lost");
    expect(world.sockets[0]?.closed).toBe(true);
  });

  test("what cannot be read is a cut, and the whole picture is asked for", () => {
    const { world, picture } = begun();
    world.say(texts[0] as string);
    world.say('{"kind": "delta"');
    world.pass(250);
    expect(world.urls.at(-1)).toBe("ws://x/live?a=1");
    world.say(texts[0] as string);
    expect(picture.token).toBe(tokens[0]);
  });

  test("a delta from another epoch is answered by asking for the whole picture", () => {
    const { world } = begun();
    world.say(texts[0] as string);
    world.say(texts.findLast((text) => parseMessage(text).kind === "delta") as string);
    world.pass(250);
    expect(world.urls.at(-1)).toBe("ws://x/live?a=1");
  });

  test("hurried, it does not wait; while the connection stands nothing happens", () => {
    const { world, subscription } = begun();
    subscription.hurry();
    expect(world.urls).toHaveLength(1);
    world.cut();
    subscription.hurry();
    expect(world.urls).toHaveLength(2);
    world.pass(10_000);
    expect(world.urls).toHaveLength(2);
  });

  test("ended, it is over", () => {
    const { world, subscription } = begun();
    subscription.end();
    world.pass(100_000);
    expect(world.urls).toHaveLength(1);
    expect(world.sockets[0]?.closed).toBe(true);
  });
});
