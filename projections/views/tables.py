"""What people and programs read: tables as plain rows, made from a race.

Times are in ms on the session clock unless a name says otherwise. Order is the member
``position``. A row is made anew at each call; nothing here changes the race.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any, NamedTuple

from events import EntryAdded, ResultDeclared, ResultRow
from projections.folds.running_order import LEADING, NEVER, Gap
from projections.folds.stewards import Penalty, as_imposed
from projections.race import Race
from projections.results.classification import Classified, Convention, classify
from projections.results.provisional import own_pack, points_by_car, rounds_declared, rounds_scored
from projections.rules.packs import Number, RegulationPack
from projections.views.freshness import patience_ms
from projections.views.markers import markers

Row = dict[str, Any]

GAPS = ("gap", "interval", "class_gap", "class_interval")
"""To the leader, the car ahead, the class leader and the car ahead in class."""


def standings(race: Race) -> list[Row]:
    """The running order: a row a car, leader first.

    ``gap`` and ``interval`` are ``{laps, ms}``, one of them None, both None before the
    car's first crossing. ``position`` is None for nobody: every entered car has one.
    """
    penalties = race.stewards.standing()
    rows = []
    for car, placing in placings(race).items():
        row = car_row(race, car, penalties.get(car, ()))
        row.update(placing._asdict())
        for member in GAPS:
            gap: Gap | None = row[member]
            row[member] = {"laps": gap and gap.laps, "ms": gap and gap.ms}
        rows.append(row)
    return rows


class Placing(NamedTuple):
    """A car's places, and its gaps: to the leader, the car ahead, and those in its class."""

    position: int
    class_position: int
    gap: Gap | None
    interval: Gap | None
    class_gap: Gap | None
    class_interval: Gap | None


Others = tuple[str | None, str | None, str | None, str | None]
"""To whom a car's gaps are: the leader, the car ahead, and those in its class."""


class Placed(NamedTuple):
    """A placing, to whom its gaps are, and until when (ms) they stand if none of them moves."""

    placing: Placing
    others: Others
    until: int


def placings(race: Race) -> dict[str, Placing]:
    """The cars in the running order, each with its places and its gaps."""
    return {car: row.placing for car, row in placed(race).items()}


def placed(
    race: Race, known: Mapping[str, Placed] = MappingProxyType({}), moved: Set[str] = frozenset()
) -> dict[str, Placed]:
    """The cars in the running order; gaps that are ``known`` and still stand are taken over.

    ``known`` is of this race at an earlier moment, since when nothing happened but to the
    cars that ``moved``.
    """
    now, entries, unmoved = race.at, race.session.entries, moved.isdisjoint
    rows: dict[str, Placed] = {}
    leader: str | None = None
    ahead: str | None = None
    classes: dict[str | None, tuple[int, str, str | None]] = {}  # how many, first and last
    for position, car in enumerate(race.order.cars(), start=1):
        leader = leader or car
        entry = entries.get(car)
        name = entry.car_class if entry else None
        count, class_leader, class_ahead = classes.get(name, (0, car, None))
        count += 1
        classes[name] = (count, class_leader, car)
        others = (leader, ahead, class_leader, class_ahead)
        ahead = car
        row = known.get(car)
        if row is None or row[1] != others or row[2] < now or car in moved or not unmoved(others):
            row = _placed(race, car, position, count, others)
        elif row[0][0] != position or row[0][1] != count:
            placing = row.placing._replace(position=position, class_position=count)
            row = row._replace(placing=placing)
        rows[car] = row
    return rows


def _placed(race: Race, car: str, position: int, class_position: int, others: Others) -> Placed:
    leader, ahead, class_leader, class_ahead = others
    gap, until = _gap(race, leader, car)
    if ahead == leader:
        interval = gap
    else:
        interval, stands = _gap(race, ahead, car)
        until = min(until, stands)
    # Often two of the four are to the same car.
    if class_leader == leader:
        class_gap = gap
    elif class_leader == ahead:
        class_gap = interval
    else:
        class_gap, stands = _gap(race, class_leader, car)
        until = min(until, stands)
    if class_ahead == ahead:
        class_interval = interval
    elif class_ahead == class_leader:
        class_interval = class_gap
    else:
        class_interval, stands = _gap(race, class_ahead, car)
        until = min(until, stands)
    placing = Placing(position, class_position, gap, interval, class_gap, class_interval)
    return Placed(placing, others, until)


def _gap(race: Race, ahead: str | None, car: str) -> tuple[Gap | None, int]:
    if ahead is None or ahead == car:
        return LEADING if car in race.order.passings else None, NEVER
    return race.order.gap_until(ahead, car, race.at)


def car_facts(race: Race, car: str, penalties: tuple[Penalty, ...]) -> tuple[object, ...]:
    """All that ``car_row`` reads: where a car's facts are equal, its rows are."""
    order, laps, pits = race.order, race.laps, race.pits
    passings = order.passings.get(car, ())
    return (
        race.session.opened,
        race.session.entries.get(car),
        order.laps.get(car),
        len(passings),
        tuple(passings[-order.lines_per_lap - 1 :]),
        order.best_sectors.get(car),
        car in order.finished,
        car in order.retired,
        laps.last(car),
        laps.best.get(car),
        laps.green.get(car),
        race.drivers.at_wheel.get(car),
        pits.current.get(car),
        pits.stops.get(car),
        pits.last_pit_lap.get(car),
        pits.stint_from.get(car),
        penalties,
    )


def car_row(race: Race, car: str, penalties: tuple[Penalty, ...]) -> Row:
    """A car's row of the standings, without the ``placings``: what the car did by itself."""
    entry = race.session.entries.get(car)
    last, best = race.laps.last(car), race.laps.best.get(car)
    wheel = race.drivers.at_wheel.get(car)
    driver = wheel.driver if wheel else None
    in_lane = race.pits.in_lane_since(car)
    return {
        "position": 0,
        "car": car,
        "class": entry.car_class if entry else None,
        "class_position": 0,
        "team": entry.team if entry else None,
        "vehicle": entry.vehicle if entry else None,
        "manufacturer": entry.manufacturer if entry else None,
        "driver": driver,
        "driver_short": short_name(entry, driver),
        "laps": race.order.laps.get(car, 0),
        "gap": None,
        "interval": None,
        "class_gap": None,
        "class_interval": None,
        "last_lap_ms": last.lap_time_ms if last else None,
        "best_lap_ms": best.ms if best else None,
        "best_lap": best.lap if best else None,
        "pace_ms": race.laps.pace(car),
        "last_sectors_ms": list(race.order.last_sectors(car)),
        "sectors_done": race.order.sectors_done(car),
        "best_sectors_ms": _best_sectors(race, car),
        "status": status(race, car),
        "in_pit": in_lane is not None,
        "in_pit_since_ms": in_lane,
        "stops": race.pits.stops.get(car, 0),
        "last_pit_lap": race.pits.last_pit_lap.get(car),
        "stint_laps": race.pits.stint_laps(car),
        "last_seen_ms": race.order.last_seen(car),
        "penalties": [
            {"id": p.penalty_id, "kind": p.kind, "amount": p.amount, "status": p.status}
            for p in penalties
        ],
    }


def _best_sectors(race: Race, car: str) -> list[int | None]:
    bests = race.order.best_sectors.get(car, (NEVER,) * race.order.lines_per_lap)
    return [None if ms == NEVER else ms for ms in bests]


def short_name(entry: EntryAdded | None, driver: str | None) -> str | None:
    """The three letters of a driver for a narrow column: given, else from the family name."""
    if driver is None:
        return None
    for one in entry.drivers if entry else ():
        if one.name == driver and one.short:
            return one.short
    family = "".join(sign for sign in (driver.split() or [""])[-1] if sign.isalpha())
    return (family or driver)[:3].upper()


def status(race: Race, car: str) -> str:
    """``not_started``, ``running``, ``pit``, ``retired`` or ``finished``."""
    if car in race.order.finished:
        return "finished"
    if car in race.order.retired:
        return "retired"
    if race.pits.in_lane_since(car) is not None:
        return "pit"
    return "running" if car in race.order.passings else "not_started"


def session_line(race: Race) -> Row:
    """The line above every table: what is run, and how it stands with clock, flag and laps."""
    opened, track = race.session.opened, race.track
    leader = race.order.leader()
    laps = race.order.laps.get(leader, 0) if leader else 0
    caution = track.current
    return {
        "title": opened.title,
        "series": opened.series,
        "circuit": opened.circuit,
        "kind": opened.kind,
        "classes": list(opened.classes),
        "timing_lines": list(opened.timing_lines),
        "rules": opened.rules,
        "starts_at": opened.starts_at.isoformat() if opened.starts_at else None,
        "provenance": opened.provenance,
        "clock_ms": race.at,
        "time_to_go_ms": _time_to_go(race),
        "laps_to_go": _laps_to_go(race, laps),
        "flag": track.flag,
        "flag_since_ms": track.since if track.flag else None,
        "caution": caution.number if caution else None,
        "caution_since_ms": caution.start_ms if caution else None,
        "safety_car_since_ms": track.safety_car_since,
        "pit_lane_closed": sorted(track.pit_lane_closed) or None,
        "leader": leader,
        "leader_lap": laps,
        "lead_changes": race.chart.changes,
        "ended_ms": race.session.ended_at,
        "patience_ms": patience_ms(race),
        "sector_flags": _sector_flags(race) or None,
    }


def _sector_flags(race: Race) -> dict[str, Row]:
    """The local flags that stand, by sector."""
    return {
        str(one.sector): {"flag": one.flag, "since_ms": one.start_ms}
        for one in race.track.local_flags()
    }


def _time_to_go(race: Race) -> int | None:
    limit = race.session.opened.time_limit_ms
    return None if limit is None else max(0, limit - race.at)


def _laps_to_go(race: Race, laps: int) -> int | None:
    opened = race.session.opened
    limit = opened.laps_limit
    if limit is None and opened.distance_limit_m and opened.circuit_length_m:
        limit = -(-opened.distance_limit_m // opened.circuit_length_m)
    return None if limit is None else max(0, limit - laps)


def cautions(race: Race) -> list[Row]:
    """The caution ledger, a row for each kind of each caution."""
    return [
        {
            "number": c.number,
            "kind": c.kind,
            "start_ms": c.start_ms,
            "end_ms": c.end_ms,
            "duration_ms": None if c.end_ms is None else c.end_ms - c.start_ms,
            "first_lap": c.first_lap,
            "last_lap": c.last_lap,
            "laps": 0
            if c.first_lap is None or c.last_lap is None
            else c.last_lap - c.first_lap + 1,
            "leader_before": c.leader_before,
            "leader_after": c.leader_after,
            "pitted": list(c.pitted),
        }
        for c in race.track.cautions()
    ]


def control(race: Race) -> list[Row]:
    """Race control's feed, the newest first."""
    return [
        {
            "at_ms": entry.at,
            "kind": entry.kind,
            "text": entry.text,
            "car": entry.car,
            "flag": entry.flag,
            "sector": entry.sector,
            "lap": entry.lap,
            "basis": entry.basis,
        }
        for entry in reversed(race.control.feed)
    ]


def laps(race: Race, car: str | None = None) -> list[Row]:
    """Every lap of one car or of all, with its sectors and its overall position at the line."""
    positions = lap_positions(race)
    lines = race.order.lines_per_lap
    return [
        {
            "car": one,
            "lap": lap.lap,
            "at_ms": lap.at,
            "lap_time_ms": lap.lap_time_ms,
            "sectors_ms": list(race.order.sectors(one, lap.lap)) if lines > 1 else [],
            "driver": lap.driver,
            "position": positions[one, lap.lap],
            "in_pit_lane": lap.in_pit_lane,
            "pit": lap.pit,
            "flag": lap.flag,
            "deleted": lap.lap in race.laps.deleted.get(one, ()),
        }
        for one in _of(race, car)
        for lap in race.laps.laps.get(one, ())
    ]


def _of(race: Race, car: str | None) -> list[str]:
    return race.order.cars() if car is None else [car]


def lap_positions(race: Race) -> dict[tuple[str, int], int]:
    """The lap chart: (car, lap) to the place in which the car completed that lap."""
    crossings = [(lap.lap, lap.at, car) for car, of_car in race.laps.laps.items() for lap in of_car]
    crossings.sort()
    chart: dict[tuple[str, int], int] = {}
    line, place = 0, 0
    for lap, _, car in crossings:
        place = place + 1 if lap == line else 1
        line = lap
        chart[car, lap] = place
    return chart


def leaders(race: Race) -> list[Row]:
    """The spells in the lead: who led from which lap to which."""
    spells: list[Row] = []
    for led in race.chart.led:
        if spells and spells[-1]["car"] == led.car:
            spells[-1]["last_lap"] = led.lap
        else:
            entry = race.session.entries.get(led.car)
            spells.append(
                {
                    "car": led.car,
                    "team": entry.team if entry else None,
                    "first_lap": led.lap,
                    "last_lap": led.lap,
                    "at_ms": led.at,
                }
            )
    return spells


def pits(race: Race, car: str | None = None) -> list[Row]:
    """Every visit to the lane, of one car or of all, in the order they began."""
    rows = []
    for one in _of(race, car):
        visits = list(race.pits.visits.get(one, ()))
        if one in race.pits.current:
            visits.append(race.pits.current[one])
        for number, visit in enumerate(visits, start=1):
            rows.append(
                {
                    "car": one,
                    "class": race.session.car_class(one),
                    "visit": number,
                    "lap": visit.lap,
                    "entered_ms": visit.entered_ms,
                    "exited_ms": visit.exited_ms,
                    "lane_ms": visit.lane_ms,
                    "stationary_ms": visit.stationary_ms,
                    "kind": visit.kind,
                    "flag": visit.flag,
                    "driver_changed": visit.driver_changed,
                }
            )
    rows.sort(key=lambda row: (row["entered_ms"], row["car"]))
    return rows


def stints(race: Race, car: str | None = None) -> list[Row]:
    """The stints of one car or of all, those still going on included (``end_ms`` None)."""
    return [
        {"car": one, **stint._asdict(), "laps": stint.laps}
        for one in _of(race, car)
        for stint in race.pits.stints(one)
    ]


def drivers(race: Race) -> list[Row]:
    """Each driver's laps and time at the wheel, by car in the running order."""
    return [row for car in race.order.cars() for row in _crew(race, car)]


def _crew(race: Race, car: str) -> list[Row]:
    entry = race.session.entries.get(car)
    times = race.drivers.drive_time(car, race.at)
    wheel = race.drivers.at_wheel.get(car)
    entered = [one.name for one in entry.drivers] if entry else []
    return [
        {
            "car": car,
            "class": race.session.car_class(car),
            "driver": name,
            "drive_time_ms": times[name].ms if name in times else 0,
            "laps": times[name].laps if name in times else 0,
            "at_wheel": wheel is not None and wheel.driver == name,
        }
        for name in [*entered, *(name for name in times if name not in entered)]
    ]


def fastest_laps(race: Race) -> list[Row]:
    """Each car's best lap, the quickest first."""
    return [
        {
            "rank": rank,
            "car": car,
            "class": race.session.car_class(car),
            "lap_time_ms": best.ms,
            "lap": best.lap,
            "driver": best.driver,
        }
        for rank, (car, best) in enumerate(race.laps.fastest(), start=1)
    ]


def penalties(race: Race) -> list[Row]:
    """The stewards' book, in the order the penalties were imposed."""
    book = sorted(race.stewards.penalties.values(), key=as_imposed)
    return [penalty._asdict() for penalty in book]


def results(race: Race, pack: RegulationPack | None = None) -> list[Row]:
    """The classification as it stands, with what each car's place is worth.

    It follows ``pack``, else the one that the session names if it is built in; without
    one every car stands on its laps, and ``points`` is None.
    """
    pack = pack or own_pack(race)
    rows = classify(race, Convention.of(pack))
    points = points_by_car(race, rounds_scored(race, rows), pack)
    return [_result(race, row, points.get(row.car)) for row in rows]


def declared_results(
    race: Race, declared: ResultDeclared, pack: RegulationPack | None = None
) -> list[Row]:
    """A declared result in the shape of ``results``."""
    points = points_by_car(race, rounds_declared(race, declared), pack or own_pack(race))
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


def _result(race: Race, classified: Classified, points: Number | None) -> Row:
    row = classified._asdict()
    row["class"] = row.pop("car_class")
    row["gap"] = {"laps": row.pop("gap_laps"), "ms": row.pop("gap_ms")}
    entry = race.session.entries.get(classified.car)
    row["team"] = entry.team if entry else None
    row["vehicle"] = entry.vehicle if entry else None
    row["points"] = points
    return row


VIEWS: dict[str, Callable[[Race], list[Row]]] = {
    "standings": standings,
    "results": results,
    "cautions": cautions,
    "pits": pits,
    "drivers": drivers,
    "penalties": penalties,
    "fastest-laps": fastest_laps,
    "leaders": leaders,
    "laps": laps,
    "stints": stints,
    "markers": markers,
    "control": control,
}
"""The tables that need nothing but the race."""
