"""The 2024 IMSA championships, from the official results of every race and qualifying."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from events import RoundScored, ScoredDriver, ScoredRow, SeasonOpened, SeasonRound
from projections.championship.season import Season, season_of
from tests.data import DATA, needs_data

pytestmark = needs_data

FOLDER = DATA / "imsa/2024"
ROUNDS = (  # the folders of a round's qualifying and race
    ("01-roar-before-the-24", "02-daytona-international-speedway"),
    ("05-sebring-international-raceway",) * 2,
    ("06-long-beach-street-circuit",) * 2,
    ("08-weathertech-raceway-laguna-seca",) * 2,
    ("09-detroit-street-course",) * 2,
    ("12-watkins-glen-international",) * 2,
    ("13-canadian-tire-motorsport-park",) * 2,
    ("14-road-america",) * 2,
    ("15-virginia-international-raceway",) * 2,
    ("17-tire-rack.com-battle-on-the-bricks",) * 2,
    ("19-road-atlanta",) * 2,
)
INDIANAPOLIS, PETIT = 10, 11


def read(folder: str, part: str) -> list[dict[str, str]]:
    """The rows of the official result, in order; headers without their blanks."""
    (file,) = (FOLDER / folder).glob(f"*-{part}-results.csv")
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restval="")
        return [{(k or "").strip(): v for k, v in row.items()} for row in reader]


def crew(row: dict[str, str]) -> tuple[ScoredDriver, ...]:
    names = (
        f"{row[f'DRIVER{n}_FIRSTNAME']} {row[f'DRIVER{n}_SECONDNAME']}".strip() for n in range(1, 7)
    )
    return tuple(ScoredDriver(name=name) for name in dict.fromkeys(names) if name)


def result(number: int, part: str, car_class: str, last: tuple[str, ...] = ()) -> RoundScored:
    """A class of a result; the cars ``last`` moved to its end by an amendment."""
    folder = ROUNDS[number - 1][part == "race"]
    rows = [row for row in read(folder, part) if row["CLASS"] == car_class]
    rows.sort(key=lambda row: last.index(row["NUMBER"]) if row["NUMBER"] in last else -1)
    return RoundScored(
        at=2 * number + bool(last),
        source=f"amended {part}" if last else part,
        source_seq=number,
        round=number,
        part=part,  # type: ignore[arg-type]
        car_class=car_class,
        rows=tuple(
            ScoredRow(
                position=place,
                car=row["NUMBER"],
                team=row["TEAM"],
                manufacturer=row["VEHICLE"].split()[0],
                drivers=crew(row),
            )
            for place, row in enumerate(rows, start=1)
        ),
    )


def season(car_class: str, *petit: str, amended: tuple[RoundScored, ...] = ()) -> Season:
    """The season of a class before Petit Le Mans, and these parts of that."""
    opened = SeasonOpened(
        at=0,
        source="imsa-2024",
        source_seq=0,
        title="IMSA SportsCar Championship 2024",
        series="IMSA SportsCar Championship",
        rules="imsa-2024",
        classes=(car_class,),
        rounds=tuple(SeasonRound(name=race) for _, race in ROUNDS),
    )
    results = [
        result(number, part, car_class)
        for number in range(1, PETIT + 1)
        for part in ("qualifying", "race")
        if number < PETIT or part in petit
    ]
    return season_of([opened, *(one for one in results if one.rows), *amended])


def points(one: Season, car_class: str) -> dict[str | None, float]:
    """The points of each car as a contender."""
    return {row["car"]: row["points"] for row in one.standings(of="teams", car_class=car_class)}


def gtp_amended() -> RoundScored:
    """Indianapolis after technical inspection: #6 to tenth, #40 to eleventh."""
    return result(INDIANAPOLIS, "race", "GTP", ("6", "40"))


def gtd_pro_amended() -> RoundScored:
    """Qualifying at Indianapolis after the check of the ride height: #77 last."""
    return result(INDIANAPOLIS, "qualifying", "GTDPRO", ("77",))


@pytest.mark.parametrize(
    ("petit", "seven", "six", "one"),
    [
        ((), 2650, 2526, 2486),
        (("qualifying",), 2682, 2549, 2514),
        (("qualifying", "race"), 2982, 2869, 2864),
    ],
)
def test_gtp(petit: tuple[str, ...], seven: int, six: int, one: int) -> None:
    """Before and after qualifying at Petit Le Mans the points of the three are as published."""
    standings = points(season("GTP", *petit, amended=(gtp_amended(),)), "GTP")
    assert (standings["7"], standings["6"], standings["01"]) == (seven, six, one)
    assert list(standings)[:3] == ["7", "6", "01"]


def test_gtp_before_the_amendment() -> None:
    """As first published #6 was third at Indianapolis, and 14 points behind."""
    standings = points(season("GTP"), "GTP")
    assert standings["7"] - standings["6"] == 14


def test_gtp_drivers() -> None:
    """The drivers have what their car has, also for the qualifying that another drove."""
    one = season("GTP", "qualifying", amended=(gtp_amended(),))
    rows = {row["name"]: row for row in one.standings(car_class="GTP")}
    for name in ("Dane Cameron", "Felipe Nasr"):
        assert (rows[name]["points"], rows[name]["rank"], rows[name]["tied"]) == (2682, 1, True)
    assert one.standings(of="manufacturers", car_class="GTP")[0]["name"] == "Porsche"


@pytest.mark.parametrize(
    ("petit", "first", "second"),
    [
        ((), 2887, 2788),
        (("qualifying",), 2922, 2818),
        (("qualifying", "race"), 3122, 3118),
    ],
)
def test_gtd_pro(petit: tuple[str, ...], first: int, second: int) -> None:
    """The lead of #77 was 99, after its pole 104, and at the end 4."""
    standings = points(season("GTDPRO", *petit, amended=(gtd_pro_amended(),)), "GTDPRO")
    assert (standings["77"], standings["23"]) == (first, second)


def test_gtd_pro_before_the_amendment() -> None:
    """Without the amended qualifying of Indianapolis the lead would be 117."""
    standings = points(season("GTDPRO"), "GTDPRO")
    assert standings["77"] - standings["23"] == 117
