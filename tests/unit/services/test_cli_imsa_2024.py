"""The 2024 IMSA season by command, out of its real sessions, up to the title in its last race."""

from __future__ import annotations

from typing import Any

import pytest

from events.clock import format_clock
from tests.data import DATA, needs_data
from tests.unit.services.commands import Commands

pytestmark = needs_data

IMSA = DATA / "imsa/2024"
SEASON = "imsa-2024"
ROUNDS = (  # the folders of qualifying and race, and the round as `season new` takes it
    ("01", "02", "Daytona 24:00"),
    ("05", "05", "Sebring 12:00"),
    ("06", "06", "Long Beach 1:40 [GTP GTD]"),
    ("08", "08", "Laguna Seca 2:40 [GTP GTDPRO GTD]"),
    ("09", "09", "Detroit 1:40 [GTP GTDPRO]"),
    ("12", "12", "Watkins Glen 6:00"),
    ("13", "13", "Mosport 2:40 [LMP2 GTDPRO GTD]"),
    ("14", "14", "Road America 2:40"),
    ("15", "15", "Virginia 2:40 [GTDPRO GTD]"),
    ("17", "17", "Indianapolis 6:00"),
    ("19", "19", "Petit Le Mans 10:00"),
)
INDIANAPOLIS, PETIT = 10, 11


class Year:
    """The season, session by session."""

    def __init__(self, lapstream: Commands) -> None:
        self._lapstream = lapstream
        lapstream.told(
            *("season", "new", SEASON, "--title", "IMSA 2024", "--rules", "imsa-2024"),
            *("--series", "IMSA SportsCar Championship", "--classes", "GTP,LMP2,GTDPRO,GTD"),
            *("--rounds", ",".join(name for _, _, name in ROUNDS)),
        )

    def bring_in(self, number: int, part: str) -> str:
        """Import a session; of Daytona's race only the official result is to be had."""
        folder = ROUNDS[number - 1][part == "race"]
        (results,) = IMSA.glob(f"{folder}-*/*-{part}-results.csv")
        laps = [str(path) for path in IMSA.glob(f"{folder}-*/*-{part}-laps.csv")]
        session = f"{part}-{number}"
        arguments = (*laps, "--results", str(results), "--session", session)
        self._lapstream.told("import", "alkamel", *arguments, "--rules", "imsa-2024")
        return session

    def score(self, number: int, part: str) -> None:
        """Add a session that is there to the season."""
        self._lapstream.told("season", "add", SEASON, f"{part}-{number}", "--round", str(number))

    def amend(self, session: str, *cars: str) -> None:
        """Send cars to the back of their class, one after the other."""
        for car in cars:
            self._lapstream.told(
                *("penalty", "impose", session, car, "back-of-class"),
                *("--reason", "technical inspection"),
            )

    def points(self, car_class: str, *cars: str) -> tuple[float, ...]:
        """The points of these cars as contenders."""
        rows = self._lapstream.rows(
            "championship", "championship", SEASON, "--of", "teams", "--class", car_class
        )
        have = {row["car"]: row["points"] for row in rows}
        return tuple(have[car] for car in cars)

    def titles(self, table: str = "clinch", *asked: str) -> list[dict[str, Any]]:
        """Who can still win the teams' title of GTP."""
        return self._lapstream.rows(
            table, "clinch", SEASON, "--of", "teams", "--class", "GTP", *asked
        )


@pytest.fixture
def year(lapstream: Commands) -> Year:
    """The season before Petit Le Mans, its sessions all imported."""
    year = Year(lapstream)
    for number in range(1, PETIT):
        for part in ("qualifying", "race"):
            year.bring_in(number, part)
            year.score(number, part)
    year.bring_in(PETIT, "qualifying")
    year.bring_in(PETIT, "race")
    return year


def test_the_season_up_to_its_last_race(year: Year) -> None:
    """Totals before and after qualifying at Petit Le Mans, the title in the race, the end.

    One test, as reading the files takes most of its time.
    """
    assert year.points("GTP", "7", "6", "01") == (2630, 2616, 2466)  # as first published
    before_amendments = year.points("GTDPRO", "77", "23")
    assert before_amendments[0] - before_amendments[1] == 117

    year.amend("race-10", "6", "40")
    year.amend("qualifying-10", "77")
    year.score(INDIANAPOLIS, "race")
    year.score(INDIANAPOLIS, "qualifying")
    assert year.points("GTP", "7", "6", "01") == (2650, 2526, 2486)
    assert year.points("GTDPRO", "77", "23") == (2887, 2788)  # 99 ahead

    year.score(PETIT, "qualifying")
    assert year.points("GTP", "7", "6", "01") == (2682, 2549, 2514)
    assert year.points("GTDPRO", "77", "23") == (2922, 2818)  # 104 ahead

    seven, six, one = year.titles("clinch", "--session", "race-11", "--at", "lap:1")[:3]
    assert (seven["names"], seven["clinches_from"], seven["can_win_from"]) == (["#7"], 9, 11)
    assert seven["against"][0]["beats_from"] == {
        "1": 9,
        "11": 10,
        **{str(place): 11 for place in range(2, 11)},
    }
    assert seven["sentence"] == (
        "#7 is champion with ninth or better, whatever #6 does; "
        "any finish is enough if #6 does not win."
    )
    assert (six["names"], six["clinches_from"], six["can_win_from"]) == (["#6"], None, 1)
    assert (one["names"], one["status"], one["most"]) == (["#01"], "out", 2864)

    (decided,) = year.titles("clinch-when", "--session", "race-11", "--when")
    assert (decided["names"], decided["happened"]) == (["#7"], "#25 retired")
    assert decided["sentence"] == (
        "#7 is champion: #25 and #85 can no longer pass, so ninth is the worst that can happen, "
        "for 2902 points, and #6 can reach no more than 2899."
    )
    moments = (format_clock(decided["at_ms"] - 1), format_clock(decided["at_ms"]))
    assert moments[1] == "3:58:54.608"
    for moment, status in zip(moments, ("alive", "clinched"), strict=True):
        now = year.titles("clinch", "--session", "race-11", "--at", moment)
        assert (now[0]["names"], now[0]["status"]) == (["#7"], status)

    year.score(PETIT, "race")
    assert year.points("GTP", "7", "6", "01") == (2982, 2869, 2864)
    assert year.points("GTDPRO", "77", "23") == (3122, 3118)  # 4 ahead at the end
