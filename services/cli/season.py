"""The commands that keep a season: open it, score its sessions, adjust its points."""

from __future__ import annotations

import datetime as dt
import difflib
import re
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError

from events import (
    Alias,
    AnyEvent,
    Contest,
    PointsAdjusted,
    RoundAmended,
    RoundScored,
    SeasonOpened,
    SeasonRound,
)
from events.clock import format_clock, parse_clock
from events.errors import (
    AppendRefused,
    NothingPublished,
    PositionConflict,
    UnknownContender,
    UnknownRound,
    WrongSeries,
)
from projections.championship.scoring import AS_DECIDED, cup_marks, missing_events, session_results
from projections.championship.season import Result, Season
from projections.race import Race
from projections.results.points import tidy
from projections.results.provisional import entered_row
from projections.results.scheduled_length import reconstructed_note, scheduled_length
from projections.rules.packs import RegulationPack
from replay.entries import START, parse_position
from services.cli.console import echo
from services.cli.decisions import By, GivenReason, login
from services.cli.options import As, Data, KnownAt, Of, OutputFormat, SeasonName, Sessions, Store
from services.cli.output import print_rows
from services.cli.shell import with_log
from services.cli.store_queries import query_season, read_with_warning
from services.queries.listings import season_rows
from services.queries.names import find_name
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
    changed = {} if known_at else with_log(store, data, lambda log: _changed(log, answer))
    rows = _rounds(answer.season, changed)
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
    for number, one, cancelled in scored.rounds:
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
                "cancelled": cancelled,
                "classes": list(one.classes),
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
        bool, typer.Option("--replace", help="In place of the result of another session.")
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
    wanted = _Wanted(number, race_number, part, scale, percent_run, replace)

    async def added(log: Log) -> list[str]:
        kept, existing = await read_season(log, name)
        lines: list[str] = []
        events: list[AnyEvent] = []
        for session in sessions:
            line, more = await _plan(log, kept, name, session, wanted)
            kept = kept.with_scored(one for one in more if isinstance(one, RoundScored))
            lines.append(line)
            events += more
        if events:
            await _append(log, name, existing, events, by)
        return lines

    for line in with_log(store, data, added):
        echo(line)


class _Wanted(NamedTuple):
    """The options of `season add`."""

    number: int | None
    race: int | None
    part: str | None
    scale: str | None
    percent_run: int | None
    replace: bool


async def _plan(
    log: Log, kept: Season, name: str, session: str, wanted: _Wanted
) -> tuple[str, list[AnyEvent]]:
    """The events that score a session, and the line that says so."""
    recorded = await read_with_warning(log, SessionQuestion(session))
    race = recorded.timeline.race
    kind = race.session.opened.kind
    if kind == "practice" or wanted.part not in (None, kind):
        needed = wanted.part or "a race or qualifying"
        raise typer.BadParameter(f"{session} is a {kind} session, and {needed} is wanted")
    if wanted.number is None and race.session.opened.round is None:
        raise typer.BadParameter(f"{session} does not say which round it is: give --round")
    try:
        check_series(kept, race, session)
    except WrongSeries as error:
        raise typer.BadParameter(str(error)) from None
    number = round_of(kept, race, wanted.number)
    if kept.rounds[number - 1].cancelled:
        raise AppendRefused(
            f"round {number} is cancelled; `season reinstate {name} {number}` first"
        )
    races = kept.round(number).races
    if wanted.race is not None and wanted.race > races:
        raise AppendRefused(f"round {number} has {races} race{'' if races == 1 else 's'}")
    found = session_results(kept, recorded.timeline, number, session, wanted.race)
    results = _as_wanted(kept, found, wanted)
    _check_shortened(kept, race, results, session)
    if not wanted.replace:
        _check_replaced(kept, results, session)
    events = missing_events(kept, race, results, session)
    classes = dict.fromkeys(one.car_class for one in events if isinstance(one, RoundScored))
    what = ", ".join(classes) or ("points taken" if events else "nothing new")
    if not results:
        entered = {one.car_class for one in race.session.entries.values() if one.car_class}
        running = [one for one in kept.classes if kept.runs(one, number)]
        what = (
            f"nothing to score: it has the classes {', '.join(sorted(entered)) or 'none'}, "
            f"and in this round run {', '.join(running) or 'none'}"
        )
        if entered.intersection(running):
            what = "nothing to score: nobody set a time"
    reduced = next((f"; {one.percent_run} % run" for one in results if _is_reduced(kept, one)), "")
    cups = _cup(kept, race, results)
    which = next((f" {one.race}" for one in results if one.race), "")
    note = reconstructed_note(race) if any(one.time_limit_ms for one in results) else None
    length = f"; {note}" if note else ""
    line = f"{name}: round {number}, {kind}{which}, from {session}: {what}{reduced}{cups}{length}"
    return line, events


def _as_wanted(kept: Season, results: Iterable[RoundScored], wanted: _Wanted) -> list[RoundScored]:
    """The results with the scale and the share run that were given. Raises BadParameter."""
    changes: dict[str, Any] = {}
    if wanted.percent_run is not None:
        changes |= {"percent_run": wanted.percent_run, "reason": AS_DECIDED}
    if wanted.scale is not None:
        names = [one.name for one in kept.pack.points.scales]
        changes["scale"] = find_name(wanted.scale, names)
        if changes["scale"] is None:
            there_are = ", ".join(names)
            raise typer.BadParameter(f"no scale {wanted.scale!r}; there are {there_are}")
        changes["reason"] = AS_DECIDED
    return [one.model_copy(update=changes) if one.part == "race" else one for one in results]


def _is_reduced(kept: Season, result: RoundScored) -> bool:
    percent = result.percent_run
    return percent is not None and kept.pack.points.reduction(percent) is not None


def _check_shortened(
    kept: Season, race: Race, results: Sequence[RoundScored], session: str
) -> None:
    """Raise AppendRefused for a race that a red flag ended and whose length is unknown."""
    if race.track.ended_under_red_at is None or not kept.pack.points.reduced:
        return
    opened = race.session.opened
    planned = kept.time_limit(results[0].round) if results else None
    lengths = (scheduled_length(race).ms, opened.laps_limit, opened.distance_limit_m, planned)
    if not any(lengths) and all(one.percent_run is None for one in results):
        raise AppendRefused(
            f"a red flag ended {session}, and nothing says how long it was to be: "
            "give --percent-run, on which its points depend"
        )


def _check_replaced(kept: Season, results: Iterable[RoundScored], session: str) -> None:
    """Raise AppendRefused if another session has been scored as the same result."""
    for one in results:
        known = kept.scored.get(Result.of(one))
        if known is not None and known.session not in (None, session):
            raise AppendRefused(
                f"the {one.part} of round {one.round} is scored from {known.session}: give "
                f"--replace to score {session} in its place. `season amend --races` names the "
                "scales of several races"
            )


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
        await _append(log, name, existing, [event], by)

    with_log(store, data, adjusted)
    echo(f"{name}: {who} {given:+} points ({reason})")


async def _check_contender(log: Log, kept: Season, of: Of, who: str, car_class: str | None) -> None:
    """Raise UnknownContender unless somebody of that name is entered in a session scored."""
    known = kept.entered(of.value, car_class)
    name = kept.name(of.value, who)
    if name not in known:
        sessions = {one.session for one in kept.scored.values() if one.session is not None}
        for session in sorted(sessions):
            known |= await _entered(log, kept, session, of, car_class)
    if name not in known:
        near = difflib.get_close_matches(who, known, n=3, cutoff=0.5)
        raise UnknownContender(who, of.value, tuple(near or sorted(known)[:10]))


async def _entered(log: Log, kept: Season, session: str, of: Of, car_class: str | None) -> set[str]:
    """The names on a session's entry list, with those of cars that no result has."""
    if not await log.exists(session):  # the season came without its sessions
        return set()
    race = (await read_with_warning(log, SessionQuestion(session))).timeline.race
    entries = [one for one in race.session.entries.values() if car_class in (None, one.car_class)]
    return kept.names_of(of.value, (entered_row(race, one.car) for one in entries))


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
        await _append(log, name, existing, [event], by)
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
            await _append(log, name, existing, [opened], by)

    with_log(store, data, amended)
    echo(f"{name}: {', '.join(f'{one.name} is {one.means}' for one in more)}")


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
