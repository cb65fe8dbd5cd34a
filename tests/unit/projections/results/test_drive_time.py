"""Drive time against the limits of a pack."""

from __future__ import annotations

import events as ev
from projections.results.drive_time import DriveTimeStatus, drive_times
from projections.rules.packs import builtin_pack
from tests.builders import Story, opened

HOUR = 3_600_000
MINUTE = 60_000
ALMS = builtin_pack("alms-2007")
WEC = builtin_pack("wec-2024")


def story(hours: int) -> Story:
    """A car of two drivers: A from the start, B from 30 minutes on."""
    recorded = opened(time_limit_ms=hours * HOUR, lines=("FL",))
    crew = tuple(ev.Driver(number=n, name=name) for n, name in enumerate(("A", "B", "C"), start=1))
    recorded.entry("1", drivers=crew)
    recorded.add(ev.DriverChanged, 0, car="1", driver="A")
    recorded.add(ev.DriverChanged, 30 * MINUTE, car="1", driver="B")
    return recorded


def of(rows: list[DriveTimeStatus], driver: str) -> DriveTimeStatus:
    return next(row for row in rows if row.driver == driver)


def test_what_is_left_to_the_minimum():
    """Forty-five minutes in ALMS; a driver who has not driven is listed with none."""
    rows = drive_times(story(3).race(), ALMS, at=60 * MINUTE)
    assert [(row.driver, row.total_ms, row.to_minimum_ms, row.alert) for row in rows] == [
        ("A", 30 * MINUTE, 15 * MINUTE, None),
        ("B", 30 * MINUTE, 15 * MINUTE, None),
        ("C", 0, 45 * MINUTE, None),
    ]


def test_an_alert_when_the_minimum_can_only_just_be_reached():
    """With an hour to go, 45 minutes to drive are pressing; 15 are not."""
    rows = drive_times(story(3).race(), ALMS, at=2 * HOUR + MINUTE)
    assert of(rows, "A").alert is None
    assert of(rows, "B").to_minimum_ms == 0
    assert (of(rows, "C").alert, of(rows, "C").rule) == ("short", "drive_time.limits.0.minimum_s")


def test_a_rolling_window_and_a_maximum():
    """At Le Mans four hours in any six: a quarter of an hour before, the alert."""
    race = story(24).race()
    at = 30 * MINUTE + 3 * HOUR + 50 * MINUTE
    driver = of(drive_times(race, WEC, at=at), "B")
    assert (driver.to_window_ms, driver.alert) == (10 * MINUTE, "soon")
    assert driver.to_maximum_ms == 14 * HOUR - (at - 30 * MINUTE)
    over = of(drive_times(race, WEC, at=at + 11 * MINUTE), "B")
    assert (over.to_window_ms, over.alert) == (-MINUTE, "over")
    assert over.rule == "drive_time.limits.maximum_in_window_s"


def test_stops_do_not_count_where_the_pack_says_so():
    """Ten minutes in the lane are ten minutes less at Le Mans, and none less in ALMS."""
    recorded = story(24).pit("1", 10 * MINUTE, 20 * MINUTE)
    assert of(drive_times(recorded.race(), WEC, at=HOUR), "A").total_ms == 20 * MINUTE
    assert of(drive_times(recorded.race(), ALMS, at=HOUR), "A").total_ms == 30 * MINUTE


def test_the_minimum_shrinks_after_a_red_flag():
    """A race that stood for a third of its length asks for two thirds of the minimum."""
    recorded = story(3).flag("red", HOUR).flag("green", 2 * HOUR)
    assert of(drive_times(recorded.race(), ALMS, at=2 * HOUR), "C").minimum_ms == 30 * MINUTE


def test_the_clock_stops_with_the_race():
    """After the flag nobody drives on, and nothing is left to be driven in."""
    recorded = story(1).lap("1", 1, 50 * MINUTE).flag("chequered", HOUR).lap("1", 2, HOUR + MINUTE)
    rows = drive_times(recorded.race(), ALMS, at=3 * HOUR)
    assert of(rows, "B").total_ms == 31 * MINUTE
    assert of(rows, "B").alert == "short"


def test_a_rolling_limit_that_was_exceeded_stays_so():
    """When it was, and how much was driven in the fullest window, long after it is over."""
    recorded = story(24)
    recorded.add(ev.DriverChanged, 5 * HOUR, car="1", driver="A")
    driver = of(drive_times(recorded.race(), WEC, at=20 * HOUR), "B")
    assert (driver.in_window_ms, driver.to_window_ms) == (0, 4 * HOUR)
    assert (driver.alert, driver.rule) == ("over", "drive_time.limits.maximum_in_window_s")
    assert driver.most_in_window_ms == 4 * HOUR + 30 * MINUTE
    assert driver.window_exceeded_at == 4 * HOUR + 30 * MINUTE
    kept = of(drive_times(recorded.race(), WEC, at=4 * HOUR), "B")
    assert (kept.alert, kept.window_exceeded_at) == (None, None)


def test_a_rolling_limit_that_was_just_kept():
    """Twice two hours and a minute with a break, and no window with more than four hours."""
    recorded = story(24)
    for hours, driver in ((2.5, "A"), (6.5, "B"), (8.5, "A")):
        recorded.add(ev.DriverChanged, round(hours * HOUR), car="1", driver=driver)
    row = of(drive_times(recorded.race(), WEC, at=20 * HOUR), "B")
    assert (row.most_in_window_ms, row.window_exceeded_at) == (2 * HOUR, None)
    assert row.alert is None


def test_the_fullest_window_is_that_of_trying_every_minute():
    """Stops that do not count are left out of it."""
    recorded = story(24)
    at = 30
    for index, minutes in enumerate((95, 40, 130, 35, 90, 20, 160, 55)):
        at += minutes
        recorded.add(ev.DriverChanged, at * MINUTE, car="1", driver="BA"[(index + 1) % 2])
        recorded.pit("1", (at + 10) * MINUTE, (at + 13) * MINUTE)
    race = recorded.race()
    last = 20 * 60
    tried = [
        of(drive_times(race, WEC, at=minute * MINUTE), "B").in_window_ms or 0
        for minute in range(0, last + 1, 5)
    ]
    most = of(drive_times(race, WEC, at=last * MINUTE), "B").most_in_window_ms or 0
    assert max(tried) <= most <= max(tried) + 5 * MINUTE


def test_limits_that_cannot_be_computed():
    """Each has its reason: an unknown length, a pack or a race without limits."""

    def why(length: float | None, pack: str, kind: str = "race") -> str | None:
        recorded = opened(time_limit_ms=length and round(length * HOUR), lines=("FL",), kind=kind)
        recorded.entry("1", drivers=(ev.Driver(number=1, name="A"),))
        return drive_times(recorded.race(), builtin_pack(pack))[0].no_limits

    assert why(24, "wec-2024") is None
    assert why(None, "wec-2024") == (
        "limits of wec-2024 depend on the scheduled length of the race, which is unknown: "
        "give --length at import"
    )
    assert why(6, "wec-2024") == "wec-2024 has no limits for GT in a race of 6:00:00"
    assert why(178 / 3600, "wec-2024") == "wec-2024 has no limits for GT in a race of 0:02:58"
    assert why(24, "wec-2024", "qualifying") == "wec-2024 has no limits for qualifying"
    assert why(None, "wec-2024", "practice") == "wec-2024 has no limits for practice"
    assert why(3, "alms-2007") is None
