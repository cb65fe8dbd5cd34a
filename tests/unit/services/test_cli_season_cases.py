"""Seasons as they happen: shortened races, cancelled rounds, penalty points, dropped results."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path
from typing import Any

import pytest

import events as ev
from projections.rules.packs import builtin_pack, parse_pack
from tests.builders import Story
from tests.unit.services.commands import Commands

MINUTE = 60_000
F1 = str(Path(__file__).resolve().parents[2] / "golden/f1-2022.toml")


def race(
    *cars: str, laps: int = 3, kind: str = "race", retired: str | None = None, **members: Any
) -> Story:
    """A session of class A; its cars are a tenth apart, and one may stop after a lap."""
    story = Story().opened(
        lines=("FL",), car_class="A", kind=kind, series="S", **{"rules": "wec-2024", **members}
    )
    for place, car in enumerate(cars):
        crew = (ev.Driver(number=1, name=f"D{car}"),)
        story.entry(car, "A", team=f"Team {car}", drivers=crew)
        for lap in range(1, laps + 1 if car != retired else 2):
            story.lap(car, lap, lap * (MINUTE + 100 * place), MINUTE + 100 * place)
        if car == retired:
            story.retired(car, 2 * MINUTE)
    return story


def finished(*cars: str, laps: int = 3, **members: Any) -> Story:
    """A race in which every car took the flag."""
    story = race(*cars, laps=laps - 1, **members)
    story.flag("chequered", laps * MINUTE)
    for place, car in enumerate(cars):
        if car != members.get("retired"):
            story.lap(car, laps, laps * (MINUTE + 100 * place), MINUTE + 100 * place)
    return story.ended((laps + 5) * MINUTE)


def new_season(lapstream: Commands, rounds: str = "R1, R2, R3", rules: str = "wec-2024") -> None:
    lapstream.output(
        *("season", "new", "s", "--title", "A season", "--series", "S"),
        *("--rules", rules, "--classes", "A", "--rounds", rounds),
    )


def add(lapstream: Commands, story: Story, number: int, *options: str) -> str:
    """Hold a session and score it as a round."""
    lapstream.hold(f"r{number}", story)
    return lapstream.output("season", "add", "s", f"r{number}", "--round", str(number), *options)


def table(lapstream: Commands, *options: str) -> dict[str, Any]:
    """The points of each driver, in order."""
    rows = lapstream.rows("championship", "championship", "s", *options)
    return {row["name"]: row["points"] for row in rows}


class TestShortenedRaces:
    """Reduced points by the share that the session itself proves was run."""

    def test_a_third_of_the_time(self, lapstream: Commands) -> None:
        """A red flag that ends an hour's race after 20 minutes: half points, and exactly."""
        story = race("1", "2", "3", laps=19, time_limit_ms=60 * MINUTE)
        story.flag("red", 20 * MINUTE + 500).ended(30 * MINUTE)
        new_season(lapstream)
        assert add(lapstream, story, 1) == "s: round 1, race, from r1: A; 33 % run\n"
        assert table(lapstream) == {"D1": 12.5, "D2": 9, "D3": 7.5}
        assert [row["points"] for row in lapstream.rows("results", "results", "r1")] == [
            12.5,
            9,
            7.5,
        ]
        assert "33 % run, less than 75 %" in lapstream.output("explain", "r1", "1")

    @pytest.mark.parametrize(
        ("flag_at", "points"), [(45 * MINUTE - 1, 12.5), (45 * MINUTE, 25), (60 * MINUTE, 25)]
    )
    def test_the_threshold(self, lapstream: Commands, flag_at: int, points: float) -> None:
        """A chequered flag at just under three quarters of the time, at them, and at its end."""
        story = race("1", "2", laps=40, time_limit_ms=60 * MINUTE).flag("chequered", flag_at)
        story.lap("1", 41, 61 * MINUTE).lap("2", 41, 62 * MINUTE).ended(65 * MINUTE)
        new_season(lapstream)
        add(lapstream, story, 1)
        assert table(lapstream)["D1"] == points

    @pytest.mark.parametrize(("laps", "points"), [(4, 6), (9, 13), (14, 19), (15, 25), (20, 25)])
    def test_a_share_of_the_laps(self, lapstream: Commands, laps: int, points: int) -> None:
        """A race of 20 laps, scored on the scale of the share that the winner completed."""
        lapstream.hold("f1", finished("1", "2", laps=laps, laps_limit=20))
        rows = lapstream.rows("points", "points", "f1", "--rules", F1)
        assert rows[0]["points"] == points + 1  # and the fastest lap

    @pytest.mark.parametrize(("measure", "points"), [("time", 12.5), ("distance", 25)])
    def test_the_measure_of_the_pack(
        self, lapstream: Commands, tmp_path: Path, measure: str, points: float
    ) -> None:
        """A race of six laps or an hour that went its six laps in ten minutes."""
        pack = tmp_path / "pack.toml"
        text = (Path(__file__).resolve().parents[3] / "projections/rules/wec-2024.toml").read_text()
        rule = f'drops = 0\nreduced_by = "{measure}"'
        pack.write_text(
            text.replace("drops = 0", rule).replace('"drops"]', '"drops", "reduced_by"]')
        )
        lapstream.hold("r", finished("1", laps=6, laps_limit=6, time_limit_ms=60 * MINUTE))
        assert lapstream.rows("points", "points", "r")[0]["points"] == 25
        rows = lapstream.rows("points", "points", "r", "--rules", str(pack))
        assert rows[0]["points"] == points

    @pytest.mark.parametrize(
        ("title", "stated", "rounds", "points"),
        [
            ("A race", 8 * 60 * MINUTE, "R1", 38),
            ("8 Hours of Bahrain", None, "R1", 38),
            ("A race", 8 * 60 * MINUTE, "R1 6:00", 25),
            ("A race", None, "R1", 38),
        ],
        ids=["by the session", "by its title", "the round's prevails", "proved by its end"],
    )
    def test_the_length_that_the_session_has(
        self, lapstream: Commands, title: str, stated: int | None, rounds: str, points: int
    ) -> None:
        """It counts where the calendar has none: in the season as in the session's own points."""
        story = Story().opened(
            *(), lines=("FL",), car_class="A", series="S", rules="wec-2024", title=title,
            time_limit_ms=stated,
        )  # fmt: skip
        story.entry("1", "A", drivers=(ev.Driver(number=1, name="D1"),))
        story.lap("1", 1, 480 * MINUTE - 30_000, None).flag("chequered", 480 * MINUTE)
        story.lap("1", 2, 480 * MINUTE + 30_000, MINUTE).ended(490 * MINUTE)
        new_season(lapstream, rounds)
        proved = "; scheduled length 8:00:00, reconstructed from 8:00:30 of laps"
        reconstructed = proved if (title, stated) == ("A race", None) else ""
        assert add(lapstream, story, 1) == f"s: round 1, race, from r1: A{reconstructed}\n"
        assert table(lapstream) == {"D1": points}
        assert "scheduled length" not in lapstream.output("championship", "s")

    def test_nothing_says_how_long_it_was_to_be(self, lapstream: Commands) -> None:
        """Then a race under red is not scored before it is said; the round's length does."""
        story = race("1", "2", laps=19).flag("red", 20 * MINUTE).ended(30 * MINUTE)
        new_season(lapstream, "R1, R2 1:00")
        lapstream.hold("r1", story)
        wanted = ("season", "add", "s", "r1", "--round", "1")
        assert "give --percent-run" in lapstream.refused(*wanted)
        assert "100" not in add(lapstream, story, 2)
        assert table(lapstream)["D1"] == 12.5
        lapstream.output(*wanted, "--percent-run", "80")
        assert table(lapstream)["D1"] == 37.5
        assert "nothing new" in lapstream.output(*wanted)

    def test_a_race_that_still_runs(self, lapstream: Commands) -> None:
        """As it stands it is worth full points."""
        lapstream.hold("r1", race("1", "2", laps=19, time_limit_ms=60 * MINUTE))
        assert lapstream.rows("points", "points", "r1")[0]["points"] == 25


class TestCalendar:
    """Rounds that are cancelled, reinstated, moved, renamed and added, each by an event."""

    def two_of_three(self, lapstream: Commands) -> None:
        new_season(lapstream)
        add(lapstream, finished("1", "2"), 1)
        add(lapstream, finished("1", "2"), 3)

    def statuses(self, lapstream: Commands) -> dict[str, str]:
        rows = lapstream.rows("clinch", "clinch", "s", "--of", "drivers")
        return {row["names"][0]: row["status"] for row in rows}

    def test_a_cancelled_round_is_not_left(self, lapstream: Commands) -> None:
        """With nothing left the leader is champion; reinstated, the round is left again."""
        self.two_of_three(lapstream)
        assert self.statuses(lapstream)["D1"] != "clinched"
        line = lapstream.output("season", "cancel", "s", "2", "--reason", "flood")
        assert line == "s: round 2: R2, cancelled\n"
        assert self.statuses(lapstream) == {"D1": "clinched", "D2": "out"}
        assert table(lapstream) == {"D1": 50, "D2": 36}
        assert "R2 (cancelled)" in lapstream.output("season", "show", "s")
        assert "round 2 is cancelled" in lapstream.refused(
            "season", "add", "s", "r1", "--round", "2"
        )
        lapstream.output("season", "reinstate", "s", "2", "--reason", "moved to November")
        assert self.statuses(lapstream)["D1"] != "clinched"

    def test_a_season_that_exists(self, lapstream: Commands) -> None:
        """Opening it again is refused, with the same calendar as with another."""
        self.two_of_three(lapstream)
        for rounds in ("R1, R2, R3", "R1, R3"):
            assert "there is a log 's' already" in lapstream.refused(
                *("season", "new", "s", "--title", "A season", "--series", "S"),
                *("--rules", "wec-2024", "--classes", "A", "--rounds", rounds),
            )

    def test_a_round_added_and_moved(self, lapstream: Commands) -> None:
        """An added round is one more that can be won; its length chooses the scale."""
        self.two_of_three(lapstream)
        lapstream.output("season", "cancel", "s", "2", "--reason", "flood")
        line = lapstream.output("season", "extend", "s", "Spa 6:00 [A]", "--reason", "in its place")
        assert line == "s: round 4: Spa, 6:00:00, [A]\n"
        assert self.statuses(lapstream)["D1"] == "open"
        line = lapstream.output(
            *("season", "amend", "s", "4", "--name", "Le Mans", "--date", "2024-11-02"),
            *("--length", "24:00", "--circuit", "La Sarthe", "--reason", "moved"),
        )
        assert line == "s: round 4: Le Mans, La Sarthe, 2024-11-02, 24:00:00, [A]\n"
        add(lapstream, finished("2", "1"), 4)
        assert table(lapstream) == {"D1": 86, "D2": 86}

    @pytest.mark.parametrize(
        ("command", "says"),
        [
            (("cancel", "s", "4"), "no round 4 in this season; it has 3"),
            (("extend", "s", "R4 [B]"), "no class 'B'"),
        ],
    )
    def test_what_cannot_be_changed(
        self, lapstream: Commands, command: tuple[str, ...], says: str
    ) -> None:
        """It is refused in a line, and nothing is appended."""
        new_season(lapstream)
        assert says in lapstream.refused("season", *command, "--reason", "x")
        assert len(lapstream.events("s")) == 1

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--date", "2. November"), "'2. November' is not a date such as 2024-11-02"),
            (("--length", "six hours"), "'six hours' is not a length such as 6:00"),
            ((), "give what changes"),
        ],
    )
    def test_wrong_usage(self, lapstream: Commands, options: tuple[str, ...], says: str) -> None:
        """What is wrong with it, in a line."""
        new_season(lapstream)
        assert says in lapstream.misused("season", "amend", "s", "1", "--reason", "x", *options)


class TestSeveralRaces:
    """Rounds of several races, each on its scale."""

    def test_a_sprint_and_a_long_race(self, lapstream: Commands) -> None:
        """Both count in the round; a third session is refused, the first can be added again."""
        new_season(lapstream, "R1 (6h 24h), R2")
        assert add(lapstream, finished("1", "2"), 1) == "s: round 1, race 1, from r1: A\n"
        lapstream.hold("long", finished("2", "1"))
        line = lapstream.output("season", "add", "s", "long", "--round", "1")
        assert line == "s: round 1, race 2, from long: A\n"
        assert table(lapstream) == {"D2": 68, "D1": 61}
        rows = lapstream.rows("championship", "championship", "s")
        assert [row["by_round"] for row in rows] == [[68], [61]]
        lapstream.hold("again", finished("1", "2"))
        assert "the race of round 1 is scored from long" in lapstream.refused(
            "season", "add", "s", "again", "--round", "1"
        )
        assert "nothing new" in lapstream.output("season", "add", "s", "r1", "--round", "1")

    def test_the_second_race_first(self, lapstream: Commands) -> None:
        """The number decides, whichever is scored first; there is no third."""
        new_season(lapstream, "R1 (24h 6h)")
        lapstream.hold("r1", finished("1", "2"))
        add = ("season", "add", "s", "r1", "--round", "1", "--race")
        assert "round 1 has 2 races" in lapstream.refused(*add, "3")
        assert lapstream.output(*add, "2") == "s: round 1, race 2, from r1: A\n"
        assert table(lapstream) == {"D1": 25, "D2": 18}

    def test_a_race_while_it_runs(self, lapstream: Commands) -> None:
        """As it stands it is the next race, after those that were scored."""
        new_season(lapstream, "R1 (6h 24h)")
        add(lapstream, finished("1", "2"), 1)
        lapstream.hold("long", race("2", "1", laps=3))
        assert table(lapstream, "--session", "long") == {"D2": 68, "D1": 61}
        rows = lapstream.rows("clinch", "clinch", "s", "--of", "drivers", "--session", "long")
        assert rows[0]["left"] == ["qualifying 2 of round 1", "race 2 of round 1"] or rows[0][
            "left"
        ] == ["race 2 of round 1"]
        assert {row["names"][0]: row["most"] for row in rows} == {"D1": 75, "D2": 68}

    @pytest.mark.parametrize("rounds", ["R1 (sprint 6h)", "R1 1:00 [A] (6h x)"])
    def test_a_scale_that_there_is_not(self, lapstream: Commands, rounds: str) -> None:
        """It is refused before the season is opened."""
        wrong = ("season", "new", "s", "--title", "t", "--series", "S", "--rules", "wec-2024")
        line = lapstream.misused(*wrong, "--classes", "A", "--rounds", rounds)
        assert "there are 6h, 8h_10h, 24h" in line

    def test_a_round_that_becomes_a_double_header(self, lapstream: Commands) -> None:
        """By an event with a reason; what was scored stays its first race."""
        new_season(lapstream, "R1")
        add(lapstream, finished("1", "2"), 1)
        line = lapstream.output("season", "amend", "s", "1", "--races", "6h,6h", "--reason", "rain")
        assert line == "s: round 1: R1, (6h 6h)\n"
        lapstream.hold("second", finished("2", "1"))
        lapstream.output("season", "add", "s", "second", "--round", "1")
        assert table(lapstream) == {"D1": 43, "D2": 43}


class TestAdjustments:
    """Points given or taken by decision, for anybody who is entered."""

    @pytest.fixture(autouse=True)
    def scored(self, lapstream: Commands) -> None:
        """D3 retires in the only race, D4 is entered and does not start."""
        new_season(lapstream)
        story = finished("1", "2", "3", retired="3")
        story.entry("4", "A", team="Team 4", drivers=(ev.Driver(number=1, name="D4"),))
        add(lapstream, story, 1)

    @pytest.mark.parametrize("who", ["D1", "D3", "D4"])
    @pytest.mark.parametrize("points", [-5, 0.5, -0.1])
    def test_anybody_entered(self, lapstream: Commands, who: str, points: float) -> None:
        """Who scored, who retired and who did not start; negative and fractional."""
        before = table(lapstream)
        line = lapstream.output(
            *("season", "adjust", "s", "drivers", who, "--class", "A", "--reason", "x"),
            *("--", str(points)),
        )
        assert line == f"s: {who} {points:+} points (x)\n"
        assert table(lapstream)[who] == before.get(who, 0) + points

    def test_tenths_add_up(self, lapstream: Commands) -> None:
        """Ten times a tenth of a point is a point."""
        for _ in range(10):
            lapstream.output("season", "adjust", "s", "drivers", "D3", "0.1", "--reason", "x")
        assert table(lapstream)["D3"] == 1

    def test_a_team(self, lapstream: Commands) -> None:
        """Of a car that retired."""
        known = lapstream.rows("championship", "championship", "s", "--of", "teams")
        name = next(row["name"] for row in known if row["car"] == "3")
        lapstream.output("season", "adjust", "s", "teams", "#3", "--reason", "x", "--", "-5")
        rows = lapstream.rows("championship", "championship", "s", "--of", "teams")
        assert (rows[-1]["name"], rows[-1]["points"]) == (name, -5)

    def test_nobody(self, lapstream: Commands) -> None:
        """A name that no result has is refused, and so is no number."""
        assert "no 'D9' among the drivers of this season" in lapstream.refused(
            "season", "adjust", "s", "drivers", "D9", "5", "--reason", "x"
        )
        assert "not between" in lapstream.misused(
            "season", "adjust", "s", "drivers", "D1", "nan", "--reason", "x"
        )


class TestParticipants:
    """Whoever took part is in the table."""

    def names(self, lapstream: Commands, story: Story, **options: str) -> list[tuple[str, float]]:
        new_season(lapstream, **options)
        add(lapstream, story, 1)
        return list(table(lapstream).items())

    def test_a_retired_car(self, lapstream: Commands) -> None:
        """Its driver has nothing, behind those that scored."""
        story = finished("1", "2", "3", retired="3")
        assert self.names(lapstream, story) == [("D1", 25), ("D2", 18), ("D3", 0)]

    def test_a_disqualified_car(self, lapstream: Commands) -> None:
        """The same holds for the winner who is excluded."""
        story = finished("1", "2")
        story.add(
            ev.PenaltyImposed, 400_000, penalty_id="p", car="1", kind="disqualification", reason="x"
        )
        assert self.names(lapstream, story) == [("D2", 25), ("D1", 0)]

    def test_guests_and_cars_that_did_not_start(self, lapstream: Commands) -> None:
        """Neither is a participant of this championship."""
        story = Story().opened(lines=("FL",), car_class="A", series="S", rules="wec-2024")
        for car, championships in (("1", None), ("2", ("Other",)), ("3", None)):
            crew = (ev.Driver(number=1, name=f"D{car}"),)
            story.entry(car, "A", drivers=crew, championships=championships)
        story.lap("1", 1, 60_000).lap("2", 1, 61_000).flag("chequered", 100_000)
        story.lap("1", 2, 120_000).lap("2", 2, 122_000).ended(200_000)
        assert self.names(lapstream, story) == [("D1", 25)]

    def test_the_makers(self, lapstream: Commands) -> None:
        """A team whose only car retired is in the table of teams."""
        new_season(lapstream)
        add(lapstream, finished("1", "2", retired="2"), 1)
        rows = lapstream.rows("championship", "championship", "s", "--of", "teams")
        assert [(row["car"], row["points"]) for row in rows] == [("1", 25), ("2", 0)]


class TestDrops:
    """Dropped results are marked, in JSON and in the table, and only results of rounds run."""

    def pack(self, tmp_path: Path, *rules: str) -> str:
        text = (Path(__file__).resolve().parents[3] / "projections/rules/wec-2024.toml").read_text()
        named = ", ".join(f'"{rule.split(" = ")[0]}"' for rule in rules)
        text = text.replace(
            "drops = 0\n",
            "\n".join(rules) + "\n"
            if "drops" in rules[0]
            else "drops = 0\n" + "\n".join(rules) + "\n",
        )
        if "drops" not in rules[0]:
            text = text.replace(
                'assumed = ["rounding", "drops"]', f'assumed = ["rounding", "drops", {named}]'
            )
        file = tmp_path / "pack.toml"
        file.write_text(text)
        parse_pack(text, "pack.toml")
        return str(file)

    def standings(self, lapstream: Commands, pack: str) -> dict[str, tuple[Any, ...]]:
        rows = lapstream.rows("championship", "championship", "s", "--rules", pack)
        return {row["name"]: (row["points"], row["by_round"], row["dropped"]) for row in rows}

    def three(self, lapstream: Commands, rounds: str = "R1, R2, R3") -> None:
        new_season(lapstream, rounds)
        for number, order in enumerate((("1", "2"), ("2", "1"), ("1", "2")), start=1):
            add(lapstream, finished(*order), number)

    def test_the_worst_round(self, lapstream: Commands, tmp_path: Path) -> None:
        """The row adds up without the round in parentheses; CSV has the round."""
        self.three(lapstream)
        pack = self.pack(tmp_path, "drops = 1")
        assert self.standings(lapstream, pack) == {
            "D1": (50, [25, 18, 25], [2]),
            "D2": (43, [18, 25, 18], [3]),
        }
        printed = lapstream.output("championship", "s", "--rules", pack)
        assert "25 (18) 25" in printed
        assert "18 25 (18)" in printed
        assert "(…): a dropped round, which does not count" in printed
        clinch = lapstream.output("clinch", "s", "--of", "drivers", "--rules", pack)
        assert "D1 is champion with 50 points." in clinch
        text = lapstream.output("championship", "s", "--rules", pack, "--format", "csv")
        first, *_ = csv.DictReader(io.StringIO(text))
        assert (first["points"], first["by_round"], first["dropped"]) == ("50", "25 18 25", "2")

    @pytest.mark.parametrize(
        ("rules", "dropped"),
        [
            (("best = 1",), {"D1": [2, 3], "D2": [1, 3]}),
            (("best = 2", "must_count = [3]"), {"D1": [2], "D2": [1]}),
            (("must_count = [2]", "best = 1"), {"D1": [1, 3], "D2": [1, 3]}),
        ],
    )
    def test_other_rules(
        self, lapstream: Commands, tmp_path: Path, rules: tuple[str, ...], dropped: dict[str, Any]
    ) -> None:
        """The best so many count, and some rounds always."""
        self.three(lapstream)
        found = self.standings(lapstream, self.pack(tmp_path, *rules))
        assert {name: marked for name, (_, _, marked) in found.items()} == dropped

    def test_a_cancelled_round_is_none_to_drop(self, lapstream: Commands, tmp_path: Path) -> None:
        """Of three rounds with one cancelled and one dropped a single one counts."""
        new_season(lapstream)
        add(lapstream, finished("1", "2"), 1)
        add(lapstream, finished("2", "1"), 3)
        pack = self.pack(tmp_path, "drops = 1")
        assert self.standings(lapstream, pack)["D1"] == (43, [25, None, 18], [])
        lapstream.output("season", "cancel", "s", "2", "--reason", "flood")
        assert self.standings(lapstream, pack)["D1"] == (25, [25, None, 18], [3])

    def test_a_round_without_the_class(self, lapstream: Commands, tmp_path: Path) -> None:
        """It is no dropped result of that class, and a session of it scores nothing there."""
        lapstream.output(
            *("season", "new", "s", "--title", "A season", "--series", "S", "--rules", "wec-2024"),
            *("--classes", "A,B", "--rounds", "R1, R2 [B], R3"),
        )
        add(lapstream, finished("1", "2"), 1)
        line = add(lapstream, finished("1", "2"), 2)
        assert "nothing to score: it has the classes A, and in this round run B" in line
        add(lapstream, finished("2", "1"), 3)
        pack = self.pack(tmp_path, "drops = 1")
        assert self.standings(lapstream, pack)["D1"] == (25, [25, None, 18], [3])


class TestFastestLap:
    """The point for the fastest lap, and whom it goes to."""

    def story(self, *penalties: tuple[str, str]) -> Story:
        """#1 has the fastest lap (59.0), then #3 (60.5), then #2 (61.0); they end 1, 2, 3."""
        story = Story().opened(lines=("FL",), car_class="A", laps_limit=3, rules="f1-2022")
        laps = {"1": (60_000, 59_000, 60_000), "2": (61_000,) * 3, "3": (62_000, 60_500, 62_000)}
        for car, times in laps.items():
            story.entry(
                car, "A", team=f"Team {car}", drivers=(ev.Driver(number=1, name=f"D{car}"),)
            )
            for lap, ms in enumerate(times, start=1):
                if lap < 3:
                    story.lap(car, lap, sum(times[:lap]), ms)
        story.flag("chequered", 179_000)
        for car, times in laps.items():
            story.lap(car, 3, sum(times), times[2])
        story.ended(200_000)
        for number, (car, kind) in enumerate(penalties):
            story.add(
                *(ev.PenaltyImposed, 200_000),
                penalty_id=f"p{number}",
                car=car,
                kind=kind,
                reason="x",
            )
        return story

    def points(self, lapstream: Commands, story: Story, rules: str) -> dict[str, float]:
        lapstream.hold("r", story)
        rows = lapstream.rows("points", "points", "r", "--rules", rules)
        return {row["name"]: row["points"] for row in rows}

    def changed(self, tmp_path: Path, *rules: str) -> str:
        text = Path(F1).read_text()
        file = tmp_path / "pack.toml"
        file.write_text(text.replace("points = 1\n", "points = 1\n" + "\n".join(rules) + "\n"))
        return str(file)

    def test_a_disqualified_car(self, lapstream: Commands) -> None:
        """The point is that of the next fastest of those in the result."""
        story = self.story(("1", "disqualification"))
        assert self.points(lapstream, story, F1) == {"D2": 25, "D3": 19, "D1": 0}

    @pytest.mark.parametrize(
        ("rules", "points"),
        [
            ((), {"D1": 26, "D2": 18, "D3": 15}),
            (('passed_on = "never"',), {"D1": 26, "D2": 18, "D3": 15}),
        ],
    )
    def test_nobody_excluded(
        self,
        lapstream: Commands,
        tmp_path: Path,
        rules: tuple[str, ...],
        points: dict[str, float],
    ) -> None:
        """The fastest has it."""
        assert self.points(lapstream, self.story(), self.changed(tmp_path, *rules)) == points

    @pytest.mark.parametrize(
        ("rules", "extra"),
        [
            (('passed_on = "never"',), {}),
            (('passed_on = "always"',), {"D3": 1}),
            ((), {"D3": 1}),
        ],
    )
    def test_two_disqualified(
        self, lapstream: Commands, tmp_path: Path, rules: tuple[str, ...], extra: dict[str, int]
    ) -> None:
        """As the pack says it is lost, or passed on as often as need be."""
        story = self.story(("1", "disqualification"), ("2", "disqualification"))
        assert self.points(lapstream, story, self.changed(tmp_path, *rules)) == {
            "D3": 25 + extra.get("D3", 0),
            "D1": 0,
            "D2": 0,
        }

    @pytest.mark.parametrize(("passed_on", "first"), [("if_excluded", 25), ("always", 26)])
    def test_only_the_first_places(
        self, lapstream: Commands, tmp_path: Path, passed_on: str, first: int
    ) -> None:
        """A car too far down is not excluded: its point goes on only where the pack says so."""
        text = self.changed(tmp_path, f'passed_on = "{passed_on}"')
        pack = tmp_path / "within.toml"
        pack.write_text(Path(text).read_text().replace("within = 10", "within = 1"))
        story = self.story(("1", "back_of_class"))
        assert self.points(lapstream, story, str(pack)) == {"D2": first, "D3": 18, "D1": 15}

    def test_the_built_in_packs_are_unchanged(self) -> None:
        """None of them has a point for the fastest lap."""
        assert builtin_pack("wec-2024").points.fastest_lap is None


class TestSprints:
    """Reductions of the pack that concern races on some scales only."""

    @pytest.mark.parametrize(
        ("laps", "points"), [(20, [8, 7]), (12, [8, 7]), (6, [0, 0])], ids=["full", "60", "30"]
    )
    def test_a_sprint_of_formula_one(
        self, lapstream: Commands, laps: int, points: list[float]
    ) -> None:
        """Eight points under formula-1-2025, none under half its distance; no fastest lap."""
        new_season(lapstream, "Miami (sprint race), R2", "formula-1-2025")
        story = finished("1", "2", laps=laps, laps_limit=20, rules="formula-1-2025")
        add(lapstream, story, 1)
        assert list(table(lapstream).values()) == points


class TestNames:
    """Near-equal names, and the command that joins them."""

    def test_a_slip_is_joined(self, lapstream: Commands) -> None:
        """The command that `season check` prints gives the driver the points of both names."""
        new_season(lapstream)
        add(lapstream, finished("Marciello", "2"), 1)
        add(lapstream, finished("Marcielo", "2"), 2)
        assert "no near-equal names" in lapstream.output("season", "check", "alms-2007")
        (row, *teams) = lapstream.rows("season-check", "season", "check", "s")
        assert (row["of"], row["name"], row["meant"]) == ("drivers", "DMarcielo", "DMarciello")
        assert [one["name"] for one in teams] == ["Team Marcielo"]
        lapstream.output(*shlex.split(row["command"])[1:])
        assert table(lapstream)["DMarciello"] == 50
        left = lapstream.rows("season-check", "season", "check", "s")
        assert [one["of"] for one in left] == ["teams"]
