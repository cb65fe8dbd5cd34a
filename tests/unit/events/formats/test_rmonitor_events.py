"""What an RMonitor feed tells: each fact once, however feeds stutter, forget and repeat."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import events as ev
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import LONGEST_WAIT, Translator
from tests.rmonitor import BEAT, OPENING, Feed, beat, doubled, g, j, kinds, laps, records


def only(events: list[ev.Event]) -> Any:
    """The one event that was told."""
    [event] = events
    return event


class TestOpening:
    """The session, once it is known what is run."""

    def test_the_frame(self) -> None:
        """The run's name, the classes in order, the track and the time to run open a session."""
        opened = Feed().opened[0]
        assert isinstance(opened, ev.SessionOpened)
        assert (opened.at, opened.source, opened.source_seq) == (0, "rmonitor", 0)
        assert (opened.title, opened.kind) == ("Saturday 8 Hour", "race")
        assert opened.classes == ("GTO", "GTU")
        assert (opened.circuit, opened.circuit_length_m) == ("Road America", 6515)
        assert opened.timing_lines == ("FL",)
        assert opened.time_limit_ms == 8 * 3_600_000
        assert opened.provenance == "RMonitor feed, run 36"

    def test_entries_have_their_class(self) -> None:
        """Cars are entered at 0 with the class that their id names in this run."""
        entries = [event for event in Feed().opened if isinstance(event, ev.EntryAdded)]
        assert [(one.car, one.car_class, one.team, one.at) for one in entries] == [
            ("7", "GTO", "Team Seven", 0),
            ("8", "GTO", "Team Eight", 0),
            ("9", "GTU", "Team Nine", 0),
        ]

    def test_names_may_come_in_any_order(self) -> None:
        """Cars, classes and the run are known together, whichever comes first."""
        backwards = Feed(opening=[*reversed(OPENING), BEAT, BEAT])
        added = {event.car: event for event in backwards.opened if isinstance(event, ev.EntryAdded)}
        assert {car: event.car_class for car, event in added.items()} == {
            "7": "GTO",
            "8": "GTO",
            "9": "GTU",
        }

    def test_waits_until_the_run_is_named(self) -> None:
        """What a feed says before it has named its run is told once it has."""
        lines = [beat(55, "Green"), j("7", 0, 55_099), g("7", "", 55_099)]
        early = Feed(opening=lines)
        assert early.opened == []
        assert kinds(early.say(*OPENING, beat(56, "Green"), beat(57, "Green"))) == [
            "session_opened",
            *["entry_added"] * 3,
            "flag_shown",
            "grid_set",
        ]

    def test_does_not_wait_for_ever(self) -> None:
        """A feed that never names its run is told all the same, and may name it later."""
        feed = Feed(opening=[beat(1)] * LONGEST_WAIT)
        assert only(feed.opened).title == "RMonitor feed"
        opened = only(feed.say('$B,36,"Saturday"', beat(2)))
        assert (opened.title, opened.provenance) == ("Saturday", "RMonitor feed, run 36")

    def test_the_end_of_a_recording(self) -> None:
        """A recording that ends before the first heartbeat has told of its session."""
        translator = Translator()
        assert translator.take(records(OPENING)) == []
        assert kinds(one.event for one in translator.end()) == [
            "session_opened",
            *["entry_added"] * 3,
        ]

    def test_options(self) -> None:
        """What whoever follows the feed says of it prevails."""
        options = RunOptions("Eight hours", "practice", "imsa-2024", "km")
        opened: Any = Feed(options=options).opened[0]
        assert (opened.title, opened.kind, opened.rules) == ("Eight hours", "practice", "imsa-2024")
        assert opened.circuit_length_m == 4048

    @pytest.mark.parametrize(
        "options", [{"title": ""}, {"title": "x" * 201}, {"rules": "x" * 65}, {"track_unit": "ft"}]
    )
    def test_impossible_options(self, options: dict[str, Any]) -> None:
        """What no session can have is refused before a feed is followed."""
        with pytest.raises(ValueError, match=next(iter(options))):
            RunOptions(**options)

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("Saturday 8 Hour", "race"),
            ("GTO Qualifying 1", "qualifying"),
            ("Morning warm-up", "practice"),
            ("Practice 3", "practice"),
        ],
    )
    def test_kind(self, name: str, kind: str) -> None:
        """The run's name says what it is, else it is a race."""
        opened: Any = Feed(opening=[f'$B,1,"{name}"', BEAT, BEAT]).opened[0]
        assert opened.kind == kind

    def test_what_is_learned_later(self) -> None:
        """A class or the track that is named later amends the frame; nothing is lost again."""
        feed = Feed(opening=['$B,1,"Race"', '$C,1,"GTO"', BEAT, BEAT])
        opened = only(feed.say('$C,2,"GTU"', '$E,"TRACKNAME","Barber"', beat(9)))
        assert (opened.classes, opened.circuit, opened.at) == (("GTO", "GTU"), "Barber", 9000)
        assert feed.say('$B,1,"Race"', '$C,1,"GTO"', beat(10)) == []

    def test_laps_to_go(self) -> None:
        """A distance to run is what is left and what the leader has done, said twice alike."""
        feed = Feed(opening=[*OPENING, beat(1, "", 50), beat(2, "", 50)])
        assert feed.opened[-1].laps_limit == 50  # type: ignore[attr-defined]
        feed.say(j("7", 0, 4000), j("7", 90_000, 94_000))
        assert feed.say(beat(94, "", 50), beat(95, "", 49), beat(96, "", 49)) == []

    @pytest.mark.parametrize("first", [50, 9999])
    def test_misread_laps_to_go(self, first: int) -> None:
        """Laps to go that would end the race sooner count once the next lap agrees with them."""
        feed = Feed(opening=[*OPENING, beat(1, "", first), beat(2, "", first)])
        feed.say(j("7", 0, 4000), j("7", 90_000, 94_000))
        assert feed.say(beat(94, "", 4), beat(95, "", 4), beat(96, "", 4)) == []
        if first == 50:
            assert feed.say(beat(97, "", 49), beat(98, "", 49)) == []
        feed.say(beat(99, "", 9), beat(100, "", 9), j("7", 90_000, 184_000))
        opened = only(feed.say(beat(184, "", 8), beat(185, "", 8)))
        assert opened.laps_limit == 10

    def test_more_laps_to_go(self) -> None:
        """A race that is made longer is so at once: no car finishes at the old limit."""
        feed = Feed(opening=[*OPENING, beat(1, "", 5), beat(2, "", 5)])
        feed.say(j("7", 0, 4000), j("7", 90_000, 94_000))
        assert only(feed.say(beat(94, "", 9), beat(95, "", 9))).laps_limit == 10

    @pytest.mark.parametrize(
        ("received", "offset", "starts"),
        [
            ("2025-04-26 15:00:31.222", -5, "2025-04-26T10:00:00-05:00"),
            ("2025-04-26 14:59:20.000", -5, "2025-04-26T10:00:00-05:00"),
            ("2025-04-26 00:15:31.222", 9.75, "2025-04-26T10:00:00+09:45"),
            ("2025-04-25 20:00:31.222", 14 - 24, "2025-04-25T10:00:00-10:00"),
        ],
    )
    def test_when_it_began(self, received: str, offset: float, starts: str) -> None:
        """The feed's time of day, and when it was received, tell day and zone of the start."""
        opened: Any = Feed(opening=[*OPENING, f"##{received}", beat(30), beat(31)]).opened[0]
        assert opened.starts_at == datetime.fromisoformat(starts)
        assert opened.starts_at.tzinfo == timezone(timedelta(hours=offset))

    def test_a_clock_that_is_put_right(self) -> None:
        """Where the race clock jumps in its first minute, the start was at another time."""
        feed = Feed(opening=[*OPENING, "##2025-04-26 15:00:31.222", beat(30), beat(31)])
        late = ['$F,9999,"07:59:25","10:00:32","00:00:37",""']
        late += ['$F,9999,"07:59:24","10:00:33","00:00:38",""']
        opened = only(feed.say(*late))
        assert opened.starts_at.isoformat() == "2025-04-26T09:59:55-05:00"


class TestEntries:
    """Cars, by what series write into their names."""

    @pytest.mark.parametrize(
        ("first", "last", "names"),
        [
            ("GTR 99", "", {"team": "GTR 99"}),
            ("", "The Perplexus", {"team": "The Perplexus"}),
            ("TCR", "1996 BMW 328i (Grey)", {"team": "TCR", "vehicle": "1996 BMW 328i (Grey)"}),
            ("Farce India", "92 Nissan", {"team": "Farce India", "vehicle": "92 Nissan"}),
            ("Open Throttle", "BMW (Red)", {"team": "Open Throttle", "vehicle": "BMW (Red)"}),
        ],
    )
    def test_teams(self, first: str, last: str, names: dict[str, str]) -> None:
        """One name is a team; a second with a digit or a bracket is the car's."""
        entry = only(Feed().say(f'$A,"10","10",1,"{first}","{last}","",1', beat(1)))
        assert {
            name: getattr(entry, name) for name in ("team", "vehicle") if name in names
        } == names
        assert entry.drivers == ()

    def test_drivers(self) -> None:
        """Two names are a driver's, and what else is said is the team."""
        feed = Feed()
        more = '$COMP,"10","10",1,"Allan","McNish","GBR","Audi Sport"'
        entry = only(feed.say('$A,"10","10",1,"Allan","McNish","GBR",1', more, beat(1)))
        assert entry.drivers == (ev.Driver(number=1, name="Allan McNish", country="GBR"),)
        assert entry.team == "Audi Sport"

    def test_amended(self) -> None:
        """What changes about an entry is told, and nothing else."""
        feed = Feed()
        assert feed.say('$A,"7","7",999,"Team Seven","","",1', beat(1)) == []
        amended = only(feed.say('$A,"7","7",999,"Team Seven","","",2', beat(2)))
        assert (amended.type, amended.car, amended.car_class) == ("entry_amended", "7", "GTU")
        assert (amended.team, amended.at) == (None, 2000)

    def test_number_and_registration(self) -> None:
        """The car is known by the number painted on it, where other records name its entry."""
        feed = Feed()
        feed.say('$A,"1234BE","12X",1,"Team Twelve","","",1', beat(1))
        assert laps(feed.say(g("1234BE", 1, 90_000))) == [("12X", 1, 90_000, None)]

    def test_a_number_twice(self) -> None:
        """Two entries of one number are two cars."""
        feed = Feed()
        feed.say('$A,"a","12",1,"One","","",1', '$A,"b","12",1,"Two","","",1', beat(1))
        cars = [event.car for event in feed.events() if isinstance(event, ev.EntryAdded)]
        assert cars[-2:] == ["12", "b"]

    def test_unknown_transponder(self) -> None:
        """A crossing of nobody known is told under the name that the feed has for it."""
        teams = Feed().say(g("Tx1176302", 1, 90_000))
        assert kinds(teams) == ["entry_added", "lap_completed"]
        assert teams[0].car == "Tx1176302"  # type: ignore[attr-defined]

    def test_class_ids_renumbered(self) -> None:
        """Where a refresh gives classes other ids, the cars keep their classes."""
        feed = Feed()
        lines = ["$I,,", *OPENING]
        lines[2:4] = ['$C,1,"GTU"', '$C,2,"GTO"']
        lines[6:] = [line[:-1] + {"1": "2", "2": "1"}[line[-1]] for line in lines[6:]]
        teams = feed.say(*lines, beat(1), beat(2))
        assert kinds(teams) == ["session_opened"]
        assert teams[0].classes == ("GTU", "GTO")  # type: ignore[attr-defined]

    def test_what_no_event_can_hold(self) -> None:
        """A registration that cannot be a car's number is counted, and changes nothing."""
        feed = Feed()
        assert feed.say(g("x" * 17, 3, 90_000), j("Müller", 0, 90_000)) == []
        assert feed.translator.refused == 2

    def test_too_many(self) -> None:
        """A feed that never stops naming cars and classes fills no memory."""
        feed = Feed(*(f'$C,c{number},"Class {number}"' for number in range(200)))
        feed.say(*(f'$A,"x{number}","",1,"","","",1' for number in range(1100)), beat(1))
        feed.say(*(g(f"y{number}", 1, 90_000) for number in range(1100)))
        events = feed.events()
        assert sum(isinstance(event, ev.EntryAdded) for event in events) == 1000
        assert max(len(one.classes) for one in events if isinstance(one, ev.SessionOpened)) == 100
        assert feed.translator.refused == 1100

    def test_retired_and_excluded(self) -> None:
        """IMSA's feed says so where a nation stands, and may take it back."""
        feed = Feed()

        def status(word: str, seconds: int) -> list[ev.Event]:
            return feed.say(f'$COMP,"7","7",1,"Team Seven","","{word}",""', beat(seconds))

        retired = only(status("Retired", 100))
        assert (retired.type, retired.car, retired.at) == ("car_retired", "7", 100_000)
        assert status("Retired", 101) == []
        assert kinds(status("", 102)) == ["car_returned"]
        excluded = only(status("Excluded", 103))
        assert (excluded.type, excluded.kind) == ("penalty_imposed", "disqualification")
        assert status("Excluded", 104) == []
        rescinded = only(status("", 105))
        assert (rescinded.type, rescinded.penalty_id) == ("penalty_rescinded", excluded.penalty_id)


class TestLaps:
    """Each lap once, from crossings and standings in any order."""

    def test_a_lap(self) -> None:
        """A crossing that follows on the last is the next lap, at once, before its standing."""
        feed = Feed(j("7", 0, 55_099), g("7", "", 55_099))
        assert laps(feed.say(j("7", 144_000, 199_099))) == [("7", 1, 199_099, 144_000)]
        assert feed.say(g("7", 1, 199_099)) == []
        assert laps(feed.say(j("7", 90_000, 289_099))) == [("7", 2, 289_099, 90_000)]

    def test_standing_first(self) -> None:
        """A standing may come before its crossing."""
        feed = Feed(j("7", 0, 55_099))
        assert laps(feed.say(g("7", 1, 199_099))) == [("7", 1, 199_099, 144_000)]
        assert feed.say(j("7", 144_000, 199_099)) == []

    def test_without_a_crossing(self) -> None:
        """A lap of which only the standing tells has the difference of the totals as its time."""
        feed = Feed(g("7", 3, 300_000))
        assert laps(feed.say(g("7", 4, 390_500))) == [("7", 4, 390_500, 90_500)]

    def test_without_a_standing(self) -> None:
        """Crossings that follow on each other are laps, though no standing comes."""
        feed = Feed(g("7", 3, 300_000))
        teams = feed.say(j("7", 90_000, 390_000), j("7", 91_000, 481_000))
        assert laps(teams) == [("7", 4, 390_000, 90_000), ("7", 5, 481_000, 91_000)]

    def test_laps_that_nobody_saw(self) -> None:
        """Of laps that the feed left out only the last is told, and the number is the feed's."""
        feed = Feed(g("7", 3, 300_000))
        assert feed.say(j("7", 90_000, 900_000)) == []
        assert laps(feed.say(g("7", 9, 900_000))) == [("7", 9, 900_000, 90_000)]

    def test_crossings_that_wait(self) -> None:
        """Crossings behind a gap are told once a standing says which laps they were."""
        feed = Feed(g("7", 3, 300_000))
        assert feed.say(j("7", 90_000, 900_000), j("7", 91_000, 991_000)) == []
        assert laps(feed.say(g("7", 10, 991_000))) == [
            ("7", 9, 900_000, 90_000),
            ("7", 10, 991_000, 91_000),
        ]

    def test_standing_start(self) -> None:
        """Without a crossing of the start line the first lap began with the race."""
        assert laps(Feed().say(j("7", 95_000, 95_000))) == [("7", 1, 95_000, 95_000)]

    def test_no_lap_time(self) -> None:
        """00:59:59.999 is no lap time: the lap is told by its standing, from the totals."""
        feed = Feed(g("7", 3, 300_000))
        assert feed.say(j("7", 3_599_999, 400_000)) == []
        assert laps(feed.say(g("7", 4, 400_000))) == [("7", 4, 400_000, 100_000)]

    def test_past_a_day(self) -> None:
        """Totals go on past 24 hours."""
        feed = Feed(g("7", 700, 94_000_000))
        assert laps(feed.say(j("7", 90_000, 94_090_000))) == [("7", 701, 94_090_000, 90_000)]

    def test_joined_in_the_middle(self) -> None:
        """Who joins a race learns where each car stands, by the laps completed last."""
        feed = Feed(beat(2649, "Yellow"))
        teams = feed.say(g("7", 17, 2_648_332), g("8", 16, 2_409_714), g("9", "", 0))
        assert laps(teams) == [("7", 17, 2_648_332, None), ("8", 16, 2_409_714, None)]

    def test_a_crossing_put_right(self) -> None:
        """The same crossing some ms off, as a photocell has it, amends the lap told."""
        feed = Feed(g("7", 3, 300_000), j("7", 90_000, 390_035), g("7", 4, 390_035))
        amended = only(feed.say(j("7", 89_965, 390_000)))
        assert (amended.type, amended.car, amended.lap) == ("lap_amended", "7", 4)
        assert (amended.completed_at, amended.lap_time_ms) == (390_000, 89_965)
        assert feed.say(g("7", 4, 390_000), j("7", 89_965, 390_000)) == []
        assert laps(feed.say(j("7", 90_000, 480_000))) == [("7", 5, 480_000, 90_000)]

    def test_put_right_by_the_standing(self) -> None:
        """The standing alone may put a crossing right."""
        feed = Feed(g("7", 3, 300_000), j("7", 90_000, 390_035))
        amended = only(feed.say(g("7", 4, 390_000)))
        assert (amended.completed_at, amended.lap_time_ms) == (390_000, 89_965)

    def test_lap_time_afterwards(self) -> None:
        """A lap that was told without its time gets it from its crossing."""
        feed = Feed(g("7", 3, 300_000))
        amended = only(feed.say(j("7", 90_000, 300_000)))
        assert (amended.completed_at, amended.lap_time_ms) == (None, 90_000)

    def test_after_the_flag(self) -> None:
        """A crossing after the flag comes with the old total and is nothing new."""
        feed = Feed(g("7", 3, 300_000), beat(350, "Finish"), j("7", 90_000, 390_000))
        assert feed.say(j("7", 233_308, 390_000), j("7", 31_000, 390_000)) == []

    def test_corrected(self) -> None:
        """A corrected total amends its lap, whether it is given with the correction or without."""
        feed = Feed(g("7", 3, 300_000), g("8", 3, 310_000))
        with_it = only(feed.say('$COR,"7","7",3,"00:05:00.012","+00:00:00.012"'))
        assert (with_it.type, with_it.completed_at) == ("lap_amended", 300_012)
        without = only(feed.say('$COR,"8","8",3,"00:05:10.000","+00:00:00.012"'))
        assert without.completed_at == 310_012
        assert feed.say('$COR,"8","8",7,"00:05:10.000","+00:00:00.012"') == []

    def test_what_a_relay_remembers(self) -> None:
        """Laps of a relay's memory are told where they fit, once."""
        feed = Feed(g("7", 3, 300_000))
        past = '$RMHL,"7","2","1","00:01:31.000","Green ","00:03:29.000"'
        assert laps(feed.say(past)) == [("7", 2, 209_000, 91_000)]
        assert feed.say(past) == []
        assert feed.say('$RMHL,"7","1","1","00:01:31.000","Green ","00:04:29.000"') == []
        assert feed.say("$RMLT,7,1610909938000", "$RMCA,1610910893000", '$RMS,"race"') == []


class TestGrid:
    """The order over the start line."""

    def test_order(self) -> None:
        """Each car that crosses the start line takes its place in the grid."""
        feed = Feed()
        assert only(feed.say(j("8", 0, 55_099))).order == ("8",)
        assert only(feed.say(j("7", 0, 55_119))).order == ("8", "7")
        assert feed.say(g("7", "", 55_119), g("9", "", 0)) == []

    def test_put_right(self) -> None:
        """A start put right by some ms is told where it changes the order."""
        feed = Feed(j("8", 0, 55_099), j("7", 0, 55_119))
        assert feed.say(j("8", 0, 55_100)) == []
        assert only(feed.say(j("7", 0, 55_098))).order == ("7", "8")

    def test_only_in_a_race(self) -> None:
        """In practice, who comes out first is no grid."""
        feed = Feed(options=RunOptions(kind="practice"))
        assert feed.say(j("8", 0, 55_099)) == []


class TestRefreshes:
    """What a feed says again."""

    STATE = (g("7", 3, 300_000), g("8", 3, 310_000), g("9", "", 0), beat(320, "Green"))

    def test_repeated(self) -> None:
        """A refresh tells nothing new, however often it comes."""
        feed = Feed(*self.STATE)
        for _ in range(3):
            assert feed.say("$I,,", *OPENING, *self.STATE) == []

    def test_cleared_three_times(self) -> None:
        """A board that is cleared three times, and blank for a while, takes nothing away."""
        feed = Feed(*self.STATE)
        blank = [g(car, "", 0) for car in "789"]
        assert feed.say("$I,,", "$I,,", "$I,,", *OPENING, *blank, *self.STATE) == []
        assert laps(feed.say(j("7", 90_000, 390_000))) == [("7", 4, 390_000, 90_000)]

    def test_cleared_and_not_filled(self) -> None:
        """After a cleared board that nobody fills, laps go on as before."""
        feed = Feed(*self.STATE)
        assert feed.say("$I,,", beat(321, "Green"), beat(322, "Green")) == []
        assert laps(feed.say("$I,,", j("7", 90_000, 390_000))) == [("7", 4, 390_000, 90_000)]

    def test_an_old_standing(self) -> None:
        """A standing from before changes nothing, though it is said again and again."""
        feed = Feed(*self.STATE, j("7", 90_000, 390_000), g("7", 4, 390_000))
        for _ in range(13):
            assert feed.say("$I,,", *OPENING, g("7", 3, 300_000)) == []
        assert laps(feed.say(j("7", 91_000, 481_000), g("7", 5, 481_000))) == [
            ("7", 5, 481_000, 91_000)
        ]

    def test_a_crossing_that_was_none(self) -> None:
        """A crossing taken back is put right by the next lap that the feed counts."""
        feed = Feed(*self.STATE, j("7", 40_000, 340_000), g("7", 4, 340_000), g("7", 3, 300_000))
        assert feed.say(j("7", 90_000, 390_000)) == []
        amended = only(feed.say(g("7", 4, 390_000)))
        assert (amended.type, amended.lap) == ("lap_amended", 4)
        assert (amended.completed_at, amended.lap_time_ms) == (390_000, 90_000)

    def test_taken_back_after_the_flag(self) -> None:
        """After the flag the feed is taken at its word, also where it takes that back."""
        feed = Feed(*self.STATE, beat(350, "Finish"), j("7", 90_000, 390_000))
        voided = only(feed.say(g("7", 3, 300_000)))
        assert voided.type == "event_voided"
        lap = next(event for event in feed.events() if event.source_seq == voided.voided_seq)
        assert laps([lap]) == [("7", 4, 390_000, 90_000)]
        assert feed.say(g("7", 3, 300_000)) == []
        assert laps(feed.say(g("7", 4, 390_000))) == [("7", 4, 390_000, 90_000)]


class TestLapsTakenAway:
    """Laps that the feed leaves out, though they were driven."""

    def test_at_the_same_total(self) -> None:
        """Fewer laps at the same total are laps taken away; the car's laps are counted on."""
        feed = Feed(g("7", 235, 300_000))
        penalty = only(feed.say(g("7", 233, 300_000)))
        assert (penalty.type, penalty.car, penalty.kind, penalty.amount) == (
            "penalty_imposed",
            "7",
            "laps",
            2,
        )
        assert feed.say(g("7", 233, 300_000)) == []
        assert laps(feed.say(j("7", 90_000, 390_000), g("7", 234, 390_000))) == [
            ("7", 236, 390_000, 90_000)
        ]

    def test_at_the_next_crossing(self) -> None:
        """They may be taken away as the car completes another."""
        teams = Feed(g("7", 20, 300_000)).say(g("7", 19, 390_000))
        assert laps(teams) == [("7", 21, 390_000, 90_000)]
        assert teams[-1].amount == 2  # type: ignore[attr-defined]

    def test_fewer_than_none(self) -> None:
        """A car may begin with fewer laps than none."""
        feed = Feed()
        assert only(feed.say(g("7", -34, 0))).amount == 34
        assert kinds(feed.say(g("7", -34, 55_000))) == ["grid_set"]
        assert laps(feed.say(g("7", -33, 145_000))) == [("7", 1, 145_000, 90_000)]

    def test_joined_with_fewer_than_none(self) -> None:
        """Who joins late knows by the best lap that the car has driven more than the feed says."""
        feed = Feed('$H,1,"7",3,"00:01:30.000"')
        teams = feed.say(g("7", -5, 400_000))
        assert laps(teams) == [("7", 3, 400_000, None)]
        assert teams[0].amount == 8  # type: ignore[attr-defined]

    def test_given_back(self) -> None:
        """Laps given back shrink the penalty, then rescind it; one more is a lap."""
        feed = Feed(g("7", 20, 300_000), g("7", 17, 300_000))
        some = only(feed.say(g("7", 18, 300_000)))
        assert (some.type, some.amount) == ("penalty_converted", 2)
        assert kinds(feed.say(g("7", 20, 300_000))) == ["penalty_rescinded"]
        assert laps(feed.say(g("7", 21, 300_000))) == [("7", 21, 300_000, None)]


class TestFlags:
    """Flags, as they change."""

    def test_changes_alone(self) -> None:
        """A flag is told when it changes; a blank, or a word that is no flag, leaves it."""
        feed = Feed()
        assert only(feed.say(beat(1, "Green"))).flag == "green"
        assert feed.say(beat(2, "Green"), beat(3, ""), beat(4, "Warmup"), beat(5, "Green")) == []
        yellow = only(feed.say(beat(6, "Yellow")))
        assert (yellow.flag, yellow.at, yellow.sector) == ("yellow", 6000, None)
        assert only(feed.say(beat(7, "Red"))).flag == "red"

    def test_behind_what_it_follows(self) -> None:
        """A flag follows the crossings that the feed told before it, in the same second too."""
        feed = Feed(beat(100, "Green"), g("7", 1, 101_700))
        assert only(feed.say(beat(101, "Yellow"))).at == 101_701

    def test_finish(self) -> None:
        """Finish is the chequered flag, for those who cross the line from then on."""
        feed = Feed(g("7", 3, 300_000))
        finish = only(feed.say(beat(350, "Finish")))
        assert (finish.flag, finish.at) == ("chequered", 350_000)

    def test_the_leader_takes_it_at_the_line(self) -> None:
        """A chequered flag told just after the leader crossed the line was shown to him."""
        feed = Feed(g("8", 3, 310_000), g("7", 3, 300_000), g("7", 4, 390_400))
        assert only(feed.say(beat(391, "Finish"))).at == 390_400

    def test_out_of_turn(self) -> None:
        """A heartbeat that comes some seconds late says nothing."""
        feed = Feed(beat(105, "Green"), beat(109, "Yellow"))
        assert feed.say(beat(105, "Green"), beat(110, "Yellow")) == []

    def test_a_false_start(self) -> None:
        """A clock that goes back before the first lap voids what was shown after that time."""
        feed = Feed(beat(20, "Green"), j("7", 0, 19_000))
        countdown = '$F,9999,"08:00:47","10:01:00","00:00:-47","      "'
        voided = only(feed.say(countdown, countdown.replace("47", "46")))
        assert voided.type == "event_voided"
        shown = only(feed.say(beat(1, "Green")))
        assert (shown.flag, shown.at) == ("green", 1000)
        assert only(feed.say(j("8", 0, 5000))).order == ("8",)


class TestRuns:
    """Each run a session of its own."""

    NEXT = ("$I,,", *OPENING[1:], '$B,95,"Sunday 8 Hour"', beat(0), beat(1))

    def test_another_run(self) -> None:
        """Another run is another session, of which the cars were named before it was."""
        feed = Feed(g("7", 3, 300_000))
        feed.say(*self.NEXT, g("7", 1, 90_000))
        opened: Any = feed.events(1)[0]
        assert (opened.title, opened.source_seq) == ("Sunday 8 Hour", 0)
        assert kinds(feed.events(1))[1:4] == ["entry_added"] * 3
        assert laps(feed.events(1)) == [("7", 1, 90_000, None)]
        assert "entry_amended" not in kinds(feed.events(0))
        assert "session_ended" not in kinds(feed.events(0))

    def test_a_race_that_is_over(self) -> None:
        """A race that took its flag has ended once the timing goes on."""
        feed = Feed(g("7", 3, 300_000), beat(350, "Finish"))
        feed.say(*self.NEXT)
        assert kinds(feed.events(0))[-1] == "session_ended"

    def test_back_again(self) -> None:
        """A timekeeper who looks at another run and comes back goes on with the same session."""
        feed = Feed(g("7", 3, 300_000))
        feed.say(*self.NEXT)
        feed.say("$I,,", *OPENING, g("7", 3, 300_000), j("7", 90_000, 390_000))
        assert laps(feed.events(0))[-1] == ("7", 4, 390_000, 90_000)
        assert laps(feed.events(1)) == []

    def test_the_same_run_named_late(self) -> None:
        """A run whose name was blank is the same run once it is named."""
        feed = Feed(opening=['$B,36,""', *OPENING[1:], BEAT, BEAT])
        feed.say(g("7", 3, 300_000))
        opened = only(feed.say('$B,36,"Saturday 7 Hour"', beat(301)))
        assert (opened.type, opened.title) == ("session_opened", "Saturday 7 Hour")
        assert feed.say('$B,36,""', beat(302)) == []

    def test_begun_again(self) -> None:
        """A clock that runs from the start again, after laps, begins a new run of that id."""
        feed = Feed(g("7", 3, 300_000), beat(301, "Green"))
        feed.say(beat(0), beat(1), beat(2, "Green"))
        assert kinds(feed.events(1)) == ["session_opened", *["entry_added"] * 3, "flag_shown"]
        assert laps(feed.say(j("7", 90_000, 90_000))) == [("7", 1, 90_000, 90_000)]

    def test_a_clock_that_is_shown_no_more(self) -> None:
        """A clock that stands at zero after the race begins nothing."""
        feed = Feed(g("7", 3, 300_000), beat(350, "Finish"))
        assert feed.say(*['$F,0,"00:00:00","21:39:07","00:00:00","      "'] * 5) == []


class TestLines:
    """Line crossings of IMSA's enhanced form."""

    @staticmethod
    def crossed(kind: str, time_of_day: str, car: str = "7") -> str:
        """A line crossing."""
        return f'$L,"{car}","T1","{kind}","10/06/2007","{time_of_day}",1,"GTO"'

    def test_through_the_lane(self) -> None:
        """Pit in and pit out, each in the lane, are a way through it, told once."""
        feed = Feed(beat(100, "Green"))
        entered = only(feed.say(self.crossed("PIP", "10:01:41.500")))
        assert (entered.type, entered.car, entered.at) == ("pit_entered", "7", 101_500)
        assert feed.say(self.crossed("PIP", "10:01:41.500")) == []
        exited = only(feed.say(self.crossed("POP", "10:02:11.000")))
        assert (exited.type, exited.at) == ("pit_exited", 131_000)
        assert feed.say(self.crossed("POP", "10:02:11.000")) == []

    def test_past_the_lane(self) -> None:
        """The pit lines crossed on the track are no visit."""
        feed = Feed(beat(100, "Green"))
        assert feed.say(self.crossed("PIT", "10:01:41.5"), self.crossed("POT", "10:01:50.0")) == []

    def test_a_lap_in_the_lane(self) -> None:
        """A lap that ends on the finish line in the lane says so."""
        feed = Feed(beat(90, "Green"), g("7", 1, 10_000), self.crossed("SFP", "10:01:40.000"))
        lap = only(feed.say(j("7", 90_000, 100_000)))
        assert lap.in_pit_lane

    def test_a_lap_in_the_lane_reported_late(self) -> None:
        """The line may be told after the lap."""
        feed = Feed(beat(90, "Green"), g("7", 1, 10_000))
        assert not only(feed.say(j("7", 90_000, 100_000))).in_pit_lane
        amended = only(feed.say(self.crossed("SFP", "10:01:40.000")))
        assert (amended.type, amended.lap, amended.in_pit_lane) == ("lap_amended", 2, True)

    def test_in_the_lane_by_its_entry(self) -> None:
        """A car that entered the lane and has not left it ends its lap there."""
        feed = Feed(beat(90, "Green"), g("7", 1, 10_000), self.crossed("PIP", "10:01:35.000"))
        assert only(feed.say(j("7", 90_000, 100_000))).in_pit_lane

    def test_the_clocks_are_set(self) -> None:
        """A finish line crossing that is told by both clocks sets one by the other."""
        feed = Feed(beat(90, "Green"), g("7", 1, 10_000))
        feed.say(j("7", 90_000, 100_000), self.crossed("SFT", "10:01:40.437"))
        assert only(feed.say(self.crossed("PIP", "10:01:50.000"))).at == 109_563

    def test_past_midnight(self) -> None:
        """A time of day after midnight is later than one before."""
        feed = Feed(opening=[*OPENING, '$F,9999,"","23:59:50","00:10:00","Green "', BEAT])
        feed.say('$F,9999,"","23:59:58","00:10:08","Green "')
        assert only(feed.say(self.crossed("PIP", "00:00:01.000"))).at == 611_000


# -- For any feed ------------------------------------------------------------------------


CARS = st.sampled_from("789")
TIMES = st.integers(0, 12).map(lambda step: step * 50_000 + 10)
LINES = st.one_of(
    st.builds(g, CARS, st.sampled_from(["", -2, 0, 1, 2, 3, 4]), TIMES),
    st.builds(j, CARS, st.sampled_from([0, 50_000, 49_990, 100_000, 3_599_999]), TIMES),
    st.builds(beat, st.integers(0, 700), st.sampled_from(["", "Green", "Yellow", "Finish"])),
    st.sampled_from(
        [
            *OPENING,
            "$I,,",
            '$B,95,"Sunday"',
            '$C,1,"GTU"',
            '$COMP,"7","7",2,"Team Seven","","Retired",""',
            '$H,1,"7",3,"00:01:30.000"',
            '$H,1,"7",2,"00:00:50.000"',
            '$H,1,"7",1,"00:00:49.900"',
            '$H,1,"7",0,"00:00:00.000"',
            '$H,1,"8",2,"00:00:00.000"',
            '$RMS,"qualifying"',
            '$B,36,"Saturday Qualifying"',
            '$COR,"7","7",2,"00:01:40.010","+00:00:00.010"',
            '$RMHL,"7","2","1","00:00:50.000","Green ","00:01:40.010"',
            '$L,"7","T1","SFP","10/06/2007","10:01:40.010",1,"GTO"',
            '$L,"7","P1","PIP","10/06/2007","10:01:30.000",1,"GTO"',
            '$L,"7","P1","POP","10/06/2007","10:02:30.000",1,"GTO"',
            "##2025-04-26 15:00:31.222",
            "##2025-04-26 15:10:31.222 connected",
        ]
    ),
)


@given(st.lists(LINES, max_size=60))
def test_any_feed_reports_each_thing_once(lines: list[str]) -> None:
    """Whatever a feed says: its events are numbered without a gap, and laps stand once."""
    feed = Feed(*lines)
    for run in {one.run for one in feed.news}:
        teams = feed.events(run)
        assert [event.source_seq for event in teams] == list(range(len(teams)))
        assert all(event.at >= 0 for event in teams)
        voided = {event.voided_seq for event in teams if isinstance(event, ev.EventVoided)}
        assert doubled(event for event in teams if event.source_seq not in voided) == []


@given(st.lists(LINES, max_size=60), st.integers(0, 60))
def test_cut_anywhere_into_batches(lines: list[str], cut: int) -> None:
    """The same feed tells the same events, in however many batches it comes."""
    whole, parts = Feed(), Feed()
    whole.say(*lines)
    parts.say(*lines[:cut])
    parts.say(*lines[cut:])
    assert parts.news == whole.news


@given(st.lists(LINES, max_size=40), st.lists(LINES, max_size=40))
def test_taken_up_from_its_log(before: list[str], after: list[str]) -> None:
    """A translator that is taken up from the logs tells nothing of them again."""
    first = Feed(*before)
    runs = sorted({one.run for one in first.news})
    logs = [first.events(run) for run in runs]
    again = Feed(opening=(), logs=logs)
    again.say("##2025-04-26 15:20:31.222 connected", *after)
    for run in runs:
        teams = [*logs[run], *again.events(run)]
        assert [event.source_seq for event in teams] == list(range(len(teams)))
        voided = {event.voided_seq for event in teams if isinstance(event, ev.EventVoided)}
        assert doubled(event for event in teams if event.source_seq not in voided) == []
