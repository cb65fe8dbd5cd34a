"""Two races of the past in miniature, for the rules that they turn on, and a season with one.

They are told from reports, so who ended where is as it was; laps, times and most car numbers
are reconstructed. A lap stands for several, so that the race is as long as it was.
``python -m tests.scenarios`` writes them as the archives in ``docs/examples``, which the
tests hold to what is told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import events as ev
from events import AnyEvent, encode
from replay.archive import pack
from replay.entries import EVENT_FIELD, LogEntry
from tests.builders import Story

EXAMPLES = Path(__file__).resolve().parents[1] / "docs/examples"
HOUR = 3_600_000
PETIT_LAP = 10 * HOUR // 40
MOSPORT_LAP = 165 * 60_000 // 25
ALMS = "American Le Mans Series"
ELMS = "European Le Mans Series"


class Car(NamedTuple):
    """A car of a miniature and the laps it completes; all are listed as they finished.

    It loses ``lost`` laps in the pits, at once, after lap ``after``. One that retires was
    on its way to ``would`` laps. Its drivers take the wheel one after the other, each for the
    same number of laps.
    """

    number: str
    car_class: str | None
    laps: int
    team: str | None = None
    drivers: tuple[str, ...] = ()
    championships: tuple[str, ...] | None = (ALMS,)
    lost: int = 0
    after: int = 0
    would: int = 0


BEHIND = 4_000
"""How long after the car listed before it a car takes the flag."""


def drive(story: Story, cars: Sequence[Car], lap_ms: int) -> int:
    """Tell the cars' laps, and the flag for the first of them; when that was (ms)."""
    flag = cars[0].laps * lap_ms
    for car in cars:
        crew = tuple(ev.Driver(number=n, name=name) for n, name in enumerate(car.drivers, 1))
        story.entry(
            car.number,
            car.car_class,
            team=car.team,
            drivers=crew,
            championships=car.championships,
        )
    story.flag("green", 0).flag("chequered", flag)
    for place, car in enumerate(cars):
        _drive_one(story, car, flag + place * BEHIND, lap_ms)
    story.ended(flag + 4 * lap_ms)
    return flag


def _drive_one(story: Story, car: Car, finish: int, lap_ms: int) -> None:
    stood = car.lost * lap_ms
    pace = (finish - stood) // (car.would or car.laps)
    at = 0
    for lap in range(1, car.laps + 1):
        before = at
        at = finish if lap == car.laps and not car.would else at + pace
        if car.lost and lap == car.after + 1:
            at += stood
            story.pit(car.number, before + pace // 2, before + pace // 2 + stood)
        driver = car.drivers[(lap - 1) * len(car.drivers) // car.laps] if car.drivers else None
        story.lap(car.number, lap, at, at - before, driver=driver)
    if car.would:
        story.retired(car.number, at + 3 * lap_ms)


# -- Petit Le Mans 2012 --------------------------------------------------------------------

PETIT_2012 = (
    Car("12", "P1", 40, "Rebellion Racing", ("Neel Jani", "Andrea Belicchi", "Nicolas Prost"), ()),
    Car("95", "P2", 39, "Level 5 Motorsports", ("Scott Tucker", "Christophe Bouchut", "Luis Diaz")),
    Car("37", "P2", 38, "Conquest Endurance", ("Martin Plowman",)),
    Car("055", "P2", 38, "Level 5 Motorsports"),
    Car("46", "P2", 37, "Thiriet by TDS Racing", (), (ELMS,)),
    Car("0", None, 37, "DeltaWing Racing Cars", (), ()),
    Car("16", "P1", 36, "Dyson Racing Team", ("Chris Dyson", "Guy Smith"), lost=3, after=20),
    Car("06", "PC", 36, "CORE autosport", ("Alex Popow", "Ryan Dalziel", "Mark Wilkins")),
    Car("01", "GT", 34, "Extreme Speed Motorsports", ("Scott Sharp", "Johannes van Overbeek")),
    Car("3", "GT", 34, "Corvette Racing", ("Jan Magnussen", "Antonio Garcia")),
    Car("56", "GT", 34, "BMW Team RLL", ("Jörg Müller", "Bill Auberlen")),
    Car("55", "GT", 34, "BMW Team RLL"),
    Car("9", "PC", 34, "RSR Racing", ("Bruno Junqueira", "Tomy Drissi")),
    Car("30", "GTC", 33, "NGT Motorsport", ("Kuba Giermaziak", "Mario Farnbacher")),
    Car("66", "GTC", 33, "TRG", ("Emanuele Di Guida", "Spencer Pumpelly")),
    Car("6", "P1", 31, "Muscle Milk Pickett Racing", ("Klaus Graf", "Lucas Luhr"), lost=9, after=3),
    Car("4", "GT", 26, "Corvette Racing", ("Oliver Gavin", "Tommy Milner"), would=35),
)


def petit_le_mans_2012() -> list[AnyEvent]:
    """A guest wins and scores nothing; who leads the championship has only to finish.

    Finishing is 70 % of the winner's distance: 28 laps of 40.
    """
    story = Story("petit-le-mans-2012")
    story.add(
        ev.SessionOpened,
        0,
        title="Petit Le Mans 2012 in miniature (40 long laps), reconstructed from a report",
        series=ALMS,
        round=10,
        kind="race",
        circuit="Road Atlanta",
        classes=("P1", "P2", "PC", "GT", "GTC"),
        timing_lines=("FL",),
        time_limit_ms=10 * HOUR,
        rules="alms-2012",
        starts_at=datetime.fromisoformat("2012-10-20T11:30:00-04:00"),
        provenance="speedweek.com, Petit Le Mans 2012; laps, times and numbers reconstructed",
    )
    drive(story, PETIT_2012, PETIT_LAP)
    for car, at, kind, reason in (
        ("37", 25 * PETIT_LAP, "drive_through", "too fast in the pit lane"),
        ("56", 30 * PETIT_LAP, "drive_through", None),
    ):
        name = f"petit-{car}"
        story.add(ev.PenaltyImposed, at, penalty_id=name, car=car, kind=kind, reason=reason)
        story.add(ev.PenaltyServed, at + 2 * PETIT_LAP, penalty_id=name)
    return reconstructed(story)


def alms_2012() -> list[AnyEvent]:
    """P1 before Petit Le Mans: Muscle Milk twelve points ahead of Dyson."""
    story = Story("alms-2012")
    story.add(
        ev.SeasonOpened,
        0,
        title="American Le Mans Series 2012, P1",
        series=ALMS,
        rules="alms-2012",
        classes=("P1",),
        rounds=tuple(
            ev.SeasonRound(name=name, time_limit_ms=hours * HOUR)
            for name, hours in (*((f"Round {n}", 2) for n in range(1, 10)), ("Petit Le Mans", 10))
        ),
        provenance="places reconstructed so that the title was as open as the report says",
    )
    crews = {
        "6": ("Muscle Milk Pickett Racing", ("Klaus Graf", "Lucas Luhr")),
        "16": ("Dyson Racing Team", ("Chris Dyson", "Guy Smith")),
    }
    for number, won in enumerate(["6", "6", "16", "6", "6", "16", "6", "16", "6"], 1):
        order = (won, "16" if won == "6" else "6")
        story.add(
            ev.RoundScored,
            number * 24 * HOUR,
            round=number,
            car_class="P1",
            rows=tuple(
                ev.ScoredRow(
                    position=place,
                    car=car,
                    team=crews[car][0],
                    drivers=tuple(ev.ScoredDriver(name=name) for name in crews[car][1]),
                )
                for place, car in enumerate(order, start=1)
            ),
        )
    return reconstructed(story)


# -- Mosport 2008 --------------------------------------------------------------------------

MOSPORT_2008 = (
    Car("2", "LMP1", 25),
    Car("1", "LMP1", 25),
    Car("9", "LMP2", 25),
    Car("15", "LMP2", 25),
    Car("6", "LMP2", 25, "Penske Racing", ("Sascha Maassen", "Patrick Long")),
    Car("26", "LMP2", 25),
    Car("66", "LMP2", 24, would=25),
    Car("7", "LMP2", 24, "Penske Racing", ("Timo Bernhard", "Romain Dumas"), would=25),
    Car("16", "LMP2", 23, "Dyson Racing", ("Chris Dyson", "Guy Smith")),
    Car("20", "LMP2", 23, "Dyson Racing", ("Marino Franchitti", "Butch Leitzinger")),
    Car("8", "LMP2", 23),
    Car("00", "GT2", 22),
    Car("87", "GT2", 22, "Farnbacher Loles Racing", ("Dirk Werner", "Pierre Kaffer")),
    Car("71", "GT2", 22, "Tafel Racing", ("Dirk Müller",)),
    Car("45", "GT2", 22, "Flying Lizard Motorsports", ("Jörg Bergmeister", "Wolf Henzler")),
    Car("44", "GT2", 21),
)


def mosport_2008() -> list[AnyEvent]:
    """Dirk Müller is put back after the race, and Bergmeister and Henzler inherit third.

    #7 runs out of fuel on its last lap, and is sixth of its class all the same.

    The decision is the last entry of the log, an hour after the flag.
    """
    story = Story("mosport-2008")
    story.add(
        ev.SessionOpened,
        0,
        title="Mosport 2008 in miniature (25 long laps), reconstructed from a report",
        series=ALMS,
        round=8,
        kind="race",
        circuit="Mosport International Raceway",
        classes=("LMP1", "LMP2", "GT2"),
        timing_lines=("FL",),
        time_limit_ms=165 * 60_000,
        rules="alms-2007",
        starts_at=datetime.fromisoformat("2008-08-24T15:05:00-04:00"),
        provenance="Porsche press release of 24 August 2008; #00 is the winner of GT2, whom it "
        "does not name; laps, times and some numbers reconstructed",
    )
    flag = drive(story, MOSPORT_2008, MOSPORT_LAP)
    for first, last in ((6, 8), (14, 16)):
        story.flag("safety_car", first * MOSPORT_LAP).flag("green", last * MOSPORT_LAP)
    given = reconstructed(story)
    decision = ev.PenaltyImposed(
        at=flag + 4 * MOSPORT_LAP,
        source="stewards",
        source_seq=0,
        by="stewards",
        basis="published",
        penalty_id="mosport-71",
        car="71",
        kind="places",
        amount=1,
        reason="too hard an attack on #45",
    )
    return [*given, decision]


# -- Archives ------------------------------------------------------------------------------

SCENARIOS = {
    "petit-le-mans-2012": (petit_le_mans_2012, "2012-10-20T11:30:00-04:00"),
    "alms-2012": (alms_2012, "2012-03-17T10:30:00-04:00"),
    "mosport-2008": (mosport_2008, "2008-08-24T15:05:00-04:00"),
}
"""Each by the name of its session, with when its log begins."""

DECIDED_LATER = HOUR
"""How long after the end the stewards of Mosport decided."""


def reconstructed(story: Iterable[AnyEvent]) -> list[AnyEvent]:
    """The events in order of time, as reconstructed ones."""
    given = [event.model_copy(update={"basis": "reconstructed"}) for event in story]
    return sorted(given, key=lambda event: event.at)


def entries(name: str) -> list[LogEntry]:
    """The log of a scenario: each event is learned when it happens, a later decision later."""
    add, begins = SCENARIOS[name]
    start = int(datetime.fromisoformat(begins).timestamp() * 1000)
    found = []
    for number, event in enumerate(add()):
        later = DECIDED_LATER if event.source == "stewards" else 0
        position = f"{start + event.at + later}-{number}"
        found.append(LogEntry(position, (EVENT_FIELD, encode(event))))
    return found


def archive(name: str) -> bytes:
    """The scenario as the bytes of an archive."""
    return pack(name, entries(name))


if __name__ == "__main__":
    for name in SCENARIOS:
        (EXAMPLES / f"{name}.jsonl.gz").write_bytes(archive(name))
