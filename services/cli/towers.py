"""The commands that show a race in a tower: ``demo``, ``replay`` and ``tower``."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from events import AnyEvent
from projections import views
from projections.race import Race
from projections.views.moments import moment_of
from replay.playhead import MAX, Playhead, RacePlayback
from services.cli.console import echo
from services.cli.options import At, CarClass, Data, KnownAt, Session, Store
from services.cli.output import print_table, session_heading
from services.cli.shell import configure_logging, run, with_store
from services.cli.store_queries import query_race, query_session, read_with_warning
from services.queries.sessions import SessionQuestion, class_named
from services.queries.tables import race_tables
from services.storage.built_in import BUILT_IN
from services.storage.event_log import Log

if TYPE_CHECKING:
    from services.storage.client import Store as OpenedStore

WATCH = "Watch"
DEMO_RACE = "petit-le-mans-2007"
DEMO_MS = 120_000
SLOWEST, FASTEST = 0.1, 10_000.0


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("demo", rich_help_panel=WATCH)(demo)
    app.command("replay", rich_help_panel=WATCH)(replay)
    app.command("tower", rich_help_panel=WATCH)(tower)


def parse_speed(text: str | float) -> float:
    """A number from 0.1 to 10000, or ``max``. Raises BadParameter, which ends with 2."""
    if text == "max":
        return MAX
    try:
        speed = float(str(text).removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not SLOWEST <= speed <= FASTEST:
        raise typer.BadParameter(
            f"{text!r} is not a speed: write a number from 0.1 to 10000, or max"
        )
    return speed


Watch = Annotated[
    list[str] | None,
    typer.Option("--car", metavar="NUMBER", help="Mark this car; may be given several times."),
]
Moment = "H:MM:SS|lap:N|caution:N"


def demo(
    speed: Annotated[
        float | None,
        typer.Option(
            parser=parse_speed,
            metavar="N|max",
            help="Times real time. Default: the whole race in two minutes.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", metavar="ID", help=f"A new session. Default: {DEMO_RACE}-demo-N."
        ),
    ] = None,
    car: Watch = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Run the 2007 Petit Le Mans through the log into a tower.

    The race's events are appended at pace to a session of their own, folded by a
    projector, and shown from its frames; at the end come the classification, the fastest
    laps and the cautions. Keys: space pauses, + and - change the pace, c goes to the next
    class, q quits, ? helps.
    """
    race = with_store(store, data, lambda opened: _demo(opened, speed, session, car or ()))
    show_outcome(race)


async def _demo(
    opened: OpenedStore, speed: float | None, session: str | None, cars: Iterable[str]
) -> Race:
    from services.demo import Demo, fresh_session, in_browsers
    from services.serving import missing_screen

    configure_logging()
    log = Log(opened)
    events = BUILT_IN[DEMO_RACE].events()
    name = await fresh_session(log, DEMO_RACE, events[0], session)
    echo(f"appending to session {name}", err=True)
    async with in_browsers(opened) as address:
        missing = missing_screen()
        echo(missing or f"in a browser: {address}/?session={name}", err=True)
        running = Demo(
            opened,
            name,
            events,
            speed or _two_minutes(events),
            None if missing else address,
            echo=typer.echo,
        )
        if not await running.run(frozenset(cars)):
            echo(
                f"stopped before the end; session {name} keeps the events appended so far", err=True
            )
    return (await read_with_warning(log, SessionQuestion(name))).timeline.race


def _two_minutes(events: Sequence[AnyEvent]) -> float:
    """The speed, in tens, at which the race takes about two minutes."""
    return max(1.0, round((events[-1].at - min(0, events[0].at)) / DEMO_MS, -1))


def replay(
    session: Session,
    speed: Annotated[
        float,
        typer.Option(parser=parse_speed, metavar="N|max", help="Times real time."),
    ] = 1.0,
    start: Annotated[
        str | None, typer.Option("--from", metavar=Moment, help="Where to begin.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar=Moment, help="Where to end.")
    ] = None,
    car: Watch = None,
    known_at: KnownAt = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Play a recorded race again: a tower on a terminal, else what happens in lines.

    Keys: space pauses, + and - change the speed, arrows go a minute back and ahead,
    n and p to the next and previous caution, c to the next class, q quits, ? helps.
    """
    from services.terminal import tty
    from services.terminal.live_display import watch_replay

    question = SessionQuestion(session, known_at=known_at)
    recorded = query_session(question, store, data)
    played = RacePlayback(recorded.timeline)
    whole = recorded.timeline.race
    first = played.start if start is None else moment_of(start, whole)
    last = played.end if until is None else moment_of(until, whole)
    if last < first:
        raise typer.BadParameter("--until lies before --from")
    playhead = Playhead(played.start, last, speed, at=first)
    run(watch_replay(played, playhead, frozenset(car or ())))
    if not tty.is_there():
        show_outcome(played.race)


def show_outcome(race: Race) -> None:
    """Print the classification, the fastest laps and the caution ledger."""
    heading = session_heading(views.session_line(race))
    for table, rows, above in (
        (race_tables.RESULTS, views.results(race), heading),
        (race_tables.FASTEST_LAPS, views.fastest_laps(race), "Fastest laps"),
        (race_tables.CAUTIONS, views.cautions(race), "Cautions"),
    ):
        echo()
        print_table(table, rows, above)


def parse_size(text: str) -> tuple[int, int]:
    """``80x24`` as columns and lines. Raises BadParameter, which ends with 2."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) < 1000 > int(height) > 0):
        raise typer.BadParameter(f"{text!r} is not a size: write columns x lines, such as 80x24")
    return int(width), int(height)


def tower(
    session: Session,
    at: At = None,
    known_at: KnownAt = None,
    car_class: CarClass = None,
    car: Watch = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Columns and lines. Default: the terminal's.")
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Print the tower once, as it stood."""
    from rich.console import Console

    from projections.views.frame_builder import frame_state
    from services.terminal.tower import Tower, plain_lines
    from services.terminal.tower_state import TowerOptions, TowerState

    width, height = parse_size(size) if size else shutil.get_terminal_size((80, 24))
    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    chosen = class_named(race, car_class) if car_class else None
    board = TowerState.of(frame_state(race), race.at)
    look = TowerOptions(car_class=chosen, watched=frozenset(car or ()), still=True)
    if sys.stdout.isatty():
        Console(width=width, height=height).print(Tower(board, look))
    else:
        echo("\n".join(plain_lines(board, look, width, height)))
