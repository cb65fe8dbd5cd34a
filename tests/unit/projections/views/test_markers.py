"""Markers: the moments that people go to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

import events as ev
from events.errors import BadMoment
from projections.views.markers import KINDS, all_markers, markers, markers_of
from projections.views.moments import moment_of
from tests.builders import Story, opened
from tests.races import petit_le_mans_2007_timeline

MINUTE = 60_000


def a_race() -> Story:
    """Ten laps: car 2 leads from lap 4; two cautions, the second into the chequered flag."""
    story = opened("1", "2", lines=("FL",))
    story.laps("1", 3)
    story.laps("2", 3, ms=MINUTE + 1000)
    for lap in range(4, 11):
        story.lap("2", lap, lap * MINUTE)
        story.lap("1", lap, lap * MINUTE + 500)
    story.flag("fcy", 210_000).flag("safety_car", 250_000).flag("green", 330_000)
    story.add(ev.PenaltyImposed, 400_000, penalty_id="p1", car="1", kind="time", amount=5)
    story.flag("yellow", 540_000).flag("chequered", 600_000)
    story.add(ev.CarRetired, 450_000, car="1", reason="gearbox")
    return story


def of_kind(kind: str) -> list[tuple[int, int, int | None, str | None]]:
    return [
        (marker.number, marker.at_ms, marker.end_ms, marker.car)
        for marker in all_markers(a_race().race())
        if marker.kind == kind
    ]


def test_a_caution_is_one_marker_whatever_its_kinds() -> None:
    """From its first flag to the green, or to the chequered flag."""
    assert of_kind("caution") == [(1, 210_000, 330_000, None), (2, 540_000, 600_000, None)]
    assert markers_of(a_race().race(), "caution")[0].label == "Caution 1: FCY, then safety car"


def test_there_is_no_restart_under_the_chequered_flag() -> None:
    """The restart has its caution's number and the leader's car."""
    assert of_kind("restart") == [(1, 330_000, None, "2")]


def test_other_kinds_are_counted_from_one() -> None:
    """Lead changes, flags, penalties and retirements, each with its car and its time."""
    assert of_kind("lead_change") == [(1, 240_000, None, "2")]
    assert of_kind("penalty") == [(1, 400_000, None, "1")]
    assert of_kind("retirement") == [(1, 450_000, None, "1")]
    assert [at for _, at, _, _ in of_kind("flag")] == [210_000, 250_000, 330_000, 540_000, 600_000]


def test_a_local_flag_lasts_until_it_is_cleared() -> None:
    """It has a kind of its own, so that flags keep their numbers."""
    story = a_race().flag("yellow", 100_000, sector=2).flag("yellow", 120_000, sector=3)
    story.flag("green", 150_000, sector=2).flag("slow_zone", 500_000, sector=1)
    found = markers_of(story.race(), "local_flag")
    assert [(one.number, one.at_ms, one.end_ms, one.label) for one in found] == [
        (1, 100_000, 150_000, "Sector 2: yellow"),
        (2, 120_000, 330_000, "Sector 3: yellow"),
        (3, 500_000, None, "Sector 1: slow zone"),
    ]
    assert moment_of("local-flag:2", story.race()) == 120_000
    assert len(markers_of(story.race(), "flag")) == len(markers_of(a_race().race(), "flag"))


def test_the_lap_is_the_last_that_the_leader_completed() -> None:
    """None before the first crossing."""
    assert [marker.lap for marker in markers_of(a_race().race(), "caution")] == [3, 9]
    early = opened("1", lines=("FL",)).flag("fcy", 1000).race()
    assert [marker.lap for marker in markers_of(early, "caution")] == [0]


def test_rows_have_the_wall_clock_where_it_is_known() -> None:
    """With the offset of the session's start, past midnight as well."""
    zone = timezone(timedelta(hours=-4))
    start = datetime(2007, 10, 6, 23, 55, tzinfo=zone)
    story = opened("1", lines=("FL",), starts_at=start).flag("fcy", 10 * MINUTE)
    (row, _) = markers(story.race())
    assert (row["wall_clock"], row["end_wall_clock"]) == ("2007-10-07T00:05:00.000-04:00", None)
    assert all(row["wall_clock"] is None for row in markers(a_race().race()))


def test_they_are_in_the_order_of_time() -> None:
    """And those of one moment in the order of the kinds."""
    keys = [(row["at_ms"], KINDS.index(row["kind"])) for row in markers(a_race().race())]
    assert keys == sorted(keys)


def test_each_can_be_gone_to_by_kind_and_number() -> None:
    """As people write it, with a hyphen or an underscore."""
    race = a_race().race()
    for marker in all_markers(race):
        assert moment_of(f"{marker.kind}:{marker.number}", race) == marker.at_ms
        assert moment_of(f"{marker.kind.replace('_', '-')}:{marker.number}", race) == marker.at_ms
    with pytest.raises(BadMoment, match=r"no such restart; .* the last was restart 1"):
        moment_of("restart:2", race)
    with pytest.raises(BadMoment, match=r"no such lead change; .* there was none"):
        moment_of("lead-change:1", opened("1").race())


def test_the_2007_petit_le_mans() -> None:
    """Nine cautions, nine restarts, 21 lead changes, the last for the win at lap 380."""
    race = petit_le_mans_2007_timeline().race
    assert len(markers_of(race, "caution")) == len(markers_of(race, "restart")) == 9
    changes = markers_of(race, "lead_change")
    assert len(changes) == 21
    assert (changes[-1].car, changes[-1].lap) == ("1", 380)
