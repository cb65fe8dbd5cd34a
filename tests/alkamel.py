"""Al Kamel files in the small, written as the timing service writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADER = (
    "NUMBER; DRIVER_NUMBER; LAP_NUMBER; LAP_TIME; LAP_IMPROVEMENT; CROSSING_FINISH_LINE_IN_PIT;"
    " S1; S1_IMPROVEMENT; S2; S2_IMPROVEMENT; S3; S3_IMPROVEMENT; KPH; ELAPSED; HOUR;S1_LARGE;"
    "S2_LARGE;S3_LARGE;TOP_SPEED;DRIVER_NAME;PIT_TIME;CLASS;GROUP;TEAM;MANUFACTURER;FLAG_AT_FL;"
)
RACE_RESULT_HEADER = (
    "POSITION;NUMBER;STATUS;LAPS;TOTAL_TIME;GAP_FIRST;GAP_PREVIOUS;FL_LAPNUM;FL_TIME;FL_KPH;"
    "TEAM;CLASS;GROUP;DIVISION;VEHICLE;TIRES;DRIVER1_FIRSTNAME;DRIVER1_SECONDNAME;"
    "DRIVER1_LICENSE;DRIVER1_COUNTRY;DRIVER1_SHORTNAME;DRIVER2_FIRSTNAME;DRIVER2_SECONDNAME;"
    "DRIVER2_LICENSE;DRIVER2_COUNTRY;DRIVER2_SHORTNAME;"
)
DRIVERS = {1: "Ann DE VRIES", 2: "Bo Čech", 3: "Cy O'Neil"}


@dataclass(frozen=True)
class Lap:
    """A row: sector times in ms (None where a loop missed the car) and what else it says."""

    s1: int | None = 20_000
    s2: int | None = 30_000
    s3: int | None = 10_000
    time: int | None = None
    b: bool = False
    pit: int | None = None
    flag: str = "GF"
    driver: int = 1
    speed: str = ""

    @property
    def lap_time(self) -> int:
        """The lap time in ms: as given, else the sum of the sectors."""
        return self.time or (self.s1 or 0) + (self.s2 or 0) + (self.s3 or 0)


def written(ms: int | None) -> str:
    """A time as the file writes it: ``35.200``, ``1:09.195``, ``5:00:00.000``."""
    if ms is None:
        return ""
    seconds, fraction = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}.{fraction:03}"
    return f"{minutes}:{seconds:02}.{fraction:03}" if minutes else f"{seconds}.{fraction:03}"


def car(
    number: str,
    *laps: Lap,
    car_class: str = "GT",
    group: str = "",
    team: str = "Team A",
    make: str = "Make A",
    start: int = 43_200_000,
) -> list[str]:
    """A car's rows; ``start`` is the local time of day at the start, in ms."""
    rows: list[str] = []
    elapsed = 0
    for lap_number, lap in enumerate(laps, 1):
        elapsed += lap.lap_time
        cells = [
            *(number, str(lap.driver), str(lap_number), written(lap.lap_time), "0"),
            *("B" if lap.b else "", written(lap.s1), "0", written(lap.s2), "0"),
            *(
                written(lap.s3),
                "0",
                "180.0",
                written(elapsed),
                _time_of_day(start + elapsed),
                "",
                "",
                "",
                lap.speed,
            ),
            *(DRIVERS[lap.driver], written(lap.pit), car_class, group, team, make, lap.flag, ""),
        ]
        rows.append(";".join(cells))
    return rows


def laps_text(*cars: Sequence[str]) -> str:
    """A laps file of these cars' rows."""
    rows = [HEADER, *(row for rows in cars for row in rows)]
    return "\ufeff" + "".join(f"{row}\r\n" for row in rows)


def result_text(*rows: str) -> str:
    """A race result of these rows."""
    return "\ufeff" + "".join(f"{row}\r\n" for row in (RACE_RESULT_HEADER, *rows))


def result_row(
    position: int | None,
    number: str,
    laps: int,
    total: int | None,
    *,
    status: str = "Classified",
    best: tuple[int, int] | None = None,
    car_class: str = "GT",
    group: str = "",
    crew: Sequence[tuple[str, str]] = (("Ann", "DE VRIES"), ("Bo", "Čech")),
) -> str:
    """A row of a race result; ``best`` is the number of the fastest lap and its time."""
    best_lap, best_time = best or (0, None)
    drivers = [cell for first, second in crew for cell in (first, second, "Gold", "NLD", "")]
    cells = [
        *(str(position or ""), number, status, str(laps), written(total), "-", "-"),
        *(str(best_lap), written(best_time), "", "Team A", car_class, group, "", "Car A", "M"),
        *drivers,
        "",
    ]
    return ";".join(cells)


def _time_of_day(ms: int) -> str:
    seconds, fraction = divmod(ms % 86_400_000, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{fraction:03}"
