"""A session as a round of its season: what its classification, as it stands, is scored on.

The same rows serve a race still running, one just over, and what would be if.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from events import RoundScored, ScoredDriver, ScoredRow
from events.session import ResultStatus
from projections.classification import Classified
from projections.drivers import Driven
from projections.race import Race

SOURCE = "lapstream"


def rounds_scored(
    race: Race, classification: Iterable[Classified], number: int | None = None
) -> list[RoundScored]:
    """What each class of the session would score if it ended as it stands.

    ``number`` is the round, else that of the session (1 if it names none). Practice
    scores nothing. Cars outside every class are left out. Time at the wheel is told once
    the race is over: before that whoever is short of it may still drive.
    """
    if race.session.opened.kind == "practice":
        return []
    rows = list(classification)
    overall_laps = max((row.laps for row in rows), default=0)
    classes = dict.fromkeys(row.car_class for row in rows if row.car_class is not None)
    return [
        RoundScored(
            at=race.at,
            source=SOURCE,
            source_seq=index,
            round=number or race.session.opened.round or 1,
            part="qualifying" if race.session.opened.kind == "qualifying" else "race",
            car_class=car_class,
            overall_laps=overall_laps,
            rows=_rows(race, [row for row in rows if row.car_class == car_class]),
            reason="as it stands",
        )
        for index, car_class in enumerate(classes)
    ]


def _rows(race: Race, rows: list[Classified]) -> tuple[ScoredRow, ...]:
    fastest = _fastest(race, rows)
    return tuple(_row(race, row, row.car == fastest) for row in rows)


def _row(race: Race, row: Classified, fastest: bool) -> ScoredRow:
    entry = race.session.entries.get(row.car)
    return ScoredRow(
        position=row.class_position,
        car=row.car,
        status=_status(row),
        laps=row.laps,
        team=entry.team if entry else None,
        manufacturer=entry.manufacturer if entry else None,
        drivers=_crew(race, row.car),
        championships=entry.championships if entry else None,
        fastest_lap=fastest,
    )


def _status(row: Classified) -> ResultStatus:
    """A car that is still running is scored where it is."""
    return "classified" if row.status == "running" else cast("ResultStatus", row.status)


def _crew(race: Race, car: str) -> tuple[ScoredDriver, ...]:
    """The crew, and after the race what each has driven if anybody was seen at the wheel."""
    entry = race.session.entries.get(car)
    entered = [driver.name for driver in entry.drivers] if entry else []
    driven = race.drivers.drive_time(car, until=race.at)
    told = driven and _is_over(race)
    return tuple(
        ScoredDriver(name=name, drive_ms=_drive_ms(name, driven) if told else None)
        for name in dict.fromkeys([*entered, *driven])
    )


def _is_over(race: Race) -> bool:
    return race.order.chequered_at is not None or race.session.ended_at is not None


def _drive_ms(name: str, driven: Mapping[str, Driven]) -> int:
    return driven[name].ms if name in driven else 0


def _fastest(race: Race, rows: Iterable[Classified]) -> str | None:
    """The car with the fastest lap; of equal ones the earlier."""
    bests = [(race.laps.best[row.car], row.car) for row in rows if row.car in race.laps.best]
    return min(bests, key=lambda best: (best[0].ms, best[0].at), default=(None, None))[1]
