"""The commands for shared replays, and for the markers that they can seek to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from projections.views.markers import KINDS, all_markers
from projections.views.markers import markers as marker_rows
from replay.edit_list import RATES
from replay.steering import Command, Pause, Play, Seek, SetSpeed, Step, pace_of
from services.cli.console import echo
from services.cli.options import As, At, Data, KnownAt, OutputFormat, Session, Store
from services.cli.output import print_rows, session_heading
from services.cli.shell import with_store
from services.cli.store_queries import query_race
from services.cli.towers import Moment, parse_speed
from services.queries.sessions import SessionQuestion
from services.queries.tables import race_tables
from services.queries.tables.columns import Row

if TYPE_CHECKING:
    from services.storage.replay_store import Replays


shared = typer.Typer(no_args_is_help=True)
Replay = Annotated[str, typer.Argument(metavar="REPLAY", help="As `replays list` shows it.")]
MARKED = tuple(kind.replace("_", "-") for kind in KINDS)


def _one_of(*names: str) -> Callable[[str], str]:
    """A parser of one of these names. Raises BadParameter, which ends with 2."""

    def parse(text: str) -> str:
        if text not in names:
            raise typer.BadParameter(f"{text!r} is none of {', '.join(names)}")
        return text

    return parse


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        shared,
        name="replays",
        help="Replays that everyone watches and steers together (`lapstream serve` plays them).",
        rich_help_panel="Watch",
    )
    app.command("markers", rich_help_panel="Ask")(markers)


# -- Replays -------------------------------------------------------------------------------


@shared.command()
def start(
    source: Annotated[
        str, typer.Argument(metavar="SESSION|FILE", help="A session, or an archive's file.")
    ],
    speed: Annotated[
        float, typer.Option(parser=parse_speed, metavar="N|max", help="Times real time.")
    ] = 1.0,
    begin: Annotated[
        str | None, typer.Option("--from", metavar=Moment, help="Where to begin.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="ID", help="Its name. Default: replay-N.")
    ] = None,
    as_shown: Annotated[
        bool,
        typer.Option("--as-shown", help="Hand events over by their recorded time: late ones late."),
    ] = False,
    paused: Annotated[bool, typer.Option("--paused", help="Wait for `replays play`.")] = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Start a replay of a session. It is watched like a session, under its own name.

    An archive (.jsonl.gz) is imported first, as by `import archive`.
    """

    async def started(replays: Replays) -> Row:
        from services.storage.replay_errors import NoReplayer

        session = await _session_of(replays, source)
        try:
            replay = await replays.begin(
                session,
                name=name,
                speed=pace_of(speed),
                begin=begin,
                as_shown=as_shown,
                playing=not paused,
            )
        except NoReplayer as error:
            echo(f"lapstream: {error}", err=True)
            replay = error.replay
        return await replays.describe(replay)

    _print_replay(_with_replays(store, data, started))


async def _session_of(replays: Replays, source: str) -> str:
    """The session, or that of an archive, which is imported if the store lacks it."""
    if not source.endswith(".jsonl.gz"):
        return source
    from replay.archive import open_archive

    with open_archive(Path(source)) as archive:
        session, _ = await replays.bring_in(archive)
    return session


@shared.command("list")
def list_replays(form: As = OutputFormat.TABLE, store: Store = None, data: Data = None) -> None:
    """List the replays and their states."""

    async def rows(replays: Replays) -> list[Row]:
        from services.storage.replay_errors import NoSuchReplay

        described: list[Row] = []
        for name in await replays.names():
            try:
                described.append(await replays.describe(name))
            except NoSuchReplay:  # stopped just now
                continue
        return described

    print_rows(race_tables.REPLAYS, _with_replays(store, data, rows), form)


@shared.command()
def play(replay: Replay, store: Store = None, data: Data = None) -> None:
    """Continue a replay."""
    _steer(replay, Play(), store, data)


@shared.command()
def pause(replay: Replay, store: Store = None, data: Data = None) -> None:
    """Pause a replay."""
    _steer(replay, Pause(), store, data)


@shared.command()
def speed(
    replay: Replay,
    to: Annotated[float, typer.Argument(parser=parse_speed, metavar="N|max")],
    store: Store = None,
    data: Data = None,
) -> None:
    """Change the speed."""
    _steer(replay, SetSpeed(speed=pace_of(to)), store, data)


@shared.command(context_settings={"ignore_unknown_options": True})
def seek(
    replay: Replay,
    to: Annotated[
        str,
        typer.Argument(
            metavar="MOMENT",
            help="5:00:00, lap:100, caution:9, restart:9, lead-change:3, penalty:1, "
            "retirement:2; or +1:00, -0:30 from where it is.",
        ),
    ],
    store: Store = None,
    data: Data = None,
) -> None:
    """Seek to a moment, forwards or backwards."""
    _steer(replay, Seek(to=to), store, data)


@shared.command()
def step(
    replay: Replay,
    to: Annotated[
        str,
        typer.Argument(
            parser=_one_of("event", "lap", *MARKED),
            metavar="[WHAT]",
            help=f"What to go to the next of: event, lap, {', '.join(MARKED)}.",
        ),
    ] = "event",
    back: Annotated[bool, typer.Option("--back", help="Step to the previous one.")] = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Pause, and step to the next event, lap or marker, or back to the previous one."""
    goal: Any = to.replace("-", "_")
    _steer(replay, Step(to=goal, back=back), store, data)


@shared.command()
def stop(replay: Replay, store: Store = None, data: Data = None) -> None:
    """Stop a replay and delete it."""
    _with_replays(store, data, lambda replays: replays.stop(replay))


def _steer(replay: str, command: Command, store: Any, data: Any) -> None:
    async def steered(replays: Replays) -> Row:
        await replays.steer(replay, command)
        return await replays.describe(replay)

    _print_replay(_with_replays(store, data, steered))


def _with_replays(store: Any, data: Any, work: Callable[[Replays], Awaitable[Any]]) -> Any:
    from services.storage.replay_store import Replays

    return with_store(store, data, lambda opened: work(Replays(opened)))


def _print_replay(row: Row) -> None:
    echo("\n".join(race_tables.REPLAYS.upright_lines(row)))


# -- Markers -------------------------------------------------------------------------------


class MarkerFormat(StrEnum):
    """How markers are printed; CSV and EDL are edit lists."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    EDL = "edl"


def markers(
    session: Session,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",  # else typer takes the name from the metavar
            parser=_one_of(*MARKED),
            metavar="KIND",
            help=f"Only these, of {', '.join(MARKED)}; may be given several times.",
        ),
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    form: Annotated[
        MarkerFormat,
        typer.Option("--format", help="How to print them: csv and edl with timecodes."),
    ] = MarkerFormat.TABLE,
    rate: Annotated[
        str,
        typer.Option(
            "--fps",
            parser=_one_of(*RATES),
            metavar="RATE",
            help=f"Frame rate of timecodes: {', '.join(RATES)}.",
        ),
    ] = "25",
    starts_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The time of day at session time 0, if the session does not say it.",
        ),
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """The moments to go to: cautions, restarts, lead changes, flags, penalties, retirements."""
    from projections import views
    from replay.edit_list import cmx3600, csv_list

    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    wanted = {one.replace("-", "_") for one in kind or MARKED}
    found = [marker for marker in all_markers(race) if marker.kind in wanted]
    began = _time_of_day(starts_at) if starts_at else race.session.opened.starts_at
    if form is MarkerFormat.EDL:
        echo(cmx3600(race.session.opened.title, found, began, RATES[rate]))
    elif form is MarkerFormat.CSV:
        echo(csv_list(found, began, RATES[rate]))
    else:
        rows = [row for row in marker_rows(race) if row["kind"] in wanted]
        heading = session_heading(views.session_line(race))
        print_rows(race_tables.MARKERS, rows, OutputFormat(form.value), heading)


def _time_of_day(text: str) -> datetime:
    """A time with its zone. Raises BadParameter, which ends with 2."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise typer.BadParameter(f"{text!r}: write a time as 2007-10-06T11:15:00-04:00")
    return time
