"""The revisions of a session's result, and the changes between two of them."""

from __future__ import annotations

from collections.abc import Sequence

from events import ResultDeclared
from events.errors import UnknownRevision
from projections import views
from projections.race import Race
from projections.results.classification import Convention
from projections.results.revisions import Revision, differences, revisions
from projections.rules.packs import RegulationPack
from projections.timeline import Timeline
from services.queries.sessions import PositionedEvents, recorded_at
from services.queries.tables.columns import Row

Result = tuple[Race, Sequence[Row]]


def revision_numbered(
    events: PositionedEvents, number: int, pack: RegulationPack | None
) -> Revision:
    """The revision of that number. Raises UnknownRevision."""
    found = revisions(events, Convention.of(pack))
    if not 1 <= number <= len(found):
        raise UnknownRevision(number, len(found))
    return found[number - 1]


def result_of(events: PositionedEvents, revision: Revision, pack: RegulationPack | None) -> Result:
    """The race as it was known at a revision, and the rows of that result."""
    positions = [position for position, _ in events]
    known = events[: positions.index(revision.position) + 1]
    timeline = Timeline()
    timeline.add(event for _, event in known)
    race = timeline.race
    declared = known[-1][1]
    if revision.declared and isinstance(declared, ResultDeclared):
        return race, views.declared_results(race, declared, pack)
    return race, views.results(race, pack)


def changed_rows(
    events: PositionedEvents, before: Revision, after: Revision, pack: RegulationPack | None
) -> Sequence[Row]:
    """The cars whose place, time or points differ between two revisions."""
    was, now = (
        {row["car"]: row["points"] for row in result_of(events, one, pack)[1]}
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
    """A revision as a row, without its result."""
    recorded = recorded_at(revision.position)
    return {
        "number": revision.number,
        "status": revision.status,
        "declared": revision.declared,
        "rests_on": revision.rests_on,
        "position": revision.position,
        "learned_at": recorded and recorded.isoformat(timespec="milliseconds"),
        "cars": len(revision.rows),
    }
