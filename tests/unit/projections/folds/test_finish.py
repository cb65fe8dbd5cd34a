"""The end of the race: who has finished, and what no longer counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from events import AnyEvent
from projections import views
from projections.results.classification import classify
from projections.timeline import Timeline
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races

FLAG = 180_000


def three_laps() -> Story:
    """A race of three laps to the flag: car 1 at 3:00, car 2 at 3:03, car 3 on its way."""
    story = opened("1", "2", "3", lines=("FL",))
    story.laps("1", 2).laps("2", 2, ms=61_000).laps("3", 2, ms=75_000)
    story.flag("chequered", FLAG).lap("1", 3, FLAG).lap("2", 3, 183_000, 61_000)
    return story


def cool_down(story: Story) -> Story:
    """Car 3 takes the flag; the first two complete another lap, the second quicker."""
    story.lap("3", 3, 225_000, 75_000)
    return story.lap("2", 4, 223_000, 40_000).lap("1", 4, 300_000, 120_000)


def result(story: Story) -> list[tuple[str, int, int | None, str]]:
    """The result: car, laps, total time and status."""
    return [(row.car, row.laps, row.total_ms, row.status) for row in classify(story.race())]


RIGHT = [
    ("1", 3, 180_000, "classified"),
    ("2", 3, 183_000, "classified"),
    ("3", 3, 225_000, "classified"),
]


@pytest.mark.parametrize("flag", ["yellow", "red", "safety_car", "green", "white", "code_60"])
def test_a_flag_after_the_chequered_flag_does_not_start_the_race_again(flag):
    """Cars that finished have finished, and the session is over, whatever is shown later."""
    race = cool_down(three_laps().flag(flag, 200_000)).race()
    assert race.order.finished == {"1": 180_000, "2": 183_000, "3": 225_000}
    assert race.order.cars() == ["1", "2", "3"]
    assert race.track.flag == "chequered"
    assert race.track.cautions() == []
    line = views.session_line(race)
    assert (line["flag"], line["flag_since_ms"], line["caution"]) == ("chequered", FLAG, None)
    assert line["leader_lap"] == 3
    assert race.laps.best["2"].ms == 61_000
    assert race.control.items[-1].flag == flag  # listed, as race control did show it
    assert result(cool_down(three_laps().flag(flag, 200_000))) == RIGHT


FLICKERS = {
    "after the leader": [("green", 181_000), ("chequered", 182_000)],
    "after all but one": [("green", 184_000), ("chequered", 187_000), ("green", 188_000)],
    "before anybody": [("chequered", 178_000), ("green", 179_000), ("chequered", 181_000)],
    "to yellow and back": [("yellow", 181_000), ("green", 182_000), ("chequered", 184_000)],
    "over and over": [
        (flag, 175_000 + n * 1000) for n in range(12) for flag in ("green", "chequered")
    ],
}


@pytest.mark.parametrize("flags", FLICKERS.values(), ids=FLICKERS)
def test_a_feed_that_flickers_around_the_flag_costs_nobody_a_place(flags):
    """Each state on the way has the right order, though it does not know the next flag."""
    story = cool_down(three_laps())
    for flag, at in flags:
        story.flag(flag, at)
    assert result(story) == RIGHT
    timeline = Timeline()
    for event in sorted(story, key=lambda event: event.at):
        timeline.add([event])
        ahead = [car for car in timeline.race.order.cars() if car != "3"]
        assert event.at < 60_000 or ahead == ["1", "2"]
        assert timeline.race.order.laps.get("1", 0) <= 3


def test_a_green_flag_takes_back_a_chequered_flag_that_nobody_took():
    """A slip of race control two laps early: the race goes on to its flag."""
    story = opened("1", "2", lines=("FL",)).laps("1", 1).laps("2", 1, ms=61_000)
    story.flag("chequered", 100_000).flag("green", 103_000)
    assert story.race().finish.over is False
    assert story.race().track.flag == "green"
    story.laps("1", 3, first=2).laps("2", 2, ms=61_000, first=2)
    assert story.race().order.laps == {"1": 3, "2": 2}
    assert story.race().order.finished == {}
    story.flag("chequered", 240_000).lap("1", 4, 240_000)
    assert story.race().order.finished == {"1": 240_000}


def test_a_car_that_passes_in_a_flicker_is_neither_early_nor_late():
    """Whether it has finished is known once a flag stands; until then only its lap counts."""
    story = opened("1", lines=("FL",)).laps("1", 2)
    story.flag("chequered", 178_000).flag("green", 179_000).lap("1", 3, 180_000)
    assert story.race().order.finished == {}
    again = Story()
    again.events = [*story.events]
    again.flag("chequered", 185_000)
    assert again.race().order.finished == {"1": 180_000}
    assert again.race().track.since == 178_000
    story.lap("1", 4, 240_000)
    assert story.race().order.laps == {"1": 4}


@pytest.mark.parametrize("kind", ["qualifying", "practice"])
def test_green_begins_the_next_segment_of_qualifying(kind):
    """The flag of the first segment ends no other; a flicker does not begin one."""
    story = opened("1", "2", lines=("FL",), kind=kind).lap("1", 1, 60_000)
    story.flag("chequered", 100_000).lap("1", 2, 120_000, 60_000).lap("2", 1, 121_000)
    story.flag("green", 130_000).flag("chequered", 132_000)
    story.lap("1", 3, 180_000, 50_000)
    assert story.race().order.laps == {"1": 2, "2": 1}
    story.flag("green", 300_000).lap("1", 3, 360_000, 55_000)
    assert story.race().laps.best["1"].ms == 55_000
    assert story.race().track.flag == "green"


def test_a_car_that_completes_the_distance_has_finished():
    """In a race by laps it needs no flag, which a feed may report late or never."""
    story = opened("1", "2", lines=("FL",), laps_limit=3).laps("1", 4).laps("2", 2)
    race = story.race()
    assert race.order.laps == {"1": 3, "2": 2}
    assert race.order.finished == {"1": 180_000}
    assert not race.finish.over
    story.add(ev.SessionOpened, 170_000, title="Extended", kind="race", laps_limit=4)
    assert story.race().order.laps == {"1": 4, "2": 2}


def test_no_lap_counts_after_the_end_of_the_session():
    """Nothing more is timed: under a red flag, cars roll over the line in the lane."""
    story = opened("1", lines=("FL",)).laps("1", 2).flag("red", 130_000).ended(140_000)
    story.lap("1", 3, 150_000).pit("1", 151_000, 160_000).flag("green", 170_000)
    race = story.race()
    assert race.order.laps == {"1": 2}
    assert race.track.flag == "red"
    assert race.pits.visits == {}


class TestResuming:
    """Only a void of the flag and a decision let a race go on after its end."""

    def test_a_void_of_the_chequered_flag(self):
        """The race is as if the flag had not been shown."""
        story = three_laps()
        shown = next(one for one in story if getattr(one, "flag", "") == "chequered")
        cool_down(story).void(shown)
        assert story.race().order.laps == {"1": 4, "2": 4, "3": 3}
        assert story.race().order.finished == {}

    def test_a_decision(self):
        """Cars run again from then on; what they did until then stays as it is."""
        story = three_laps().flag("yellow", 190_000)
        story.add(ev.SessionResumed, 195_000, reason="shown a lap early")
        race = cool_down(story).race()
        assert race.order.laps == {"1": 4, "2": 4, "3": 3}
        assert race.order.finished == {}
        assert race.track.flag == "yellow"
        assert race.control.items[-1].text == "Session resumed (shown a lap early)"
        story.flag("chequered", 330_000).lap("1", 5, 360_000)
        assert story.race().order.finished == {"1": 360_000}

    def test_after_the_end_of_the_session(self):
        """A race stopped for good goes on after all."""
        story = opened("1", lines=("FL",)).laps("1", 1).flag("red", 70_000).ended(80_000)
        story.add(ev.SessionResumed, 90_000)
        story.flag("green", 100_000).lap("1", 2, 170_000)
        race = story.race()
        assert (race.order.laps, race.session.ended_at) == ({"1": 2}, None)
        assert race.track.ended_under_red_at is None


class TestAfterTheFinish:
    """What a finished car does is in no count."""

    @pytest.fixture
    def race(self):
        """Car 1 finishes, then retires, pits twice and changes driver; the others go on."""
        story = three_laps()
        story.pit("1", 190_000, 200_000).retired("1", 210_000)
        story.add(ev.DriverChanged, 195_000, car="1", driver="Other")
        story.add(ev.SafetyCarDeployed, 205_000)
        return cool_down(story).race()

    def test_stops_and_visits(self, race):
        """It was not in the lane."""
        assert (race.pits.stops, race.pits.visits, race.pits.current) == ({}, {}, {})
        assert len(race.pits.stints("1")) == 1

    def test_retirement(self, race):
        """A car that parks after the flag has finished."""
        assert views.standings(race)[0]["status"] == "finished"
        assert (race.order.retired, race.order.retirements()) == ({}, [])
        assert not [item for item in race.control.items if item.kind == "retirement"]

    def test_drivers_and_safety_car(self, race):
        """The driver did not change, and no safety car is out in a race that is over."""
        assert race.drivers.at_wheel == {}
        assert race.track.safety_car_since is None

    def test_a_visit_in_which_a_car_finished(self):
        """It stays as it was at the flag."""
        story = opened("1", lines=("FL",)).laps("1", 2).flag("chequered", 170_000)
        story.pit("1", 175_000).lap("1", 3, 180_000, in_pit_lane=True)
        before = story.race().pits
        story.add(ev.PitStopped, 185_000, car="1", stationary_ms=5000)
        story.add(ev.PitExited, 190_000, car="1")
        after = story.race().pits
        assert (after.current, after.visits, after.stops) == (before.current, {}, {})


class TestRunningAgain:
    """A car that completes a lap after it was retired is running again."""

    def a_race(self) -> Story:
        """Car 2 is retired at 2:10."""
        story = opened("1", "2", lines=("FL",)).laps("1", 6).laps("2", 2, ms=61_000)
        return story.retired("2", 130_000)

    def status(self, story: Story) -> str:
        """What car 2 is doing."""
        (row,) = (row for row in views.standings(story.race()) if row["car"] == "2")
        return str(row["status"])

    def test_it_completes_a_lap(self):
        """And race control's list says so."""
        story = self.a_race()
        assert self.status(story) == "retired"
        story.lap("2", 3, 212_000, 90_000).lap("2", 4, 273_000)
        assert self.status(story) == "running"
        texts = [item.text for item in story.race().control.items if item.kind == "retirement"]
        assert texts == ["Car 2 retired", "Car 2 is running again: it completed lap 3"]

    def test_it_takes_the_flag(self):
        """It is classified like any other car."""
        story = self.a_race().flag("chequered", 360_000).lap("2", 3, 365_000)
        assert result(story)[1] == ("2", 3, 365_000, "classified")

    def test_a_line_is_no_lap(self):
        """Pushed past a sector line, it has still retired."""
        story = opened("1", "2").lap("2", 1, 61_000).retired("2", 70_000).line("2", "S1", 2, 90_000)
        assert self.status(story) == "retired"

    def test_it_retires_again(self):
        """The newest counts; both are markers."""
        story = self.a_race().lap("2", 3, 212_000).retired("2", 250_000)
        assert self.status(story) == "retired"
        assert [at for at, _ in story.race().order.retirements()] == [130_000, 250_000]


_AFTER = st.lists(
    st.one_of(
        st.tuples(st.just(ev.LapCompleted), st.fixed_dictionaries({"lap": st.integers(1, 9)})),
        st.tuples(
            st.just(ev.LinePassed),
            st.fixed_dictionaries({"line": st.just("S1"), "lap": st.integers(1, 9)}),
        ),
        *(
            st.tuples(st.just(model), st.just({}))
            for model in (ev.PitEntered, ev.PitExited, ev.CarRetired, ev.CarReturned)
        ),
        st.tuples(st.just(ev.DriverChanged), st.just({"driver": "Z"})),
        st.tuples(
            st.just(ev.FlagShown),
            st.fixed_dictionaries(
                {"flag": st.sampled_from(["green", "yellow", "red", "chequered"])}
            ),
        ),
    ),
    max_size=8,
)


@given(races(corrected=False), _AFTER)
def test_no_event_after_the_flag_changes_a_finished_cars_result(events: list[AnyEvent], after):
    """Its result, stops, drivers, best lap and places among the finished stay as they are."""
    story = Story()
    story.events = [*events]
    story.flag("chequered", 500)
    for number, car in enumerate(("1", "01")):
        story.lap(car, 6, 510 + number, ms=None)

    def of_finished() -> list[object]:
        race = race_of(story.events)
        cars = race.finish.cars
        return [
            [car for car in race.order.cars() if car in cars],
            [
                row._replace(position=0, class_position=0)
                for row in classify(race)
                if row.car in cars
            ],
            [(race.pits.visits.get(car), race.pits.stops.get(car)) for car in cars],
            [race.drivers.drive_time(car, 10_000) for car in cars],
            [race.laps.best.get(car) for car in cars],
            cars,
        ]

    before = of_finished()
    finished = before[-1]
    latest = max(event.at for event in story.events)
    for model, members in after:
        if model is ev.FlagShown:
            story.add(model, latest + len(story.events), **members)
        else:
            for car in finished:  # type: ignore[attr-defined]
                story.add(model, latest + len(story.events), car=car, **members)
    assert of_finished() == before


@given(races(corrected=False))
def test_finished_cars_are_in_the_same_order_on_the_road_and_in_the_result(events):
    """Without penalties."""
    kept = [event for event in events if not event.type.startswith("penalty")]
    race = race_of(kept)
    finished = race.finish.cars
    on_road = [car for car in race.order.cars() if car in finished]
    assert [row.car for row in classify(race) if row.car in finished] == on_road
