"""Why, and what if, by command."""

from __future__ import annotations

import pytest

import events as ev
from tests.builders import Story
from tests.scoring import finish, opened, scored
from tests.unit.services.commands import Commands
from tests.unit.services.memory import FIRST_LEARNED

RACE, SEASON = "short", "season"


@pytest.fixture
def race(lapstream: Commands) -> Commands:
    """#1 ahead of #2 and #3 after three laps, as the second round of a season."""
    story = Story()
    story.opened(lines=("FL",), rules="alms-2007", series="S", round=2, time_limit_ms=9_900_000)
    for car in ("1", "2", "3"):
        story.entry(car, team=f"T{car}", drivers=(ev.Driver(number=1, name=f"D{car}"),))
    for lap in (1, 2, 3):
        for place, car in enumerate(("1", "2", "3")):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.add(ev.PenaltyImposed, 190_000, penalty_id="p", car="3", kind="fine", reason="speed")
    lapstream.hold(RACE, story)
    lapstream.hold(SEASON, [opened(), scored(finish("2", "1", "3"))])
    return lapstream


def test_statements_with_the_events_behind_them(race: Commands) -> None:
    """Each sentence has the log's positions, and the rule with its source."""
    rows = race.rows("explain", "explain", RACE, "2")
    place, result, *gaps = rows[:4]
    assert place["text"] == "#2 runs 2nd overall, 2nd in GT, on lap 4."
    assert result["text"] == (
        "If the race ended now it would be classified 2nd overall, 2nd in GT, "
        "with 3 laps in 0:03:01.000."
    )
    number = next(
        n
        for n, event in enumerate(race.events(RACE))
        if isinstance(event, ev.LapCompleted) and (event.car, event.lap) == ("2", 3)
    )
    assert place["events"] == [
        {"position": f"{FIRST_LEARNED + 1000 * number}-0", "source": "test", "source_seq": number}
    ]
    assert [row["text"] for row in gaps] == [
        "It is 1.000 s behind #1, which leads overall and in GT.",
        "It is 1.000 s ahead of #3, next behind overall and in GT.",
    ]
    points = rows[-1]
    assert points["text"] == "Points for #2 as it stands: 2nd in GT, 16 points."
    assert points["rule"] == "points.scales.short.points"
    assert points["rule_source"] == "Wikipedia, 2007 American Le Mans Series: most races"


def test_sentences_for_the_eye(race: Commands) -> None:
    """Each with the rule and its source, and the log's positions, in a line below it."""
    printed = race.output("explain", RACE, "3")
    imposed = f"{FIRST_LEARNED + 1000 * (len(race.events(RACE)) - 1)}-0"
    assert f"#3 was fined at 0:03:10 (speed).\n    [{imposed}]\n" in printed
    assert "    [points.scales.short.points: Wikipedia" in printed
    assert "    [laps completed, then lines crossed" in printed


def test_as_it_stood_then(race: Commands) -> None:
    """What had not happened by then is not told."""
    printed = race.output("explain", RACE, "3", "--at", "lap:2")
    assert "with 1 lap in 0:01:02.000" in printed
    assert "fined" not in printed


def test_what_the_order_and_the_points_would_be(race: Commands) -> None:
    """Each car now and then, with places and points; the log stays as it is."""
    before = race.events(RACE)
    arguments = ("--penalty", "1 time 30", "--retire", "2", "--finish-now")
    rows = race.rows("whatif", "whatif", RACE, *arguments)
    assert [(row["car"], row["position_now"], row["position_then"]) for row in rows] == [
        ("2", 2, 1),
        ("3", 3, 2),
        ("1", 1, 3),
    ]
    assert [(row["points_now"], row["points_then"]) for row in rows] == [
        (16, 20),
        (13, 16),
        (20, 13),
    ]
    assert rows[0]["status_then"] == "retired"
    assert race.events(RACE) == before


def test_under_other_rules(race: Commands) -> None:
    """The present points are those of the session's own pack."""
    rows = race.rows("whatif", "whatif", RACE, "--rules", "imsa-2024", "--car", "1")
    assert [(row["points_now"], row["points_then"]) for row in rows] == [(20, 350)]


def test_what_the_title_would_be(race: Commands) -> None:
    """With a season its table stands beside the present one; as JSON it comes instead."""
    arguments = ("--penalty", "1 time 30", "--season", SEASON, "--of", "teams")
    rows = race.rows("whatif-title", "whatif", RACE, *arguments)
    assert [
        (row["name"], row["rank_now"], row["rank_then"], row["points_now"], row["points_then"])
        for row in rows
    ] == [("T2", 1, 1, 36, 40), ("T1", 1, 2, 36, 29), ("T3", 3, 2, 26, 29)]
    printed = race.output("whatif", RACE, *arguments)
    assert "A season, teams" in printed
    assert "Short" not in printed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("explain", RACE, "9"), "no car '9' in this session; there are 1, 2, 3"),
        (("whatif", RACE, "--penalty", "1 time"), "time takes an amount"),
        (("whatif", RACE, "--retire", "9"), "no car '9'"),
        (
            ("whatif", RACE, "--retire", "1", "--season", RACE),
            "'short' is a session, not a season",
        ),
        (
            ("whatif", RACE, "--retire", "1", "--season", SEASON, "--round", "9"),
            "no round 9 in this season",
        ),
        (("whatif", RACE, "--penalty", "9 time 5"), "no car '9'"),
        (("whatif", RACE, "--penalty", ""), "'': write CAR KIND [AMOUNT]"),
        (("whatif", RACE, "--penalty", "1 time 0"), "the amount is 0"),
        (("whatif", RACE, "--penalty", "1 time 9999999"), "the amount is too large: 9999999"),
        (("whatif", RACE, "--penalty", "1 time 5 s"), "write CAR KIND [AMOUNT]"),
        (("whatif", RACE, "--rules", "nascar"), "no regulation pack 'nascar'; there are alms-2007"),
        (("whatif", RACE, "--finish-now", "--at", "lap:9"), "the last was lap 3"),
        (("whatif", RACE, "--finish-now", "--class", "P"), "no class 'P' in this session"),
        (("whatif", "none", "--finish-now"), "no session 'none' in this store"),
        (("explain", RACE, "1", "--at", "4:00:00"), "the session has come to 0:03:10"),
        (("explain", RACE, "1", "--known-at", "noon"), "'noon': neither a log position"),
    ],
)
def test_what_cannot_be_answered(race: Commands, arguments: tuple[str, ...], says: str) -> None:
    """One line says why; the log stays as it is."""
    before = race.events(RACE)
    assert says in race.refused(*arguments)
    assert race.events(RACE) == before


def test_what_has_happened_already_cannot_be_supposed(race: Commands) -> None:
    """A car retires once, and a race that is over is not stopped."""
    story = Story().opened("1", "2", "3").laps("1", 1).laps("2", 1, 61_000).laps("3", 1, 62_000)
    story.retired("3", 90_000).flag("chequered", 120_000).lap("1", 2, 120_000)
    race.hold("over", story)
    assert "#1 has finished already" in race.refused("whatif", "over", "--retire", "1")
    assert "#3 has retired already" in race.refused("whatif", "over", "--retire", "3")
    assert "the race is over already" in race.refused("whatif", "over", "--finish-now")


def test_something_has_to_be_supposed(race: Commands) -> None:
    """Without a supposition there is nothing to answer."""
    assert "give at least one of --penalty" in race.misused("whatif", RACE)


def test_statements_about_one_subject(race: Commands) -> None:
    """Others are left out; those about the forecast are in no other answer."""
    assert {
        row["about"] for row in race.rows("explain", "explain", RACE, "2", "--about", "gap")
    } == {"gap"}
    everything = race.rows("explain", "explain", RACE, "2")
    odds = race.rows("explain", "explain", RACE, "2", "--about", "forecast")
    assert "forecast" not in {row["about"] for row in everything}
    assert {row["about"] for row in odds} == {"forecast"}
    assert odds[0]["text"].startswith("Forecast: #2, 2nd now, wins GT with a probability of ")
