"""Flags and the caution ledger."""

from __future__ import annotations

import events as ev
from tests.builders import Story, opened


def ledger(story: Story) -> list[tuple[object, ...]]:
    return [tuple(caution[:6]) for caution in story.race().track.cautions()]


def test_a_caution_spans_the_leaders_laps_that_ended_under_it():
    """The lap that ends in the caution's first millisecond is in, in its last is not."""
    story = opened("1").laps("1", 5).flag("fcy", 120_000).flag("green", 240_000)
    assert ledger(story) == [(1, "fcy", 120_000, 240_000, 2, 3)]


def test_a_caution_between_two_crossings_of_the_leader_has_no_laps():
    """A short caution is in the ledger all the same."""
    story = opened("1").laps("1", 3).flag("fcy", 61_000).flag("green", 119_000)
    assert ledger(story) == [(1, "fcy", 61_000, 119_000, None, None)]


def test_kinds_without_green_between_share_a_number():
    """FCY that becomes a safety car is one caution in two rows."""
    story = opened("1").laps("1", 9)
    story.flag("fcy", 70_000).flag("safety_car", 130_000).flag("green", 250_000).flag(
        "red", 300_000
    )
    assert ledger(story) == [
        (1, "fcy", 70_000, 130_000, 2, 2),
        (1, "safety_car", 130_000, 250_000, 3, 4),
        (2, "red", 300_000, None, 5, 9),
    ]


def test_the_chequered_flag_ends_a_caution():
    """A race can end under caution."""
    story = opened("1").flag("safety_car", 50_000).lap("1", 1, 60_000).flag("chequered", 120_000)
    assert ledger(story) == [(1, "safety_car", 50_000, 120_000, 1, 1)]


def test_a_race_can_begin_behind_the_safety_car():
    """The first flag of all need not be green."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="A race", kind="race")
    story.flag("safety_car", 0).lap("1", 1, 60_000).flag("green", 61_000)
    assert ledger(story) == [(1, "safety_car", 0, 61_000, 1, 1)]


def test_local_and_white_flags_are_no_cautions():
    """A sector's yellow and the last-lap flag leave the track green."""
    story = opened("1").flag("yellow", 10, sector=2).flag("white", 20)
    assert ledger(story) == []


def test_who_pitted_and_who_led():
    """The ledger names the leader before and after, and each car that came in, once."""
    story = opened("1", "2").laps("1", 2).laps("2", 2, ms=61_000).flag("fcy", 123_000)
    story.pit("1", 130_000, 170_000).pit("1", 175_000, 190_000).pit("2", 400_000, 440_000)
    story.lap("2", 3, 185_000).flag("green", 200_000)
    (caution,) = story.race().track.cautions()
    assert (caution.leader_before, caution.leader_after, caution.pitted) == ("1", "2", ("1",))


def test_a_lane_closed_to_all_reopens_class_by_class():
    """Once every class may come in, the lane is open."""
    story = opened("1", classes=("P", "GT"))
    story.add(ev.PitLaneClosed, 10)
    assert story.race().track.pit_lane_closed == {"P": 10, "GT": 10}
    story.add(ev.PitLaneOpened, 20, classes=("P",))
    story.add(ev.PitLaneOpened, 30, classes=("GT",))
    assert story.race().track.pit_lane_closed == {}


def test_the_pit_lane_closes_by_class():
    """Classes reopen one by one, or all at once."""
    story = opened("1")
    story.add(ev.PitLaneClosed, 10, classes=("A", "B"))
    story.add(ev.PitLaneOpened, 20, classes=("A",))
    assert story.race().track.pit_lane_closed == {"B": 10}
    story.add(ev.PitLaneOpened, 30)
    assert story.race().track.pit_lane_closed == {}


# -- Local flags ---------------------------------------------------------------------------


def standing(story: Story) -> dict[int, tuple[str, int]]:
    """Of each sector the flag, and since when."""
    return {one.sector: (one.flag, one.start_ms) for one in story.race().track.local_flags()}


def test_a_local_flag_stands_until_its_sector_is_green():
    """Shown again it is the same one; another flag takes its place."""
    story = opened("1").flag("yellow", 10, sector=2).flag("slow_zone", 20, sector=10)
    story.flag("yellow", 30, sector=2)
    assert standing(story) == {2: ("yellow", 10), 10: ("slow_zone", 20)}
    story.flag("slow_zone", 40, sector=2).flag("green", 50, sector=10)
    assert standing(story) == {2: ("slow_zone", 40)}
    assert [tuple(one) for one in story.race().track.cleared] == [
        (2, "yellow", 10, 40),
        (10, "slow_zone", 20, 50),
    ]


def test_a_green_for_the_whole_track_clears_every_sector():
    """Also where the track was green all the time; flags that are not green clear none."""
    story = opened("1").flag("yellow", 10, sector=2).flag("yellow", 15, sector=3)
    assert standing(story.flag("fcy", 20).flag("red", 25)) == {2: ("yellow", 10), 3: ("yellow", 15)}
    assert standing(story.flag("green", 30)) == {}
    assert standing(story.flag("yellow", 40, sector=1).flag("white", 50)) == {1: ("yellow", 40)}
    assert standing(story.flag("green", 60).flag("green", 70)) == {}
    story.flag("yellow", 80, sector=1).flag("green", 90)
    assert standing(story) == {}
    assert story.race().track.since == 60


def test_the_end_of_the_session_clears_local_flags():
    """After the chequered flag they stand: cars are on their way in."""
    story = opened("1").flag("yellow", 10, sector=2).flag("chequered", 20)
    assert standing(story) == {2: ("yellow", 10)}
    assert standing(story.ended(30)) == {}


def test_a_late_and_a_voided_local_flag():
    """They stand as they happened, however they came to be known."""
    story = opened("1").flag("yellow", 10, sector=2)
    shown = story.last
    story.flag("green", 40, sector=2).flag("yellow", 30, sector=3)
    assert standing(story) == {3: ("yellow", 30)}
    story.void(story.events[-2])
    assert standing(story) == {2: ("yellow", 10), 3: ("yellow", 30)}
    story.void(shown)
    assert standing(story) == {3: ("yellow", 30)}
