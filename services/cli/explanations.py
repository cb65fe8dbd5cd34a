"""The commands for explanations and hypotheses."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from projections.results.classification import Convention
from projections.results.time_lost import lost_on_road
from projections.results.whatif import (
    Hypothesis,
    effects_of,
    parse_penalty,
    parse_withdrawn,
    suppose,
)
from projections.views import session_line
from services.cli.console import echo
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    KnownAt,
    Of,
    OutputFormat,
    RoundNumber,
    Rules,
    Session,
    Store,
    Whose,
)
from services.cli.output import print_changes, print_rows, session_heading
from services.cli.store_queries import query_race, query_season
from services.queries.explanations import (
    ClassificationPoints,
    changed_rows,
    statements_about,
    titles_changed,
)
from services.queries.packs import pack_named, pack_of
from services.queries.seasons import SeasonQuestion, as_it_stands, chosen_classes
from services.queries.sessions import SessionQuestion, chosen_cars
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row


class About(StrEnum):
    """What statements are about."""

    POSITION = "position"
    GAP = "gap"
    RESULT = "result"
    STATUS = "status"
    PENALTY = "penalty"
    BEST_LAP = "best_lap"
    CORRECTION = "correction"
    POINTS = "points"
    FORECAST = "forecast"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("explain", rich_help_panel="Ask")(explain_car)
    app.command("whatif", rich_help_panel="Ask")(what_if)


# -- Explanations --------------------------------------------------------------------------


def explain_car(
    session: Session,
    car: Annotated[str, typer.Argument(metavar="CAR", help="The car's number, as on the car.")],
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    about: Annotated[
        About | None, typer.Option("--about", help="Only statements about this.")
    ] = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Why a car has its position, its gap, its result and its points, in sentences.

    With `--about forecast`: why it has its odds, which is no part of the rest.
    """
    race, recorded = query_race(SessionQuestion(session, at, known_at), store, data)
    pack = pack_of(race, rules)
    rows = statements_about(race, recorded.events, car, pack, about and about.value)
    if form is OutputFormat.TABLE:
        echo(session_heading(session_line(race)), bold=True)
        echo("\n".join(_with_sources(row) for row in rows))
    else:
        print_rows(sporting_tables.EXPLAIN, rows, form)


def _with_sources(row: Row) -> str:
    """A statement's sentence, and below it the rule, its source and the log's positions."""
    rule = row["rule"]
    if rule and row["rule_source"]:
        rule = f"{rule}: {row['rule_source']}"
    positions = [one["position"] for one in row["events"] if one["position"]]
    behind = "; ".join(filter(None, (rule, " ".join(positions))))
    return f"{row['text']}\n    [{behind}]" if behind else row["text"]


# -- Hypotheses ----------------------------------------------------------------------------


def what_if(
    session: Session,
    penalty: Annotated[
        list[str] | None,
        typer.Option(
            "--penalty",
            metavar='"CAR KIND [AMOUNT]"',
            help='A penalty, such as "66 time 30"; may be given several times.',
        ),
    ] = None,
    retire: Annotated[
        list[str] | None,
        typer.Option(
            "--retire", metavar="CAR", help="A car that retires; may be given several times."
        ),
    ] = None,
    finish_now: Annotated[
        bool, typer.Option("--finish-now", help="The race is stopped here and now.")
    ] = False,
    delete_time: Annotated[
        list[str] | None,
        typer.Option(
            "--delete-time",
            metavar='"CAR LAP"',
            help='A lap whose time is withdrawn, such as "31 8"; may be given several times.',
        ),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option("--rules", metavar="PACK", help="It is scored under these rules instead."),
    ] = None,
    season: Annotated[
        str | None,
        typer.Option(
            "--season",
            metavar="SEASON",
            help="Show the title table, too; as JSON and CSV, instead.",
        ),
    ] = None,
    number: RoundNumber = None,
    of: Whose = Of.DRIVERS,
    at: At = None,
    known_at: KnownAt = None,
    car_class: CarClass = None,
    car: Cars = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """What the order, the points and the title would be if. Nothing is appended."""
    hypothesis = Hypothesis(
        tuple(parse_penalty(one) for one in penalty or ()),
        tuple(retire or ()),
        finish_now,
        tuple(parse_withdrawn(one) for one in delete_time or ()),
    )
    if hypothesis == Hypothesis() and rules is None:
        raise typer.BadParameter(
            "give at least one of --penalty, --retire, --finish-now, --delete-time and --rules"
        )
    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    supposed = suppose(race, hypothesis)
    then = pack_named(rules) if rules else pack_of(race)
    found = effects_of(race, hypothesis, Convention.of(then))
    rows = changed_rows(
        ClassificationPoints.of(race, pack_of(race)),
        ClassificationPoints.of(supposed, then, lost_on_road(found)),
    )
    cars = chosen_cars(race, car_class, car or ())
    if cars is not None:
        rows = [row for row in rows if row["car"] in cars]
    heading = session_heading(session_line(race))
    heading += "".join(f"{effect.text}\n" for effect in found)
    if season is None:
        print_changes(rows, form, heading, is_race=race.session.is_race)
        return
    question = SeasonQuestion(season, known_at, None, session, at, number)
    answer = query_season(question, store, data)
    season_then = answer.season.under(pack_named(rules)) if rules else answer.season
    titles = titles_changed(
        as_it_stands(answer.season, race, answer.number),
        as_it_stands(season_then, supposed, answer.number, lost_on_road(found)),
        of.value,
        chosen_classes(answer.season, car_class),
        answer.number,
    )
    if form is OutputFormat.TABLE:
        print_changes(rows, form, heading, is_race=race.session.is_race)
    print_rows(sporting_tables.WHATIF_TITLE, titles, form, f"\n{answer.title}, {of}\n")
