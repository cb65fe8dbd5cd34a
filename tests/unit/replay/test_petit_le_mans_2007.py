"""The 2007 Petit Le Mans: every published fact, computed from the events alone."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import groupby, pairwise

import pytest

import events as ev
from events import RANK, AnyEvent, decode, encode
from projections import views
from projections.timeline import Timeline
from replay.petit_le_mans_2007 import petit_le_mans_2007
from replay.petit_le_mans_2007.facts import published
from tests import races

WINNER_MS = range(33_540_000, 33_600_000)  # 9 h 19 min
FIVE_HOURS = 18_000_000
FOURTEEN = {
    "1": 394, "7": 394, "20": 386, "5": 383, "88": 377, "16": 372, "6": 370, "9": 365,
    "4": 364, "45": 353, "71": 351, "8": 350, "18": 350, "06": 346,
}  # fmt: skip
CLASS_ORDERS = {
    "LMP1": ("1", "88", "06", "2", "12", "10"),
    "LMP2": ("7", "20", "5", "16", "6", "9", "8"),
    "GT1": ("4", "27"),
    "GT2": ("45", "71", "18", "54", "44", "62", "21", "61"),
}
SCORERS = {car for order in CLASS_ORDERS.values() for car in order}


def race() -> tuple[AnyEvent, ...]:
    return races.petit_le_mans_2007()


@cache
def crossings() -> dict[str, list[int]]:
    """Session clock at the end of each lap, by car."""
    found: dict[str, list[int]] = {}
    for event in race():
        if isinstance(event, ev.LapCompleted):
            found.setdefault(event.car, []).append(event.at)
    return found


@cache
def laps_of(car: str) -> list[ev.LapCompleted]:
    return [each for each in race() if isinstance(each, ev.LapCompleted) and each.car == car]


def time_of(lap: ev.LapCompleted) -> int:
    """A lap's time, which each lap of the reconstruction has."""
    assert lap.lap_time_ms is not None
    return lap.lap_time_ms


def finishing_order() -> list[str]:
    done = crossings()
    return sorted(done, key=lambda car: (-len(done[car]), done[car][-1]))


def leaders() -> list[str]:
    """The car first to complete each lap; lap 1 is at index 0."""
    done = crossings()
    longest = max(map(len, done.values()))
    return [
        min((times[lap], car) for car, times in done.items() if len(times) > lap)[1]
        for lap in range(longest)
    ]


def order_at(moment: int) -> list[str]:
    """Laps, then lines, then the earlier: from the events up to the moment."""
    place: dict[str, tuple[int, int]] = {}
    for event in race():
        if event.at > moment:
            break
        if isinstance(event, ev.LinePassed):
            place[event.car] = (-((event.lap - 1) * 3 + (1 if event.line == "S1" else 2)), event.at)
        elif isinstance(event, ev.LapCompleted):
            place[event.car] = (-event.lap * 3, event.at)
    return sorted(place, key=lambda car: place[car])


def entries() -> dict[str, ev.EntryAdded]:
    return {event.car: event for event in race() if isinstance(event, ev.EntryAdded)}


# -- The published result ----------------------------------------------------------------


def test_first_fourteen():
    """Fourteen cars finish in the published order with the published laps."""
    done = crossings()
    assert [(car, len(done[car])) for car in finishing_order()[:14]] == list(FOURTEEN.items())


def test_margin_and_length():
    """#1 wins in 9 h 19 min, 0.923 s ahead of #7."""
    done = crossings()
    assert done["1"][-1] in WINNER_MS
    assert done["7"][-1] - done["1"][-1] == 923


def test_class_orders():
    """The scorers of each class finish in the order of their points, nobody between them."""
    classes = {car: entry.car_class for car, entry in entries().items()}
    for name, order in CLASS_ORDERS.items():
        finished = [car for car in finishing_order() if classes[car] == name]
        assert tuple(finished[: len(order)]) == order


def test_distance_for_points():
    """Scorers have 70 % of 394 laps (276) and at most 346 behind the first fourteen."""
    for car, times in crossings().items():
        if car in SCORERS - set(FOURTEEN):
            assert 276 <= len(times) <= 346, car
        elif car not in SCORERS:
            assert len(times) <= 275, car


def test_fastest_lap():
    """McNish sets 1:09.195 in #1, and nobody else is as quick."""
    laps = [event for event in race() if isinstance(event, ev.LapCompleted)]
    best, second = sorted(laps, key=time_of)[:2]
    assert (best.car, best.driver, best.lap_time_ms) == ("1", "Allan McNish", 69_195)
    assert time_of(second) > 69_195


def test_eighth_car_did_not_finish():
    """#8 retires with 350 laps, done before #18 does its 350th."""
    (out,) = [e for e in race() if isinstance(e, ev.CarRetired) and e.car == "8"]
    done = crossings()
    assert done["8"][-1] < out.at
    assert done["8"][349] < done["18"][349]


# -- Start, leads, cautions --------------------------------------------------------------


def test_start():
    """#7, #1 and #6 line up at the front, and #2 behind everybody."""
    (grid,) = [event for event in race() if isinstance(event, ev.GridSet)]
    assert grid.order[:3] == ("7", "1", "6")
    assert grid.order[-1] == "2"
    assert set(grid.order) == set(entries())
    assert len(grid.order) == len(entries())


def test_lead_changes():
    """The lead changes 21 times among seven teams."""
    led = [car for car, _ in groupby(leaders())]
    assert len(led) - 1 == 21
    assert len({entries()[car].team for car in led}) == 7


def cautions() -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start: int | None = None
    for event in race():
        if isinstance(event, ev.FlagShown) and event.sector is None:
            if event.flag in ("green", "white", "chequered"):
                if start is not None:
                    spans.append((start, event.at))
                start = None
            elif start is None:
                start = event.at
    assert start is None
    return spans


def laps_under(span: tuple[int, int]) -> list[int]:
    """The leader's laps whose finish fell under the caution."""
    done = crossings()
    first = [done[car][lap] for lap, car in enumerate(leaders())]
    return [lap for lap, at in enumerate(first, 1) if span[0] <= at < span[1]]


def test_nine_cautions():
    """There are nine cautions of about 58 laps in all, laps of about 150 s."""
    spans = cautions()
    assert len(spans) == 9
    assert 56 <= sum(len(laps_under(span)) for span in spans) <= 60
    laps = [
        time_of(lap)
        for number, car in zip(range(1, 395), leaders(), strict=True)
        for lap in laps_of(car)[number - 1 : number]
        if any(a <= lap.at - time_of(lap) and lap.at <= b for a, b in spans)
    ]
    assert 140_000 <= sum(laps) / len(laps) <= 155_000


def test_last_caution():
    """Caution nine is the leader's laps 373 to 375 and lasts about 7 min."""
    start, end = cautions()[-1]
    assert laps_under((start, end)) == [373, 374, 375]
    assert end - start == pytest.approx(420_000, abs=20_000)


def test_two_hours_of_yellows():
    """After #26 has hit #3 at about 20 min, two hours see one yellow after another."""
    spans = cautions()
    assert spans[0][0] == pytest.approx(20 * 60_000, abs=60_000)
    early = [span for span in spans if span[0] < 140 * 60_000]
    assert len(early) == 5
    assert all(b[0] - a[1] < 15 * 60_000 for a, b in pairwise(early))


# -- The end game ------------------------------------------------------------------------


def test_lead_of_the_spyder():
    """#7 leads #1 by about 30 s on lap 365 and by more than 35 s on laps 371 and 372."""
    done, led = crossings(), leaders()
    gaps = {lap: done["1"][lap - 1] - done["7"][lap - 1] for lap in (365, 371, 372)}
    assert {led[lap - 1] for lap in gaps} == {"7"}
    assert gaps[365] == pytest.approx(30_000, abs=2_000)
    assert gaps[371] > 35_000
    assert gaps[372] > 35_000
    assert done["1"][-1] - done["7"][364] == pytest.approx(40 * 60_000, abs=3 * 60_000)
    assert laps_of("7")[371].driver == "Romain Dumas"
    assert laps_of("1")[371].driver == "Rinaldo Capello"


def test_the_pass():
    """#1 passes #7 on the back straight of lap 380, about 19 min from the end."""
    led = leaders()
    assert led[375:379] == ["7"] * 4
    assert led[379:] == ["1"] * 15
    at_s2 = {
        event.car: event.at
        for event in race()
        if isinstance(event, ev.LinePassed) and event.line == "S2" and event.lap == 380
    }
    assert at_s2["7"] < at_s2["1"]
    done = crossings()
    assert done["1"][-1] - done["1"][379] == pytest.approx(19 * 60_000, abs=2 * 60_000)


def test_chequered_flag():
    """The race ends at the first crossing past 1,000 miles; every running car takes the flag."""
    (flag,) = [e for e in race() if isinstance(e, ev.FlagShown) and e.flag == "chequered"]
    (opened,) = [e for e in race() if isinstance(e, ev.SessionOpened)]
    done = crossings()
    assert flag.at == done["1"][-1]
    length_m, distance_m = opened.circuit_length_m, opened.distance_limit_m
    assert length_m is not None
    assert distance_m is not None
    assert 393 * length_m < distance_m <= 394 * length_m
    retired = {event.car for event in race() if isinstance(event, ev.CarRetired)}
    for car, times in done.items():
        assert sum(at >= flag.at for at in times) == (0 if car in retired else 1), car


# -- Incidents ---------------------------------------------------------------------------


def test_order_at_five_hours():
    """At five hours: #1, #6, #7, #5, #20, and #2 is 23rd."""
    order = order_at(FIVE_HOURS)
    assert order[:5] == ["1", "6", "7", "5", "20"]
    assert order.index("2") + 1 == 23


def laps_behind(car: str, moment: int) -> int:
    """Whole laps behind the leader as the car last crossed the finish line."""
    done = crossings()
    own = [at for at in done[car] if at <= moment]
    return max(sum(at <= own[-1] for at in times) for times in done.values()) - len(own)


def test_repair_of_number_six():
    """#6 is on the lead lap at five hours and loses its 24 laps afterwards, Maassen driving."""
    assert laps_behind("6", FIVE_HOURS) == 0
    assert len(crossings()["1"]) - len(crossings()["6"]) == 24
    entered = max(lane_visits("6"), key=lambda visit: visit[1] - visit[0])[0]
    before = next(lap for lap in reversed(laps_of("6")) if lap.at <= entered)
    assert before.driver == "Sascha Maassen"


def lane_visits(car: str) -> list[tuple[int, int]]:
    entered = [e.at for e in race() if isinstance(e, ev.PitEntered) and e.car == car]
    exited = [e.at for e in race() if isinstance(e, ev.PitExited) and e.car == car]
    return list(zip(entered, exited, strict=True))


def test_accident_of_number_two():
    """#2 has its accident in hour three, is repaired for about 1 h and loses 48 laps or more."""
    entered, exited = max(lane_visits("2"), key=lambda visit: visit[1] - visit[0])
    assert 2 * 3_600_000 < entered < 3 * 3_600_000
    assert exited - entered == pytest.approx(3_600_000, abs=5 * 60_000)
    assert 394 - len(crossings()["2"]) >= 48


def test_number_one_loses_and_regains_a_lap():
    """#1 falls a lap behind in hour three and is on the lead lap by a pass-around before 5 h."""
    assert laps_behind("1", 3 * 3_600_000 + 600_000) == 1
    given = [e for e in race() if isinstance(e, ev.PassAroundGiven) and "1" in e.cars]
    back = [e.at for e in given if e.at > 3 * 3_600_000 + 600_000]
    assert len(back) == 1
    assert back[0] < FIVE_HOURS
    assert laps_behind("1", back[0] + 600_000) == 0


def test_penalty_of_number_26():
    """#26 (Herta) gets stop + 30 s for the contact that puts #3 (Magnussen) out, and serves it."""
    (given,) = [e for e in race() if isinstance(e, ev.PenaltyImposed)]
    (served,) = [e for e in race() if isinstance(e, ev.PenaltyServed)]
    assert (given.car, given.kind, given.amount) == ("26", "stop_and_hold", 30)
    assert given.penalty_id == served.penalty_id
    assert any(a < served.at <= b for a, b in lane_visits("26"))
    assert laps_of("3")[-1].driver == "Jan Magnussen"
    assert laps_of("26")[15].driver == "Bryan Herta"
    (out,) = [e for e in race() if isinstance(e, ev.CarRetired) and e.car == "3"]
    assert out.at < 25 * 60_000


# -- Shape -------------------------------------------------------------------------------


def test_effective_order_and_identity():
    """Events stand in effective order, numbered from 0, and survive the codec."""
    keys = [(e.at, RANK[type(e)], getattr(e, "car", "")) for e in race()]
    assert keys == sorted(keys)
    assert [e.source_seq for e in race()] == list(range(len(race())))
    assert {e.source for e in race()} == {"petit-le-mans-2007"}
    assert Counter(e.basis for e in race()).keys() == {"published", "reconstructed"}
    assert all(decode(encode(e)) == e for e in race()[::97])


def test_same_every_time():
    """Two tellings are the same to the byte."""
    assert [encode(e) for e in petit_le_mans_2007()] == [encode(e) for e in race()]


def test_laps_add_up():
    """Each car's laps are contiguous, add up to its clock, and meet S1, S2, FL in turn."""
    lines = {(e.car, e.lap, e.line): e.at for e in race() if isinstance(e, ev.LinePassed)}
    for car in crossings():
        total = 0
        for number, lap in enumerate(laps_of(car), 1):
            s1, s2 = lines[car, number, "S1"], lines[car, number, "S2"]
            assert lap.lap == number
            assert total < s1 < s2 < lap.at
            total += time_of(lap)
            assert total == lap.at
            assert time_of(lap) >= 69_195


def test_in_pit_lane():
    """A lap says it ended in the lane exactly if the car was there as it crossed the line."""
    for car in crossings():
        visits = lane_visits(car)
        for lap in laps_of(car):
            there = any(entered < lap.at < exited for entered, exited in visits)
            assert lap.in_pit_lane == there, (car, lap.lap)


def test_scoring_drivers_drove_45_minutes():
    """Every driver with points of round 11 drove at least 45 min."""
    wheel: dict[tuple[str, str], int] = {}
    for car in SCORERS:
        changes = [
            (e.at, e.driver) for e in race() if isinstance(e, ev.DriverChanged) and e.car == car
        ]
        changes.append((crossings()[car][-1], ""))
        for (since, driver), (until, _) in pairwise(changes):
            wheel[car, driver] = wheel.get((car, driver), 0) + until - since
        for one in entries()[car].drivers:
            assert wheel.get((car, one.name), 0) >= 45 * 60_000, (car, one.name)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("LMP1", 71, 77), ("LMP2", 71, 76), ("GT1", 76, 82), ("GT2", 80, 88)],
)
def test_pace_by_class(name: str, low: int, high: int):
    """The median green lap of every car is one that its class does."""
    spans = cautions()
    for car, entry in entries().items():
        if entry.car_class != name:
            continue
        visits = lane_visits(car)
        green = sorted(
            time_of(lap)
            for lap in laps_of(car)
            if not any(a < lap.at and lap.at - time_of(lap) < b for a, b in spans + visits)
        )
        assert low * 1000 <= green[len(green) // 2] <= high * 1000, car


# -- As the projections see it -----------------------------------------------------------


def test_projections_agree():
    """The project's own folds find the same result, cautions and leads."""
    timeline = Timeline()
    timeline.add(race())
    results = views.results(timeline.race)
    assert [row["car"] for row in results] == finishing_order()
    assert {row["number"] for row in views.cautions(timeline.race)} == set(range(1, 10))
    assert timeline.race.chart.changes == 21
    assert timeline.race_at(FIVE_HOURS).order.cars()[:5] == ["1", "6", "7", "5", "20"]


# -- As the facts say --------------------------------------------------------------------


def test_as_the_facts_are_written():
    """The file of facts and the race agree on cars, laps, margin and times."""
    facts = published()
    done = crossings()
    assert {car: len(done[car]) for car in facts.laps} == facts.laps
    assert done["7"][-1] - done["1"][-1] == facts.margin_ms
    assert done["1"][-1] // 60_000 == facts.winner_minutes
    assert facts.tables["grid"]["qualifying"][1:] == ["7", "1", "6"]
    by_points: dict[str, list[tuple[int, str]]] = {}
    for entry in facts.entries:
        if entry.class_position is not None:
            by_points.setdefault(entry.car_class, []).append((entry.class_position, entry.car))
    orders = {name: tuple(car for _, car in sorted(rows)) for name, rows in by_points.items()}
    assert orders == CLASS_ORDERS


def test_basis():
    """A timed event is reconstructed, but for the one lap time that is in print."""
    timed = (ev.LinePassed, ev.LapCompleted, ev.PitEntered, ev.PitExited, ev.DriverChanged)
    (lap,) = [e for e in race() if isinstance(e, timed) and e.basis == "published"]
    assert isinstance(lap, ev.LapCompleted)
    assert lap.lap_time_ms == 69_195
    assert all("reconstructed" in e.title for e in race() if isinstance(e, ev.SessionOpened))


def test_stops_wait_for_the_lane():
    """Under caution no car but a damaged one enters the lane before it opens for its class."""
    classes = {car: entry.car_class for car, entry in entries().items()}
    closed: set[str | None] = set()
    early = []
    for event in race():
        if isinstance(event, ev.PitLaneClosed):
            closed = set(classes.values())
        elif isinstance(event, ev.PitLaneOpened):
            closed -= set(event.classes)
        elif isinstance(event, ev.PitEntered) and classes[event.car] in closed:
            early.append(event.car)
    assert early == ["2", "4", "6"]
