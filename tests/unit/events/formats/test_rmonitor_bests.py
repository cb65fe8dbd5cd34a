"""Best laps of an RMonitor run: what the timing's own list rules on lap times."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from tests.builders import race_of
from tests.rmonitor import OPENING, Feed, beat, clock, g, j, kinds


def h(car: str, lap: int | str, ms: int, position: int = 1) -> str:
    """A line of the list of best laps."""
    return f'$H,{position},"{car}",{lap},"{clock(ms)}"'


def after_laps(car: str, *lap_times: int, base: Feed | None = None) -> Feed:
    """A feed in which a car completed these laps, each with its lines, and settled."""
    feed = base or Feed()
    total, best = 0, (0, 10**9)
    for lap, lap_time in enumerate(lap_times, start=1):
        total += lap_time
        best = min(best, (lap, lap_time), key=lambda one: one[1])
        feed.say(j(car, lap_time, total), g(car, lap, total), h(car, *best))
    second = total // 1000
    feed.say(beat(second + 1), beat(second + 2))
    return feed


def best(feed: Feed, car: str = "7") -> tuple[int, int] | None:
    """The car's best lap in the race that is folded from the feed's events."""
    found = race_of(feed.events()).laps.best.get(car)  # type: ignore[arg-type]
    return (found.lap, found.ms) if found else None


LAPS = (90_000, 88_000, 89_000)


class TestWithdrawn:
    """A slower best lap, or none, after a better one."""

    @pytest.mark.parametrize(
        ("lines", "expected", "deleted"),
        [
            ((h("7", 3, 89_000),), (3, 89_000), [2]),
            ((h("7", 1, 90_000),), (1, 90_000), [2, 3]),
            ((h("7", 2, 0),), (3, 89_000), [2]),
            ((h("7", 0, 0), beat(271)), None, [2, 3]),
            ((h("7", "", 3_599_999), beat(271)), None, [2, 3]),
        ],
        ids=["slower", "slower than two", "no time of a lap", "none", "none, as Orbits writes it"],
    )
    def test_withdrawn(
        self, lines: tuple[str, ...], expected: tuple[int, int] | None, deleted: list[int]
    ) -> None:
        """Every lap time that the timing no longer counts is deleted; the laps stay."""
        feed = after_laps("7", *LAPS)
        news: list[Any] = feed.say(*lines)
        laps = [event.lap for event in news if isinstance(event, ev.LapTimeDeleted)]
        assert laps == deleted
        assert best(feed) == expected
        assert race_of(feed.events()).order.laps == {"7": 3}  # type: ignore[arg-type]
        assert feed.say(*lines, beat(272), beat(273)) == []

    def test_the_last_lap(self) -> None:
        """A last lap that was the best is withdrawn at once."""
        feed = after_laps("7", 90_000, 88_000)
        assert kinds(feed.say(h("7", 1, 90_000))) == ["lap_time_deleted"]
        assert best(feed) == (1, 90_000)

    def test_a_lap_that_never_counted(self) -> None:
        """A fast lap that does not enter the list is withdrawn after two heartbeats."""
        feed = Feed(j("7", 90_000, 90_000), g("7", 1, 90_000), h("7", 1, 90_000), beat(91))
        feed.say(j("7", 80_000, 170_000), g("7", 2, 170_000))
        assert feed.say(h("7", 1, 90_000), beat(171)) == []
        assert kinds(feed.say(beat(172))) == ["lap_time_deleted"]
        assert best(feed) == (1, 90_000)

    def test_at_the_end_of_a_recording(self) -> None:
        """None counts at the end of the feed, where no heartbeat follows."""
        feed = after_laps("7", *LAPS)
        assert feed.say(h("7", 0, 0)) == []
        feed.news += feed.translator.end()
        assert best(feed) is None

    def test_restored(self) -> None:
        """A withdrawn lap that the timing names again counts again."""
        feed = after_laps("7", *LAPS)
        feed.say(h("7", 1, 90_000))
        assert kinds(feed.say(h("7", 2, 88_000))) == ["event_voided"]
        assert best(feed) == (2, 88_000)

    def test_all_restored(self) -> None:
        """A list that was empty for a while restores what it had taken."""
        feed = after_laps("7", *LAPS)
        feed.say(h("7", 0, 0), beat(271))
        feed.say(h("7", 2, 88_000))
        assert best(feed) == (2, 88_000)
        feed.say(h("7", 3, 89_000))
        assert best(feed) == (3, 89_000)

    def test_resumed(self) -> None:
        """A lap that was withdrawn while no process followed is withdrawn by the first line."""
        log = after_laps("7", *LAPS).events()
        again = Feed(opening=(), logs=[log])
        refresh = (*OPENING, beat(280), g("7", 3, 267_000), h("7", 1, 90_000))
        again.say("##2025-04-26 15:20:31.222 connected", *refresh, beat(281), beat(282), beat(283))
        assert kinds(again.events()).count("lap_time_deleted") == 2
        assert best_of([*log, *again.events()]) == (1, 90_000)


def best_of(events: list[ev.Event], car: str = "7") -> tuple[int, int]:
    """The car's best lap of these events."""
    found = race_of(events).laps.best[car]  # type: ignore[arg-type]
    return found.lap, found.ms


class TestNotWithdrawn:
    """What real feeds send without a ruling."""

    def test_the_old_best_once_more(self) -> None:
        """The line of a second before, after a better lap (three times in two real feeds)."""
        feed = Feed(j("7", 90_000, 90_000), g("7", 1, 90_000), h("7", 1, 90_000), beat(91))
        feed.say(j("7", 88_000, 178_000), g("7", 2, 178_000), h("7", 1, 90_000), beat(179))
        assert feed.say(h("7", 2, 88_000), beat(180), beat(181), beat(182)) == []
        assert best(feed) == (2, 88_000)

    @pytest.mark.parametrize("first", [0, 1])
    def test_a_car_that_is_entered_twice(self, first: int) -> None:
        """Its second line has no time, before or behind the first in one refresh."""
        feed = after_laps("7", *LAPS)
        lines = [h("7", 2, 88_000), h("7", 0, 0, position=57)]
        for second in (271, 272, 273):
            assert feed.say(lines[first], lines[1 - first], beat(second)) == []
        assert best(feed) == (2, 88_000)

    def test_a_cleared_board(self) -> None:
        """A car without laps in the race order has no times, either, until it is filled."""
        feed = after_laps("7", *LAPS)
        feed.say("$I,,", *OPENING, g("7", "", 0), h("7", 0, 0), beat(271), beat(272), beat(273))
        assert best(feed) == (2, 88_000)

    def test_all_at_once(self) -> None:
        """Where every car loses its best lap, the list was cleared."""
        feed = after_laps("8", 91_000, 92_000, base=after_laps("7", *LAPS))
        assert feed.say(h("7", 0, 0), h("8", 0, 0), beat(271), beat(272)) == []

    def test_none_before_any(self) -> None:
        """A list without a time that never had one takes nothing (laps of a late car)."""
        feed = Feed(j("7", 0, 5000), j("7", 90_000, 95_000), g("7", 1, 95_000), h("7", 0, 0))
        feed.say(beat(96), beat(97))
        assert best(feed) == (1, 90_000)


class TestReported:
    """Best laps of which the log has no lap, or no time, or only the first of a race."""

    def test_the_first_lap_of_a_race(self) -> None:
        """It begins at the start, not at the line: it is a best lap only if the timing says so."""
        feed = Feed(j("7", 90_000, 90_000), g("7", 1, 90_000))
        assert best(feed) is None
        assert kinds(feed.say(h("7", 1, 90_000))) == ["best_lap_reported"]
        assert best(feed) == (1, 90_000)
        assert feed.say(h("7", 1, 90_000), beat(91), beat(92)) == []

    def test_before_the_feed_was_joined(self) -> None:
        """The best lap is reported; a slower one driven since is not the best."""
        feed = Feed(g("7", 9, 900_000), h("7", 4, 88_000), beat(901))
        assert kinds(feed.events())[-1] == "best_lap_reported"
        feed.say(j("7", 95_000, 995_000), g("7", 10, 995_000), h("7", 4, 88_000), beat(996))
        assert best(feed) == (4, 88_000)
        feed.say(j("7", 87_000, 1_082_000), g("7", 11, 1_082_000), h("7", 11, 87_000))
        assert best(feed) == (11, 87_000)

    def test_before_its_laps(self) -> None:
        """The list may come before the race order, and before the crossing itself."""
        feed = Feed(h("7", 4, 88_000), g("7", 9, 900_000), beat(901), beat(902))
        assert best(feed) == (4, 88_000)
        feed.say(h("7", 10, 87_000))
        feed.say(j("7", 87_000, 987_000), g("7", 10, 987_000), beat(988), beat(989))
        assert kinds(feed.events()).count("best_lap_reported") == 1
        assert best(feed) == (10, 87_000)

    def test_withdrawn(self) -> None:
        """A reported best lap that is withdrawn is voided."""
        feed = Feed(g("7", 9, 900_000), h("7", 4, 88_000), beat(901))
        assert kinds(feed.say(h("7", 2, 90_000))) == ["event_voided", "best_lap_reported"]
        assert best(feed) == (2, 90_000)

    def test_a_lap_without_a_time(self) -> None:
        """Of a lap whose begin was not received the list has the time."""
        feed = Feed(g("7", 1, 240_000), h("7", 1, 223_533), beat(241))
        assert best(feed) == (1, 223_533)
        assert kinds(feed.say(h("7", 1, 223_533), beat(242))) == []

    def test_another_time_of_the_lap(self) -> None:
        """Where the begin of a lap is unknown, the list has its time."""
        feed = Feed(g("7", 214, 900_000), j("7", 97_590, 1_600_000), g("7", 222, 1_600_000))
        assert kinds(feed.say(h("7", 222, 94_111))) == ["lap_amended"]
        assert best(feed) == (222, 94_111)

    def test_a_time_that_two_crossings_contradict(self) -> None:
        """A lap time between two crossings stays."""
        feed = after_laps("7", *LAPS)
        assert feed.say(h("7", 2, 80_000), beat(271)) == []
        assert best(feed) == (2, 88_000)

    def test_in_qualifying(self) -> None:
        """A session that was joined late is in the order of the timing's best laps."""
        feed = Feed(opening=['$B,1,"Qualifying"', *OPENING[1:], beat(0), beat(0)])
        for car, lap, ms in (("7", 4, 90_000), ("8", 2, 88_000), ("9", 5, 89_000)):
            feed.say(g(car, 9, 900_000), h(car, lap, ms))
        feed.say(beat(901))
        race = race_of(feed.events())  # type: ignore[arg-type]
        assert [car for car, _ in race.laps.fastest()] == ["8", "9", "7"]


def test_reported_and_deleted() -> None:
    """Stewards may delete a reported lap time as any other."""
    feed = Feed(g("7", 9, 900_000), h("7", 4, 88_000), beat(901))
    identity: dict[str, Any] = {"at": 902_000, "source": "stewards", "source_seq": 0}
    deleted = ev.LapTimeDeleted(**identity, car="7", lap=4)
    race = race_of([*feed.events(), deleted])  # type: ignore[list-item]
    assert "7" not in race.laps.best
