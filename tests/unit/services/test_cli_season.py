"""A season by command: opened, scored, scored again, adjusted."""

from __future__ import annotations

from typing import Any

import pytest

import events as ev
from tests.builders import Story
from tests.unit.services.commands import Commands

RACE, SEASON = "race-1", "club-2024"
NEW = (
    *("season", "new", SEASON, "--title", "Club season", "--series", "Club"),
    *("--rules", "imsa-2024", "--classes", "GT,LMP"),
    *("--rounds", "Sebring 12:00, Long Beach 1:40 [GT]", "--rounds", "Petit Le Mans"),
)


def session_story(kind: str = "race", *cars: str, **members: Any) -> Story:
    """A session of cars a second apart, over when they have done two laps."""
    story = Story().opened(lines=("FL",), series="Club", kind=kind, **members)
    for place, car in enumerate(cars or ("1", "2")):
        crew = (ev.Driver(number=1, name=f"D{car}"),)
        story.entry(car, team=f"T{car}", manufacturer=f"M{car}", drivers=crew)
        for lap in (1, 2):
            ms = 60_000 + place * 100
            story.lap(car, lap, lap * ms, ms)
    return story.ended(200_000)


@pytest.fixture
def season(lapstream: Commands) -> Commands:
    """A new season, and a race to score in it."""
    lapstream.output(*NEW)
    lapstream.hold(RACE, session_story())
    return lapstream


def points(season: Commands, *options: str) -> dict[str, float]:
    """The points of each contender."""
    rows = season.rows("championship", "championship", SEASON, *options)
    return {row["name"]: row["points"] for row in rows}


def test_a_season_in_a_log_of_its_own(season: Commands) -> None:
    """Its rounds have lengths and classes; a name that is taken is refused."""
    (opened,) = season.events(SEASON)
    assert isinstance(opened, ev.SeasonOpened)
    assert opened.rounds == (
        ev.SeasonRound(name="Sebring", time_limit_ms=12 * 3_600_000),
        ev.SeasonRound(name="Long Beach", time_limit_ms=6_000_000, classes=("GT",)),
        ev.SeasonRound(name="Petit Le Mans"),
    )
    assert (opened.classes, opened.rules) == (("GT", "LMP"), "imsa-2024")
    assert "there is a log 'club-2024' already" in season.refused(*NEW)


def test_seasons_are_listed_apart_from_sessions(season: Commands) -> None:
    """Those of the store, and those that are built in."""
    seasons = {row["season"]: row for row in season.rows("season-list", "season", "list")}
    assert (seasons[SEASON]["rounds"], seasons[SEASON]["last_round"]) == (3, 0)
    assert (seasons["alms-2007"]["built_in"], seasons["alms-2007"]["last_round"]) == (True, 12)
    season.output("championship", "alms-2007")
    sessions = [row["session"] for row in season.rows("sessions", "sessions")]
    assert sessions == ["petit-le-mans-2007", RACE]


def test_a_session_is_scored(season: Commands) -> None:
    """Qualifying and race, each as what it is; added twice it counts once."""
    season.hold("qualifying-1", session_story("qualifying", "2", "1"))
    printed = season.output("season", "add", SEASON, RACE, "--round", "1")
    assert printed == "club-2024: round 1, race, from race-1: GT; endurance cup at 0 of 3 marks\n"
    season.output("season", "add", SEASON, "qualifying-1", "--round", "1", "--part", "qualifying")
    assert points(season) == {"D1": 382, "D2": 355}
    assert season.output("season", "add", SEASON, RACE, "--round", "1").endswith(
        "nothing new; endurance cup at 0 of 3 marks\n"
    )
    rows = season.rows("season-show", "season", "show", SEASON)
    assert [(row["qualifying"], row["race"], row["sessions"]) for row in rows] == [
        (1, 1, [RACE, "qualifying-1"]),
        (0, 0, []),
        (0, 0, []),
    ]


def test_a_session_that_says_its_round(lapstream: Commands) -> None:
    """Then the round need not be given."""
    lapstream.output(*NEW)
    lapstream.hold(RACE, session_story(round=3))
    assert "round 3, race" in lapstream.output("season", "add", SEASON, RACE)


def test_a_decision_changes_the_season_when_it_is_added_again(season: Commands) -> None:
    """The later result counts, with who told it; the earlier one stays in the log."""
    season.output("season", "add", SEASON, RACE, "--round", "1")
    season.output("penalty", "impose", RACE, "1", "back-of-class")
    assert points(season) == {"D1": 350, "D2": 320}
    season.output("season", "add", SEASON, RACE, "--round", "1", "--by", "Ann")
    assert points(season) == {"D2": 350, "D1": 320}
    session_story = [event for event in season.events(SEASON) if isinstance(event, ev.RoundScored)]
    assert [(event.by, event.session) for event in session_story] == [
        ("a steward", RACE),
        ("Ann", RACE),
    ]
    assert session_story[0].at < session_story[1].at
    before = season.log.logs[SEASON][1].position
    assert points(season, "--known-at", before) == {"D1": 350, "D2": 320}


def test_points_are_given_and_taken(season: Commands) -> None:
    """By decision, with a reason, to somebody who is there."""
    season.output("season", "add", SEASON, RACE, "--round", "1")
    season.output(
        *("season", "adjust", SEASON, "drivers", "D1", "--reason", "appeal"),
        *("--class", "gt", "--round", "1", "--", "-40"),
    )
    assert points(season) == {"D2": 320, "D1": 310}
    assert "no 'D9' among the drivers of this season; there is" in season.refused(
        "season", "adjust", SEASON, "drivers", "D9", "5", "--reason", "x"
    )
    assert "no round 9 in this season; it has 3" in season.refused(
        "season", "adjust", SEASON, "drivers", "D1", "5", "--round", "9", "--reason", "x"
    )


def test_two_names_of_one_contender(season: Commands) -> None:
    """An alias makes one of them, also of what was scored before."""
    season.output("season", "add", SEASON, RACE, "--round", "1")
    season.hold("race-2", session_story("race", "3", "2"))
    season.output("season", "add", SEASON, "race-2", "--round", "2")
    season.output("season", "alias", SEASON, "drivers:D3=D1")
    assert points(season) == {"D1": 700, "D2": 640}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("season", "add", SEASON, RACE), "race-1 does not say which round it is: give --round"),
        (
            ("season", "add", SEASON, RACE, "--round", "1", "--part", "qualifying"),
            "race-1 is a race session, and qualifying is wanted",
        ),
        (("season", "add", SEASON, "test-day", "--round", "1"), "test-day is a practice session"),
        (("season", "alias", SEASON, "D3=D1"), "is not an alias such as"),
        (("season", "new", "x", "--title", "t", "--series", "s"), "Missing option '--rules'"),
    ],
)
def test_wrong_usage(season: Commands, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what would be right."""
    season.hold("test-day", session_story("practice"))
    assert says in season.misused(*arguments)


def test_a_round_that_there_is_not(season: Commands) -> None:
    """It is refused before anything is appended."""
    assert "no round 7 in this season; it has 3" in season.refused(
        "season", "add", SEASON, RACE, "--round", "7"
    )
    assert len(season.events(SEASON)) == 1


def test_a_session_that_has_another_result_than_was_scored(season: Commands) -> None:
    """A decision after it was added is pointed out, until it is added again; a message is not."""

    def changed() -> list[list[str]]:
        rows = season.rows("season-show", "season", "show", SEASON)
        return [row["changed"] for row in rows]

    season.output("season", "add", SEASON, RACE, "--round", "1")
    assert changed() == [[], [], []]
    season.output("penalty", "impose", RACE, "1", "warning")
    assert changed() == [[], [], []]
    season.output("penalty", "impose", RACE, "1", "back-of-class")
    assert changed() == [[RACE], [], []]
    assert f"`lapstream season add {SEASON} {RACE} --round 1`" in season.output(
        "season", "show", SEASON
    )
    season.output("season", "add", SEASON, RACE, "--round", "1")
    assert changed() == [[], [], []]


def test_a_session_of_another_series(season: Commands) -> None:
    """It is no round of this season, unless its cars are entered in that as well."""
    says = "elsewhere belongs to the series Another, the season to the Club"
    story = Story().opened(lines=("FL",), series="Another").entry("1", championships=("Another",))
    season.hold("elsewhere", story)
    assert says in season.misused("season", "add", SEASON, "elsewhere", "--round", "1")
    assert says in season.misused("clinch", SEASON, "--session", "elsewhere")
    season.hold("elsewhere", Story("entries").entry("2", championships=("Another", "Club")))
    season.output("clinch", SEASON, "--session", "elsewhere")


def test_a_season_without_contenders(season: Commands) -> None:
    """Before its first round nobody fights for anything."""
    assert "no contenders" in season.output("clinch", SEASON)


def test_several_sessions_at_once(season: Commands) -> None:
    """All of them, or none if one cannot be scored."""
    season.hold("qualifying-1", session_story("qualifying", "2", "1"))
    added = ("season", "add", SEASON, RACE, "qualifying-1")
    assert "no session 'nowhere'" in season.refused(*added, "nowhere", "--round", "1")
    assert len(season.events(SEASON)) == 1
    printed = season.output(*added, "--round", "1")
    assert [line.partition(";")[0][-4:] for line in printed.splitlines()] == [": GT"] * 2
    assert points(season) == {"D1": 382, "D2": 355}
    printed = season.output(*added, "--round", "1")
    assert [line.partition(";")[0][-11:] for line in printed.splitlines()] == ["nothing new"] * 2


@pytest.mark.parametrize("at_once", [True, False])
def test_two_sessions_that_are_the_same_result(season: Commands, at_once: bool) -> None:
    """The second never replaces the first in silence."""
    season.hold("race-2", session_story("race", "2", "1"))
    add = ("season", "add", SEASON)
    if not at_once:
        season.output(*add, RACE, "--round", "1")
    sessions = (RACE, "race-2") if at_once else ("race-2",)
    assert "the race of round 1 is scored from race-1: give --replace" in season.refused(
        *add, *sessions, "--round", "1"
    )
    assert points(season) == ({} if at_once else {"D1": 350, "D2": 320})
    season.output(*add, *sessions, "--round", "1", "--replace")
    assert points(season) == {"D2": 350, "D1": 320}


def test_a_session_scores_once(season: Commands) -> None:
    """As another round it is refused, or its earlier result is voided."""
    add = ("season", "add", SEASON, RACE)
    season.output(*add, "--round", "1")
    refusal = "race-1 is scored as round 1 already: give --replace to score it as round 2 instead"
    assert refusal in season.refused(*add, "--round", "2")
    assert points(season) == {"D1": 350, "D2": 320}
    assert "round 2, race, from race-1: GT" in season.output(*add, "--round", "2", "--replace")
    assert points(season) == {"D1": 350, "D2": 320}
    (_, second, *_) = season.rows("season-show", "season", "show", SEASON)
    assert second["sessions"] == [RACE]
    assert "nothing new" in season.output(*add, "--round", "2")
    season.output(*add, "--round", "1", "--replace")
    assert points(season) == {"D1": 350, "D2": 320}


def test_a_session_recorded_as_two_rounds(season: Commands) -> None:
    """The first stands, in any order of arrival; the other is listed as ignored."""
    season.output("season", "add", SEASON, RACE, "--round", "1")
    scored = next(one for one in season.events(SEASON) if isinstance(one, ev.RoundScored))
    again = scored.model_copy(update={"round": 2, "source_seq": 99, "at": scored.at + 1})
    season.hold(SEASON, [again])
    assert points(season) == {"D1": 350, "D2": 320}
    assert "race-1 scores once: its result as round 2 is ignored" in season.output(
        "season", "show", SEASON
    )


@pytest.mark.parametrize(("timed", "points_of"), [(False, {}), (True, {"D2": 35, "D1": 32})])
def test_qualifying_without_times(
    season: Commands, timed: bool, points_of: dict[str, float]
) -> None:
    """A class in which nobody set a time scores nothing by car number."""
    story = Story().opened(lines=("FL",), series="Club", kind="qualifying")
    for place, car in enumerate(("2", "1")):
        story.entry(car, drivers=(ev.Driver(number=1, name=f"D{car}"),))
        story.lap(car, 1, 90_000 + place, 90_000 + place if timed else None)
    season.hold("qualifying-1", story.ended(200_000))
    season.output("season", "add", SEASON, "qualifying-1", "--round", "1")
    assert points(season) == points_of
