"""The commands for results and their revisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from events.errors import NothingTimed
from projections import views
from projections.results.classification import Convention
from projections.results.official_result import official_result
from projections.results.revisions import Revision, revisions
from projections.results.scheduled_length import length_note
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    KnownAt,
    OutputFormat,
    Rules,
    Session,
    Store,
)
from services.cli.output import print_rows, session_heading
from services.cli.store_queries import query_race
from services.queries.packs import pack_of
from services.queries.results import changed_rows, result_of, revision_numbered, revision_row
from services.queries.sessions import SessionQuestion, chosen_cars
from services.queries.tables import race_tables, sporting_tables
from services.queries.tables.columns import Row


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("results", rich_help_panel="Ask")(results)
    app.command("revisions", rich_help_panel="Ask")(all_revisions)


def results(
    session: Session,
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    revision: Annotated[
        int | None,
        typer.Option(
            "--revision",
            metavar="N",
            help="An earlier result, by the number that `revisions` lists.",
        ),
    ] = None,
    diff: Annotated[
        tuple[int, int] | None,
        typer.Option("--diff", metavar="A B", help="What changed from revision A to revision B."),
    ] = None,
    car_class: CarClass = None,
    car: Cars = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The classification, by the rules of the session or by others, with points."""
    if sum(one is not None for one in (at, revision, diff)) > 1:
        raise typer.BadParameter("choose one of --at, --revision and --diff")
    race, recorded = query_race(SessionQuestion(session, at, known_at), store, data)
    pack = pack_of(race, rules)
    if diff is not None:
        before, after = (revision_numbered(recorded.events, number, pack) for number in diff)
        rows: Sequence[Row] = changed_rows(recorded.events, before, after, pack)
        table, heading = sporting_tables.DIFFERENCES, f"{_heading(before)}\n{_heading(after)}\n"
    else:
        table, heading = race_tables.RESULTS, ""
        if revision is not None:
            chosen = revision_numbered(recorded.events, revision, pack)
            race, rows = result_of(recorded.events, chosen, pack)
            heading = f"{_heading(chosen)}\n"
        elif not race.order.passings and race.session.declared and official_result(race) is None:
            raise NothingTimed(session)
        else:
            rows = views.results(race, pack)
    cars = chosen_cars(race, car_class, car or ())
    if cars is not None:
        rows = [row for row in rows if row["car"] in cars]
    note = length_note(race, pack) if pack else None
    first = f"{note}\n" if note else ""
    print_rows(table, rows, form, first + session_heading(views.session_line(race)) + heading)


def all_revisions(
    session: Session,
    known_at: KnownAt = None,
    rules: Rules = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The results as they followed each other: provisional, amended, declared."""
    race, recorded = query_race(SessionQuestion(session, known_at=known_at), store, data)
    found = revisions(recorded.events, Convention.of(pack_of(race, rules)))
    heading = session_heading(views.session_line(race))
    print_rows(sporting_tables.REVISIONS, [revision_row(one) for one in found], form, heading)


def _heading(revision: Revision) -> str:
    declared = ", declared" if revision.declared else ""
    return f"Revision {revision.number} ({revision.status}{declared}): {revision.rests_on}"
