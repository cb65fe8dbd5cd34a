"""From the driven race to its events, in effective order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import events as ev
from events import RANK, AnyEvent
from replay.petit_le_mans_2007.drive import Drive
from replay.petit_le_mans_2007.facts import SOURCE, Facts
from replay.petit_le_mans_2007.field import Field
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

E = TypeVar("E", bound=ev.Event)
Told = tuple[type[ev.Event], int, dict[str, Any]]


def tell(facts: Facts, field: Field) -> list[AnyEvent]:
    """Every event of the race, numbered from 0 in effective order."""
    told = [*_opening(facts), *_cautions(field)]
    last = WINNER_MS
    for drive in field.drives:
        laps = lap_times(drive, facts.fastest_lap_ms)
        told += _car(facts, drive, laps)
        last = max(last, laps[-1].finish)
    told += _ending(facts, last)
    told += _penalty(field)
    told.sort(key=lambda each: (each[1], RANK[each[0]], each[2].get("car", "")))
    return [
        model(**{"basis": "reconstructed", **members}, at=at, source=SOURCE, source_seq=seq)  # type: ignore[misc]
        for seq, (model, at, members) in enumerate(told)
    ]


def _opening(facts: Facts) -> Iterator[Told]:
    race = facts.told["race"]
    yield (
        ev.SessionOpened,
        0,
        {
            "title": TITLE,
            "series": race["series"],
            "season": "alms-2007",
            "round": race["round"],
            "kind": "race",
            "circuit": race["circuit"],
            "circuit_length_m": race["circuit_length_m"],
            "classes": tuple(race["classes"]),
            "timing_lines": ("S1", "S2", "FL"),
            "distance_limit_m": race["distance_limit_m"],
            "time_limit_ms": race["time_limit_hours"] * 3_600_000,
            "rules": "alms-2007",
            "starts_at": facts.starts_at,
            "zone": race["zone"],
            "provenance": PROVENANCE,
            "basis": "published",
        },
    )
    for entry in facts.entries:
        yield (
            ev.EntryAdded,
            0,
            {
                "car": entry.car,
                "car_class": entry.car_class,
                "team": entry.team,
                "vehicle": entry.vehicle,
                "manufacturer": entry.manufacturer,
                "drivers": entry.drivers,
                "basis": entry.basis,
            },
        )
    yield ev.GridSet, 0, {"order": GRID}
    yield ev.FlagShown, 0, {"flag": "green"}


def _cautions(field: Field) -> Iterator[Told]:
    for caution in CAUTIONS:
        yield from _caution(caution, field.passed_around[caution.number])


def _caution(caution: Caution, passed_around: tuple[str, ...]) -> Iterator[Told]:
    start, end = _ms(caution.starts), _ms(caution.ends)
    yield ev.FlagShown, start, {"flag": "safety_car"}
    yield ev.SafetyCarDeployed, start, {"reason": caution.reason}
    yield ev.RaceControlMessage, start, {"text": f"Safety car: {caution.reason}"}
    yield ev.PitLaneClosed, start, {}
    yield ev.PitLaneOpened, _ms(caution.starts + 1.2), {"classes": ("LMP1", "LMP2")}
    yield ev.PitLaneOpened, _ms(caution.starts + 2.2), {"classes": ("GT1", "GT2")}
    if passed_around:
        yield ev.PassAroundGiven, _ms(caution.ends - 1.1), {"cars": passed_around}
    yield ev.SafetyCarWithdrawn, _ms(caution.ends - 0.05), {}
    yield ev.FlagShown, end, {"flag": "green"}


def _ms(lap: float) -> int:
    return round(time_at(lap))


def _ending(facts: Facts, last: int) -> Iterator[Told]:
    yield ev.FlagShown, WINNER_MS, {"flag": "chequered"}
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
    rests_on = facts.told["sources"]["results"]
    yield (
        ev.ResultDeclared,
        last + 1_000,
        {
            "status": "provisional",
            "rows": rows,
            "rests_on": rests_on,
            "basis": "published",
        },
    )
    yield ev.SessionEnded, last + 1_000, {"reason": "every car has taken the flag"}


# -- One car -----------------------------------------------------------------------------


def _car(facts: Facts, drive: Drive, laps: list[LapTimes]) -> Iterator[Told]:
    car = drive.plan.car
    spells = _spells(facts, drive)
    for at, driver in spells:
        yield ev.DriverChanged, at, {"car": car, "driver": driver}
    for entered, exited, left_box, stationary in _visits(drive, laps):
        yield ev.PitEntered, entered, {"car": car}
        yield ev.PitStopped, left_box, {"car": car, "stationary_ms": stationary}
        yield ev.PitExited, exited, {"car": car}
    in_lane = {visit.lap for visit in drive.visits}
    for lap in laps:
        driver = next(name for at, name in reversed(spells) if at <= lap.finish)
        yield ev.LinePassed, lap.s1, {"car": car, "line": "S1", "lap": lap.lap}
        yield ev.LinePassed, lap.s2, {"car": car, "line": "S2", "lap": lap.lap}
        yield (
            ev.LapCompleted,
            lap.finish,
            {
                "car": car,
                "lap": lap.lap,
                "lap_time_ms": lap.finish - lap.start,
                "driver": driver,
                "in_pit_lane": lap.lap in in_lane,
            },
        )
    if drive.plan.retires is not None:
        stopped = round(drive.knots[-1][0])
        yield ev.FlagShown, stopped, {"flag": "yellow", "sector": 1}
        yield ev.CarRetired, stopped + RECOVERY_MS, {"car": car, "reason": drive.plan.retires}
        yield ev.FlagShown, stopped + RECOVERY_MS, {"flag": "green", "sector": 1}


def _visits(drive: Drive, laps: list[LapTimes]) -> Iterator[tuple[int, int, int, int]]:
    """Visits begun before the car's race was over: entry, exit, box left, time stood; ms."""
    for visit in drive.visits:
        if visit.lap <= len(laps):
            left_box, stood = round(visit.left_box), round(visit.stationary)
            yield round(visit.entered), round(visit.exited), left_box, stood


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


def _penalty(field: Field) -> Iterator[Told]:
    """#26's stop and hold: that it was given is published."""
    for drive in field.drives:
        for visit in drive.visits:
            if visit.stop.penalty is not None:
                yield (
                    ev.PenaltyImposed,
                    round(visit.entered) - 480_000,
                    {
                        "penalty_id": visit.stop.penalty,
                        "car": drive.plan.car,
                        "kind": "stop_and_hold",
                        "amount": 30,
                        "reason": "contact with #3",
                        "by": "Race director",
                        "basis": "published",
                    },
                )
                served = {"penalty_id": visit.stop.penalty, "basis": "published"}
                yield ev.PenaltyServed, round(visit.left_box), served
