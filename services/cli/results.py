"""The result: as it stands, as it once stood, and what changed between the two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from events import AnyEvent, ResultDeclared
from events.errors import NothingTimed, UnknownRevision
from projections import views
from projections.race import Race
from projections.results.classification import Convention
from projections.results.revisions import Revision, differences, revisions
from projections.rules.packs import RegulationPack
from projections.timeline import Timeline
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    Format,
    KnownAt,
    Rules,
    Session,
    Store,
)
from services.cli.output import give_out, session_heading
from services.queries.packs import pack_of
from services.queries.sessions import Question, ask, chosen_cars, learned_at
from services.queries.tables import race_tables, sporting_tables
from services.queries.tables.columns import Row

Result = tuple[Race, Sequence[Row]]
Told = Sequence[tuple[str, AnyEvent]]
"""Events with their positions, in the order of the log."""


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
            "--revision", metavar="N", help="As it once was: a number that `revisions` lists."
        ),
    ] = None,
    diff: Annotated[
        tuple[int, int] | None,
        typer.Option("--diff", metavar="A B", help="What changed from revision A to revision B."),
    ] = None,
    car_class: CarClass = None,
    car: Cars = None,
    form: As = Format.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The classification, by the rules of the session or by others, with points."""
    if sum(one is not None for one in (at, revision, diff)) > 1:
        raise typer.BadParameter("choose one of --at, --revision and --diff")
    race, recorded = ask(Question(session, store, data, at, known_at))
    pack = pack_of(race, rules)
    if diff is not None:
        before, after = (revision_numbered(recorded.told, number, pack) for number in diff)
        rows: Sequence[Row] = changed_rows(recorded.told, before, after, pack)
        table, heading = sporting_tables.DIFFERENCES, f"{_said(before)}\n{_said(after)}\n"
    else:
        table, heading = race_tables.RESULTS, ""
        if revision is not None:
            chosen = revision_numbered(recorded.told, revision, pack)
            race, rows = result_of(recorded.told, chosen, pack)
            heading = f"{_said(chosen)}\n"
        elif not race.order.passings and race.session.declared:
            raise NothingTimed(session)
        else:
            rows = views.results(race, pack)
    cars = chosen_cars(race, car_class, car or ())
    if cars is not None:
        rows = [row for row in rows if row["car"] in cars]
    give_out(table, rows, form, session_heading(views.session_line(race)) + heading)


def all_revisions(
    session: Session,
    known_at: KnownAt = None,
    rules: Rules = None,
    form: As = Format.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The results as they followed each other: provisional, amended, declared."""
    race, recorded = ask(Question(session, store, data, known_at=known_at))
    found = revisions(recorded.told, Convention.of(pack_of(race, rules)))
    heading = session_heading(views.session_line(race))
    give_out(sporting_tables.REVISIONS, [revision_row(one) for one in found], form, heading)


def revision_numbered(told: Told, number: int, pack: RegulationPack | None) -> Revision:
    """The revision of that number. Raises UnknownRevision."""
    found = revisions(told, Convention.of(pack))
    if not 1 <= number <= len(found):
        raise UnknownRevision(number, len(found))
    return found[number - 1]


def result_of(told: Told, revision: Revision, pack: RegulationPack | None) -> Result:
    """The race as it was known at a revision, and the rows of that result."""
    positions = [position for position, _ in told]
    known = told[: positions.index(revision.position) + 1]
    timeline = Timeline()
    timeline.add(event for _, event in known)
    race = timeline.race
    declared = known[-1][1]
    if revision.declared and isinstance(declared, ResultDeclared):
        return race, views.declared_results(race, declared, pack)
    return race, views.results(race, pack)


def changed_rows(
    told: Told, before: Revision, after: Revision, pack: RegulationPack | None
) -> Sequence[Row]:
    """What became of each car that differs between two revisions, in positions, times, points."""
    was, now = (
        {row["car"]: row["points"] for row in result_of(told, one, pack)[1]}
        for one in (before, after)
    )
    rescored = {car for car in {*was, *now} if was.get(car) != now.get(car)}
    rows = []
    for change in differences(before.rows, after.rows, rescored):
        row = change._asdict()
        row["class"] = row.pop("car_class")
        row["points_before"], row["points_after"] = was.get(change.car), now.get(change.car)
        rows.append(row)
    return rows


def _said(revision: Revision) -> str:
    declared = ", declared" if revision.declared else ""
    return f"Revision {revision.number} ({revision.status}{declared}): {revision.rests_on}"


def revision_row(revision: Revision) -> Row:
    """A revision in a row, without its result."""
    learned = learned_at(revision.position)
    return {
        "number": revision.number,
        "status": revision.status,
        "declared": revision.declared,
        "rests_on": revision.rests_on,
        "position": revision.position,
        "learned_at": learned and learned.isoformat(timespec="milliseconds"),
        "cars": len(revision.rows),
    }
