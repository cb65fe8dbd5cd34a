"""The commands ``import`` and ``export``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from events import AnyEvent, DataDoubted, EntryAdded, ResultDeclared, SessionOpened, encode
from events.clock import format_lap_time, parse_clock
from events.errors import IdentityTaken, PositionConflict, SessionNotEmpty, UnknownRound
from projections.results.classification import Convention
from projections.results.revisions import describe_decision
from projections.wording import plain
from replay.entries import START, LogEntry
from services.cli.console import echo
from services.cli.options import Data, NewSession, Session, Store
from services.cli.shell import with_log
from services.queries.packs import pack_named
from services.queries.seasons import read_season, rounds_of
from services.queries.sessions import require_session
from services.storage.event_log import Log

if TYPE_CHECKING:
    from replay.reconciling import Reconciliation


def parse_length(text: str | int) -> int:
    """``2:40`` in milliseconds. Raises BadParameter, which ends with 2."""
    try:
        length = parse_clock(f"{text}:00") if ":" in str(text) else 0
    except ValueError:
        length = 0
    if length <= 0:
        raise typer.BadParameter(f"{text!r} is not a length: write hours and minutes, as in 2:40")
    return length


DOUBTS_LISTED = 10
bring = typer.Typer(no_args_is_help=True)
IN_AND_OUT = "Bring in and take out"


class SessionKind(StrEnum):
    """What a session is."""

    RACE = "race"
    QUALIFYING = "qualifying"
    PRACTICE = "practice"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        bring,
        name="import",
        help="Bring a race in from a timing file or an archive.",
        rich_help_panel=IN_AND_OUT,
    )
    app.command("export", rich_help_panel=IN_AND_OUT)(export)
    app.command("next-number", rich_help_panel=IN_AND_OUT)(next_number)


@bring.command("alkamel")
def import_alkamel(
    session: NewSession,
    laps: Annotated[
        Path | None,
        typer.Argument(
            metavar="LAPS.csv", help="The laps of every car; without them, only --results."
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="RESULTS.csv",
            help="The official result, for vehicles, cars without a lap, and the penalties that "
            "explain it.",
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="The title. Default: from the names of file and folder.")
    ] = None,
    kind: Annotated[
        SessionKind | None, typer.Option(help="Default: what the file's name says, else race.")
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="The series, as the entries eligible for it name it.")
    ] = None,
    season: Annotated[
        str | None,
        typer.Option(
            "--season",
            metavar="SEASON",
            help="The season that it is a round of, which the race page shows.",
        ),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--round", min=1, max=100, help="Which round of its season it is.")
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            parser=parse_length,
            metavar="H:MM",
            help="Its planned length, on which points and drive time can depend.",
        ),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="PACK",
            help="The regulation pack it is run under: a built-in one, or the path of your own, "
            "which has to be given with each query, too.",
        ),
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of the start, if the name lacks it."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="The circuit's time zone, such as America/New_York.")
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(metavar="GRID.csv", help="The official starting grid (02_*).")
    ] = None,
    pits: Annotated[
        Path | None,
        typer.Option(metavar="PITS.csv", help="The visits to the pit lane as timed (20_*)."),
    ] = None,
    flags: Annotated[
        Path | None,
        typer.Option(metavar="FLAGS.csv", help="Flags and messages of race control (25_*)."),
    ] = None,
    weather: Annotated[
        Path | None, typer.Option(metavar="WEATHER.csv", help="The weather (26_*).")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse files with a doubtful value, in place of recording the doubt."
        ),
    ] = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import an official Al Kamel laps file (23_*, as IMSA and the WEC publish them).

    The whole file is checked first: nothing is appended from a bad one. With an official
    result, the penalties that explain it are appended too, and remaining differences are
    listed.
    """
    from replay import importing

    pack = pack_named(rules) if rules else None
    facts: SessionFacts = {
        "title": title,
        "series": series,
        "season": season,
        "round_number": number,
        "rules": pack.name if pack else None,
        "length_ms": length,
        "strict": strict,
    }
    if season is not None:
        kept, _ = with_log(store, data, lambda log: read_season(log, season))
        if number is not None and number > rounds_of(kept):
            raise UnknownRound(number, rounds_of(kept))
    beside = importing.CompanionPaths(grid, pits, flags, weather)
    if laps is None and results is None:
        raise typer.BadParameter("give LAPS.csv, or --results for a result without laps")
    if laps is None and any(beside):
        raise typer.BadParameter("--grid, --pits, --flags and --weather need LAPS.csv")
    with _progress() as progress:
        try:
            if laps is not None:
                events = importing.import_alkamel(
                    laps,
                    results,
                    kind=kind.value if kind else None,
                    day=date.date() if date else None,
                    zone=zone,
                    beside=beside,
                    progress=progress,
                    **facts,
                )
            else:
                events = importing.import_alkamel_result(results or "", **facts)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        found = _reconciled(events, Convention.of(pack)) if laps is not None else None
        whole = [*events, *found.decisions] if found else events
        progress("append to the log", 0, 1)
        added = with_log(store, data, lambda log: append_whole(log, session, whole))
        progress("done", 1, 1)
    echo(import_summary(session, whole, added=added))
    echo("".join(f"{line}\n" for line in _doubted(session, events)), nl=False)
    if found:
        echo("".join(f"{line}\n" for line in _explained(found)), nl=False)


class SessionFacts(TypedDict):
    """Facts of a session that its files lack."""

    title: str | None
    series: str | None
    season: str | None
    round_number: int | None
    rules: str | None
    length_ms: int | None
    strict: bool


def _reconciled(events: Sequence[AnyEvent], convention: Convention) -> Reconciliation | None:
    """The decisions that explain the official result; None without one."""
    from replay.reconciling import reconcile

    declared = (event for event in events if isinstance(event, ResultDeclared))
    official = next(declared, None)
    return reconcile(events, official, convention) if official else None


def _explained(found: Reconciliation) -> Iterator[str]:
    """A line on what was inferred, and one for each difference that remains."""
    if found.decisions:
        inferred = [
            describe_decision(one.model_copy(update={"reason": None})) for one in found.decisions
        ]
        yield f"inferred from the official result: {'; '.join(inferred)}"
    for one in found.unreconciled:
        what = plain(one.what.removesuffix("_ms"))
        ours, theirs = _figure(one.what, one.computed), _figure(one.what, one.official)
        yield f"not explained: #{one.car}, {what} {ours} by the laps, {theirs} in the result"


def _doubted(session: str, events: Sequence[AnyEvent]) -> Iterator[str]:
    """A line for each of the first doubts, and one that counts the rest."""
    doubts = [event for event in events if isinstance(event, DataDoubted)]
    for doubt in doubts[:DOUBTS_LISTED]:
        where = ", ".join(
            part
            for part in (
                doubt.file if doubt.line is None else f"{doubt.file}:{doubt.line}",
                doubt.column and f"column {doubt.column}",
                doubt.value and f"value {doubt.value!r}",
            )
            if part
        )
        yield f"doubt: {where}: {doubt.reason}; {doubt.treatment}"
    if len(doubts) > DOUBTS_LISTED:
        more = len(doubts) - DOUBTS_LISTED
        left = f"{more} more {'doubt' if more == 1 else 'doubts'}"
        yield f"{left}: see `lapstream session {session} --doubts`"


def _figure(what: str, value: str | None) -> str:
    if what.endswith("_ms") and value is not None and value.isdecimal():
        return format_lap_time(int(value))
    return str(value).lower()


async def append_whole(log: Log, session: str, events: Sequence[AnyEvent]) -> bool:
    """Append a race to an empty session; False if the session has it already.

    Raises SessionNotEmpty if it has other events.
    """
    try:
        result = await log.append(session, events, expected=START)
    except PositionConflict:
        result = None
    except IdentityTaken as taken:
        raise SessionNotEmpty(session, taken) from None
    if result is not None and result.added:
        return True
    there = [entry.fields[1] async for batch in log.read(session) for entry in batch]
    if there != [encode(event) for event in events]:
        raise SessionNotEmpty(session)
    return False


def import_summary(session: str, events: Sequence[AnyEvent], *, added: bool) -> str:
    title = next(event.title for event in events if isinstance(event, SessionOpened))
    cars = sum(isinstance(event, EntryAdded) for event in events)
    if not added:
        return f"{session} has this race already: {title}"
    field = "1 car" if cars == 1 else f"{cars} cars"
    return f"{session}: {title}; {field}, {len(events)} events"


@bring.command("f1")
def import_f1(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The session's .jsonStream files, one a topic."),
    ],
    session: NewSession,
    title: Annotated[
        str | None, typer.Option(help="The title. Default: the names in SessionInfo.")
    ] = None,
    kind: Annotated[SessionKind | None, typer.Option(help="Default: that of SessionInfo.")] = None,
    rules: Annotated[
        str | None, typer.Option(metavar="PACK", help="The regulation pack it is run under.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse streams with a doubtful value, in place of recording it."
        ),
    ] = False,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import a session recorded as Formula One live-timing streams.

    TimingData.jsonStream is required; other topics add entries, grid, flags, race control and
    weather. The whole folder is read first: nothing is appended from a bad one.
    """
    from replay.f1 import import_f1 as events_of

    pack = pack_named(rules).name if rules else None
    try:
        events = events_of(
            folder,
            title=title,
            kind=kind.value if kind else None,
            rules=pack,
            strict=strict,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    added = with_log(store, data, lambda log: append_whole(log, session, events))
    echo(import_summary(session, events, added=added))
    echo("".join(f"{line}\n" for line in _doubted(session, events)), nl=False)


@bring.command("archive")
def import_archive(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `lapstream export` wrote.")],
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Default: its name as exported.")
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Import an archive: every entry keeps its position, so the session must be empty."""
    from replay.archive import open_archive

    with open_archive(file) as archive:
        manifest = archive.check()  # before a server is started
        name = session or manifest.session
        with_log(store, data, lambda log: log.append_batches(name, archive.batches()))
    echo(f"{name}: {manifest.entries} entries")


def export(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl.gz",
            help="Where to write it; `-` for standard output.",
            allow_dash=True,
        ),
    ],
    store: Store = None,
    data: Data = None,
) -> None:
    """Write a session's whole log to one file, from which it can be imported again."""
    from replay.archive import pack, write_archive

    piped = str(file) == "-"
    if piped and sys.stdout.isatty():
        raise typer.BadParameter("an archive is compressed: name a file, or pipe it into one")

    async def entries(log: Log) -> list[LogEntry]:
        await require_session(log, session)
        return [entry async for batch in log.read(session) for entry in batch]

    log_entries = with_log(store, data, entries)
    if piped:
        sys.stdout.buffer.write(pack(session, log_entries))
        sys.stdout.buffer.flush()
        return
    write_archive(file, session, log_entries)
    echo(f"{file}: {len(log_entries)} entries of {session}")


def next_number(
    session: Session,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="The source that numbers its events.")
    ],
    store: Store = None,
    data: Data = None,
) -> None:
    """Print the number with which a source continues, for a program that lost its counter.

    It follows every source_seq of the source in the session. Nothing is reserved.
    """
    echo(str(with_log(store, data, lambda log: log.next_free_number(session, source))))


# -- Progress ------------------------------------------------------------------------------

Progress = Callable[[str, int, int], None]


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bar

    columns: tuple[Any, ...] = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step, done, total: bar.update(
            task, description=step, completed=done, total=total
        )
