"""The results of a session as they followed each other, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence

from events import AnyEvent, ResultDeclared
from events.errors import UnknownRevision
from projections import views
from projections.race import Race
from projections.results.classification import Convention
from projections.results.revisions import Revision, differences, revisions
from projections.rules.packs import RegulationPack
from projections.timeline import Timeline
from services.queries.sessions import learned_at
from services.queries.tables.columns import Row

Result = tuple[Race, Sequence[Row]]
Told = Sequence[tuple[str, AnyEvent]]
"""Events with their positions, in the order of the log."""


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
