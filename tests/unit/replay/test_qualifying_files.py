"""Qualifying files in the small: the official order of cars without a time is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

import events as ev
from projections.race import Race
from projections.results.session_order import session_order
from replay.importing import import_alkamel
from replay.reconciling import reconcile
from tests.alkamel import Lap, car, laps_text, written

HEADER = "POS;NUMBER;LAP;TIME;GAP_FIRST;GAP_PREVIOUS;KPH; LAPS;TEAM;CLASS;VEHICLE"
OUT = Lap(40_000, 60_000, 50_000)
QUICK = Lap(21_000, 25_000, 26_000)
SLOWER = Lap(21_000, 25_000, 26_400)
IN_LANE = Lap(21_000, 25_000, 24_000, b=True)


def result(*rows: tuple[str, Lap | None, int]) -> str:
    """A qualifying result: car, best lap (the second) and number of laps, in order."""
    lines = [HEADER]
    for place, (number, best, laps) in enumerate(rows, start=1):
        lap, time = (2, written(best.lap_time)) if best else (0, "")
        lines.append(f"{place};{number};{lap};{time};-;-;;{laps};Team A;GT;Car A")
    return "\ufeff" + "".join(f"{line}\r\n" for line in lines)


@pytest.mark.parametrize(
    ("cars", "official"),
    [
        pytest.param(
            {"31": (OUT, QUICK), "10": (OUT, SLOWER), "52": (IN_LANE,)},
            (("31", QUICK, 2), ("10", SLOWER, 2), ("8", None, 0), ("52", None, 1)),
            id="the first lap is none, and quicker than all others",
        ),
        pytest.param(
            {"31": (OUT, QUICK), "52": (OUT,), "9": (OUT,)},
            (("31", QUICK, 2), ("9", None, 1), ("10", None, 0), ("52", None, 1)),
            id="9 before 10",
        ),
        pytest.param(
            {"4": (OUT, SLOWER), "31": (OUT, SLOWER), "07": (OUT,)},
            (("31", SLOWER, 2), ("4", SLOWER, 2), ("07", None, 1), ("7", None, 0)),
            id="equal times, and 07 before 7",
        ),
    ],
)
def test_cars_without_a_time_stand_by_number(
    tmp_path: Path,
    cars: dict[str, tuple[Lap, ...]],
    official: tuple[tuple[str, Lap | None, int], ...],
) -> None:
    """Whether they left the pits or not; nothing has to be decided to explain the result."""
    laps, results = tmp_path / "q-qualifying-laps.csv", tmp_path / "q-qualifying-results.csv"
    delays = {"4": 1000}  # #4 set the equal time a second later
    laps.write_text(
        laps_text(
            *(
                car(number, Lap(40_000, 60_000, 50_000 + delays.get(number, 0)), *driven[1:])
                if driven[0] is OUT
                else car(number, *driven)
                for number, driven in cars.items()
            )
        ),
        encoding="utf-8",
    )
    results.write_text(result(*official), encoding="utf-8")
    events = import_alkamel(laps, results)
    race = Race()
    race.apply_all(events)
    assert session_order(race) == [number for number, _, _ in official]
    declared = next(one for one in events if isinstance(one, ev.ResultDeclared))
    found = reconcile(events, declared)
    assert (found.decisions, found.unreconciled) == ((), ())
