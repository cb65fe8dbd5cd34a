"""The 2024 IMSA season by command, out of its real sessions, up to the title in its last race."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import pytest

from events import decode
from events.clock import format_clock, parse_clock
from tests.data import DATA, needs_data
from tests.documents import conversations_in
from tests.unit.services.commands import Commands

pytestmark = [needs_data, pytest.mark.slow]

PAGE = (Path(__file__).resolve().parents[3] / "docs/championships.md").read_text("utf-8")
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
    """The season, session by session. ``known`` has its log's last position at each stage."""

    def __init__(self, lapstream: Commands) -> None:
        self.lapstream = lapstream
        self.known: dict[str, str] = {}
        lapstream.output(
            *("season", "new", SEASON, "--title", "IMSA 2024", "--rules", "imsa-2024"),
            *("--series", "IMSA SportsCar Championship", "--classes", "GTP,LMP2,GTDPRO,GTD"),
            *("--rounds", ",".join(name for _, _, name in ROUNDS)),
        )

    def bring_in(self, number: int, part: str) -> None:
        """Import a session; of Daytona's race only the official result is to be had."""
        folder = ROUNDS[number - 1][part == "race"]
        (results,) = IMSA.glob(f"{folder}-*/*-{part}-results.csv")
        laps = [str(path) for path in IMSA.glob(f"{folder}-*/*-{part}-laps.csv")]
        arguments = (*laps, "--results", str(results), "--session", f"{part}-{number}")
        self.lapstream.output(
            *("import", "alkamel", *arguments, "--rules", "imsa-2024", "--round", str(number))
        )

    def score(self, number: int, part: str) -> str:
        """Add a session that is there to the season; what is said."""
        return self.lapstream.output("season", "add", SEASON, f"{part}-{number}")

    def amend(self, session: str, *cars: str) -> None:
        """Send cars to the back of their class, one after the other."""
        for car in cars:
            self.lapstream.output(
                *("penalty", "impose", session, car, "back-of-class"),
                *("--reason", "technical inspection"),
            )

    def stage(self, name: str) -> None:
        """What is known of the season now is a stage of this name."""
        self.known[name] = self.lapstream.log.logs[SEASON][-1].position

    def points(self, stage: str, car_class: str, *names: str) -> tuple[float, ...]:
        """The points of these drivers, or cars as contenders, as was known at that stage."""
        of, named_by = ("teams", "car") if names[0].isdigit() else ("drivers", "name")
        rows = self.lapstream.rows(
            *("championship", "championship", SEASON, "--of", of, "--class", car_class),
            *("--known-at", self.known[stage]),
        )
        have = {row[named_by]: row["points"] for row in rows}
        return tuple(have[name] for name in names)

    def titles(self, *options: str, table: str = "clinch") -> list[dict[str, Any]]:
        """Who can still win the teams' title of GTP, as it stands in a session."""
        return self.lapstream.rows(
            table, "clinch", SEASON, "--of", "teams", "--class", "GTP", "--session", *options
        )


@pytest.fixture
def year(lapstream: Commands) -> Year:
    """The whole season by command."""
    year = Year(lapstream)
    for number in range(1, PETIT + 1):
        for part in ("qualifying", "race"):
            year.bring_in(number, part)
            if number < PETIT:
                year.score(number, part)
    year.stage("published")
    year.amend("race-10", "6", "40")
    year.amend("qualifying-10", "77")
    year.score(INDIANAPOLIS, "race")
    year.score(INDIANAPOLIS, "qualifying")
    year.stage("amended")
    year.score(PETIT, "qualifying")
    year.stage("qualified")
    year.score(PETIT, "race")
    year.stage("finished")
    return year


def the_points(year: Year) -> None:
    """Totals before and after Indianapolis was amended, after qualifying at Petit, at the end."""
    for stage, gtp, gtd_pro in (
        ("published", (2630, 2616, 2466), (2904, 2787)),  # 14 and 117 ahead
        ("amended", (2650, 2526, 2486), (2887, 2788)),  # 99 ahead in GTD Pro
        ("qualified", (2682, 2549, 2514), (2922, 2818)),  # 104 ahead
        ("finished", (2982, 2869, 2864), (3122, 3118)),  # 4 ahead
    ):
        assert year.points(stage, "GTP", "7", "6", "01") == gtp
        assert year.points(stage, "GTP", "Felipe Nasr", "Nick Tandy", "Sebastien Bourdais") == gtp
        assert year.points(stage, "GTDPRO", "77", "23") == gtd_pro
        assert year.points(stage, "GTDPRO", "Laurin Heinrich", "Ross Gunn") == gtd_pro


def the_page_shows_what_is_printed(year: Year) -> None:
    """The tables of the documentation are those of this season."""
    shown_here = [one for one in conversations_in(PAGE) if SEASON in one[0]]
    assert len(shown_here) == 3
    for line, shown in shown_here:
        assert year.lapstream.output(*shlex.split(line)[1:]).strip("\n") == shown, line


def what_each_needs_at_the_start(year: Year) -> None:
    """Ninth or better makes #7 champion; #6 has to win; #01 is out once #7 has started."""
    seven, six, one = year.titles("race-11", "--at", "lap:1")[:3]
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
    assert six["sentence"] == "#6 must win, and needs #7 to finish tenth or lower."
    assert (one["names"], one["status"], one["most"]) == (["#01"], "out", 2864)


def the_moment_at_which_the_title_is_won(year: Year) -> None:
    """#7 is champion once #85 and #25 are out; told so, with the reason, by what was known then."""
    (decided,) = year.titles("race-11", "--when", table="clinch-when")
    assert (decided["names"], decided["happened"]) == (["#7"], "#25 retired")
    assert format_clock(decided["at_ms"]) == "3:58:54.608"
    assert decided["sentence"] == (
        "#7 is champion: #25 and #85 can no longer pass, so ninth is the worst that can happen, "
        "for 2902 points, and #6 can reach no more than 2899."
    )
    printed = [entry.payload for entry in year.lapstream.log.logs["race-11"]]
    when = [decode(payload).at for payload in printed]
    for last, status in ((decided["at_ms"] - 1, "alive"), (decided["at_ms"], "clinched")):
        so_far = [payload for payload, at in zip(printed, when, strict=True) if at <= last]
        year.lapstream.log.hold(status, so_far)
        first, *_ = found = year.titles(status)
        assert (first["names"], first["status"]) == (["#7"], status)
    assert found == year.titles("race-11", "--at", "3:58:54.608")


def order_at(mark: str) -> list[str]:
    """The GTP cars at Petit Le Mans by laps, then by the time of the last, from the file itself."""
    (path,) = IMSA.glob("19-*/*-race-laps.csv")
    furthest: dict[str, tuple[int, int]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            at = parse_clock(row["ELAPSED"]) if row["CLASS"] == "GTP" else None
            if at is not None and at <= parse_clock(mark):
                lap = (-int(row["LAP_NUMBER"]), at)
                furthest[row["NUMBER"]] = min(lap, furthest.get(row["NUMBER"], lap))
    return sorted(furthest, key=lambda car: furthest[car])


def the_endurance_cup_at_petit_le_mans(year: Year) -> None:
    """At four hours, eight and the flag five points, four, three, and two for all others."""
    expected = dict.fromkeys(order_at("24:00:00"), 0)
    for mark in ("4:00:00", "8:00:00", "24:00:00"):
        for place, car in enumerate(order_at(mark)):
            expected[car] += (5, 4, 3)[place] if place < 3 else 2
    assert [expected[car] for car in ("7", "6", "10", "01", "25")] == [13, 11, 9, 9, 6]
    rows = year.lapstream.rows(
        *("championship", "championship", SEASON, "--of", "teams", "--class", "GTP"),
        *("--cup", "endurance"),
    )
    assert {row["car"]: row["by_round"][-1] for row in rows} == expected


def test_the_season_by_command(year: Year, subtests: pytest.Subtests) -> None:
    """All that it shows, in one test, as reading the season's files takes most of the time."""
    for part in (
        the_points,
        the_page_shows_what_is_printed,
        what_each_needs_at_the_start,
        the_moment_at_which_the_title_is_won,
        the_endurance_cup_at_petit_le_mans,
    ):
        with subtests.test(part.__doc__):
            part(year)
