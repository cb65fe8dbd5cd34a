import { describe, expect, test } from "vitest";
import {
  actionsOf,
  contains,
  isOpen,
  penaltiesOf,
  type DecisionRow,
} from "../src/desk/decision_list";
import {
  amountOf,
  trackActions,
  parseCars,
  withExtra,
  pitLanes,
  PENALTIES,
  describeDecision,
  nextSegment,
  segment,
  segmentEnd,
} from "../src/desk/race_control";
import {
  faultOf,
  newSource,
  numeral,
  otherFaults,
  Sender,
  takesReason,
  withReason,
  written,
  type Answer,
  type Decision,
  type Order,
} from "../src/desk/decisions";
import { mayDecide, roleText } from "../src/desk/token";
import type { SessionLine } from "../src/timing/state";

const GREEN: Decision = { type: "flag_shown", flag: "green" };
const TOLD = { added: true, position: "1-0", by: "ann", events: [], changes: [] };

/** A gateway with prepared answers that remembers its requests. */
function gateway(...answers: (Answer | "nothing")[]) {
  const sent: { order: Order; dryRun: boolean }[] = [];
  const post = (order: Order, dryRun: boolean): Promise<Answer> => {
    sent.push({ order, dryRun });
    const answer = answers.shift();
    return answer === undefined || answer === "nothing"
      ? Promise.reject(new TypeError("failed to fetch"))
      : Promise.resolve(answer);
  };
  return { sent, sender: new Sender("desk-1", post, () => Promise.resolve()) };
}

describe("orders", () => {
  test("each takes up the numbers of its decisions", () => {
    const { sender } = gateway();
    expect(sender.order([GREEN, GREEN]).source_seq).toBe(0);
    expect(sender.order([GREEN]).source_seq).toBe(2);
    expect(sender.order([GREEN]).source_seq).toBe(3);
  });

  test("an answer that was lost is asked for again with the same number", async () => {
    const { sent, sender } = gateway(
      "nothing",
      { status: 503, body: null },
      { status: 200, body: TOLD },
    );
    const outcome = await sender.send(sender.order([GREEN]));
    expect(outcome).toEqual({ kind: "decided", result: TOLD });
    expect(sent.map(({ order }) => order.source_seq)).toEqual([0, 0, 0]);
  });

  test("after three times it is not known, and can be sent again", async () => {
    const { sent, sender } = gateway("nothing", "nothing", "nothing", { status: 200, body: TOLD });
    const order = sender.order([GREEN]);
    expect(await sender.send(order)).toEqual({ kind: "unknown" });
    expect((await sender.send(order)).kind).toBe("decided");
    expect(sent).toHaveLength(4);
    expect(new Set(sent.map((one) => one.order))).toEqual(new Set([order]));
  });

  test("a double click is one request", async () => {
    const { sent, sender } = gateway({ status: 200, body: TOLD }, { status: 200, body: TOLD });
    const order = sender.order([GREEN]);
    await Promise.all([sender.send(order), sender.send(order)]);
    expect(sent).toHaveLength(1);
  });

  test("a refusal is not sent again and keeps the gateway's text", async () => {
    const errors = [{ field: "car", value: "'9'", reason: "no car '9'" }];
    const { sent, sender } = gateway({ status: 422, body: { detail: "no car '9'", errors } });
    expect(await sender.send(sender.order([GREEN]))).toEqual({
      kind: "refused",
      status: 422,
      detail: "no car '9'",
      faults: errors,
    });
    expect(sent).toHaveLength(1);
  });

  test("a refusal without a text is described by its status", async () => {
    const { sender } = gateway({ status: 404, body: null });
    const outcome = await sender.send(sender.order([GREEN]));
    expect(outcome).toMatchObject({
      kind: "refused",
      detail: "the gateway answered 404",
      faults: [],
    });
  });

  test("a preview is asked once, and records nothing", async () => {
    const { sent, sender } = gateway({ status: 200, body: TOLD }, "nothing");
    expect((await sender.preview(sender.order([GREEN]))).kind).toBe("decided");
    expect((await sender.preview(sender.order([GREEN]))).kind).toBe("unknown");
    expect(sent.map((one) => one.dryRun)).toEqual([true, true]);
  });

  test("each page has a source of its own", () => {
    let next = 0;
    const source = newSource((bytes) => bytes.fill((next += 17)));
    expect(source).toBe("desk-1111111111");
    expect(newSource((bytes) => bytes.fill((next += 17)))).not.toBe(source);
  });
});

describe("what is typed", () => {
  test.each([
    ["30", 30],
    [" 7 ", 7],
    ["1.5", "1.5"],
    ["-1", "-1"],
    ["thirty", "thirty"],
    ["", ""],
  ])("%j is %j", (text, expected) => expect(numeral(text)).toBe(expected));

  test("an empty field says nothing", () => {
    expect(
      written("penalty_imposed", { car: "7", amount: "", reason: "", swap: false, x: null }),
    ).toEqual({
      type: "penalty_imposed",
      car: "7",
      swap: false,
    });
  });

  test("a fault belongs to its field; those of no field are listed apart", () => {
    const faults = [
      { field: "car", reason: "no such car" },
      { field: "lap", reason: "no such lap" },
    ];
    expect(faultOf(faults, "car")).toBe("no such car");
    expect(faultOf(faults, "amount")).toBeNull();
    expect(otherFaults(faults, ["car"])).toEqual([faults[1]]);
  });

  test("a reason goes to what takes one, and has none of its own", () => {
    const own: Decision = { type: "penalty_rescinded", penalty_id: "p", reason: "appeal" };
    const void_: Decision = { type: "event_voided", voided_source: "x", voided_seq: 1 };
    expect(takesReason([GREEN, own])).toBe(false);
    expect(takesReason([GREEN, void_])).toBe(true);
    expect(withReason([GREEN, own, void_], "typing error")).toEqual([
      GREEN,
      own,
      { ...void_, reason: "typing error" },
    ]);
    expect(withReason([void_], "")).toEqual([void_]);
  });

  test("cars between blanks, commas or with a sign", () => {
    expect(parseCars(" 26, #7  007;91 ")).toEqual(["26", "7", "007", "91"]);
  });
});

function line(more: Partial<SessionLine> = {}): SessionLine {
  return {
    title: "A race",
    kind: "race",
    classes: [],
    timing_lines: ["FL"],
    patience_ms: 30_000,
    leader_lap: 1,
    lead_changes: 0,
    flag: "green",
    ...more,
  };
}

function call(id: string, of: SessionLine | null) {
  const found = trackActions(of).find((one) => one.id === id);
  if (found === undefined) throw new Error(id);
  return found;
}

describe("calls", () => {
  test("no key calls two things", () => {
    const keys = trackActions(line()).map((one) => one.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("a safety car is a flag and a car on the track; the lane may be closed with it", () => {
    const out = call("safety_car", line());
    expect(withExtra(out, false).map(describeDecision)).toEqual([
      "safety car flag",
      "safety car deployed",
    ]);
    expect(withExtra(out, true).map(describeDecision).at(-1)).toBe("pit lane closed");
  });

  test("a safety car that is out is not sent out again, and comes in with green", () => {
    const behind = line({ flag: "safety_car", safety_car_since_ms: 1, pit_lane_closed: ["GT"] });
    expect(call("safety_car", behind).on).toBe(true);
    expect(call("safety_car", behind).decisions.map(describeDecision)).toEqual(["safety car flag"]);
    const green = call("green", behind);
    expect(withExtra(green, green.extra?.usual ?? false).map(describeDecision)).toEqual([
      "safety car withdrawn",
      "green flag",
      "pit lane opened",
    ]);
  });

  test("where the track is green, green still clears the sectors", () => {
    const local = line({ sector_flags: { "2": { flag: "yellow", since_ms: 1 } } });
    expect(call("green", line()).on).toBe(true);
    expect(call("green", local)).toMatchObject({ on: false, label: "Green, all sectors clear" });
    expect(call("green", local).decisions.map(describeDecision)).toEqual(["green flag"]);
  });

  test("what would end the race is typed, and nothing that may have to be quick", () => {
    expect(trackActions(line()).flatMap((one) => (one.typed ? [one.id] : []))).toEqual([
      "chequered",
    ]);
  });

  test("a session that is over can be resumed, by a word", () => {
    const ids = (of: Parameters<typeof line>[0]) => trackActions(line(of)).map((one) => one.id);
    expect(ids({})).not.toContain("resume");
    expect(ids({ flag: "chequered" })).toContain("resume");
    expect(ids({ flag: "red", ended_ms: 1 })).toContain("resume");
    expect(call("resume", line({ flag: "chequered" })).typed).toBe("RESUME");
  });

  test("before anything is known everything can be called", () => {
    expect(trackActions(null).every((one) => !one.on)).toBe(true);
    expect(pitLanes(null)).toEqual([{ name: null, open: true }]);
  });

  test("the pit lane by class, where there are several", () => {
    expect(pitLanes(line({ classes: ["GT"], pit_lane_closed: ["GT"] }))).toEqual([
      { name: null, open: false },
    ]);
    expect(pitLanes(line({ classes: ["P", "GT"], pit_lane_closed: ["GT"] }))).toEqual([
      { name: "P", open: true },
      { name: "GT", open: false },
    ]);
  });

  test("words of a call for a class and for a sector", () => {
    expect(describeDecision({ type: "pit_lane_closed", classes: ["P", "GT"] })).toBe(
      "pit lane closed for P, GT",
    );
    expect(describeDecision({ type: "flag_shown", flag: "slow_zone", sector: 2 })).toBe(
      "slow zone flag, sector 2",
    );
  });

  test("which penalties count something", () => {
    expect(PENALTIES.filter((one) => one.amount !== null).map((one) => one.kind)).toEqual([
      "stop_and_hold",
      "time",
      "laps",
      "places",
      "points",
    ]);
    expect(amountOf("nothing of the kind")).toBeNull();
  });
});

let seq = 0;

function entry(type: string, more: Partial<DecisionRow> = {}): DecisionRow {
  seq += 1;
  return {
    source: "desk-a",
    source_seq: seq,
    type,
    at_ms: 1000,
    text: type,
    position: `${seq}-0`,
    learned_at_ms: seq,
    by: "ann",
    car: null,
    penalty_id: null,
    state: "in force",
    undo: { type: "event_voided", voided_source: "desk-a", voided_seq: seq },
    ...more,
  };
}

describe("the list of decisions", () => {
  test("what was sent at once is one action, in the order it was sent", () => {
    const flag = entry("flag_shown", { learned_at_ms: 5 });
    const car = entry("safety_car_deployed", { learned_at_ms: 5, state: "voided", undo: null });
    const later = entry("penalty_imposed");
    const actions = actionsOf([later, car, flag]);
    expect(actions.map((one) => one.text)).toEqual([
      "penalty_imposed",
      "flag_shown · safety_car_deployed",
    ]);
    expect(actions[1]?.state).toBe("in force, voided");
    expect(actions[1]?.undo).toEqual([flag.undo]);
  });

  test("events of a feed in one batch are several actions", () => {
    const [one, other] = [entry("flag_shown"), entry("flag_shown")];
    const fed = [other, one].map((each) => ({ ...each, source: "rmonitor", learned_at_ms: 5 }));
    expect(actionsOf(fed)).toHaveLength(2);
  });

  test("penalties that are owed come first; voided ones are not there", () => {
    const penalty = (id: string, state: DecisionRow["state"]) =>
      entry("penalty_imposed", { penalty_id: id, car: id, state });
    const converted = entry("penalty_converted", {
      penalty_id: "c",
      text: "#c: a drive-through becomes 30 s added to its time",
    });
    const listed = penaltiesOf([
      converted,
      penalty("a", "served"),
      penalty("b", "owed"),
      penalty("c", "converted"),
      penalty("d", "voided"),
    ]);
    expect(listed.map((one) => [one.id, isOpen(one), one.became])).toEqual([
      ["b", true, null],
      ["c", true, "30 s added to its time"],
      ["a", false, null],
    ]);
  });

  test("an order whose answer was lost is found by its number", () => {
    const { sender } = gateway();
    const order = sender.order([GREEN]);
    expect(contains([entry("flag_shown")], order)).toBe(false);
    expect(contains([entry("flag_shown", { source: "desk-1", source_seq: 0 })], order)).toBe(true);
  });
});

describe("tokens", () => {
  test.each([
    ["viewer", false],
    ["output", false],
    ["control", true],
    ["admin", true],
  ] as const)("%s decides: %s", (role, may) => expect(mayDecide({ name: "x", role })).toBe(may));

  test("a role that is too low is explained", () => {
    expect(roleText({ name: "wall", role: "viewer" })).toBe(
      "This token (wall) has the role viewer: it may look, and decide nothing. " +
        "The desk needs one of the role control.",
    );
  });
});

describe("segments", () => {
  const line = (members: object = {}): SessionLine =>
    ({
      kind: "qualifying",
      classes: ["GTP", "GTD"],
      flag: "green",
      ...members,
    }) as unknown as SessionLine;

  test.each([
    [{}, "Q1"],
    [{ segment: "Q1" }, "Q2"],
    [{ segment: "Session 9" }, "Session 10"],
    [{ segment: "Hyperpole" }, ""],
    [{ kind: "practice" }, ""],
  ])("after %j comes %j", (members, expected) => expect(nextSegment(line(members))).toBe(expected));

  test("one begins for all classes or for one", () => {
    expect(segment(" Q2 ", null)).toEqual({ type: "segment_started", name: "Q2" });
    const gtd = segment("Q1", "GTD");
    expect(gtd).toEqual({ type: "segment_started", name: "Q1", classes: ["GTD"] });
    expect(describeDecision(gtd)).toBe("Q1 begins for GTD");
  });

  test("it ends with its chequered flag, which must be typed", () => {
    expect(segmentEnd(line({ segment: "Q1" }))).toMatchObject({
      label: "End Q1",
      typed: "FINISH",
      decisions: [{ type: "flag_shown", flag: "chequered" }],
    });
    expect(segmentEnd(line())).toBeNull();
    expect(segmentEnd(line({ segment: "Q1", flag: "chequered" }))).toBeNull();
    expect(segmentEnd(null)).toBeNull();
  });
});
