"""Every command that shows a session or a season: as it stood, and as it was known then.

The commands are found in the tree of commands, so that a new one is asked, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import events as ev
from events import encode
from events.clock import format_clock
from services.cli.app import command_tree
from tests.builders import Story
from tests.scoring import finish, opened, row, scored
from tests.unit.services.commands import Commands

RACE, RUNNING, SEASON = "short", "running", "season"
ARGUMENTS = {"SESSION": RACE, "SEASON": SEASON, "CAR": "1"}
OPTIONS = {  # what a command needs beside its arguments
    "championship": ("--session", RACE),
    "clinch": ("--session", RACE, "--of", "teams"),
    "predict": (RACE,),
    "queue": ("--at", "0:07:15"),  # under the caution
    "replay": ("--speed", "max"),
    "tower": ("--size", "120x20"),
    "whatif": ("--penalty", "1 time 5"),
}
STILL_RUNNING = {"predict", "rejoin"}
"""Asks of cars on the track, and so of the race before its flag."""
NO_TABLES = {
    "export": "writes the log as it is",
    "feed status": "tells of the feed, now",
    "feed recording": "writes what a feed said",
    "next-number": "counts on from the log as it is",
    "import alkamel": "reads a file into a session",
    "output put": "arranges what graphics show",
    "session archive": "writes a session to a file, and removes it",
    "session remove": "removes a session",
    "season contradictions": "shows what was published, and no log",
}
NO_CLOCK = {"queue", "revisions", "season check", "season show"}
"""Tells of every revision, or of a whole season: there is no moment of a session in it. The queue
is there under a caution only, so that its moment is given above."""
FROM_AND_UNTIL = {"replay"}
"""Plays from a moment to another."""
LATE_MS = 1_700_009_000_000
"""When all that is put right is learned, on the wall clock."""
BEFORE, AFTER = "2023-11-14T23:30:00+00:00", "2023-11-15T00:43:20+00:00"
LAP_MS = 60_000


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each command of the tree by its name."""
    for name, command in (group or command_tree()).commands.items():
        if getattr(command, "commands", None):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def has(command: Any, option: str) -> bool:
    """Whether a command has an option of that name."""
    return any(option in parameter.opts for parameter in command.params)


def shows(command: Any) -> bool:
    """Whether a command takes a session or a season, and decides nothing."""
    takes = {parameter.metavar for parameter in command.params} & {"SESSION", "SEASON"}
    return bool(takes) and not has(command, "--by")


QUERIES = {
    name: command for name, command in commands() if shows(command) and name not in NO_TABLES
}


def command_line(name: str) -> list[str]:
    """The command line, with whatever the command cannot do without."""
    needed = [
        ARGUMENTS[parameter.metavar]
        for parameter in QUERIES[name].params
        if parameter.param_type_name == "argument" and parameter.required
    ]
    printed = ["--format", "json"] if has(QUERIES[name], "--format") else []
    line = [*name.split(), *needed, *OPTIONS.get(name, ()), *printed]
    return [RUNNING if one == RACE and name in STILL_RUNNING else one for one in line]


def race(flag: bool = True) -> Story:
    """Three cars to the flag: stops, a caution, a change of the lead, a penalty, a retirement."""
    length = None if flag else 20 * LAP_MS
    story = Story().opened(
        lines=("FL",), rules="imsa-2024", series="S", round=2, time_limit_ms=length
    )
    for car in ("1", "2", "3"):
        crew = (ev.Driver(number=1, name=f"D{car}"), ev.Driver(number=2, name=f"E{car}"))
        story.entry(car, team=f"T{car}", manufacturer=f"M{car}", drivers=crew)
    for lap in range(1, 11):
        for place, car in enumerate(("1", "2", "3") if lap < 7 else ("2", "1")):
            if car != "3" or lap <= 5:
                at, ms = lap * LAP_MS + place * 1_000, LAP_MS - 100 * lap
                story.lap(car, lap, at, ms, driver=f"D{car}")
    for car, lap in (("1", 4), ("2", 5), ("1", 8)):
        story.pit(car, lap * LAP_MS - 20_000, lap * LAP_MS + 10_000)
    story.flag("fcy", 6 * LAP_MS + 30_000).flag("green", 7 * LAP_MS + 30_000)
    story.add(ev.PenaltyImposed, 8 * LAP_MS, penalty_id="p", car="2", kind="warning")
    for lap in (2, 9):
        story.add(ev.WeatherMeasured, lap * LAP_MS, air_c=20.0 + lap)
    story.retired("3", 9 * LAP_MS)
    return story.flag("chequered", 10 * LAP_MS - 1) if flag else story


def put_right(story: Story) -> Story:
    """What is learned later of it, from which every table has another figure."""
    caution = next(event for event in story if getattr(event, "flag", None) == "fcy")
    stop = [event for event in story if event.type in ("pit_entered", "pit_exited")][:2]
    late = Story("late")
    rain = next(event for event in story if event.type == "weather_measured")
    for event in (caution, *stop, rain):
        late.void(event, 11 * LAP_MS)
    late.add(
        *(ev.LapAmended, 11 * LAP_MS),
        car="2",
        lap=10,
        completed_at=10 * LAP_MS + 5_000,
        lap_time_ms=64_000,
        driver="E2",
        reason="a test",
    )
    late.add(ev.PenaltyImposed, 11 * LAP_MS, penalty_id="q", car="2", kind="time", amount=30)
    return late


def season() -> list[ev.AnyEvent]:
    """A season of two rounds, the first scored."""
    return [
        opened("imsa-2024", rounds=2),
        scored(finish("2", "1", "3")),
        scored(finish("2", "1", "3"), 2, part="qualifying"),
        scored(
            [*finish("2", "1", "3"), row("4", 4, team="Paul Miller Racing")],
            3,
            round=2,
            part="qualifying",
        ),
    ]


@pytest.fixture
def known(lapstream: Commands) -> Commands:
    """The race and the season, and what was learned of both much later."""
    misspelt = row("4", 4, team="Paul Miler Racing")
    again = scored([*finish("1", "3", "2"), misspelt], 9, at=9, session="again")
    for name, early, late in (
        (RACE, race(), put_right(race())),
        (RUNNING, race(flag=False), put_right(race(flag=False))),
        (SEASON, season(), [again]),
    ):
        lapstream.hold(name, early)
        lapstream.log.logs[name] += [
            entry._replace(position=f"{LATE_MS}-{number}")
            for number, entry in enumerate(entries(lapstream, late))
        ]
    return lapstream


def entries(lapstream: Commands, events: Any) -> list[Any]:
    """Entries of these events, of a log that is not kept."""
    lapstream.log.hold("aside", map(encode, events))
    return lapstream.log.logs.pop("aside")


def test_what_there_is_to_ask() -> None:
    """The tables of the session, the result, the titles, and the tower are among them."""
    assert {"standings", "results", "championship", "clinch", "season show", "tower"} <= {*QUERIES}
    assert len(QUERIES) > 20


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_with_what_was_known_then(known: Commands, name: str) -> None:
    """Before a correction was learned the old figures, as if it never came; after it the new."""
    asking = command_line(name)
    then = known.output(*asking, "--known-at", BEFORE)
    now = known.output(*asking, "--known-at", AFTER)
    assert now == known.output(*asking)
    assert then != now
    for log in known.log.logs.values():
        log[:] = [entry for entry in log if not entry.position.startswith(str(LATE_MS))]
    assert then == known.output(*asking)


@pytest.mark.parametrize("name", sorted({*QUERIES} - NO_CLOCK - FROM_AND_UNTIL))
def test_as_it_stood(known: Commands, name: str) -> None:
    """At a moment nothing counts that happened later, and --at says so however it is written."""
    asking, at = [*command_line(name), "--known-at", BEFORE], 6 * LAP_MS
    then = known.output(*asking, "--at", format_clock(at))
    assert then == known.output(*asking, "--at", "lap:6")
    assert then != known.output(*asking)
    for session in (RACE, RUNNING):
        until = [one for one in race(flag=session == RACE) if one.at <= at]
        known.log.logs[session] = entries(known, until)
    if name != "session show":  # it says what its log holds
        assert then == known.output(*asking)
