"""The scheduled length of a race: stated, reconstructed, or unknown and said to be."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from projections import views
from projections.results.drive_time import drive_times
from projections.results.scheduled_length import length_in_words, length_note, scheduled_length
from projections.rules.packs import builtin_pack
from services.queries.pit_wall import drive_time_ledger
from tests.builders import Story

HOUR = 3_600_000
MINUTE = 60_000


@pytest.mark.parametrize(
    ("title", "minutes"),
    [
        ("2024 Le Mans 24h", 1440),
        ("24 Hours of Le Mans", 1440),
        ("6 Hours of Fuji", 360),
        ("Bathurst 12 Hour", 720),
        ("2024-le-mans-24h-laps.csv", 1440),
        ("Sprint, 45 minutes", 45),
        ("24 Heures du Mans", 1440),
        ("Monterey 2h40", 160),
        ("2 Hours 40 Minutes of Mosport", 160),
        ("4 hours and 30 min", 270),
        ("2h-2024", 120),
        ("Road Atlanta 2024, race", None),
        ("Rolex 24", None),
        ("1000 km", None),
        ("Race 2 highlights", None),
        ("0 h", None),
        ("200 hours", None),
        ("1:40 h", None),
    ],
)
def test_a_length_in_words(title, minutes):
    """A title states hours or minutes with their unit, or no length."""
    assert length_in_words(title) == (None if minutes is None else minutes * MINUTE)


def race(*, lap_ms: int, laps: int, flag: bool = True, **opened: object) -> Story:
    """A race of one car, flagged as it completes its last lap."""
    story = Story()
    story.add(ev.SessionOpened, 0, **{"title": "A race", "kind": "race", **opened})
    story.add(ev.EntryAdded, 0, car="1", car_class="GT")
    story.flag("green", 0)
    for lap in range(1, laps + 1):
        if flag and lap == laps:
            story.flag("chequered", lap * lap_ms)
        story.lap("1", lap, lap * lap_ms, lap_ms, driver="Ann")
    return story


@pytest.mark.parametrize(
    ("lap_ms", "laps", "expected"),
    [
        (231_000, 375, (24 * HOUR, "reconstructed")),  # 24:03:45 of laps of 3:51
        (97_500, 99, (160 * MINUTE, "reconstructed")),  # 2:40:52
        (60_000, 100, (100 * MINUTE, "reconstructed")),  # 1:40:00 to the millisecond
        (61_000, 44, (None, None)),  # 44:44 is no lap past a usual length
        (70_000, 473, (None, None)),  # 9:11:50, ended by distance
    ],
)
def test_the_end_of_a_race_may_prove_it(lap_ms, laps, expected):
    """A usual length within the winner's last lap is the length; else it stays unknown."""
    assert scheduled_length(race(lap_ms=lap_ms, laps=laps).race()) == expected


def test_a_flag_before_the_crossing_proves_nothing_yet():
    """The lap in which the time was up is the one that the leader is on."""
    story = race(lap_ms=400_000, laps=11, flag=False).flag("chequered", 75 * MINUTE)
    assert scheduled_length(story.race()).basis is None  # not 70 minutes
    story.lap("1", 12, 4_790_000, 390_000)
    assert scheduled_length(story.race()) == (75 * MINUTE, "reconstructed")


def test_only_a_race_that_is_over_proves_it():
    """Neither a race that runs, nor one stopped for good, nor qualifying, nor one by laps."""
    proof: dict[str, Any] = {"lap_ms": 231_000, "laps": 375}
    assert scheduled_length(race(**proof, flag=False).race()).basis is None
    stopped = race(**proof, flag=False).flag("red", 375 * 231_000)
    stopped.add(ev.SessionEnded, 375 * 231_000 + 1)
    assert scheduled_length(stopped.race()).basis is None
    assert scheduled_length(race(**proof, kind="qualifying").race()).basis is None
    assert scheduled_length(race(**proof, laps_limit=375).race()).basis is None


def test_what_is_stated_comes_first():
    """A limit, then the title, then the end of the race."""
    proof: dict[str, Any] = {"lap_ms": 231_000, "laps": 375}
    stated = race(**proof, title="6h", time_limit_ms=8 * HOUR).race()
    assert scheduled_length(stated) == (8 * HOUR, "stated")
    assert scheduled_length(race(**proof, title="Race of 6 hours").race()) == (6 * HOUR, "stated")


def test_questions_say_what_they_rest_on():
    """Points and drive times say that the length is unknown, or from what it is reconstructed."""
    pack = builtin_pack("wec-2024")
    unknown = race(lap_ms=61_000, laps=44).race()
    note = length_note(unknown, pack)
    assert note is not None
    assert "which is unknown" in note
    assert views.session_line(unknown)["length_basis"] is None
    proved = race(lap_ms=231_000, laps=375).race()
    assert length_note(proved, pack) == (
        "scheduled length 24:00:00, reconstructed from 24:03:45 of laps"
    )
    line = views.session_line(proved)
    assert (line["length_ms"], line["length_basis"]) == (24 * HOUR, "reconstructed")
    assert views.results(proved, pack)[0]["points"] == 50
    assert drive_times(proved, pack)[0].no_limits != drive_times(unknown, pack)[0].no_limits
    assert {row["length_note"] for row in drive_time_ledger(proved, pack)} == {
        length_note(proved, pack)
    }
    stated = race(lap_ms=231_000, laps=375, time_limit_ms=24 * HOUR).race()
    assert length_note(stated, pack) is None
    assert length_note(unknown, builtin_pack("imsa-2024")) is None
    assert {row["length_note"] for row in views.results(unknown, pack)} == {note}
    assert {row["length_note"] for row in views.results(stated, pack)} == {None}
    assert {row["length_note"] for row in views.results(unknown)} == {None}
