"""The commands that keep a season: open it, score its sessions, adjust its points."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from events import (
    Alias,
    AnyEvent,
    PointsAdjusted,
    RoundAmended,
    RoundScored,
    SeasonOpened,
    SeasonRound,
)
from events.clock import format_clock, parse_clock
from events.errors import (
    AppendRefused,
    NotScorable,
    PositionConflict,
    UnknownContender,
    UnknownRound,
)
from projections.championship.scoring import withdrawn_events
from projections.championship.season import Season
from projections.results.points import tidy
from projections.rules.packs import RegulationPack
from replay.entries import START, parse_position
from services.cli.console import echo
from services.cli.decisions import By, GivenReason, login
from services.cli.options import As, Data, KnownAt, Of, OutputFormat, SeasonName, Sessions, Store
from services.cli.output import print_rows
from services.cli.shell import with_log
from services.cli.store_queries import query_season, read_with_warning
from services.queries.listings import season_rows
from services.queries.packs import pack_named
from services.queries.published import contradiction_rows, published_sources
from services.queries.season_names import similar_name_rows
from services.queries.season_scoring import (
    ScoringOptions,
    changed_sessions,
    contender_names,
    round_rows,
    score_session,
)
from services.queries.seasons import (
    SeasonQuestion,
    chosen_classes,
    read_season,
    rounds_of,
)
from services.queries.sessions import PositionedEvents, SessionQuestion
from services.queries.tables import sporting_tables
from services.storage.decision_log import decide
from services.storage.event_log import Log

SOURCE = "season"
"""The source of the events that these commands append."""

MOST_POINTS = 10_000
"""The most points that one adjustment gives or takes."""

season = typer.Typer(no_args_is_help=True)

_ROUND = re.compile(
    r"(?P<name>.+?)(?:\s+(?P<length>\d{1,3}:\d\d))?(?:\s*\[(?P<classes>[^]]*)\])?"
    r"(?:\s*\((?P<races>[^)]*)\))?\s*"
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
    """``Sebring 12:00 [GTP LMP2] (sprint main)``: a name, perhaps length, classes and races.

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
        races=tuple((match["races"] or "").split()),
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
            help='Its rounds in order, as "NAME [H:MM] [[CLASS CLASS]] [(SCALE SCALE)]": the '
            "length decides which points there are; classes are named where not all run, and the "
            "scale of each race where there are several.",
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
    _check_scales(pack_named(rules), (scale for one in opened.rounds for scale in one.races))
    with_log(store, data, lambda log: _open(log, name, opened))
    echo(f"{name}: {title}; {_rounds_text(opened)}, {', '.join(opened.classes)}")


def _check_scales(pack: RegulationPack, scales: Iterable[str]) -> None:
    """Raise BadParameter for a scale that the pack does not have."""
    names = [one.name for one in pack.points.scales]
    for scale in scales:
        if scale not in names:
            raise typer.BadParameter(f"no scale {scale!r}; there are {', '.join(names)}")


def _rounds_text(opened: SeasonOpened) -> str:
    return "1 round" if len(opened.rounds) == 1 else f"{len(opened.rounds)} rounds"


async def _open(log: Log, name: str, opened: SeasonOpened) -> None:
    there = AppendRefused(
        f"there is a log {name!r} already; choose another name, or change the season's calendar "
        "with `season amend`, `season extend` and `season cancel`"
    )
    if await log.exists(name) and await log.length(name):
        raise there  # before the append, which takes the same event for one sent twice
    try:
        await log.append(name, [opened], expected=START)
    except PositionConflict:
        raise there from None


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
    changed = (
        {}
        if known_at
        else with_log(store, data, lambda log: changed_sessions(log, answer, read_with_warning))
    )
    rows = round_rows(answer.season, changed)
    if form is OutputFormat.TABLE:
        rows = [
            {**row, "name": f"{row['name']} (cancelled)"} if row["cancelled"] else row
            for row in rows
        ]
    print_rows(sporting_tables.SEASON, rows, form, f"{answer.title}\n")
    if form is OutputFormat.TABLE:
        for session in changed:
            add = f"lapstream season add {name} {session} --round {changed[session]}"
            echo(f"{session} has changed since it was scored: `{add}`")
        ignored = dict.fromkeys((one.session, one.round) for one in answer.season.ignored)
        for scored_twice, number in ignored:
            echo(f"{scored_twice} scores once: its result as round {number} is ignored")


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
    race_number: Annotated[
        int | None,
        typer.Option(
            "--race",
            metavar="N",
            min=1,
            max=10,
            help="Which of several races of the round. Default: the first without a result.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part", metavar="race|qualifying", help="What it has to be. Default: what it is."
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="NAME",
            help="A scale of the pack other than the usual, as of a sprint.",
        ),
    ] = None,
    percent_run: Annotated[
        int | None,
        typer.Option(
            "--percent-run",
            metavar="N",
            min=0,
            max=100,
            help="How much of the race was run, for reduced points. Default: as its length says.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="In place of the result of another session, or of this one as another round.",
        ),
    ] = False,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Score sessions as rounds, by their present classifications with all penalties.

    A session added again, as after a decision, replaces its earlier result. A session with
    only a declared result is scored from that. If the pack has a cup, a race is also scored
    as it stood at the cup's marks. Nothing is scored if one of the sessions cannot be.
    """
    options = ScoringOptions(number, race_number, part, scale, percent_run, replace)

    async def added(log: Log) -> list[str]:
        kept, existing = await read_season(log, name)
        lines: list[str] = []
        events: list[AnyEvent] = []
        for session in sessions:
            recorded = await read_with_warning(log, SessionQuestion(session))
            scoring = score_session(kept, name, session, recorded.timeline, options)
            moved = withdrawn_events(
                (event for _, event in existing), session, scoring.number, scoring.race
            )
            if moved:
                kept = kept.without_session(session)
            kept = kept.with_scored(one for one in scoring.events if isinstance(one, RoundScored))
            lines.append(scoring.line)
            events += [*moved, *scoring.events]
        if events:
            await append_decided(log, name, existing, events, by)
        return lines

    try:
        lines = with_log(store, data, added)
    except NotScorable as error:
        raise typer.BadParameter(str(error)) from None
    for line in lines:
        echo(line)


async def append_decided(
    log: Log, name: str, existing: PositionedEvents, events: Sequence[AnyEvent], by: str | None
) -> None:
    """Append these events to a season's log, by ``by`` or else the user who is logged in."""
    head: dict[str, Any] = {"at": _now(existing), "source": SOURCE, "by": by or login()}

    def numbered(first: int) -> list[AnyEvent]:
        return [
            event.model_copy(update={**head, "source_seq": first + index})
            for index, event in enumerate(events)
        ]

    await decide(log, name, SOURCE, numbered, len(events))


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
        float,
        typer.Argument(metavar="POINTS", help="Given, or (below 0, after --) taken; as 5 or 0.5."),
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
    """Give points to a contender, or take some, by decision.

    A contender is whoever is entered in a result of the season, with points or without.
    """
    if not abs(points) <= MOST_POINTS:
        raise typer.BadParameter(
            f"{points} points are not between -{MOST_POINTS} and {MOST_POINTS}"
        )
    given = tidy(points)

    async def adjusted(log: Log) -> None:
        kept, existing = await read_season(log, name)
        if number is not None and number > rounds_of(kept):
            raise UnknownRound(number, rounds_of(kept))
        chosen = chosen_classes(kept, car_class)[0] if car_class else None
        await _check_contender(log, kept, of, who, chosen)
        event = PointsAdjusted(
            at=0,
            source=SOURCE,
            source_seq=0,
            championship=of.value,
            car_class=chosen,
            round=number,
            name=who,
            points=given,
            reason=reason,
        )
        await append_decided(log, name, existing, [event], by)

    with_log(store, data, adjusted)
    echo(f"{name}: {who} {given:+} points ({reason})")


async def _check_contender(log: Log, kept: Season, of: Of, who: str, car_class: str | None) -> None:
    """Raise UnknownContender unless somebody of that name is entered in a session scored."""
    name = kept.name(of.value, who)
    if name in kept.entered(of.value, car_class):
        return
    known = await contender_names(log, kept, of.value, car_class, read_with_warning)
    if name not in known:
        near = difflib.get_close_matches(who, known, n=3, cutoff=0.5)
        raise UnknownContender(who, of.value, tuple(near or sorted(known)[:10]))


# -- The calendar --------------------------------------------------------------------------

Round = Annotated[int, typer.Argument(metavar="ROUND", min=1, max=100, help="Its number.")]


@season.command("cancel")
def cancel(
    name: SeasonName,
    number: Round,
    reason: GivenReason,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Cancel a round: no race of it is left, and it is no round that could be dropped."""
    _amend(name, {"round": number, "cancelled": True, "reason": reason}, by, store, data)


@season.command("reinstate")
def reinstate(
    name: SeasonName,
    number: Round,
    reason: GivenReason,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Take back that a round is cancelled."""
    _amend(name, {"round": number, "cancelled": False, "reason": reason}, by, store, data)


@season.command("amend")
def amend(
    name: SeasonName,
    number: Round,
    reason: GivenReason,
    new_name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Another name.")
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Another date.")
    ] = None,
    circuit: Annotated[
        str | None, typer.Option("--circuit", metavar="NAME", help="Another circuit.")
    ] = None,
    length: Annotated[
        str | None, typer.Option("--length", metavar="H:MM", help="Another scheduled length.")
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--classes", metavar="CLASS,...", help="The classes that run in it."),
    ] = None,
    races: Annotated[
        list[str] | None,
        typer.Option("--races", metavar="SCALE,...", help="The points scale of each of its races."),
    ] = None,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Move or rename a round, or change its length or classes."""
    changes = {
        "name": new_name,
        "date": _date(date) if date else None,
        "circuit": circuit,
        "time_limit_ms": _length(length) if length else None,
        "classes": tuple(_listed(classes)) if classes else None,
        "races": tuple(_listed(races)) if races else None,
    }
    if not any(changes.values()):
        raise typer.BadParameter(
            "give what changes: --name, --date, --circuit, --length, --classes, --races"
        )
    _amend(name, {"round": number, "reason": reason, **changes}, by, store, data)


@season.command("extend")
def extend(
    name: SeasonName,
    added: Annotated[
        str, typer.Argument(metavar="ROUND", help='As "NAME [H:MM] [[CLASS CLASS]]".')
    ],
    reason: GivenReason,
    by: By = None,
    store: Store = None,
    data: Data = None,
) -> None:
    """Add a round at the end of the calendar."""
    new_round = parse_round(added)
    changes = {
        "round": None,
        "name": new_round.name,
        "time_limit_ms": new_round.time_limit_ms,
        "classes": new_round.classes or None,
        "races": new_round.races or None,
        "reason": reason,
    }
    _amend(name, changes, by, store, data)


def _date(text: str) -> str:
    """The date. Raises BadParameter."""
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date such as 2024-11-02") from None


def _length(text: str) -> int:
    """``6:00`` in ms. Raises BadParameter."""
    if re.fullmatch(r"\d{1,3}:[0-5]\d", text) and (length := parse_clock(f"{text}:00")):
        return length
    raise typer.BadParameter(f"{text!r} is not a length such as 6:00")


def _amend(name: str, changes: dict[str, Any], by: str | None, store: Store, data: Data) -> None:
    """Append a change of the calendar, and print the round as it is then; no round is a new one."""

    async def amended(log: Log) -> str:
        kept, existing = await read_season(log, name)
        number = changes["round"] or rounds_of(kept) + 1
        if changes["round"] is not None and number > rounds_of(kept):
            raise UnknownRound(number, rounds_of(kept))
        members = {**changes, "round": number}
        _check_scales(kept.pack, changes.get("races") or ())
        if changes.get("classes"):
            members["classes"] = tuple(chosen_classes(kept, one)[0] for one in changes["classes"])
        try:
            event = RoundAmended(at=0, source=SOURCE, source_seq=0, **members)
        except ValidationError as invalid:
            fault = invalid.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise typer.BadParameter(f"{where}: {fault['msg']}, with {fault['input']!r}") from None
        await append_decided(log, name, existing, [event], by)
        kept.apply(event)
        return _round_text(kept, number)

    echo(f"{name}: {with_log(store, data, amended)}")


def _round_text(kept: Season, number: int) -> str:
    _, planned, cancelled = kept.round(number)
    length = planned.time_limit_ms and format_clock(planned.time_limit_ms).split(".")[0]
    classes = f"[{' '.join(planned.classes)}]" if planned.classes else None
    races = f"({' '.join(planned.races)})" if planned.races else None
    facts = [planned.name, planned.circuit, planned.date, length, classes, races]
    scored = any(result.round == number for result in kept.scored)
    if cancelled:
        facts.append("cancelled" + ("; what was scored in it still counts" if scored else ""))
    return f"round {number}: {', '.join(str(fact) for fact in facts if fact)}"


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
            await append_decided(log, name, existing, [opened], by)

    with_log(store, data, amended)
    echo(f"{name}: {', '.join(f'{one.name} is {one.means}' for one in more)}")


@season.command("check")
def check(
    name: SeasonName,
    known_at: KnownAt = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Near-equal names of drivers, teams and makes that may be one, with the command that joins.

    Names that stand in one result together are not listed: they are two contenders.
    """
    answer = query_season(SeasonQuestion(name, known_at), store, data)
    rows = list(similar_name_rows(answer.season, name))
    if form is OutputFormat.TABLE and not rows:
        echo(f"{name}: no near-equal names")
        return
    print_rows(sporting_tables.SEASON_CHECK, rows, form, f"{answer.title}\n")
    if form is OutputFormat.TABLE:
        echo("\n".join(["", *(row["command"] for row in rows if row["command"])]))


@season.command("contradictions")
def contradictions(
    name: SeasonName,
    form: As = OutputFormat.TABLE,
) -> None:
    """Where published tables differ from what was scored: both figures and their sources."""
    rows = contradiction_rows(name)
    sources = "\n".join(f"{short}: {what}" for short, what in published_sources().items())
    print_rows(sporting_tables.CONTRADICTIONS, rows, form, f"{sources}\n")
