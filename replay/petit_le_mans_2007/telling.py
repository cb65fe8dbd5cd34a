"""From the driven race to its events, in effective order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import events as ev
from events import RANK, AnyEvent
from replay.petit_le_mans_2007.drive import Drive, Visit
from replay.petit_le_mans_2007.facts import SOURCE, Facts
from replay.petit_le_mans_2007.field import (
    GRAND_TOURERS,
    GRAND_TOURERS_PIT,
    PROTOTYPES,
    PROTOTYPES_PIT,
    Field,
)
from replay.petit_le_mans_2007.reference import CAUTIONS, WINNER_MS, Caution, time_at
from replay.petit_le_mans_2007.story import GRID
from replay.petit_le_mans_2007.timing import LapTimes, lap_times

TITLE = "Petit Le Mans 2007 (reconstructed from published facts)"
PROVENANCE = (
    "Reconstructed. Published: the first fourteen with their laps, the class orders of all who"
    " scored, the margin, the length of the race to the minute, the fastest lap, the number of"
    " cautions and lead changes, the order at five hours, the last hour's story and some"
    " incidents. Everything else, among it every single lap time but one, every pit stop and"
    " positions 15 and below, is worked out so that these hold."
)
SPELL_MS = 40 * 60 * 1000
"""How long a driver stays in the car at least."""

RECOVERY_MS = 150_000
"""From a car's stop on the road to the word that it is out."""

PUBLISHED_RETIREMENTS = frozenset({"3", "8"})

REPAIR_S = 300.0
"""A stop from this length on is one that race control tells of."""

Told = tuple[type[ev.Event], int, dict[str, Any]]
"""A kind of event, when it was (ms), and its members."""


def tell(facts: Facts, field: Field) -> list[AnyEvent]:
    """Every event of the race, numbered from 0 in effective order.

    An event is ``published`` if what it says is in print, even if its moment is not.
    """
    timed = {drive.plan.car: lap_times(drive, facts.fastest_lap_ms) for drive in field.drives}
    last = max(laps[-1].finish for laps in timed.values())
    told = [*_opening(facts), *_cautions(field), *_ending(facts, last)]
    for drive in field.drives:
        told += _laps(facts, drive, timed[drive.plan.car])
        told += _lane(drive, len(timed[drive.plan.car]))
        told += _retirement(drive)
    told.sort(key=lambda each: (each[1], RANK[each[0]], each[2].get("car", "")))
    return [
        model(**{"basis": "reconstructed", **members}, at=at, source=SOURCE, source_seq=seq)  # type: ignore[misc]
        for seq, (model, at, members) in enumerate(told)
    ]


def _say(model: type[ev.Event], at: float, **members: Any) -> Told:
    return model, round(at), members


def _basis(published: bool) -> str:
    return "published" if published else "reconstructed"


def _opening(facts: Facts) -> Iterator[Told]:
    race = facts.told["race"]
    yield _say(
        ev.SessionOpened,
        0,
        title=TITLE,
        series=race["series"],
        season="alms-2007",
        round=race["round"],
        kind="race",
        circuit=race["circuit"],
        circuit_length_m=race["circuit_length_m"],
        classes=tuple(race["classes"]),
        timing_lines=("S1", "S2", "FL"),
        distance_limit_m=race["distance_limit_m"],
        time_limit_ms=race["time_limit_hours"] * 3_600_000,
        rules="alms-2007",
        starts_at=facts.starts_at,
        zone=race["zone"],
        provenance=PROVENANCE,
        basis="published",
    )
    for entry in facts.entries:
        yield _say(
            ev.EntryAdded,
            0,
            car=entry.car,
            car_class=entry.car_class,
            team=entry.team,
            vehicle=entry.vehicle,
            manufacturer=entry.manufacturer,
            drivers=entry.drivers,
            basis=entry.basis,
        )
    yield _say(ev.GridSet, 0, order=GRID)
    yield _say(ev.FlagShown, 0, flag="green")


def _cautions(field: Field) -> Iterator[Told]:
    for caution in CAUTIONS:
        yield from _caution(caution, field.passed_around[caution.number])


def _caution(caution: Caution, passed_around: tuple[str, ...]) -> Iterator[Told]:
    start, end = time_at(caution.starts), time_at(caution.ends)
    yield _say(ev.FlagShown, start, flag="safety_car")
    yield _say(ev.SafetyCarDeployed, start, reason=caution.reason)
    yield _say(ev.RaceControlMessage, start, text=f"Safety car: {caution.reason}")
    yield _say(ev.PitLaneClosed, start)
    for classes, after in ((PROTOTYPES, PROTOTYPES_PIT), (GRAND_TOURERS, GRAND_TOURERS_PIT)):
        yield _say(ev.PitLaneOpened, time_at(caution.starts + after), classes=classes)
    if passed_around:
        yield _say(ev.PassAroundGiven, time_at(caution.ends - 1.1), cars=passed_around)
    yield _say(ev.SafetyCarWithdrawn, time_at(caution.ends - 0.05))
    yield _say(ev.FlagShown, end, flag="green")


def _ending(facts: Facts, last: int) -> Iterator[Told]:
    yield _say(ev.FlagShown, WINNER_MS, flag="chequered")
    rows = tuple(
        ev.ResultRow(
            position=row["position"],
            car=row["car"],
            car_class=facts.entry(row["car"]).car_class,
            status="classified" if row.get("finished", True) else "retired",
            laps=row["laps"],
        )
        for row in facts.told["result"]["first_fourteen"]
    )
    yield _say(
        ev.ResultDeclared,
        last + 1_000,
        status="provisional",
        rows=rows,
        rests_on=facts.told["sources"]["results"],
        basis="published",
    )
    yield _say(ev.SessionEnded, last + 1_000, reason="every car has taken the flag")


# -- One car -----------------------------------------------------------------------------


def _laps(facts: Facts, drive: Drive, laps: list[LapTimes]) -> Iterator[Told]:
    car = drive.plan.car
    spells = _spells(facts, drive)
    for at, driver in spells:
        yield _say(ev.DriverChanged, at, car=car, driver=driver)
    in_lane = {visit.lap for visit in drive.visits}
    for lap in laps:
        ms = lap.finish - lap.start
        yield _say(ev.LinePassed, lap.s1, car=car, line="S1", lap=lap.lap)
        yield _say(ev.LinePassed, lap.s2, car=car, line="S2", lap=lap.lap)
        yield _say(
            ev.LapCompleted,
            lap.finish,
            car=car,
            lap=lap.lap,
            lap_time_ms=ms,
            driver=next(name for at, name in reversed(spells) if at <= lap.finish),
            in_pit_lane=lap.lap in in_lane,
            basis=_basis(ms == facts.fastest_lap_ms),
        )


def _spells(facts: Facts, drive: Drive) -> list[tuple[int, str]]:
    """Who drives from when (ms)."""
    crew = {driver.number: driver.name for driver in facts.entry(drive.plan.car).drivers}
    seats = drive.plan.seats
    spells = [(0, crew[seats[0]])]
    for visit in drive.visits:
        middle = round(visit.left_box - visit.stationary / 2)
        if middle - spells[-1][0] >= SPELL_MS and visit.stop.penalty is None:
            spells.append((middle, crew[seats[len(spells) % len(seats)]]))
    return spells


def _lane(drive: Drive, laps: int) -> Iterator[Told]:
    """Every visit to the lane in the car's ``laps``."""
    car = drive.plan.car
    for visit in drive.visits:
        if visit.lap > laps:
            continue
        yield _say(ev.PitEntered, visit.entered, car=car)
        yield _say(ev.PitStopped, visit.left_box, car=car, stationary_ms=round(visit.stationary))
        yield _say(ev.PitExited, visit.exited, car=car)
        if visit.stop.penalty is not None:
            yield from _penalty(car, visit)
        elif visit.stop.lane_s >= REPAIR_S:
            text = f"Car {car} in the pits: {visit.stop.reason}"
            yield _say(ev.RaceControlMessage, visit.entered + 60_000, text=text, car=car)


def _penalty(car: str, visit: Visit) -> Iterator[Told]:
    """A stop and hold of 30 s, given while the safety car was out."""
    given, name = visit.entered - 480_000, visit.stop.penalty
    text = f"Car {car}: stop and hold, 30 s, {visit.stop.reason}"
    yield _say(ev.RaceControlMessage, given, text=text, car=car)
    yield _say(
        ev.PenaltyImposed,
        given,
        penalty_id=name,
        car=car,
        kind="stop_and_hold",
        amount=30,
        reason=visit.stop.reason,
        by="Race director",
        basis="published",
    )
    yield _say(ev.PenaltyServed, visit.left_box, penalty_id=name, basis="published")


def _retirement(drive: Drive) -> Iterator[Told]:
    car, reason = drive.plan.car, drive.plan.retires
    if reason is None:
        return
    stopped = drive.knots[-1][0]
    basis = _basis(car in PUBLISHED_RETIREMENTS)
    yield _say(ev.FlagShown, stopped, flag="yellow", sector=1)
    yield _say(ev.CarRetired, stopped + RECOVERY_MS, car=car, reason=reason, basis=basis)
    yield _say(ev.FlagShown, stopped + RECOVERY_MS, flag="green", sector=1)
