"""Events of the reconstructed race, in effective order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import events as ev
from events import RANK, AnyEvent
from replay.petit_le_mans_2007.car_plans import GRID
from replay.petit_le_mans_2007.drive import Drive, PitVisit
from replay.petit_le_mans_2007.facts import SOURCE, Facts
from replay.petit_le_mans_2007.field import (
    GRAND_TOURERS,
    GRAND_TOURERS_PIT,
    PROTOTYPES,
    PROTOTYPES_PIT,
    FieldSimulation,
)
from replay.petit_le_mans_2007.reference import CAUTIONS, WINNER_MS, PlannedCaution, time_at
from replay.petit_le_mans_2007.timing import LapTimes, lap_times

TITLE = "Petit Le Mans 2007 (reconstructed from published facts)"
PROVENANCE = (
    "Reconstructed. Published: the first fourteen with their laps, the class orders of all who"
    " scored, the margin, the length of the race to the minute, the fastest lap, the number of"
    " cautions and lead changes, the order at five hours, the last hour's story and some"
    " incidents. Everything else, among it every single lap time but one, every pit stop and"
    " positions 15 and below, is worked out so that these hold."
)
SHORTEST_STINT_MS = 40 * 60 * 1000
"""The minimum length of a driver stint."""

RECOVERY_MS = 150_000
"""Time from a car's stop on the road to its retirement."""

PUBLISHED_RETIREMENTS = frozenset({"3", "8"})

REPAIR_S = 300.0
"""Stops from this length on get a race control message."""

Draft = tuple[type[ev.Event], int, dict[str, Any]]
"""An event type, its session time (ms), and its other members."""


def race_events(facts: Facts, field: FieldSimulation) -> list[AnyEvent]:
    """Return all events of the race, numbered from 0 in effective order.

    An event has basis ``published`` if its content is in print, even if its time is not.
    """
    timed = {drive.plan.car: lap_times(drive, facts.fastest_lap_ms) for drive in field.drives}
    last = max(laps[-1].finish for laps in timed.values())
    drafts = [*_opening(facts), *_cautions(field), *_ending(facts, last)]
    for drive in field.drives:
        drafts += _laps(facts, drive, timed[drive.plan.car])
        drafts += _lane(drive, len(timed[drive.plan.car]))
        drafts += _retirement(drive)
    drafts.sort(key=lambda each: (each[1], RANK[each[0]], each[2].get("car", "")))
    return [
        model(**{"basis": "reconstructed", **members}, at=at, source=SOURCE, source_seq=seq)  # type: ignore[misc]
        for seq, (model, at, members) in enumerate(drafts)
    ]


def _draft(model: type[ev.Event], at: float, **members: Any) -> Draft:
    return model, round(at), members


def _basis(published: bool) -> str:
    return "published" if published else "reconstructed"


def _opening(facts: Facts) -> Iterator[Draft]:
    race = facts.tables["race"]
    yield _draft(
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
        yield _draft(
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
    yield _draft(ev.GridSet, 0, order=GRID)
    yield _draft(ev.FlagShown, 0, flag="green")


def _cautions(field: FieldSimulation) -> Iterator[Draft]:
    for caution in CAUTIONS:
        yield from _caution(caution, field.passed_around[caution.number])


def _caution(caution: PlannedCaution, passed_around: tuple[str, ...]) -> Iterator[Draft]:
    start, end = time_at(caution.starts), time_at(caution.ends)
    yield _draft(ev.FlagShown, start, flag="safety_car")
    yield _draft(ev.SafetyCarDeployed, start, reason=caution.reason)
    yield _draft(ev.RaceControlMessage, start, text=f"Safety car: {caution.reason}")
    yield _draft(ev.PitLaneClosed, start)
    for classes, after in ((PROTOTYPES, PROTOTYPES_PIT), (GRAND_TOURERS, GRAND_TOURERS_PIT)):
        yield _draft(ev.PitLaneOpened, time_at(caution.starts + after), classes=classes)
    if passed_around:
        yield _draft(ev.PassAroundGiven, time_at(caution.ends - 1.1), cars=passed_around)
    yield _draft(ev.SafetyCarWithdrawn, time_at(caution.ends - 0.05))
    yield _draft(ev.FlagShown, end, flag="green")


def _ending(facts: Facts, last: int) -> Iterator[Draft]:
    yield _draft(ev.FlagShown, WINNER_MS, flag="chequered")
    rows = tuple(
        ev.ResultRow(
            position=row["position"],
            car=row["car"],
            car_class=facts.entry(row["car"]).car_class,
            status="classified" if row.get("finished", True) else "retired",
            laps=row["laps"],
        )
        for row in facts.tables["result"]["first_fourteen"]
    )
    yield _draft(
        ev.ResultDeclared,
        last + 1_000,
        status="provisional",
        rows=rows,
        rests_on=facts.tables["sources"]["results"],
        basis="published",
    )
    yield _draft(ev.SessionEnded, last + 1_000, reason="every car has taken the flag")


# -- One car -----------------------------------------------------------------------------


def _laps(facts: Facts, drive: Drive, laps: list[LapTimes]) -> Iterator[Draft]:
    car = drive.plan.car
    stints = _driver_stints(facts, drive)
    for at, driver in stints:
        yield _draft(ev.DriverChanged, at, car=car, driver=driver)
    in_lane = {visit.lap for visit in drive.visits}
    for lap in laps:
        ms = lap.finish - lap.start
        yield _draft(ev.LinePassed, lap.s1, car=car, line="S1", lap=lap.lap)
        yield _draft(ev.LinePassed, lap.s2, car=car, line="S2", lap=lap.lap)
        yield _draft(
            ev.LapCompleted,
            lap.finish,
            car=car,
            lap=lap.lap,
            lap_time_ms=ms,
            driver=next(name for at, name in reversed(stints) if at <= lap.finish),
            in_pit_lane=lap.lap in in_lane,
            basis=_basis(ms == facts.fastest_lap_ms),
        )


def _driver_stints(facts: Facts, drive: Drive) -> list[tuple[int, str]]:
    """Return the start (ms) and driver of each driver stint."""
    crew = {driver.number: driver.name for driver in facts.entry(drive.plan.car).drivers}
    seats = drive.plan.seats
    stints = [(0, crew[seats[0]])]
    for visit in drive.visits:
        middle = round(visit.left_box - visit.stationary / 2)
        if middle - stints[-1][0] >= SHORTEST_STINT_MS and visit.stop.penalty is None:
            stints.append((middle, crew[seats[len(stints) % len(seats)]]))
    return stints


def _lane(drive: Drive, laps: int) -> Iterator[Draft]:
    """Draft the pit visits within the car's first ``laps`` laps."""
    car = drive.plan.car
    for visit in drive.visits:
        if visit.lap > laps:
            continue
        yield _draft(ev.PitEntered, visit.entered, car=car)
        yield _draft(ev.PitStopped, visit.left_box, car=car, stationary_ms=round(visit.stationary))
        yield _draft(ev.PitExited, visit.exited, car=car)
        if visit.stop.penalty is not None:
            yield from _penalty(car, visit)
        elif visit.stop.lane_s >= REPAIR_S:
            text = f"Car {car} in the pits: {visit.stop.reason}"
            yield _draft(ev.RaceControlMessage, visit.entered + 60_000, text=text, car=car)


def _penalty(car: str, visit: PitVisit) -> Iterator[Draft]:
    """Draft a stop and hold of 30 s, imposed while the safety car was deployed."""
    given, name = visit.entered - 480_000, visit.stop.penalty
    text = f"Car {car}: stop and hold, 30 s, {visit.stop.reason}"
    yield _draft(ev.RaceControlMessage, given, text=text, car=car)
    yield _draft(
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
    yield _draft(ev.PenaltyServed, visit.left_box, penalty_id=name, basis="published")


def _retirement(drive: Drive) -> Iterator[Draft]:
    car, reason = drive.plan.car, drive.plan.retires
    if reason is None:
        return
    stopped = drive.knots[-1][0]
    basis = _basis(car in PUBLISHED_RETIREMENTS)
    yield _draft(ev.FlagShown, stopped, flag="yellow", sector=1)
    yield _draft(ev.CarRetired, stopped + RECOVERY_MS, car=car, reason=reason, basis=basis)
    yield _draft(ev.FlagShown, stopped + RECOVERY_MS, flag="green", sector=1)
