"""The commands that keep a season: open it, score its sessions, adjust its points."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any

import typer

from events import Alias, AnyEvent, Contest, PointsAdjusted, RoundScored, SeasonOpened, SeasonRound
from events.clock import parse_clock
from events.errors import (
    AppendRefused,
    NothingPublished,
    PositionConflict,
    UnknownContender,
    UnknownRound,
    WrongSeries,
)
from projections.championship.scoring import cup_marks, missing_events, session_results
from projections.championship.season import Season
from projections.race import Race
from replay.entries import START, parse_position
from services.cli.decisions import By, GivenReason, login
from services.cli.options import As, Data, KnownAt, Of, OutputFormat, SeasonName, Sessions, Store
from services.cli.output import print_rows
from services.cli.shell import with_log
from services.cli.store_queries import query_season, read_with_warning
from services.queries.listings import season_rows
from services.queries.packs import pack_named
from services.queries.seasons import (
    SeasonAnswer,
    SeasonQuestion,
    check_series,
    chosen_classes,
    read_season,
    round_of,
    rounds_of,
)
from services.queries.sessions import PositionedEvents, SessionQuestion
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row
from services.storage.decision_log import decide
from services.storage.event_log import Log

SOURCE = "season"
"""The source of the events that these commands append."""

PUBLISHED = ("alms-2007",)
"""The seasons with known published tables."""

season = typer.Typer(no_args_is_help=True)

_ROUND = re.compile(
    r"(?P<name>.+?)(?:\s+(?P<length>\d{1,3}:\d\d))?(?:\s*\[(?P<classes>[^]]*)\])?\s*"
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        season,
        name="season",
        help="Keep a season: open it, score its sessions, adjust its points.",
        rich_help_panel="Points and titles",
    )


def parse_round(text: str) -> SeasonRound:
    """``Sebring 12:00 [GTP LMP2]``: a name, perhaps its length and its classes.

    Raises BadParameter.
    """
    match = _ROUND.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a round such as Sebring 12:00")
    length = match["length"] and parse_clock(f"{match['length']}:00")
    return SeasonRound(
        name=match["name"].strip(),
        time_limit_ms=length or None,
        classes=tuple((match["classes"] or "").split()),
    )


def parse_alias(text: str) -> Alias:
    """``drivers:Bach Jamie=Bach James``. Raises BadParameter."""
    of, colon, names = text.partition(":")
    name, equals, means = names.partition("=")
    if not (colon and equals and of in list(Of) and name.strip() and means.strip()):
        raise typer.BadParameter(f"{text!r} is not an alias such as drivers:James Bach=Jamie Bach")
    return Alias(of=Of(of).value, name=name.strip(), means=means.strip())


def _listed(values: Iterable[str]) -> list[str]:
    """The parts of lists that may be given at once, separated by commas, or one by one."""
    parts = (part.strip() for value in values for part in re.split(r",(?![^\[]*\])", value))
    return [part for part in parts if part]


# -- The season itself ---------------------------------------------------------------------


@season.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="ID", help="a-z, 0-9 and -, 64 at most.")],
    title: Annotated[str, typer.Option("--title", help="The season's title.")],
    series: Annotated[
        str, typer.Option("--series", help="What entries name that are eligible for it.")
    ],
    rules: Annotated[
        str, typer.Option("--rules", metavar="PACK", help="The regulation pack it is run under.")
    ],
    classes: Annotated[
        list[str],
        typer.Option("--classes", metavar="CLASS,...", help="Its classes, the fastest first."),
    ],
    rounds: Annotated[
        list[str],
        typer.Option(
            "--rounds",
            metavar="ROUND,...",
            help='Its rounds in order, as "NAME [H:MM] [[CLASS CLASS]]": the length decides '
            "which points there are; classes are named where not all run.",
        ),
    ],
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", metavar="OF:NAME=NAME", help="A name that stands for another."),
    ] = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Open a season, in a log of its own."""
    opened = SeasonOpened(
        at=0,
        source=SOURCE,
        source_seq=0,
        title=title,
        series=series,
        rules=pack_named(rules).name,
        classes=tuple(_listed(classes)),
        rounds=tuple(parse_round(one) for one in _listed(rounds)),
        aliases=tuple(parse_alias(one) for one in alias or ()),
    )
    if not opened.rounds or not opened.classes:
        raise typer.BadParameter("a season needs rounds and classes")
    with_log(store, data, lambda log: _open(log, name, opened))
    typer.echo(f"{name}: {title}; {_rounds_text(opened)}, {', '.join(opened.classes)}")


def _rounds_text(opened: SeasonOpened) -> str:
    return "1 round" if len(opened.rounds) == 1 else f"{len(opened.rounds)} rounds"


async def _open(log: Log, name: str, opened: SeasonOpened) -> None:
    try:
        await log.append(name, [opened], expected=START)
    except PositionConflict:
        raise AppendRefused(f"there is a log {name!r} already; choose another name") from None


@season.command("list")
def seasons(form: As = OutputFormat.TABLE, store: Store = None, data: Data = None) -> None:
    """The seasons of the store, and those that are built in."""
    print_rows(sporting_tables.SEASONS, with_log(store, data, season_rows), form)


@season.command("show")
def show_season(
    name: SeasonName,
    known_at: KnownAt = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The rounds of a season, with what was scored and whether it has changed since."""
    answer = query_season(SeasonQuestion(name, known_at), store, data)
    changed = {} if known_at else with_log(store, data, lambda log: _changed(log, answer))
    print_rows(sporting_tables.SEASON, _rounds(answer.season, changed), form, f"{answer.title}\n")
    if form is OutputFormat.TABLE:
        for session in changed:
            add = f"lapstream season add {name} {session} --round {changed[session]}"
            typer.echo(f"{session} has changed since it was scored: `{add}`")


async def _changed(log: Log, answer: SeasonAnswer) -> dict[str, int]:
    """The sessions that were scored and have another result now, with their rounds.

    Only sessions with entries recorded since then are scored again.
    """
    positions = {event.identity: position for position, event in answer.events}
    scored: dict[str, tuple[int, str]] = {}
    for result in answer.season.scored.values():
        if result.session is not None:
            _, known = scored.get(result.session, (0, START))
            latest = max(known, positions[result.identity], key=parse_position)
            scored[result.session] = (result.round, latest)
    return {
        session: number
        for session, (number, known) in scored.items()
        if await _is_changed(log, answer.season, session, number, known)
    }


async def _is_changed(log: Log, kept: Season, session: str, number: int, known: str) -> bool:
    """Whether a session that was scored when ``known`` was its position is worth another now."""
    if not await log.exists(session):  # the season came without its sessions
        return False
    if parse_position(await log.last_position(session)) <= parse_position(known):
        return False
    timeline = (await read_with_warning(log, SessionQuestion(session))).timeline
    results = session_results(kept, timeline, number, session)
    return bool(missing_events(kept, timeline.race, results, session))


def _rounds(scored: Season, changed: Iterable[str]) -> Sequence[Row]:
    rows = []
    for number, one in enumerate(scored.opened.rounds if scored.opened else (), start=1):
        results = {key: one for key, one in scored.scored.items() if key.round == number}
        whole = [key for key in results if key.segment is None]
        sessions = dict.fromkeys(one.session for one in results.values() if one.session)
        rows.append(
            {
                "round": number,
                "name": one.name,
                "circuit": one.circuit,
                "date": one.date,
                "time_limit_ms": one.time_limit_ms,
                "qualifying": sum(key.part == "qualifying" for key in whole),
                "race": sum(key.part == "race" for key in whole),
                "segments": len({key.segment for key in results if key.segment}),
                "sessions": list(sessions),
                "changed": [session for session in sessions if session in changed],
            }
        )
    return rows


# -- Scoring -------------------------------------------------------------------------------


@season.command("add")
def add(
    name: SeasonName,
    sessions: Sessions,
    number: Annotated[
        int | None,
        typer.Option(
            "--round", metavar="N", min=1, help="Which round it is. Default: as the session says."
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", metavar="race|qualifying", help="What it has to be. Default: what it is."
        ),
    ] = None,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Score sessions as rounds, by their present classifications with all penalties.

    A session added again, as after a decision, replaces its earlier result. A session with
    only a declared result is scored from that. If the pack has a cup, a race is also scored
    as it stood at the cup's marks.
    """

    async def added(log: Log) -> None:
        for session in sessions:
            typer.echo(await _add(log, name, session, number, part, by))

    with_log(store, data, added)


async def _add(
    log: Log, name: str, session: str, number: int | None, part: str | None, by: str | None
) -> str:
    kept, existing = await read_season(log, name)
    recorded = await read_with_warning(log, SessionQuestion(session))
    race = recorded.timeline.race
    kind = race.session.opened.kind
    if kind == "practice" or part not in (None, kind):
        wanted = part or "a race or qualifying"
        raise typer.BadParameter(f"{session} is a {kind} session, and {wanted} is wanted")
    if number is None and race.session.opened.round is None:
        raise typer.BadParameter(f"{session} does not say which round it is: give --round")
    try:
        check_series(kept, race, session)
    except WrongSeries as error:
        raise typer.BadParameter(str(error)) from None
    number = round_of(kept, race, number)
    results = session_results(kept, recorded.timeline, number, session)
    events = missing_events(kept, race, results, session)
    if events:
        await _append(log, name, existing, events, by)
    classes = dict.fromkeys(one.car_class for one in events if isinstance(one, RoundScored))
    what = ", ".join(classes) or ("points taken" if events else "nothing new")
    return f"{name}: round {number}, {kind}, from {session}: {what}{_cup(kept, race, results)}"


def _cup(kept: Season, race: Race, results: Sequence[RoundScored]) -> str:
    """At how many of a cup's marks the race was scored; without laps, at none."""
    marks = cup_marks(kept, race, results[0].round) if results else ()
    if not marks:
        return ""
    run = len({one.segment for one in results if one.segment is not None})
    cups = ", ".join(cup.name for cup in kept.pack.points.cups)
    return f"; {cups} cup at {run} of {len(marks)} marks"


async def _append(
    log: Log, name: str, existing: PositionedEvents, events: Sequence[AnyEvent], by: str | None
) -> None:
    """Append these events to a season's log, by ``by`` or else the user who is logged in."""
    head: dict[str, Any] = {"at": _now(existing), "source": SOURCE, "by": by or login()}

    def numbered(first: int) -> list[AnyEvent]:
        return [
            event.model_copy(update={**head, "source_seq": first + index})
            for index, event in enumerate(events)
        ]

    await decide(log, name, SOURCE, numbered, len(events), after=existing[-1][0])


def _now(existing: PositionedEvents) -> int:
    """The season's clock: ms since its opening was recorded, and after all its events."""
    opened_ms = parse_position(existing[0][0])[0]
    return max(int(time.time() * 1000) - opened_ms, 1 + max(event.at for _, event in existing))


@season.command("adjust")
def adjust(
    name: SeasonName,
    of: Annotated[Of, typer.Argument(help="Whose championship.")],
    who: Annotated[str, typer.Argument(metavar="NAME", help="The contender, as tables name it.")],
    points: Annotated[
        int, typer.Argument(metavar="POINTS", help="Given, or (below 0, after --) taken.")
    ],
    reason: GivenReason,
    car_class: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="Default: each that it is in.")
    ] = None,
    number: Annotated[
        int | None, typer.Option("--round", metavar="N", min=1, help="Default: from the first on.")
    ] = None,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Give points to a contender, or take some, by decision."""

    async def adjusted(log: Log) -> None:
        kept, existing = await read_season(log, name)
        if number is not None and number > rounds_of(kept):
            raise UnknownRound(number, rounds_of(kept))
        chosen = chosen_classes(kept, car_class)[0] if car_class else None
        _check_contender(kept, of, who, chosen)
        event = PointsAdjusted(
            at=0,
            source=SOURCE,
            source_seq=0,
            championship=of.value,
            car_class=chosen,
            round=number,
            name=who,
            points=points,
            reason=reason,
        )
        await _append(log, name, existing, [event], by)

    with_log(store, data, adjusted)
    typer.echo(f"{name}: {who} {points:+} points ({reason})")


def _check_contender(kept: Season, of: Of, who: str, car_class: str | None) -> None:
    """Raise UnknownContender unless somebody of that name has scored."""
    known = {
        total.name
        for one in ([car_class] if car_class else kept.classes)
        for total in kept.totals(of=of.value, car_class=one)
    }
    if kept.name(of.value, who) not in known:
        near = difflib.get_close_matches(who, known, n=3, cutoff=0.5)
        raise UnknownContender(who, of.value, tuple(near or sorted(known)[:10]))


@season.command("alias")
def alias(
    name: SeasonName,
    aliases: Annotated[
        list[str], typer.Argument(metavar="OF:NAME=NAME...", help="drivers:James Bach=Jamie Bach")
    ],
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Declare that a name in some result stands for another."""
    more = tuple(parse_alias(one) for one in aliases)

    async def amended(log: Log) -> None:
        kept, existing = await read_season(log, name)
        if kept.opened is None:
            raise AssertionError("a season that was read is open")
        fresh = [one for one in more if one not in kept.opened.aliases]
        opened = kept.opened.model_copy(update={"aliases": (*kept.opened.aliases, *fresh)})
        if fresh:
            await _append(log, name, existing, [opened], by)

    with_log(store, data, amended)
    typer.echo(f"{name}: {', '.join(f'{one.name} is {one.means}' for one in more)}")


@season.command("contradictions")
def contradictions(
    name: SeasonName,
    form: As = OutputFormat.TABLE,
) -> None:
    """Where published tables differ from what was scored: both figures and their sources."""
    from replay.seasons import alms_2007

    if name not in PUBLISHED:
        raise NothingPublished(name, PUBLISHED)
    rows = []
    for one in alms_2007.contradictions():
        row = one._asdict()
        row["class"] = row.pop("car_class")
        rows.append(row)
    sources = "\n".join(f"{short}: {what}" for short, what in alms_2007.sources().items())
    print_rows(sporting_tables.CONTRADICTIONS, rows, form, f"{sources}\n")


def published_otherwise(name: str, of: Contest, classes: Collection[str]) -> list[str]:
    """Notes on the figures in these tables that differ from published ones."""
    from replay.seasons import alms_2007

    if name not in PUBLISHED:
        return []
    return [
        f"\n{one.name}, {one.figure}: {one.scored} here, {one.published} published ({one.source}): "
        f"`lapstream season contradictions {name}`"
        for one in alms_2007.contradictions()
        if one.of == of and one.car_class in classes
    ]
