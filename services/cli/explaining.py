"""The commands that say why, and what would be if."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from events import AnyEvent, Contest
from projections.championship.season import Season
from projections.race import Race
from projections.results.classification import Classified, Convention, classify
from projections.results.provisional import points_by_car, rounds_scored
from projections.results.whatif import Hypothesis, changes, parse_penalty, suppose
from projections.rules.packs import Number, RegulationPack
from projections.views import session_line
from projections.views.explain import Statement, explain
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    Format,
    KnownAt,
    Of,
    RoundNumber,
    Rules,
    Session,
    Store,
    Whose,
)
from services.cli.output import give_out, session_heading
from services.queries.packs import pack_named, pack_of
from services.queries.seasons import SeasonQuestion, as_it_stands, ask_season, chosen_classes
from services.queries.sessions import Question, ask, chosen_cars
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row

ASSUMED = "assumed"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("explain", rich_help_panel="Ask")(explain_car)
    app.command("whatif", rich_help_panel="Ask")(what_if)


# -- Why -----------------------------------------------------------------------------------


def explain_car(
    session: Session,
    car: Annotated[str, typer.Argument(metavar="CAR", help="The car's number, as on the car.")],
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    form: As = Format.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Why a car has its position, its gap, its result and its points, in sentences."""
    race, recorded = ask(Question(session, store, data, at, known_at))
    pack = pack_of(race, rules)
    rows = statements(race, recorded.told, car, pack)
    if form is Format.TABLE:
        typer.secho(session_heading(session_line(race)), bold=True)
        typer.echo("\n".join(_spoken(row) for row in rows))
    else:
        give_out(sporting_tables.EXPLAIN, rows, form)


def statements(
    race: Race, told: Iterable[tuple[str, AnyEvent]], car: str, pack: RegulationPack | None
) -> Sequence[Row]:
    """What is to be said of a car as it stood, with the log's positions. Raises UnknownCar.

    ``told`` are all events with their positions, in the order of the log.
    """
    told = list(told)
    said = explain(race, (event for _, event in told), car, pack)
    positions: dict[tuple[str, int], str] = {}
    for position, event in told:
        positions.setdefault(event.identity, position)
    return [_row(one, positions, pack) for one in said]


def _row(
    statement: Statement,
    positions: Mapping[tuple[str, int], str],
    pack: RegulationPack | None,
) -> Row:
    rule = statement.rule
    return {
        "about": statement.about,
        "text": statement.text,
        "rule": rule,
        "rule_source": _source(rule, pack),
        "events": [
            {"position": positions.get(identity), "source": identity[0], "source_seq": identity[1]}
            for identity in statement.events
        ],
    }


def _source(rule: str | None, pack: RegulationPack | None) -> str | None:
    """Where the pack has the rule of that key from; None for what is no rule of a pack."""
    if rule is None or pack is None or not pack.has_rule(rule):
        return None
    return pack.source_of(rule) or ASSUMED


def _spoken(row: Row) -> str:
    """The sentence, and below it the rule with its source and the log's positions."""
    rule = row["rule"]
    if rule and row["rule_source"]:
        rule = f"{rule}: {row['rule_source']}"
    positions = [one["position"] for one in row["events"] if one["position"]]
    behind = "; ".join(filter(None, (rule, " ".join(positions))))
    return f"{row['text']}\n    [{behind}]" if behind else row["text"]


# -- What if -------------------------------------------------------------------------------


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
    form: As = Format.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """What the order, the points and the title would be if. Nothing is appended."""
    hypothesis = Hypothesis(
        tuple(parse_penalty(one) for one in penalty or ()), tuple(retire or ()), finish_now
    )
    if hypothesis == Hypothesis() and rules is None:
        raise typer.BadParameter("suppose something: --penalty, --retire, --finish-now or --rules")
    race, _ = ask(Question(session, store, data, at, known_at))
    supposed = suppose(race, hypothesis)
    then = pack_named(rules) if rules else pack_of(race)
    rows = changed_rows(Standing.of(race, pack_of(race)), Standing.of(supposed, then))
    cars = chosen_cars(race, car_class, car or ())
    if cars is not None:
        rows = [row for row in rows if row["car"] in cars]
    heading = session_heading(session_line(race))
    if season is None:
        give_out(sporting_tables.WHATIF, rows, form, heading)
        return
    asked = ask_season(SeasonQuestion(season, store, data, known_at, None, session, at, number))
    season_then = asked.season.under(pack_named(rules)) if rules else asked.season
    titles = titles_changed(
        as_it_stands(asked.season, race, asked.number),
        as_it_stands(season_then, supposed, asked.number),
        of.value,
        chosen_classes(asked.season, car_class),
        asked.number,
    )
    if form is Format.TABLE:
        give_out(sporting_tables.WHATIF, rows, form, heading)
    give_out(sporting_tables.WHATIF_TITLE, titles, form, f"\n{asked.title}, {of}\n")


class Standing(NamedTuple):
    """A classification and what its places are worth."""

    rows: Sequence[Classified]
    points: Mapping[str, Number]

    @classmethod
    def of(cls, race: Race, pack: RegulationPack | None) -> Standing:
        """A session as it stands under a pack."""
        rows = classify(race, Convention.of(pack))
        return cls(rows, points_by_car(race, rounds_scored(race, rows), pack))


def changed_rows(now: Standing, then: Standing) -> Sequence[Row]:
    """Every car now and then, in the order it would be."""
    return [
        {
            "class": change.car_class,
            **change._asdict(),
            "points_now": now.points.get(change.car),
            "points_then": then.points.get(change.car),
        }
        for change in changes(now.rows, then.rows)
    ]


def differing_rows(now: Standing, then: Standing) -> Sequence[Row]:
    """The cars of which anything is other than now."""
    differing = {one.car for one in changes(now.rows, then.rows) if one.changed}
    return [
        row
        for row in changed_rows(now, then)
        if row["car"] in differing or row["points_now"] != row["points_then"]
    ]


def titles_changed(
    now: Season, then: Season, of: Contest, classes: Sequence[str], after: int
) -> Sequence[Row]:
    """The championships as they would stand after a round, with each one's rank and points now."""
    rows: list[Row] = []
    for name in classes:
        before = {
            row["name"]: row for row in now.standings(of=of, car_class=name, after_round=after)
        }
        for row in then.standings(of=of, car_class=name, after_round=after):
            was = before.get(row["name"])
            rows.append(
                {
                    "rank_then": row["rank"],
                    "rank_now": was["rank"] if was else None,
                    "name": row["name"],
                    "car": row["car"],
                    "class": name,
                    "points_then": row["points"],
                    "points_now": was["points"] if was else None,
                }
            )
    return rows
