"""Corrections follow through: numbers and times of the laps around a corrected crossing."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

import events as ev
from events import AnyEvent
from projections import views
from projections.race import Race
from projections.results.classification import classify
from projections.timeline import Timeline
from tests.builders import Story, opened, race_of
from tests.unit.projections.random_races import races

S = 1000


def driven(story: Story, car: str, *ends: float, first: int = 1, **members: Any) -> Story:
    """Laps of a car that end at these seconds, each timed from the one before."""
    before = members.pop("start", 0)
    for lap, end in enumerate(ends, start=first):
        story.lap(car, lap, round(end * S), round((end - before) * S), **members)
        before = end
    return story


def laps(race: Race, car: str = "2") -> list[tuple[int, int, int | None]]:
    """The car's laps: number, end and time in seconds."""
    return [
        (lap.lap, lap.at // S, lap.lap_time_ms and lap.lap_time_ms // S)
        for lap in race.laps.laps[car]
    ]


def ghost(*, lines: tuple[str, ...] = ("FL",), ms: bool = True) -> tuple[Story, AnyEvent]:
    """Car 2, six laps behind car 1 all the way, is read twice at the end of lap 2."""
    story = driven(opened("1", "2", lines=lines, laps_limit=20), "1", 60, 120, 180, 240, 300, 360)
    driven(story, "2", 61, 122, 126)
    read_twice = story.last
    driven(story, "2", 183, 244, 305, 366, first=4, start=126)
    if not ms:
        story.events = [
            one.model_copy(update={"lap_time_ms": None}) if one.type == "lap_completed" else one
            for one in story
        ]
    return story, read_twice


class TestAGhostLap:
    """A crossing that was read twice, and voided."""

    def test_merges_with_the_next_and_renumbers_what_follows(self):
        """Order, leader, result, best lap and laps to go agree."""
        story, read_twice = ghost()
        assert story.race().order.leader() == "2"
        story.void(read_twice)
        race = story.race()
        assert laps(race) == [
            (1, 61, 61),
            (2, 122, 61),
            (3, 183, 61),
            (4, 244, 61),
            (5, 305, 61),
            (6, 366, 61),
        ]
        assert race.order.cars() == ["1", "2"]
        assert [(row.car, row.laps) for row in classify(race)] == [("1", 6), ("2", 6)]
        assert race.laps.best["2"].ms == 61 * S
        assert views.session_line(race)["laps_to_go"] == 14
        assert {leader.car for leader in race.chart.leaders} == {"1"}
        assert race.pits.stints("2")[-1].last_lap == 6

    def test_without_lap_times(self):
        """The numbers follow all the same."""
        story, read_twice = ghost(ms=False)
        story.void(read_twice)
        assert story.race().order.laps == {"1": 6, "2": 6}
        assert laps(story.race())[2] == (3, 183, None)

    def test_twice_in_one_lap(self):
        """Two ghosts one after the other leave one lap of the right length."""
        story = driven(opened("2", lines=("FL",)), "2", 61, 65, 68, 122, 183)
        for event in [one for one in story if one.at in (65 * S, 68 * S)]:
            story.void(event)
        assert laps(story.race()) == [(1, 61, 61), (2, 122, 61), (3, 183, 61)]

    def test_on_the_first_lap(self):
        """The time before the ghost belongs to the lap, too."""
        story = driven(opened("2", lines=("FL",)), "2", 4, 61, 122)
        story.void(next(one for one in story if one.at == 4 * S))
        assert laps(story.race()) == [(1, 61, 61), (2, 122, 61)]

    def test_with_sector_lines(self):
        """Lines after the ghost belong to the lap that it is merged with."""
        story = opened("2").line("2", "S1", 1, 20 * S).line("2", "S2", 1, 40 * S)
        driven(story, "2", 61, 65).line("2", "S1", 3, 82 * S).line("2", "S2", 3, 102 * S)
        driven(story, "2", 122, first=3, start=65)
        story.void(next(one for one in story if one.at == 65 * S))
        race = story.race()
        assert race.order.sectors("2", 2) == (21 * S, 20 * S, 20 * S)
        assert len(race.order.passings["2"]) == 6

    def test_laps_that_are_still_to_come(self):
        """The feed goes on counting the ghost; its later laps move down as they come."""
        story, read_twice = ghost()
        timeline = Timeline()
        timeline.add(story)
        story.void(read_twice, at=366 * S)
        timeline.add(story.events[-1:])
        driven(story, "2", 427, 488, first=8, start=366)
        for event in story.events[-2:]:
            timeline.add([event])
        assert laps(timeline.race)[-1] == (8, 488, 61)
        assert timeline.race.state_hash() == story.race().state_hash()

    def test_a_lap_voided_and_sent_again(self):
        """The number is taken by the lap that replaces it, so that nothing moves."""
        story = driven(opened("2", lines=("FL",)), "2", 61, 122, 175, 244)
        story.void(next(one for one in story if one.at == 175 * S))
        story.lap("2", 3, 183 * S, 61 * S)
        assert [lap[:2] for lap in laps(story.race())] == [(1, 61), (2, 122), (3, 183), (4, 244)]
        assert laps(story.race())[-1] == (4, 244, 61)

    def test_a_lap_of_another_source(self):
        """A crossing that the feed did not count moves none of its laps."""
        story = driven(opened("2", lines=("FL",)), "2", 61, 122, 244, 305)
        story.events[-2:] = [
            one.model_copy(update={"lap": number})
            for number, one in enumerate(story.events[-2:], start=4)
        ]
        before = story.race().state_hash()
        steward = Story("steward").lap("2", 3, 183 * S, None)
        void = ev.EventVoided(
            at=400 * S, source="x", source_seq=0, voided_source="steward", voided_seq=0, reason="no"
        )
        assert race_of([*story, *steward]).order.laps == {"2": 5}
        assert race_of([*story, *steward, void]).state_hash() == before

    def test_a_void_that_is_taken_back(self):
        """The ghost counts again, and everything is as it was."""
        story, read_twice = ghost()
        before = story.race().state_hash()
        void = story.void(read_twice)
        assert story.race().state_hash() != before
        story.void(void)
        assert story.race().state_hash() == before


class TestAMissedCrossing:
    """A crossing that the timing missed, and that was put in."""

    def story(self) -> Story:
        """The loop missed the end of lap 3: four laps in the time of five."""
        story = driven(opened("1", "2", lines=("FL",)), "1", 62, 124, 186, 248, 310)
        return driven(story, "2", 60, 120, 240, 300)

    def insert(self, story: Story, at: int = 180, **members: Any) -> AnyEvent:
        """Put the crossing in."""
        return story.add(
            ev.CrossingInserted, 400 * S, car="2", completed_at=at * S, reason="seen", **members
        )

    def test_splits_a_lap_and_renumbers_what_follows(self):
        """The order, the leader and the best lap agree."""
        story = self.story()
        assert story.race().order.cars() == ["1", "2"]
        self.insert(story)
        race = story.race()
        assert laps(race) == [(n, 60 * n, 60) for n in range(1, 6)]
        assert race.order.cars() == ["2", "1"]
        assert race.order.leader() == "2"
        assert [(row.car, row.laps) for row in classify(race)] == [("2", 5), ("1", 5)]

    def test_a_lap_whose_number_the_timing_knew(self):
        """The crossing is missing, its number is not: only the time is split."""
        story = driven(opened("2", lines=("FL",)), "2", 60, 120)
        driven(story, "2", 240, 300, first=4, start=120)
        self.insert(story)
        assert laps(story.race()) == [(n, 60 * n, 60) for n in range(1, 6)]

    def test_the_first_lap(self):
        """Its start is known from the lap that it was part of."""
        story = driven(opened("2", lines=("FL",)), "2", 120, 180)
        self.insert(story, 60)
        assert laps(story.race()) == [(1, 60, 60), (2, 120, 60), (3, 180, 60)]

    @pytest.mark.parametrize(
        ("timed", "missed"),
        [((60, 240, 300), (120, 180)), ((60, 240, 300), (180, 120)), ((180, 240, 300), (60, 120))],
        ids=["in a row", "the later first", "from the first lap on"],
    )
    def test_several(self, timed: tuple[int, ...], missed: tuple[int, ...]):
        """Each crossing put in is a lap, whether or not the timing had a line between them."""
        story = driven(opened("2", lines=("FL",)), "2", *timed)
        for end in missed:
            self.insert(story, end)
        assert laps(story.race()) == [(n, 60 * n, 60) for n in range(1, 6)]

    def test_several_of_which_the_timing_knew_one(self):
        """Two crossings are missing, and one number: the other moves what follows."""
        story = driven(opened("2", lines=("FL",)), "2", 60)
        driven(story, "2", 240, 300, first=3, start=60)
        self.insert(story, 120)
        self.insert(story, 180)
        assert laps(story.race()) == [(n, 60 * n, 60) for n in range(1, 6)]

    @pytest.mark.parametrize("seed", range(12))
    def test_among_double_reads(self, seed: int):
        """Whatever was missed or read twice: put right, the laps are those that were driven."""
        drawn = random.Random(seed)
        ends = [62 * n + drawn.randrange(4) for n in range(1, 9)]
        missed = set(drawn.sample(ends[:-1], 3))
        twice = {end + drawn.randrange(1, 9) for end in drawn.sample(ends, 2)}
        timed = sorted({*ends, *twice} - missed)
        story = driven(opened("2", lines=("FL",)), "2", *timed)
        for read in [one for one in story if one.type == "lap_completed"]:
            if read.at // S in twice:
                story.void(read)
        for end in missed:
            self.insert(story, end)
        drawn.shuffle(story.events)
        times = [end - before for before, end in pairwise([0, *ends])]
        numbers = range(1, len(ends) + 1)
        assert laps(story.race()) == list(zip(numbers, ends, times, strict=True))

    def test_before_the_start(self):
        """A crossing on the formation laps counts for nothing."""
        story = self.story()
        before = laps(story.race())
        self.insert(story, -5)
        assert laps(story.race()) == before

    def test_with_sector_lines(self):
        """Lines after the crossing belong to the lap that it began."""
        story = driven(opened("2"), "2", 60)
        for end in (120, 180):
            story.line("2", "S1", 2, (end - 40) * S).line("2", "S2", 2, (end - 20) * S)
        driven(story, "2", 180, first=2, start=60)
        self.insert(story, 120)
        race = story.race()
        assert len(race.order.passings["2"]) == 9
        assert race.order.sectors("2", 3) == (20 * S, 20 * S, 20 * S)

    def test_the_crossing_arrives_after_all(self):
        """Timed within a second of it, it is the same crossing."""
        story = self.story()
        self.insert(story)
        story.lap("2", 3, 180_200, 60_200)
        assert len(laps(story.race())) == 5

    def test_voiding_it_gives_the_state_hash_back(self):
        """Also for laps that came in between, and in any order."""
        story = self.story()
        before = story.race().state_hash()
        inserted = self.insert(story)
        story.void(inserted)
        assert story.race().state_hash() == before
        assert race_of(reversed(story.events)).state_hash() == before

    def test_race_control_lists_it(self):
        """With its reason, as any decision of a person."""
        story = self.story()
        self.insert(story, by="Timekeeper")
        assert story.race().control.items[-1].text == (
            "Car 2: crossing at 0:03:00.000 put in (seen)"
        )


class TestAnAmendedLap:
    """A lap amended to end earlier or later."""

    def amended(self, story: Story, **members: Any) -> Race:
        """The race with lap 2 of car 2 amended."""
        story.add(ev.LapAmended, 400 * S, car="2", lap=2, reason="photocell", **members)
        return story.race()

    def test_moves_the_next(self):
        """As much longer as the next is shorter."""
        story = driven(opened("2", lines=("FL",)), "2", 60, 120, 180)
        assert laps(self.amended(story, completed_at=123 * S)) == [
            (1, 60, 60),
            (2, 123, 63),
            (3, 180, 57),
        ]

    def test_of_a_feed_that_corrects_itself(self):
        """The next lap was measured from the corrected crossing already."""
        story = driven(opened("2", lines=("FL",)), "2", 60, 120)
        driven(story, "2", 180, first=3, start=123)
        race = self.amended(story, completed_at=123 * S, lap_time_ms=63 * S)
        assert laps(race) == [(1, 60, 60), (2, 123, 63), (3, 180, 57)]

    def test_names_the_lap_as_renumbered(self):
        """Lap 2 is what it is called once the ghost is away."""
        story = driven(opened("2", lines=("FL",)), "2", 60, 64, 120, 180)
        story.void(next(one for one in story if one.at == 64 * S))
        race = self.amended(story, lap_time_ms=59 * S)
        assert laps(race) == [(1, 60, 60), (2, 120, 59), (3, 180, 60)]

    def test_back_again(self):
        """Voiding the amendment gives the state hash back."""
        story = driven(opened("2", lines=("FL",)), "2", 60, 120, 180)
        before = story.race().state_hash()
        self.amended(story, completed_at=123 * S)
        story.void(story.last)
        assert story.race().state_hash() == before


_INSERTED = [
    (ev.LapCompleted, {"car": "9", "lap": 1}),
    (ev.CrossingInserted, {"car": "1", "completed_at": 55, "reason": "put in"}),
    (ev.FlagShown, {"flag": "red"}),
    (ev.FlagShown, {"flag": "chequered"}),
    (ev.SessionEnded, {}),
    (ev.SessionResumed, {}),
    (ev.LapAmended, {"car": "1", "lap": 2, "completed_at": 300, "reason": "amended"}),
    (ev.PitEntered, {"car": "1"}),
]


@pytest.mark.parametrize(("model", "members"), _INSERTED)
@given(events=races())
def test_voiding_what_was_inserted_gives_the_state_hash_back(model, members, events):
    """Whatever was inserted, into whatever race, and in whichever order the two arrive."""
    before = race_of(events).state_hash()
    inserted = model(at=200, source="inserted", source_seq=0, **members)
    void = ev.EventVoided(
        at=300,
        source="inserted",
        source_seq=1,
        voided_source="inserted",
        voided_seq=0,
        reason="a mistake",
    )
    assert race_of([*events, inserted, void]).state_hash() == before
    timeline = Timeline()
    timeline.add([void])
    timeline.add(events)
    timeline.add([inserted])
    assert timeline.race.state_hash() == before


def test_times_between_the_ends_of_time():
    """A lap put in or amended at the ends of what an event holds is as long as one can be."""
    story = opened("1").lap("1", 1, -(2**53), 0).lap("1", 10_000, 0, 60_000)
    story.add(ev.CrossingInserted, 0, car="1", completed_at=2**53, reason="a test")
    story.add(ev.LapAmended, 1, car="1", lap=10_000, completed_at=2**53, reason="a test")
    assert story.race().order.laps == {"1": 10_000}
