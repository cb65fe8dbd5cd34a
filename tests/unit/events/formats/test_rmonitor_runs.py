"""Runs of an RMonitor feed: which one a ``$B`` names, and of which kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from events import Event, SessionOpened
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_kind import hinted_kind, run_kind
from tests.rmonitor import BEAT, Feed, beat, g, j, kinds, laps


def named(run: int, name: str, *cars: str) -> tuple[str, ...]:
    """What a feed sends first of a run."""
    entries = [f'$A,"{car}","{car}",10{car},"Team {car}","","",1' for car in cars]
    return (f'$B,{run},"{name}"', '$C,1,"GT"', *entries)


def opened(feed: Feed, run: int) -> SessionOpened:
    """The run's session as it was opened last."""
    return [event for event in feed.events(run) if isinstance(event, SessionOpened)][-1]


def cars(events: Sequence[Event]) -> list[str]:
    """The cars entered, in order."""
    return [event.car for event in events if event.type == "entry_added"]  # type: ignore[attr-defined]


SATURDAY = (*named(1, "Group A Qualifying", "1", "2"), BEAT, BEAT, j("1", 60_100, 60_100))
CONNECTED = "##2025-06-29 12:00:00.000 connected"


class TestIdUsedAgain:
    """An id is the same run only with the same name."""

    @pytest.mark.parametrize(
        "between",
        [(CONNECTED, "$I,,"), ("$I,,",), ()],
        ids=["a new connection", "a cleared board", "nothing"],
    )
    def test_another_name(self, between: tuple[str, ...]) -> None:
        """A known id with another name is another run, with its own name, kind and cars."""
        feed = Feed(opening=SATURDAY)
        feed.say(*between, *named(1, "Group B Race", "7", "8"), BEAT, BEAT, j("7", 0, 9000))
        feed.say(j("7", 70_100, 79_100))
        assert [(opened(feed, run).title, opened(feed, run).kind) for run in (0, 1)] == [
            ("Group A Qualifying", "qualifying"),
            ("Group B Race", "race"),
        ]
        assert cars(feed.events(0)) == ["1", "2"]
        assert cars(feed.events(1)) == ["7", "8"]
        assert laps(feed.events(1)) == [("7", 1, 79_100, 70_100)]

    def test_back_to_the_first(self) -> None:
        """Of two runs with one id, a name continues its own."""
        feed = Feed(opening=SATURDAY)
        feed.say("$I,,", *named(1, "Group B Race", "7"), BEAT, BEAT)
        feed.say("$I,,", *named(1, "group a  qualifying", "1", "2"), beat(61), beat(62))
        assert laps(feed.say(j("1", 59_000, 119_100))) == [("1", 2, 119_100, 59_000)]
        assert len(laps(feed.events(0))) == 2

    @pytest.mark.parametrize("resumed", [False, True])
    @pytest.mark.parametrize(
        "refresh", [(BEAT, beat(1)), (BEAT, g("7", "", 0), beat(1)), (beat(1), beat(2))]
    )
    def test_the_same_name_on_another_day(self, refresh: tuple[str, ...], resumed: bool) -> None:
        """Id and name again, but the clock runs from the start: another run, with its own cars."""
        feed = Feed(opening=SATURDAY)
        feed.say(j("1", 59_000, 119_100), beat(120))
        if resumed:
            feed = Feed(opening=(), logs=[feed.events()])
        feed.say(CONNECTED, "$I,,", *named(1, "Group A Qualifying", "7", "8"), *refresh)
        feed.say(j("7", 3000, 3000), j("7", 70_000, 73_000))
        assert "entry_added" not in kinds(feed.events(0)[4 if not resumed else 0 :])
        assert cars(feed.events(1)) == ["7", "8"]
        assert [lap[:2] for lap in laps(feed.events(1))][-1:] == [("7", 2)]

    def test_a_clock_that_stands_after_the_race(self) -> None:
        """Refreshes with a clock at zero, after the race, are of the same run."""
        feed = Feed(opening=SATURDAY)
        feed.say(j("1", 59_000, 119_100), beat(120))
        refresh = ("$I,,", *SATURDAY[:-1], g("1", 2, 119_100))
        assert feed.say(*refresh, BEAT, BEAT, *refresh, BEAT, BEAT) == []

    @pytest.mark.parametrize("title", [None, "Club day"])
    def test_resumed_from_its_log(self, title: str | None) -> None:
        """A restarted process distinguishes the names as well, under a title of the user's, too."""
        options = RunOptions(title)
        logs = [Feed(opening=SATURDAY, options=options).events()]
        again = Feed(opening=(), logs=logs, options=options)
        again.say(CONNECTED, *SATURDAY[:-1])
        assert again.news == []
        again.say(CONNECTED, *named(1, "Group B Race", "7"), BEAT, BEAT)
        assert {one.run for one in again.news} == {1}
        assert cars(again.events(1)) == ["7"]


class TestKind:
    """The kind of each run."""

    @pytest.mark.parametrize(
        ("name", "mode", "kind"),
        [
            ("Group 4", "qualifying", "qualifying"),
            ("Group 4", "Race", "race"),
            ("Group 4", "practice", "practice"),
            ("Group 4", "best", None),
            ("Group 4", "", None),
            ("Qualifying Group 4", "race", "qualifying"),
            ("Practice 2", "qualifying", "practice"),
            ("Feature Race", "qualifying", "race"),
        ],
    )
    def test_name_before_sort_mode(self, name: str, mode: str, kind: str | None) -> None:
        """The name decides if it has a hint, else the sort mode."""
        assert run_kind(name, mode) == kind

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("GTO Qualifying 1", "qualifying"),
            ("QUAL-2", "qualifying"),
            ("Q1", "qualifying"),
            ("Super Pole", "qualifying"),
            ("Qualifying Race", "race"),
            ("Qualifying for Race 1", "qualifying"),
            ("Race 1 Warm-up", "practice"),
            ("Race Group 4", None),
            ("Race Day: Qualifying", "qualifying"),
            ("FP2", "practice"),
            ("Test Day", "practice"),
            ("Testring Trophy", None),
            ("Quality Cup", None),
            ("Zeittraining", "qualifying"),
            ("Freies Training 1", "practice"),
            ("Sprint 2", "race"),
            ("8 Hours", "race"),
            ("", None),
        ],
    )
    def test_hints(self, name: str, kind: str | None) -> None:
        """Whole words of a name are hints."""
        assert hinted_kind(name) == kind

    @pytest.mark.parametrize(
        "opening",
        [
            ("$I,,", '$RMS,"qualifying"', *named(4, "Group 4", "1", "2"), BEAT, BEAT),
            (*named(4, "Group 4", "1", "2"), '$RMS,"qualifying"', BEAT, BEAT),
            (*named(4, "Group 4", "1", "2"), BEAT, BEAT, '$RMS,"qualifying"', beat(1), beat(2)),
        ],
        ids=["before the run", "after its names", "later"],
    )
    def test_sort_mode(self, opening: tuple[str, ...]) -> None:
        """The sort mode is of the run that it is sent with, wherever it stands."""
        feed = Feed(opening=opening)
        assert opened(feed, 0).kind == "qualifying"

    @pytest.mark.parametrize("cleared", [("$I,,",), ()])
    @pytest.mark.parametrize("mode", [('$RMS,"race"',), ()])
    def test_of_one_run_only(self, mode: tuple[str, ...], cleared: tuple[str, ...]) -> None:
        """The next run's mode does not change the run before, nor the reverse."""
        feed = Feed(opening=('$RMS,"qualifying"', *named(4, "Group 4", "1"), BEAT, BEAT))
        feed.say(j("1", 60_100, 60_100), *cleared, *mode, *named(5, "Group 4 B", "1"), BEAT, BEAT)
        assert [opened(feed, run).kind for run in (0, 1)] == ["qualifying", "race"]

    def test_stays_when_resumed(self) -> None:
        """A kind that was recorded stays until something contradicts it."""
        opening = ('$RMS,"qualifying"', *named(4, "Group 4", "1"), BEAT, BEAT)
        again = Feed(opening=(), logs=[Feed(opening=opening).events()])
        assert again.say(CONNECTED, *opening[1:]) == []
        assert kinds(again.say('$RMS,"race"', beat(3), beat(4))) == ["session_opened"]

    @pytest.mark.parametrize(
        ("given", "kind"),
        [
            ("Group 4", "practice"),
            ("GROUP  4", "practice"),
            ("group *", "practice"),
            ("Group ?", "practice"),
            ("Group", "qualifying"),
            ("Group 44", "qualifying"),
        ],
    )
    def test_given_by_name(self, given: str, kind: str) -> None:
        """A kind given for a name prevails over the feed's; names match whole, or by * and ?."""
        options = RunOptions(kinds=((given, "practice"),))
        opening = ('$RMS,"qualifying"', *named(4, "Group 4", "1"), BEAT, BEAT)
        assert opened(Feed(opening=opening, options=options), 0).kind == kind

    def test_given_for_all_others(self) -> None:
        """A kind without a name is of the runs that no name is given for."""
        options = RunOptions(kind="practice", kinds=(("Group 5", "race"),))
        feed = Feed(opening=(*named(4, "Group 4", "1"), BEAT, BEAT), options=options)
        feed.say("$I,,", *named(5, "Group 5", "1"), BEAT, BEAT)
        found: list[Any] = [opened(feed, run).kind for run in (0, 1)]
        assert found == ["practice", "race"]

    def test_facts_stay(self) -> None:
        """A session opened again with another kind keeps what the feed does not repeat."""
        opening = (*named(4, "Group 4", "1"), '$E,"TRACKNAME","Barber"', BEAT, BEAT)
        again = Feed(opening=(), logs=[Feed(opening=opening).events()])
        again.say(CONNECTED, '$RMS,"qualifying"', *named(4, "Group 4"), beat(3), beat(4))
        assert (opened(again, 0).kind, opened(again, 0).circuit) == ("qualifying", "Barber")
