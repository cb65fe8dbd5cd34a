"""Points, championships and title fights by command, on what is built in and on small stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import events as ev
from projections.championship.season import printed_rank, season_of
from services.queries.titles import decisive_moment
from tests.builders import Story
from tests.races import alms_2007
from tests.rules import text_of
from tests.scoring import adjusted, finish, opened, scored
from tests.unit.services.commands import Commands

GOLDEN: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(
    (Path(__file__).resolve().parents[2] / "golden/alms_2007_tables.json").read_text("utf-8")
)
"""The published tables of 2007: contest, class, rows ``{rank, name, by_round, points}``."""

RACE, SEASON, ALMS = "short", "season", "alms-2007"
AUTOCON = "Autocon Motorsports"


def championship(lapstream: Commands, *options: str) -> list[dict[str, Any]]:
    """The rows of a championship."""
    return lapstream.rows("championship", "championship", *options)


# -- The season of 2007 --------------------------------------------------------------------


def test_all_158_published_rows(lapstream: Commands) -> None:
    """Ranks, totals and the points of every round, of drivers and teams in each class."""
    season, count = season_of(alms_2007()), 0
    for of, classes in GOLDEN.items():
        for name, printed in classes.items():
            rows = championship(lapstream, ALMS, "--of", of, "--class", name)
            found = {
                row["name"]: (printed_rank(row), row["points"], row["by_round"]) for row in rows
            }
            for one in printed:
                if one["name"] == AUTOCON:  # a source error, told below
                    continue
                known = season.name(of, one["name"])  # type: ignore[arg-type]
                assert found[known] == (one["rank"], one["points"], one["by_round"])
            count += len(rows)
    assert count == 158


@pytest.mark.parametrize("of", GOLDEN)
def test_after_every_round_the_published_columns_so_far(lapstream: Commands, of: str) -> None:
    """--after shows the standings of each class as they were then."""
    season = season_of(alms_2007())
    printed = {
        (name, season.name(of, one["name"])): one["by_round"]  # type: ignore[arg-type]
        for name, rows in GOLDEN[of].items()
        for one in rows
        if one["name"] != AUTOCON
    }
    for after in range(1, 13):
        rows = championship(lapstream, ALMS, "--after", str(after), "--of", of)
        found = {
            (row["class"], row["name"]): (row["points"], row["by_round"])
            for row in rows
            if row["name"] != AUTOCON
        }
        so_far = {key: columns[:after] for key, columns in printed.items()}
        assert found == {
            key: (sum(points or 0 for points in columns), columns)
            for key, columns in so_far.items()
            if any(points is not None for points in columns)
        }


def test_manufacturers_after_round_11(lapstream: Commands) -> None:
    """Porsche 228, Acura 153."""
    rows = championship(
        lapstream, ALMS, "--of", "manufacturers", "--class", "lmp2", "--after", "11"
    )
    assert [(row["name"], row["points"]) for row in rows[:2]] == [("Porsche", 228), ("Acura", 153)]


def test_where_published_tables_contradict_themselves(lapstream: Commands) -> None:
    """Both figures and their sources: Autocon's round 11, and 113 against 115."""
    rows = lapstream.rows("season-contradictions", "season", "contradictions", ALMS)
    printed_text = {
        (row["name"], row["figure"], row["published"], row["scored"], row["source"][:2])
        for row in rows
    }
    assert (AUTOCON, "points of round 11", 16, 14, "S3") in printed_text
    assert ("David Brabham", "total after round 11", 113, 115, "S0") in printed_text
    assert ("Stefan Johansson", "total after round 11", 113, 115, "S0") in printed_text
    assert "no published tables of 'x'; there are tables of alms-2007" in (
        lapstream.refused("season", "contradictions", "x")
    )


def test_a_table_says_where_another_figure_was_published(lapstream: Commands) -> None:
    """Whoever compares it with the published one is not left alone with the difference."""
    line = (
        "Autocon Motorsports, points of round 11: 14 here, 16 published (S3, teams' championship): "
        "`lapstream season contradictions alms-2007`"
    )
    assert line in lapstream.output("championship", ALMS, "--of", "teams", "--class", "LMP1")
    assert line not in lapstream.output("championship", ALMS, "--of", "teams", "--class", "GT2")


def test_before_the_last_round(lapstream: Commands) -> None:
    """GT2 of 2007: what leaders and chasers needed in the last race."""
    rows = lapstream.rows("clinch", "clinch", ALMS, "--after", "11", "--class", "GT2")
    drivers, teams = (
        [row for row in rows if row["of"] == of and row["status"] != "out"]
        for of in ("drivers", "teams")
    )
    assert [(row["names"], row["clinches_from"], row["can_win_from"]) for row in drivers] == [
        (["Jaime Melo", "Mika Salo"], 10, "no_score"),
        (["Johannes van Overbeek", "Jörg Bergmeister"], None, 1),
    ]
    assert [(row["names"], row["clinches_from"], row["can_win_from"]) for row in teams] == [
        (["Risi Competizione"], 5, "no_score"),
        (["Flying Lizard Motorsports"], None, 3),
    ]
    assert teams[0]["left"] == ["race of round 12"]


def test_what_is_stated_of_it(lapstream: Commands) -> None:
    """A table, and sentences for whoever can still win."""
    message = lapstream.output("clinch", ALMS, "--after", "11", "--class", "GT2", "--of", "teams")
    assert "GT2, teams: race of round 12 left" in message
    assert "Risi Competizione is champion with fifth or better, whatever Flying Lizard" in message
    assert "Tafel Racing is out: even a win makes only 144 points, and" in message


def test_a_season_that_is_over(lapstream: Commands) -> None:
    """Who has won, with how many points, alone or together."""
    message = lapstream.output("clinch", ALMS, "--class", "GT2")
    assert "GT2, teams: decided" in message
    assert "Risi Competizione is champion with 223 points." in message
    assert "Jaime Melo and Mika Salo are champions together with 202 points." in message


def test_several_rounds_left(lapstream: Commands) -> None:
    """Only what is sure is told; whoever is open may be out all the same."""
    rows = lapstream.rows("clinch", "clinch", ALMS, "--after", "10", "--of", "teams")
    status = {row["names"][0]: row["status"] for row in rows if row["class"] == "LMP2"}
    assert (status["DHL Penske Racing"], status["Dyson Racing"]) == ("clinched", "out")
    sentence = next(row["sentence"] for row in rows if row["names"] == ["DHL Penske Racing"])
    assert (
        sentence == "DHL Penske Racing is champion with 202 points, and nobody else can reach 202."
    )


# -- With a session that runs --------------------------------------------------------------


@pytest.fixture
def race(lapstream: Commands) -> Commands:
    """The last race of two, with #1 ahead of #2 and #3, which retires at 9:00.

    Before it #2 has 420 points, #1 has 384 and #3 has 360.
    """
    story = Story()
    story.opened(lines=("FL",), rules="imsa-2024", series="S")
    for car in ("1", "2", "3"):
        crew = (ev.Driver(number=1, name=f"D{car}"),)
        story.entry(car, team=f"T{car}", manufacturer=f"M{car}", drivers=crew)
    for lap in range(1, 11):
        for place, car in enumerate(("1", "2", "3")):
            if car != "3" or lap <= 5:
                story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.retired("3", 545_000)
    lapstream.hold(RACE, story)
    results = [
        scored(finish("2", "1", "3")),
        scored(finish("2", "1", "3"), 2, part="qualifying"),
        scored(finish("2", "1", "3"), 3, round=2, part="qualifying"),
    ]
    lapstream.hold(SEASON, [opened("imsa-2024", rounds=2), *results])
    return lapstream


def test_points_of_a_session(race: Commands) -> None:
    """What it is worth as it stands, to each kind of contender."""
    rows = race.rows("points", "points", RACE, "--of", "manufacturers")
    assert [(row["rank"], row["name"], row["points"]) for row in rows] == [
        (1, "M1", 350),
        (2, "M2", 320),
        (3, "M3", 300),
    ]
    assert race.rows("points", "points", RACE, "--rules", "alms-2007")[0]["points"] == 20
    assert race.rows("points", "points", RACE, "--at", "0:00:30") == []
    assert "IMSA SportsCar Championship 2024, drivers" in race.output("points", RACE)


def test_the_championship_as_it_stands(race: Commands) -> None:
    """With a live session its round is counted as if it ended now."""
    rows = championship(race, SEASON, "--session", RACE, "--of", "teams")
    assert [(row["car"], row["points"], row["by_round"]) for row in rows[:2]] == [
        ("2", 740, [385, 355]),
        ("1", 734, [352, 382]),
    ]
    before = championship(race, SEASON, "--of", "teams")
    assert [row["points"] for row in before[:2]] == [420, 384]


def test_a_title_during_a_race(race: Commands) -> None:
    """Whoever has retired passes nobody: places narrow, and a title may be won."""
    start = race.rows(
        "clinch", "clinch", SEASON, "--session", RACE, "--at", "lap:2", "--of", "teams"
    )
    assert [(row["names"], row["status"], row["clinches_from"]) for row in start] == [
        (["#2"], "alive", 2),
        (["#1"], "alive", None),
        (["#3"], "out", None),
    ]
    assert start[0]["against"] == [
        {
            "rival": ["#1"],
            "beats_from": {"1": 2, "2": 3, "3": 2},
            "ties_from": {"1": 2, "2": 3, "3": 2},
        }
    ]
    now = race.rows("clinch", "clinch", SEASON, "--session", RACE, "--of", "teams")
    assert [(row["status"], row["least"]) for row in now] == [
        ("clinched", 740),
        ("out", 704),
        ("out", 660),
    ]


@pytest.mark.parametrize(
    ("live", "rounds"), [((), "rounds 1, 2"), (("--session", RACE), "round 1")]
)
def test_titles_that_depend_on_unknown_lengths(
    race: Commands, live: tuple[str, ...], rounds: str
) -> None:
    """The first line and each row say so: of races run, of those left, of the one that runs."""
    calendar = (ev.SeasonRound(name="R1"), ev.SeasonRound(name="R2"))
    race.hold(
        "unknown",
        [opened("wec-2024").model_copy(update={"rounds": calendar}), scored(finish("2", "1", "3"))],
    )
    command = ("clinch", "unknown", "--of", "teams", *live)
    [note] = {row["length_note"] for row in race.rows("clinch", *command)}
    assert f"unknown of {rounds}:" in note
    assert ("scheduled length of the race, which is unknown" in note) is bool(live)
    assert race.output(*command).startswith(f"{note}\n")
    assert {row["length_note"] for row in race.rows("clinch", "clinch", SEASON)} == {None}


def test_when_a_title_was_decided(race: Commands) -> None:
    """The moment, what happened then, and why that was enough."""
    options = ("clinch", SEASON, "--session", RACE, "--when", "--of", "teams")
    (row,) = race.rows("clinch-when", *options)
    assert (row["names"], row["at_ms"], row["happened"]) == (["#2"], 545_000, "#3 retired")
    assert row["sentence"] == (
        "#2 is champion: #3 can no longer pass, so second is the worst that can happen, for 740 "
        "points, and #1 can reach no more than 734."
    )
    assert race.rows("clinch-when", *options, "--at", "lap:2") == [row]
    assert "#2 is champion" in race.output(*options)
    assert "--when needs --session" in race.misused("clinch", SEASON, "--when")


def test_what_happened_in_words() -> None:
    """A first crossing is the start, one after the flag the finish."""
    story = Story().opened("1", "2")
    story.line("1", "S1", 1, 20_000).lap("1", 1, 60_000).flag("chequered", 110_000)
    story.lap("1", 2, 120_000).retired("2", 130_000)
    *_, flag, _, out = story
    assert decisive_moment(list(story)[:1], story.race()) == "before the start"
    assert decisive_moment([flag, out], story.race()) == "chequered flag; #2 retired"
    (line, lap), finish = list(story)[-5:-3], list(story)[-2]
    assert decisive_moment([line], Story().opened("1").race()) == "#1 started"
    assert decisive_moment([lap], Story().opened("1").race()) == "#1 completed lap 1"
    assert decisive_moment([finish], story.race()) == "#1 took the flag"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("championship", RACE), "'short' is a session, not a season"),
        (("championship", "sessions"), "no session 'sessions' in this store"),
        (("championship", SEASON, "--class", "GT9"), "no class 'GT9' in this season; there are GT"),
        (("championship", SEASON, "--rules", "x"), "no regulation pack 'x'"),
        (("standings", SEASON), "'season' is a season: use `lapstream championship season`"),
        (
            ("clinch", SEASON, "--session", RACE, "--round", "9"),
            "no round 9 in this season; it has 2",
        ),
        (("points", "bare"), "session 'bare' names no regulation pack: give one with --rules"),
    ],
)
def test_what_cannot_be_answered(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """One line says why."""
    race.hold("bare", Story().opened("1", lines=("FL",)).laps("1", 1))
    assert says in race.refused(*arguments)


# -- Questions that do not go together -----------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("championship", SEASON, "--at", "lap:2"), "--at needs --session"),
        (("clinch", SEASON, "--round", "2"), "--round needs --session"),
        (
            ("championship", SEASON, "--session", RACE, "--after", "1"),
            "choose one of --after and --session",
        ),
        (("championship", SEASON, "--cup", "x"), "no cup 'x' under imsa-2024; there is endurance"),
        (("championship", ALMS, "--cup", "x"), "no cup 'x' under alms-2007; there is none"),
    ],
)
def test_wrong_usage(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """An option that would not be heeded is refused, rather than answered with other figures."""
    assert says in race.misused(*arguments)


def test_a_round_that_the_calendar_does_not_have(lapstream: Commands) -> None:
    """After it nothing stands any way."""
    assert "no round 13 in this season; it has 12" in lapstream.refused(
        "championship", ALMS, "--after", "13"
    )


def test_which_standings_are_shown(race: Commands) -> None:
    """The heading says whose they are, and as of when."""
    assert "\nteams, after round 1\n" in race.output(
        "championship", SEASON, "--of", "teams", "--after", "1"
    )
    assert "\ndrivers, in round 2\n" in race.output("championship", SEASON, "--session", RACE)


def test_what_was_known_of_both(race: Commands) -> None:
    """With a session a time holds for both logs, whether it is told by the clock or a position."""
    printed_text = race.log.logs[SEASON]
    late = scored(finish("3", "1", "2"), 9, at=9)  # the first round is decided anew, much later
    race.hold(SEASON, [late])
    printed_text[-1] = printed_text[-1]._replace(position="1900000000000-0")
    options = ("--session", RACE, "--of", "teams")
    then = championship(race, SEASON, *options, "--known-at", "2023-11-14T23:00:00Z")
    assert [(row["car"], row["points"]) for row in then[:2]] == [("2", 740), ("1", 734)]
    last = race.log.logs[RACE][-1].position
    now = championship(race, SEASON, *options, "--known-at", last)
    assert now == then
    assert championship(race, SEASON, *options)[0]["by_round"] != then[0]["by_round"]
    assert "nothing was recorded of 'season' by then" in race.refused(
        "championship", SEASON, "--known-at", "2023-11-14T22:00:00Z"
    )


def test_what_is_built_in_was_always_known(lapstream: Commands) -> None:
    """Also before it was put into the store; what was decided since was not."""
    options = (ALMS, "--of", "teams", "--class", "LMP2")
    whole = championship(lapstream, *options)
    taken = adjusted("DHL Penske Racing", -50, championship="teams", car_class="LMP2")
    lapstream.hold(ALMS, [taken])
    assert championship(lapstream, *options)[0]["points"] == whole[0]["points"] - 50
    assert championship(lapstream, *options, "--known-at", "2020-01-01T00:00:00Z") == whole


def test_a_session_is_the_round_that_it_was_scored_as(race: Commands) -> None:
    """Where it does not say itself which one it is."""
    race.output("season", "add", SEASON, RACE, "--round", "2")
    options = (SEASON, "--session", RACE, "--of", "teams")
    assert championship(race, *options) == championship(race, *options, "--round", "2")


def test_a_cup_in_a_race_that_runs(lapstream: Commands) -> None:
    """Marks that are passed count as it stood at them, the next one as it stands."""
    hour = 3_600_000
    story = Story().opened(lines=("FL",), rules="imsa-2024", series="S", time_limit_ms=6 * hour)
    story.entry("1", team="T1").entry("2", team="T2")
    story.lap("1", 1, hour).lap("2", 1, 2 * hour).lap("2", 2, 4 * hour).lap("1", 2, 5 * hour)
    lapstream.hold(RACE, story)
    rounds = (ev.SeasonRound(name="R1", time_limit_ms=6 * hour),)
    lapstream.hold(SEASON, [opened("imsa-2024").model_copy(update={"rounds": rounds})])
    options = (SEASON, "--session", RACE, "--of", "teams", "--cup", "Endurance")
    for at, expected in (
        ("2:30:00", {"#1": 5, "#2": 4}),
        ("3:30:00", {"#1": 10, "#2": 8}),
        ("5:00:00", {"#1": 9, "#2": 9}),
    ):
        rows = championship(lapstream, *options, "--at", at)
        assert {f"#{row['car']}": row["points"] for row in rows} == expected
    assert "teams, endurance cup, in round 1" in lapstream.output("championship", *options)


# -- The checked answers, by command -------------------------------------------------------

CHECKS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "golden/clinch_checks.json").read_text("utf-8")
)
"""Worked by hand and by brute force: see ``tests/unit/projections/championship/test_clinch.py``."""

GTP = {"7": 2682, "6": 2549, "01": 2514}
GTD_PRO = {"77": 2922, "23": 2818}
STARTED, WAITING = True, False


def before_petit(lapstream: Commands, points: dict[str, int], places: int, started: bool) -> None:
    """The contenders with their points, before a race of ten hours in which so many start."""
    cars = [*points, *(str(car) for car in range(900, 900 + places - len(points)))]
    given = [
        adjusted(f"#{car}", have, seq, championship="teams", car_class="GT", at=seq)
        for seq, (car, have) in enumerate(points.items(), start=1)
    ]
    lapstream.hold(SEASON, [opened("imsa-2024", rounds=1), *given])
    story = Story().opened(lines=("FL",), rules="imsa-2024", series="S", round=1)
    for place, car in enumerate(cars):
        story.entry(car, team=f"T{car}")
        if started:
            story.lap(car, 1, 60_000 + place)
    lapstream.hold(RACE, story)


def answers(rows: list[dict[str, Any]], names: dict[str, str], places: int) -> dict[str, Any]:
    """The rows as the checks tell them, by their own ``names`` for whom they speak of.

    Where even no score may do, so does the last place.
    """
    return {
        names[row["names"][0]]: {
            "clinches_regardless_from": row["clinches_from"],
            "can_still_win_from": {"no_score": places}.get(
                row["can_win_from"], row["can_win_from"]
            ),
            "alive": row["status"] in ("alive", "clinched"),
        }
        for row in rows
        if row["names"][0] in names
    }


def table(row: dict[str, Any], rival: str, places: int) -> dict[str, int]:
    """By the rival's place the worst that stays ahead of it, where both have one of so many."""
    against = next(one for one in row["against"] if rival in one["rival"])
    worst = {}
    for theirs in range(1, places + 1):
        mine = against["beats_from"][str(theirs)]
        free = places - (theirs == places)
        worst[str(theirs)] = free if mine == "no_score" else min(mine, free)
    return worst


def checked(check: str) -> dict[str, Any]:
    """What a check says of each contender, but for no score."""
    return {
        name: {key: value for key, value in one.items() if key != "clinched_even_if_no_score"}
        for name, one in CHECKS[check].items()
    }


@pytest.mark.parametrize(
    ("check", "points", "places", "started"),
    [
        ("GTP_N9", GTP, 9, STARTED),
        ("GTP_N10", GTP, 10, STARTED),
        ("GTP_N11", GTP, 11, STARTED),
        ("GTP_with_DNS_N11", GTP, 11, WAITING),
        ("GTDPRO_N14", GTD_PRO, 14, STARTED),
    ],
)
def test_checked_answers_of_petit_2024(
    lapstream: Commands, check: str, points: dict[str, int], places: int, started: bool
) -> None:
    """Whoever has started scores; before the start anyone may yet score nothing."""
    before_petit(lapstream, points, places, started)
    rows = lapstream.rows("clinch", "clinch", SEASON, "--session", RACE, "--of", "teams")
    assert answers(rows, {f"#{car}": car for car in points}, places) == checked(check)
    versus = {"GTP_N11": "GTP_7_vs_6_N11", "GTDPRO_N14": "GTDPRO_vs_N14"}.get(check)
    if versus is not None:
        assert table(rows[0], rows[1]["names"][0], places) == CHECKS[versus]


GT2_2007 = {
    "drivers": {
        "Jaime Melo": "Salo/Melo",
        "Johannes van Overbeek": "Bergmeister/JvO",
        "Wolf Henzler": "Henzler",
    },
    "teams": {
        "Risi Competizione": "Risi",
        "Flying Lizard Motorsports": "FL",
        "Tafel Racing": "Tafel",
    },
}


@pytest.mark.parametrize("of", GT2_2007)
def test_checked_answers_of_gt2_in_2007(lapstream: Commands, of: str) -> None:
    """Before round 12: points, the places that win, and the table of the first two teams."""
    names = GT2_2007[of]
    options = (ALMS, "--after", "11", "--class", "GT2", "--of", of)
    points = {row["name"]: row["points"] for row in championship(lapstream, *options)}
    assert {mine: points[name] for name, mine in names.items()} == CHECKS[f"GT2_{of}_before_R12"]
    rows = lapstream.rows("clinch", "clinch", *options)
    assert answers(rows, names, 10) == checked(f"GT2_{of}_R12")


def test_a_checked_table_with_ties_counted_back(lapstream: Commands, tmp_path: Path) -> None:
    """Under rules of one's own that count back, eighth is enough for Risi against a second."""
    rules = tmp_path / "countback.toml"
    rules.write_text(text_of("alms-2007").replace("\ncountback = false", "\ncountback = true"))
    options = (ALMS, "--after", "11", "--class", "GT2", "--of", "teams")
    (risi, *_) = lapstream.rows("clinch", "clinch", *options, "--rules", str(rules))
    assert table(risi, "Flying Lizard Motorsports", 10) == CHECKS["GT2_teams_vs"]
    (shared, *_) = lapstream.rows("clinch", "clinch", *options)
    assert table(shared, "Flying Lizard Motorsports", 10)["2"] == 7


def test_a_session_that_was_scored_already_counts_once(race: Commands) -> None:
    """As it stands in it, neither its own result nor what came later is in the season."""
    race.output("penalty", "impose", RACE, "2", "points", "7")
    options = (SEASON, "--session", RACE, "--of", "teams", "--round", "2")

    def printed_text() -> list[Any]:
        moments: list[tuple[str, ...]] = [(), ("--at", "lap:3")]
        tables = [championship(race, *options, *at) for at in moments]
        return [*tables, race.rows("clinch", "clinch", *options)]

    before = printed_text()
    (second,) = [row for row in before[0] if row["car"] == "2"]
    assert second["by_round"] == [385, 35 + 320 - 7]
    race.output("season", "add", SEASON, RACE, "--round", "2")
    assert championship(race, SEASON, "--of", "teams") == before[0]
    assert printed_text() == before
