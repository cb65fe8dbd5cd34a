"""What timing programs get wrong, a test for each: races as the timing loops really tell them."""

from __future__ import annotations

import itertools

import pytest

import events as ev
from projections import views
from projections.engine.corrections import Corrections
from projections.folds.laps import BestLap
from projections.folds.pits import Visit
from projections.race import Race
from projections.results.classification import classify
from projections.timeline import Timeline
from projections.views.explain import explain
from tests.builders import Story, opened, race_of

LAP = 60_000


def places(race: Race) -> list[str]:
    """The cars in the running order."""
    return [row["car"] for row in views.standings(race)]


def of_car(race: Race, car: str) -> views.Row:
    """A car's row of the standings."""
    return next(row for row in views.standings(race) if row["car"] == car)


# -- Crossings ---------------------------------------------------------------------------


def test_late_crossings_stand_where_they_happened():
    """Crossings told in any order give the same race, down to the sectors."""
    story = opened("1", "2")
    for car, start in (("1", 0), ("2", 300)):
        for lap in (1, 2):
            begun = start + (lap - 1) * LAP
            story.line(car, "S1", lap, begun + 20_000).line(car, "S2", lap, begun + 40_000)
            story.lap(car, lap, begun + LAP)
    expected = story.race()
    assert expected.order.sectors("2", 2) == (20_000, 20_000, 20_000)
    late = story.events[-6:]
    for order in itertools.permutations(late):
        assert race_of([*story.events[:-6], *order]).state_hash() == expected.state_hash()


def test_a_crossing_read_twice_counts_once():
    """A second read of a line or a lap, some ms later and by another loop, changes nothing."""
    story = opened("1").line("1", "S1", 1, 20_000).lap("1", 1, LAP)
    once = views.standings(story.race())
    story.line("1", "S1", 1, 20_004).lap("1", 1, LAP + 4)
    assert views.standings(story.race())[0] == once[0]


def test_a_missed_finish_line_loses_no_lap():
    """The next lap's number tells that there was one more; the car keeps its place meanwhile."""
    story = opened("1", "2").laps("1", 5).laps("2", 4, ms=60_100)
    story.line("2", "S1", 6, 5 * LAP + 20_500)  # and nothing of the end of lap 5
    assert places(story.line("1", "S1", 6, 5 * LAP + 20_000).race()) == ["1", "2"]
    row = of_car(story.lap("2", 6, 6 * LAP + 600).race(), "2")
    assert (row["laps"], row["position"]) == (6, 1)


@pytest.mark.parametrize("lap", [900, 10_000])
def test_a_slip_in_a_sector_lines_lap_puts_no_car_ahead(lap: int):
    """A sector line of a lap that the car cannot be on yet moves nobody, and costs nothing."""
    story = opened("1", "2").laps("1", 5).laps("2", 3)
    story.line("2", "S1", lap, 5 * LAP + 1)
    race = story.race()
    assert places(race) == ["1", "2"]
    assert len(race.order.passings["2"]) == 9
    assert of_car(story.lap("2", 4, 5 * LAP + 2).race(), "2")["laps"] == 4


def test_a_slip_in_a_laps_number_is_voided():
    """A lap far ahead is believed, as the feed may have begun late, until it is voided."""
    story = opened("1", "2").laps("1", 5).laps("2", 3)
    slip = story.lap("2", 5_000, 5 * LAP + 1).last
    assert places(story.race()) == ["2", "1"]
    story.lap("2", 4, 5 * LAP + 2)
    story.void(slip)
    assert places(story.race()) == ["1", "2"]
    assert of_car(story.race(), "2")["laps"] == 4


def test_transponders_swapped_after_a_voided_lap():
    """A lap that never was does not count when the laps before the swap are counted."""
    story = opened("1", "2", lines=("FL",)).laps("1", 3).laps("2", 3, ms=61_000)
    slip = story.lap("1", 50, 3 * LAP + 5_000).last
    story.void(slip)
    story.lap("2", 4, 4 * LAP).lap("1", 4, 4 * LAP + 4_000)
    story.add(
        ev.CrossingsReassigned,
        10**6,
        from_car="1",
        to_car="2",
        start=3 * LAP + 10_000,
        end=10**6,
        swap=True,
        reason="transponders swapped in the garage",
    )
    race = story.race()
    assert [(row["car"], row["laps"]) for row in views.standings(race)] == [("1", 4), ("2", 4)]


def test_crossings_moved_to_before_a_cars_first_lap_count_for_nothing():
    """A sector line of lap 0, as a wrong correction makes it, is passed over."""
    story = opened("1", "2").lap("1", 5, LAP).line("1", "S1", 4, LAP + 1)
    story.add(
        ev.CrossingsReassigned, 0, from_car="1", to_car="2", start=LAP + 1, end=10**6, reason="?"
    )
    assert places(story.race()) == ["1", "2"]


def test_crossings_to_be_moved_later_do_not_make_each_event_dear(monkeypatch: pytest.MonkeyPatch):
    """Only a lap that changes how many there were before sorts out the corrections again."""
    story = opened("1", "2", "3", lines=("FL",))
    swap = story.add(
        ev.CrossingsReassigned, 0, from_car="1", to_car="2", start=10**9, end=10**9, reason="?"
    )
    timeline = Timeline()
    timeline.add(story.events)
    sorted_out: list[int] = []
    move = Corrections._move

    def counted(corrections: Corrections) -> object:
        sorted_out.append(0)
        return move(corrections)

    monkeypatch.setattr(Corrections, "_move", counted)
    for lap in range(1, 101):
        timeline.add([story.lap("3", lap, lap * LAP).last])
    assert swap in story.events
    assert not sorted_out
    timeline.add([story.lap("1", 1, 7 * LAP).last])
    assert len(sorted_out) == 1


def test_a_session_repeated_keeps_the_lines_that_were_crossed():
    """A producer that starts anew and knows fewer lines does not freeze every car."""
    story = opened("1", "2").laps("1", 5).laps("2", 4)
    story.add(ev.SessionOpened, 5 * LAP + 1, title="A race", kind="race", timing_lines=("FL",))
    race = story.lap("2", 5, 5 * LAP + 2).lap("2", 6, 6 * LAP).race()
    assert places(race) == ["2", "1"]
    assert race.order.last_seen("2") == 6 * LAP


def test_two_cars_on_one_millisecond():
    """Equal crossings stand by car number, whichever was read first, with no gap."""
    for order in (("1", "2"), ("2", "1")):
        story = opened("2", "1")
        for car in order:
            story.lap(car, 1, LAP)
        assert places(story.race()) == ["1", "2"]
        assert of_car(story.race(), "2")["gap"] == {"laps": None, "ms": 0}


def test_01_1_and_007_are_three_cars():
    """A car number is what is painted on the car."""
    story = opened("1", "01", "007", "7").lap("01", 1, LAP).lap("7", 1, LAP + 1)
    laps = {row["car"]: row["laps"] for row in views.standings(story.race())}
    assert laps == {"1": 0, "01": 1, "007": 0, "7": 1}


def test_midnight_and_daylight_saving_leave_the_session_clock_alone():
    """Time is counted from the start; the wall clock's jumps are in ``starts_at`` only."""
    before = opened("1", starts_at="2024-11-02T23:59:00-04:00").laps("1", 200).race()
    without = opened("1").laps("1", 200).race()
    assert before.order.passings["1"] == without.order.passings["1"]
    assert views.session_line(before)["clock_ms"] == 200 * LAP


# -- Before the start ----------------------------------------------------------------------


def test_formation_laps_do_not_count():
    """What is crossed before the session's start is neither a lap nor a sector of one."""
    story = opened("1", "2")
    story.line("1", "S1", 1, -100_000).lap("1", 1, -30_000, 90_000).lap("2", 1, -29_000, None)
    race = story.race()
    assert [row["status"] for row in views.standings(race)] == ["not_started"] * 2
    assert race.chart.leaders == []
    story.line("1", "S1", 1, 20_000).lap("1", 1, LAP).lap("1", 2, 2 * LAP, LAP)
    assert race_of(story.events).laps.best["1"] == BestLap(LAP, 2, 2 * LAP, None)
    assert race_of(story.events).order.sectors("1", 1)[0] == 20_000


def test_a_flag_before_the_session_opens():
    """Flags and cars told before the opening are not lost."""
    story = Story()
    story.flag("safety_car", -5_000)
    story.add(ev.PitEntered, -4_000, car="9")
    story.opened("1").flag("safety_car", 1)
    race = story.lap("1", 1, LAP).race()
    assert [c.start_ms for c in race.track.cautions()] == [-5_000, 1]
    assert places(race) == ["1"]


# -- The pit lane --------------------------------------------------------------------------


def test_crossing_the_line_in_the_pit_lane_is_a_lap_and_one_stop():
    """The in-lap ends in the lane; the stop goes on, and the pace leaves both laps out."""
    story = opened("1").laps("1", 3).pit("1", 4 * LAP - 5_000, 4 * LAP + 40_000)
    story.lap("1", 4, 4 * LAP, in_pit_lane=True).lap("1", 5, 5 * LAP + 45_000, 105_000)
    row = of_car(story.race(), "1")
    assert (row["laps"], row["stops"], row["last_pit_lap"], row["pace_ms"]) == (5, 1, 4, LAP)


def test_a_missed_pit_exit_does_not_keep_the_car_in_the_lane():
    """A later lap that ends on the track shows that it left; when, nobody knows."""
    story = opened("1").laps("1", 3).pit("1", 4 * LAP - 5_000)
    story.lap("1", 4, 4 * LAP, in_pit_lane=True)
    assert of_car(story.race(), "1")["status"] == "pit"
    story.lap("1", 5, 5 * LAP + 40_000, 100_000).lap("1", 6, 6 * LAP + 40_000)
    story.pit("1", 7 * LAP + 35_000, 8 * LAP)
    race = story.race()
    assert race.pits.visits["1"] == [
        Visit(4 * LAP - 5_000, None, 4, "stop", None, "green", False),
        Visit(7 * LAP + 35_000, 8 * LAP, 7, "stop", None, "green", False),
    ]
    assert [stint.laps for stint in race.pits.stints("1")][:2] == [4, 3]
    assert race.laps.green["1"] == (LAP, LAP, LAP, LAP)


def test_following_the_safety_car_through_the_lane_is_no_stop():
    """Where the session tells how long driving through takes, a transit is told from a stop."""
    story = opened("1", "2", drive_through_ms=30_000).laps("1", 1).laps("2", 1)
    story.flag("safety_car", 70_000).pit("1", 110_000, 141_000).pit("2", 112_000, 160_000)
    rows = {row["car"]: (row["stops"], row["stint_laps"]) for row in views.standings(story.race())}
    assert rows == {"1": (0, 1), "2": (1, 0)}


def test_the_safety_cars_own_transponder():
    """A car that was never entered has no class: it takes no place in any, and is no pit stop."""
    story = opened("1", "2").laps("1", 2).laps("2", 2, ms=61_000).lap("SC", 1, 100_000)
    race = story.race()
    rows = {row["car"]: (row["class"], row["class_position"]) for row in views.standings(race)}
    assert rows == {"1": ("GT", 1), "2": ("GT", 2), "SC": (None, 1)}


def test_a_safety_car_that_is_entered_as_one_is_no_competitor():
    """It is timed and leads the field round, and is in no order, chart or result."""
    story = opened("1", "2").entry("SC", None, role="safety_car")
    story.line("SC", "S1", 1, 100).lap("SC", 1, 200).add(
        ev.DriverChanged, 200, car="SC", driver="X"
    )
    story.pit("SC", 300, 400).laps("1", 2).laps("2", 2, ms=61_000).lap("SC", 9, 90_000)
    race = story.race()
    assert places(race) == ["1", "2"]
    assert race.order.leader() == "1"
    assert [led.car for led in race.chart.leaders] == ["1", "1"]
    assert [row.car for row in classify(race)] == ["1", "2"]
    assert "SC" not in {**race.laps.laps, **race.pits.visits, **race.drivers.at_wheel}
    assert [one.text for one in explain(race, story, "SC")] == [
        "#SC is a safety car, no competitor, and is in no result."
    ]


def test_a_safety_car_that_was_reported_to_be_one_later():
    """Amended as of time 0 it never counted; from then on where it is said of then."""
    story = opened("1").lap("SC", 1, 59_000).laps("1", 1).lap("SC", 2, 61_000)
    assert places(story.race()) == ["SC", "1"]
    now = [*story, story.add(ev.EntryAmended, 60_500, car="SC", role="safety_car")]
    race = race_of(now)
    assert places(race) == ["1"]
    assert [row.car for row in classify(race)] == ["1"]
    assert [led.car for led in race.chart.leaders] == ["SC"]
    story.add(ev.EntryAmended, 0, car="SC", role="safety_car")
    assert [led.car for led in story.race().chart.leaders] == ["1"]
    story.add(ev.EntryAmended, 60_600, car="SC", role="competitor")
    assert places(story.race()) == ["SC", "1"]


# -- Flags -----------------------------------------------------------------------------------


def test_the_order_after_a_red_flag_is_that_of_the_crossings():
    """Cars brought into the lane keep their places, make no stop, and their laps go on."""
    story = opened("1", "2", "3")
    for car, behind in (("1", 0), ("2", 500), ("3", 900)):
        story.lap(car, 1, LAP + behind)
    story.flag("red", 70_000)
    for car in ("3", "1", "2"):
        story.pit(car, 100_000 + int(car), 1_000_000 - int(car))
    assert places(story.race()) == ["1", "2", "3"]
    story.flag("safety_car", 990_000)
    for car, at in (("2", 1_100_000), ("1", 1_100_100), ("3", 1_100_200)):
        story.lap(car, 2, at, None)
    race = story.race()
    assert places(race) == ["2", "1", "3"]
    assert [row["stops"] for row in views.standings(race)] == [0, 0, 0]


def test_the_white_flag_under_caution_is_no_restart():
    """A race that ends behind the safety car has one caution, to the chequered flag."""
    story = opened("1").laps("1", 2).flag("safety_car", 130_000).flag("white", 180_000)
    race = story.lap("1", 3, 3 * LAP).flag("chequered", 4 * LAP).lap("1", 4, 4 * LAP).race()
    assert [(c.start_ms, c.end_ms, c.first_lap, c.last_lap) for c in race.track.cautions()] == [
        (130_000, 4 * LAP, 3, 3)
    ]


# -- Stewards --------------------------------------------------------------------------------


def test_a_penalty_counts_at_once_and_once():
    """The result has it in the millisecond it is imposed, and no further event adds to it."""
    story = opened("1", "2").lap("1", 1, LAP).lap("2", 1, LAP + 2_000).flag("chequered", 70_000)
    for at in (80_000, 80_000, 90_000):
        story.add(ev.PenaltyImposed, at, penalty_id="p", car="1", kind="time", amount=5)
    timeline = Timeline()
    timeline.add(story.events)
    assert [row.car for row in classify(timeline.race_at(79_999))] == ["1", "2"]
    for at in (80_000, 90_000):
        rows = classify(timeline.race_at(at))
        assert [(row.car, row.penalty_ms) for row in rows] == [("2", 0), ("1", 5_000)]


def test_seconds_do_not_move_a_car_past_a_lapped_one():
    """A penalty is added to the time of the last lap; laps are untouched by it."""
    lapped = opened("1", "2").laps("1", 3).laps("2", 2, ms=95_000)
    stopped = opened("1", "2").laps("1", 3).laps("2", 2, ms=61_000).ended(200_000)
    for story in (lapped, stopped):
        story.add(ev.PenaltyImposed, 200_000, penalty_id="p", car="1", kind="time", amount=600)
        assert [(row.car, row.gap_laps) for row in classify(story.race())] == [("1", 0), ("2", 1)]


def test_a_deleted_lap_time_still_counts_as_a_lap():
    """Track limits take the time away, before or after the lap is told, and nothing else."""
    story = opened("1").lap("1", 1, LAP).lap("1", 2, 2 * LAP, LAP)
    story.lap("1", 3, 2 * LAP + 50_000, 50_000).add(ev.LapTimeDeleted, 1, car="1", lap=3)
    row = of_car(story.race(), "1")
    assert (row["laps"], row["best_lap_ms"]) == (3, LAP)


def test_a_result_revised_days_later():
    """A disqualification after the session ended is in the result, and not in what came before."""
    story = opened("1", "2").lap("1", 1, LAP).lap("2", 1, LAP + 1).flag("chequered", LAP)
    story.add(ev.SessionEnded, 2 * LAP)
    story.add(ev.PenaltyImposed, 5 * 86_400_000, penalty_id="p", car="1", kind="disqualification")
    timeline = Timeline()
    timeline.add(story.events)
    assert [row.car for row in classify(timeline.race)] == ["2", "1"]
    assert [row.car for row in classify(timeline.race_at(2 * LAP))] == ["1", "2"]


# -- Corrections -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", range(7, 12))
def test_a_decision_and_its_reversal_may_share_a_millisecond(before: int):
    """Voids of voids hold whatever their times, numbers and sources: decided on a still clock."""
    story = opened("1")
    while len(story.events) < before:
        story.add(ev.RaceControlMessage, 1, text="Track clear")
    lap = story.lap("1", 1, LAP).last
    void = story.void(lap, at=LAP)
    undo = story.void(void, at=LAP)
    assert story.race().order.laps == {"1": 1}
    story.void(undo, at=LAP)
    assert story.race().order.laps == {}


def test_voids_in_a_circle_are_settled_by_their_order():
    """Two voids that name each other: the last prevails, whichever came first."""
    story = opened("1").lap("1", 1, LAP)
    first = story.add(ev.EventVoided, 70_000, voided_source="other", voided_seq=0, reason="a test")
    other = Story("other")
    last = other.void(first, at=80_000)
    for arrival in itertools.permutations([*story.events[-1:], last]):
        corrections = Corrections(arrival)
        assert corrections.voided == {first.identity}


# -- What is shown ---------------------------------------------------------------------------


def test_a_gap_neither_collapses_nor_jumps_at_a_lap_boundary():
    """From line to line the gap of a car that follows at 10 s is 10 s, also over the line."""
    story = opened("1", "2", lines=("FL",)).laps("1", 4)
    for lap in (1, 2, 3):
        story.lap("2", lap, lap * LAP + 10_000)
    timeline = Timeline()
    timeline.add(story.events)
    for at in range(LAP + 10_000, 4 * LAP, 1_000):
        gap = of_car(timeline.race_at(at), "2")["gap"]
        assert gap == {"laps": None, "ms": 10_000}, at


def test_a_drivers_name_of_blanks():
    """A feed's empty name in a column of fixed width is shown as it is."""
    story = opened("1")
    story.add(ev.DriverChanged, 0, car="1", driver="   ")
    assert of_car(story.race(), "1")["driver_short"] == "   "


@pytest.mark.parametrize("at", [2**53, -(2**53)])
def test_an_event_at_the_end_of_time(at: int):
    """A clock gone mad is shown, and forgotten with the event that told it."""
    story = opened("1").laps("1", 3)
    found = story.add(ev.RaceControlMessage, at, text="?")
    assert views.standings(story.race())[0]["laps"] == 3
    story.void(found)
    assert views.session_line(story.race())["clock_ms"] == 3 * LAP
