"""Results: the classification as it stands, or as it was declared."""

from typing import Annotated

from pydantic import Field

from events import ResultDeclared, ResultRow
from projections.race import Race
from projections.results.classification import Classified, Convention, classify
from projections.results.provisional import own_pack, points_by_car, rounds_declared, rounds_scored
from projections.results.scheduled_length import length_note
from projections.rules.packs import Number, RegulationPack
from projections.views.rows import (
    ClockMs,
    GapValue,
    Heading,
    Outcome,
    Points,
    Row,
    RowModel,
    TimeMs,
)


class ResultsRow(RowModel):
    """A car in the result; `points` is what its place is worth, null without a pack."""

    position: Annotated[int, Heading("Pos")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    class_position: Annotated[int, Heading("Cl")]
    status: Annotated[Outcome, Heading("Status")]
    laps: Annotated[int, Heading("Laps")]
    total_ms: Annotated[ClockMs | None, Heading("Time")]
    penalty_ms: TimeMs
    best_lap_ms: Annotated[TimeMs | None, Heading("Best", rank=1)]
    best_lap: Annotated[int | None, Heading("Lap", rank=1)]
    points: Annotated[Points | None, Heading("Points", rank=1)]
    gap: Annotated[GapValue, Heading("Gap")]
    team: Annotated[str | None, Heading("Team")]
    vehicle: Annotated[str | None, Heading("Vehicle", rank=2)]
    penalty_laps: int
    subclass: Annotated[
        str | None,
        Heading("Sub-class", rank=2, optional=True),
        Field(description="the group within the class, such as P/A, if it has any"),
    ]
    length_note: Annotated[
        str | None,
        Field(description="that the points depend on a length that is unknown or reconstructed"),
    ]


def results(race: Race, pack: RegulationPack | None = None) -> list[Row]:
    """The classification as it stands, with what each car's place is worth.

    It follows ``pack``, else the one that the session names if it is built in; without
    one every car stands on its laps, and ``points`` is None.
    """
    pack = pack or own_pack(race)
    rows = classify(race, Convention.of(pack))
    points = points_by_car(race, rounds_scored(race, rows, pack=pack), pack)
    note = length_note(race, pack) if pack else None
    return [_result(race, row, points.get(row.car), note) for row in rows]


def declared_results(
    race: Race, declared: ResultDeclared, pack: RegulationPack | None = None
) -> list[Row]:
    """A declared result in the shape of ``results``."""
    pack = pack or own_pack(race)
    points = points_by_car(race, rounds_declared(race, declared), pack)
    note = length_note(race, pack) if pack else None
    places: dict[str | None, int] = {}
    rows = []
    for row in declared.rows:
        place = places[row.car_class] = places.get(row.car_class, 0) + 1
        gap_laps, gap_ms = _declared_gap(declared.rows[0], row)
        rows.append(
            _result(
                race,
                Classified(
                    position=row.position,
                    car=row.car,
                    car_class=row.car_class,
                    class_position=place,
                    status=row.status,
                    laps=row.laps,
                    total_ms=row.total_ms,
                    gap_laps=gap_laps,
                    gap_ms=gap_ms,
                    penalty_ms=0,
                    penalty_laps=0,
                    best_lap_ms=row.best_lap_ms,
                    best_lap=row.best_lap,
                ),
                points.get(row.car),
                note,
            )
        )
    return rows


def _declared_gap(first: ResultRow, row: ResultRow) -> tuple[int | None, int | None]:
    """Behind the first in whole laps, or else in ms; of results by best lap in ms."""
    if row is first and (row.total_ms or row.best_lap_ms):
        return 0, 0
    if first.total_ms is None:
        ahead, behind = first.best_lap_ms, row.best_lap_ms
        return None, behind - ahead if ahead and behind else None
    if row.laps < first.laps or not row.total_ms:
        return first.laps - row.laps or None, None
    return None, row.total_ms - first.total_ms


def _result(race: Race, classified: Classified, points: Number | None, note: str | None) -> Row:
    entry = race.session.entries.get(classified.car)
    return {
        "position": classified.position,
        "car": classified.car,
        "class": classified.car_class,
        "class_position": classified.class_position,
        "status": classified.status,
        "laps": classified.laps,
        "total_ms": classified.total_ms,
        "penalty_ms": classified.penalty_ms,
        "best_lap_ms": classified.best_lap_ms,
        "best_lap": classified.best_lap,
        "points": points,
        "gap": {"laps": classified.gap_laps, "ms": classified.gap_ms},
        "team": entry.team if entry else None,
        "vehicle": entry.vehicle if entry else None,
        "penalty_laps": classified.penalty_laps,
        "subclass": entry.subclass if entry else None,
        "length_note": note,
    }
