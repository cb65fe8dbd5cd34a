"""Races drawn at random, with everything that makes a fold go wrong.

Few cars, few laps, times from a narrow range: so equal milliseconds, doubled laps,
missed lines, flags in mid-lap, lanes left open, corrections of what came before and of
each other are all common. Some races are a hundred times as long, so that what differs
by seconds (a flag that flickers, a crossing read twice) comes on both sides of its threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

import events as ev
from events import AnyEvent
from tests.builders import LINES, Story

CARS = ("1", "2", "01")
TIMES = st.integers(-20, 400)

SCALES = st.sampled_from((1, 1, 100))
SPANS = frozenset({"completed_at", "start", "end", "lap_time_ms"})
"""Members that are times, other than ``at``."""

_cars = st.sampled_from(CARS)
_laps = st.integers(1, 5)
_flags = st.sampled_from(["green", "fcy", "safety_car", "red", "white", "chequered"])
_local_flags = st.sampled_from(["yellow", "yellow", "slow_zone", "white", "green"])
_deciders = st.none() | st.just("race control")
_drivers = st.sampled_from(["A", "B"])
_ids = st.sampled_from(["p", "q"])


def _event(model: type[ev.Event], **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(model), TIMES, st.fixed_dictionaries(members))


def _printed(cars: Sequence[str]) -> tuple[ev.ResultRow, ...]:
    return tuple(
        ev.ResultRow(position=place, car=car, car_class="GT", status="classified", laps=4 - place)
        for place, car in enumerate(cars[:2], start=1)
    )


_happenings = st.one_of(
    _event(ev.LinePassed, car=_cars, line=st.sampled_from(["S1", "S2", "S9"]), lap=_laps),
    _event(
        ev.LapCompleted,
        car=_cars,
        lap=_laps,
        lap_time_ms=st.none() | st.integers(50, 60),
        driver=st.none() | _drivers,
        in_pit_lane=st.booleans(),
    ),
    _event(ev.FlagShown, flag=_flags, sector=st.none()),
    _event(ev.FlagShown, flag=_local_flags, sector=st.sampled_from([1, 2, 10])),
    _event(ev.SafetyCarDeployed),
    _event(ev.PitLaneClosed, classes=st.sampled_from([(), ("GT",)])),
    _event(ev.PitLaneOpened),
    _event(ev.PitEntered, car=_cars),
    _event(ev.PitExited, car=_cars),
    _event(ev.DriverChanged, car=_cars, driver=_drivers),
    _event(ev.CarRetired, car=_cars),
    _event(ev.CarReturned, car=_cars),
    _event(ev.BestLapReported, car=_cars, lap=_laps, lap_time_ms=st.integers(48, 58)),
    _event(ev.LapTimeDeleted, car=_cars, lap=_laps),
    _event(ev.PenaltyImposed, penalty_id=_ids, car=_cars, kind=st.just("drive_through")),
    _event(ev.PenaltyServed, penalty_id=_ids),
    _event(ev.PenaltyConverted, penalty_id=_ids, kind=st.just("time"), amount=st.just(5)),
    _event(ev.PenaltyRescinded, penalty_id=_ids),
    _event(ev.EntryAmended, car=_cars, car_class=st.sampled_from(["GT", "P"])),
    _event(ev.EntryAmended, car=_cars, role=st.sampled_from(["competitor", "safety_car"])),
    _event(ev.SessionEnded),
    _event(ev.SessionResumed),
    _event(ev.ShortestLapSet, lap_time_ms=st.none() | st.integers(10, 60)),
    _event(ev.RulesSwitched, rules=st.sampled_from(["alms-2007", "wec-2024"])),
    _event(
        ev.SegmentStarted,
        name=st.sampled_from(["Q1", "Q2"]),
        classes=st.sampled_from([(), ("GT",), ("P",)]),
    ),
    _event(ev.GridSet, order=st.permutations(CARS).map(tuple)),
    _event(
        ev.ResultDeclared,
        status=st.just("provisional"),
        rests_on=st.just("a test"),
        rows=st.permutations(CARS).map(_printed),
    ),
    _event(ev.RaceControlMessage, text=st.just("Track clear")),
    _event(ev.TopSpeedMeasured, car=_cars, lap=_laps, speed_kph=st.sampled_from([280.5, 301.0])),
    _event(ev.WeatherMeasured, air_c=st.sampled_from([20.5, 21.0])),
    _event(ev.DataDoubted, reason=st.just("no time"), treatment=st.sampled_from("xy")),
    _event(
        ev.SessionOpened,
        title=st.just("A race told again"),
        kind=st.sampled_from(["race", "race", "qualifying"]),
        laps_limit=st.none() | _laps,
        timing_lines=st.sampled_from([LINES, ("FL",)]),
    ),
)
_void = _event(
    ev.EventVoided,
    voided_source=st.just("test"),
    voided_seq=st.integers(0, 60),
    reason=st.just("a test"),
    by=_deciders,
)
_corrections = st.one_of(
    _void,
    _void,
    _void,
    _event(
        ev.LapAmended,
        car=_cars,
        lap=_laps,
        completed_at=st.none() | TIMES,
        lap_time_ms=st.none() | st.integers(40, 60),
        driver=st.none() | _drivers,
        in_pit_lane=st.none() | st.booleans(),
        reason=st.just("a test"),
        by=_deciders,
    ),
    _event(
        ev.CrossingCounted,
        counted_source=st.just("test"),
        counted_seq=st.integers(0, 60),
        reason=st.just("a test"),
        by=_deciders,
    ),
    _event(
        ev.CrossingInserted,
        car=_cars,
        completed_at=TIMES,
        driver=st.none() | _drivers,
        reason=st.just("a test"),
        by=_deciders,
    ),
    _event(
        ev.CrossingsReassigned,
        from_car=_cars,
        to_car=_cars,
        start=TIMES,
        end=TIMES,
        swap=st.booleans(),
        reason=st.just("a test"),
        by=_deciders,
    ),
)


Happening = tuple[type[ev.Event], int, dict[str, Any]]


def _story(drawn: tuple[int, list[Happening]]) -> list[AnyEvent]:
    scale, happenings = drawn
    story = Story()
    story.add(ev.SessionOpened, 0, title="A race", kind="race", timing_lines=LINES)
    for car in CARS:
        story.entry(car)
    for model, at, members in happenings:
        scaled = {
            name: value * scale if name in SPANS and value is not None else value
            for name, value in members.items()
        }
        story.add(model, at * scale, **scaled)
    return story.events


def races(
    corrected: bool = True, max_size: int = 60, corrections: int = 1
) -> st.SearchStrategy[list[AnyEvent]]:
    """A race's events in any order of time, with corrections unless told otherwise.

    To four happenings come so many ``corrections``.
    """
    mixed = st.one_of(*[_happenings] * 4, *[_corrections] * corrections)
    happenings = mixed if corrected else _happenings
    # A list of no size in particular is nearly always a short one.
    sizes = st.integers(0, max_size)
    listed = sizes.flatmap(lambda n: st.lists(happenings, min_size=n, max_size=n))
    return st.tuples(SCALES, listed).map(_story)
