"""The commands about points and titles: of a session, of a season, and who can still win."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from events import Contest
from events.errors import UnknownRound
from projections.championship.scoring import segments_now
from projections.championship.season import Season
from projections.championship.single_session import season_of_session
from projections.championship.titles import Title, TitleContender, title
from projections.results.classification import Convention, classify
from projections.results.points import CONTESTS
from projections.results.provisional import rounds_scored
from projections.results.scheduled_length import length_note
from projections.rules.packs import RegulationPack
from projections.views import session_line
from services.cli.console import echo
from services.cli.options import (
    As,
    At,
    CarClass,
    Data,
    KnownAt,
    LiveSession,
    Of,
    OutputFormat,
    RoundNumber,
    Rules,
    SeasonName,
    Session,
    Store,
    Whose,
)
from services.cli.output import print_rows, print_table, session_heading
from services.cli.store_queries import query_race, query_season
from services.queries.names import find_name
from services.queries.packs import required_pack
from services.queries.published import published_otherwise
from services.queries.seasons import (
    SeasonAnswer,
    SeasonQuestion,
    as_it_stands,
    chosen_classes,
    rounds_of,
)
from services.queries.sessions import SessionQuestion, class_named
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row
from services.queries.titles import (
    clinch_rows,
    contender_sentence,
    decided_rows,
    live_of,
    part_text,
    titles_length_note,
)

POINTS = "Points and titles"
LISTED = 5
"""Contenders listed in a printed table, if no more can win."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("points", rich_help_panel=POINTS)(points)
    app.command("championship", rich_help_panel=POINTS)(championship)
    app.command("clinch", rich_help_panel=POINTS)(clinch)


def points(
    session: Session,
    of: Whose = Of.DRIVERS,
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    series: Annotated[
        str | None,
        typer.Option(
            "--series",
            metavar="NAME",
            help="Of those that are eligible for it. Default: the session's own.",
        ),
    ] = None,
    car_class: CarClass = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """What the session is worth, as it stands, to drivers, teams or manufacturers."""
    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    pack = required_pack(session, race, rules)
    name = class_named(race, car_class) if car_class else None
    rounds = rounds_scored(race, classify(race, Convention.of(pack)), pack=pack)
    season = season_of_session(race, rounds, pack, series)
    note = length_note(race, pack)
    rows = [{**row, "length_note": note} for row in season.standings(of=of.value, car_class=name)]
    heading = f"{session_heading(session_line(race))}{pack.title}, {of}\n"
    heading = f"{note}\n{heading}" if note else heading
    print_rows(sporting_tables.POINTS_TABLE, rows, form, heading)


def championship(
    season: SeasonName,
    after: Annotated[
        int | None,
        typer.Option("--after", metavar="ROUND", min=0, help="As it stood after that round."),
    ] = None,
    of: Whose = Of.DRIVERS,
    car_class: CarClass = None,
    session: LiveSession = None,
    number: RoundNumber = None,
    cup: Annotated[
        str | None,
        typer.Option("--cup", metavar="NAME", help="The cup within it, such as endurance."),
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """A championship: now, after any round, or as it stands in a session that runs."""
    question = SeasonQuestion(season, known_at, rules, session, at, number)
    answer = _answer(question, after, store, data)
    scored = answer.season
    cup = _cup_named(scored.pack, cup) if cup else None
    if answer.race is not None:
        scored, after = _as_it_stands(answer, cup), answer.number
    rows = [
        row
        for name in chosen_classes(scored, car_class)
        for row in scored.standings(of=of.value, car_class=name, after_round=after, cup=cup)
    ]
    when = "" if after is None else f", {'after' if answer.race is None else 'in'} round {after}"
    what = f"{of}{f', {cup} cup' if cup else ''}{when}"
    shown = list(map(_with_drops_marked, rows)) if form is OutputFormat.TABLE else rows
    print_rows(
        sporting_tables.CHAMPIONSHIP,
        shown,
        form,
        f"{_heading(answer, scored.length_note())}{what}\n",
    )
    if form is OutputFormat.TABLE and any(row["dropped"] for row in rows):
        echo("\n(…): a dropped round, which does not count")
    if form is OutputFormat.TABLE and cup is None:
        for line in published_otherwise(season, of.value, {row["class"] for row in rows}):
            echo(f"\n{line}")


def _with_drops_marked(row: Row) -> Row:
    """The row with the points of dropped rounds in parentheses."""
    marked = [
        f"({points})" if number in row["dropped"] else points
        for number, points in enumerate(row["by_round"], start=1)
    ]
    return {**row, "by_round": marked}


def _answer(question: SeasonQuestion, after: int | None, store: Store, data: Data) -> SeasonAnswer:
    """The answer to the question. Raises BadParameter for options that contradict each other."""
    if question.live is None:
        given = {"--at": question.at, "--round": question.number}
        for option, value in given.items():
            if value is not None:
                raise typer.BadParameter(f"{option} needs --session")
    elif after is not None:
        raise typer.BadParameter("choose one of --after and --session")
    answer = query_season(question, store, data)
    if after is not None and after > rounds_of(answer.season):
        raise UnknownRound(after, rounds_of(answer.season))
    return answer


def _cup_named(pack: RegulationPack, wanted: str) -> str:
    """The cup of that name, whatever its case. Raises BadParameter."""
    names = [cup.name for cup in pack.points.cups]
    if (name := find_name(wanted, names)) is not None:
        return name
    there_are = f"there is {', '.join(names)}" if names else "there is none"
    raise typer.BadParameter(f"no cup {wanted!r} under {pack.name}; {there_are}")


def _as_it_stands(answer: SeasonAnswer, cup: str | None) -> Season:
    """The season as it would be if the session ended now, the segments of its cups included."""
    if answer.race is None or answer.recorded is None:
        raise AssertionError("there is a session")
    scored = as_it_stands(answer.season, answer.race, answer.number)
    if cup is None:
        return scored
    segments = segments_now(scored, answer.recorded.timeline, answer.race, answer.number)
    return scored.with_scored(one for one in segments if one.car_class in answer.season.classes)


def clinch(
    season: SeasonName,
    session: LiveSession = None,
    number: RoundNumber = None,
    of: Annotated[
        Of | None, typer.Option("--of", help="Whose championship. Default: all three.")
    ] = None,
    car_class: CarClass = None,
    after: Annotated[
        int | None,
        typer.Option("--after", metavar="ROUND", min=0, help="As it stood after that round."),
    ] = None,
    when: Annotated[
        bool, typer.Option("--when", help="When each title was decided in the session, instead.")
    ] = False,
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Who can still win each title, and with which result: before a race, and during it.

    With --session a race that runs is the field: whoever has retired passes nobody.
    """
    if when and session is None:
        raise typer.BadParameter("--when needs --session")
    question = SeasonQuestion(season, known_at, rules, session, at, number)
    answer = _answer(question, after, store, data)
    contests: Sequence[Contest] = (of.value,) if of else CONTESTS
    fights = [
        (contest, name) for name in chosen_classes(answer.season, car_class) for contest in contests
    ]
    live = live_of(answer)
    if when:
        note = titles_length_note(answer.season, (), live)
        rows = [
            row for contest, name in fights for row in decided_rows(answer, contest, name, note)
        ]
        print_rows(sporting_tables.CLINCH_WHEN, rows, form, _heading(answer, note))
        if form is OutputFormat.TABLE:
            echo("\n".join(["", *(row["sentence"] for row in rows if row["sentence"])]))
        return
    titles = [title(answer.season, *fight, live, after) for fight in fights]
    note = titles_length_note(answer.season, titles, live)
    if form is not OutputFormat.TABLE:
        rows = [row for one in titles for row in clinch_rows(one, note)]
        print_rows(sporting_tables.CLINCH, rows, form)
        return
    echo(_heading(answer, note), bold=True, nl=False)
    if not any(one.contenders for one in titles):
        echo("\nno contenders")
    for one in titles:
        if one.contenders:
            heading = f"\n{one.car_class}, {one.of}{_what_is_left(one)}\n"
            heading += f"{one.note}\n" if one.note else ""
            listed = one._replace(contenders=_listed(one))
            print_table(sporting_tables.CLINCH, list(clinch_rows(listed, note)), heading)
            echo("\n".join(["", *_sentences(one), *_unlisted(one, listed)]))


def _listed(fight: Title) -> tuple[TitleContender, ...]:
    """All who can win, and with them the first of those who cannot."""
    can = sum(one.status != "out" for one in fight.contenders)
    out = [one for one in fight.contenders if one.status == "out"]
    left_out = {one.names for one in out[max(0, LISTED - can) :]}
    return tuple(one for one in fight.contenders if one.names not in left_out)


def _unlisted(fight: Title, listed: Title) -> Sequence[str]:
    """How many contenders the table does not show."""
    more = len(fight.contenders) - len(listed.contenders)
    return [f"{more} more {'is' if more == 1 else 'are'} out of reach."] if more else []


def _sentences(fight: Title) -> Sequence[str]:
    """The sentences of those who can win, and of the first of those who cannot."""
    can = [one for one in fight.contenders if one.status != "out"]
    out = [one for one in fight.contenders if one.status == "out"]
    sentences = [contender_sentence(fight, one) for one in [*can, *out[: max(0, 3 - len(can))]]]
    return [one for one in dict.fromkeys(sentences) if one]  # that of a crew once


def _what_is_left(fight: Title) -> str:
    if not fight.left:
        return ": decided"
    return ": " + ", ".join(map(part_text, fight.left)) + " left"


def _heading(answer: SeasonAnswer, note: str | None) -> str:
    title = f"{note}\n{answer.title}" if note else answer.title
    if answer.race is None:
        return f"{title}\n"
    return f"{title}\n{session_heading(session_line(answer.race))}"
