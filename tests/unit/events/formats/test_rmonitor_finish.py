"""An RMonitor feed around the chequered flag: flickers, slips, and flags on the cool-down lap."""

from __future__ import annotations

import pytest

import events as ev
from tests.builders import race_of
from tests.rmonitor import Feed, beat, g, j, kinds

LAP = 60_000


def driven(feed: Feed, laps: int) -> list[ev.Event]:
    """Cars 7 and 8 drive so many laps of a minute, 8 a second behind."""
    recorded = list(feed.opened)
    for lap in range(1, laps + 1):
        recorded += feed.say(beat(lap * 60 - 1, "Green"))
        for car, behind in (("7", 0), ("8", 1000)):
            total = lap * LAP + behind
            recorded += feed.say(j(car, LAP, total), g(car, lap, total))
    return recorded


FLICKERS = [
    ["Finish", "Green ", "Finish", "Green ", "Finish"],
    ["Finish", "Yellow", "Yellow", "Green ", "Finish"],
    ["Finish", "Red   ", "Finish", "Green ", "Green "],
]


@pytest.mark.parametrize("flags", FLICKERS)
def test_a_flicker_at_the_flag_costs_nobody_a_place(flags: list[str]) -> None:
    """Car 7 takes the flag; whatever is shown as car 8 comes in, and later, both have finished."""
    feed = Feed()
    recorded = driven(feed, 2)
    recorded += feed.say(j("7", LAP, 3 * LAP), beat(180, flags[0], laps_to_go=0))
    recorded += feed.say(g("7", 3, 3 * LAP), beat(181, flags[1], laps_to_go=0))
    recorded += feed.say(j("8", LAP, 181_500), g("8", 3, 181_500))
    for second, flag in enumerate(flags[2:], start=182):
        recorded += feed.say(beat(second, flag, laps_to_go=0))
    recorded += feed.say(beat(260, flags[-1], laps_to_go=0), j("8", 80_000, 261_500))
    recorded += feed.say(j("7", 90_000, 270_000))
    race = race_of(recorded)  # type: ignore[arg-type]
    assert race.order.finished == {"7": 180_000, "8": 181_500}
    assert race.order.laps == {"7": 3, "8": 3}
    assert race.order.cars()[:2] == ["7", "8"]
    assert kinds(feed.say('$B,37,"The next"', beat(1), beat(2)))[0] == "session_ended"


def test_a_slip_in_the_middle_of_a_race_is_voided() -> None:
    """Finish for two seconds with hours to go: also the car that passed meanwhile runs on."""
    feed = Feed()
    recorded = driven(feed, 1)
    recorded += feed.say(beat(119, "Finish"), j("7", LAP, 2 * LAP), g("7", 2, 2 * LAP))
    recorded += feed.say(beat(120, "Finish"))
    for second in range(121, 140):
        recorded += feed.say(beat(second, "Green"))
    assert kinds(recorded).count("event_voided") == 1
    recorded += feed.say(j("7", LAP, 3 * LAP), g("7", 3, 3 * LAP))
    race = race_of(recorded)  # type: ignore[arg-type]
    assert race.order.laps["7"] == 3
    assert (race.track.flag, race.order.finished) == ("green", {})


def test_green_after_the_end_is_no_slip() -> None:
    """With no lap to go the flag stands, however long green is shown afterwards."""
    feed = Feed()
    recorded = driven(feed, 2)
    recorded += feed.say(beat(180, "Finish", laps_to_go=0), j("7", LAP, 3 * LAP))
    for second in range(182, 200):
        recorded += feed.say(beat(second, "Green", laps_to_go=0))
    assert "event_voided" not in kinds(recorded)
    assert race_of(recorded).finish.over  # type: ignore[arg-type]
