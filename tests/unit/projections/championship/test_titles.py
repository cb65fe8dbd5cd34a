"""What is left of a season, and who can still win it, before a race and during it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import Driver, PenaltyImposed, RoundScored, SeasonRound
from events.errors import UnknownClass
from projections.championship.season import Season, season_of
from projections.championship.titles import (
    LiveRound,
    RemainingResult,
    Title,
    TitleContender,
    decided,
    title,
)
from projections.results.classification import Convention, classify
from projections.timeline import Timeline
from tests.builders import Story
from tests.profiles import examples
from tests.rules import changed
from tests.scoring import finish, opened, row, scored, season

IMSA = "imsa-2024"


def two_cars(**members: Any) -> Season:
    """IMSA: #1 has won the first of two races (and 350), #2 was second (320)."""
    return season(scored(finish("1", "2", "3")), rules=IMSA, rounds=2, **members)


def qualified(*cars: str) -> RoundScored:
    """Qualifying of the second round."""
    return scored(finish(*cars), 2, round=2, part="qualifying")


def race(*cars: str, **members: Any) -> Story:
    """The second race: cars a second apart, two laps done."""
    story = Story().opened(lines=("FL",), series="S", round=2, **members)
    for place, car in enumerate(cars):
        crew = (Driver(number=1, name=f"D{car}"),)
        story.entry(car, team=f"T{car}", manufacturer=f"M{car}", drivers=crew)
        for lap in (1, 2):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    return story


def live(story: Story, one: Season, number: int = 2) -> LiveRound:
    """The session as it stands, under the season's pack."""
    values = story.race()
    return LiveRound(values, classify(values, Convention.of(one.pack)), number)


def standing(fight: Title) -> dict[tuple[str, ...], str]:
    """The status of each contender."""
    return {one.names: one.status for one in fight.contenders}


def of(fight: Title, name: str) -> TitleContender:
    """The contender of that name."""
    return next(one for one in fight.contenders if name in one.names)


# -- What is left --------------------------------------------------------------------------


def test_races_and_qualifying_that_were_not_scored_are_left() -> None:
    """Qualifying is a result of its own where the pack scores it, and only there."""
    assert title(two_cars(), "teams", "GT").left == (
        RemainingResult(2, "qualifying"),
        RemainingResult(2, "race"),
    )
    alms = season(scored(finish("1", "2")), rounds=3)
    assert title(alms, "teams", "GT").left == (
        RemainingResult(2, "race"),
        RemainingResult(3, "race"),
    )


def test_a_round_is_left_only_for_its_classes() -> None:
    """A class does not run in a round that names others; one that names none has all."""
    rounds = (SeasonRound(name="R1"), SeasonRound(name="R2", classes=("LMP",)))
    values = opened().model_copy(update={"rounds": rounds})
    one = season_of([values, scored(finish("1", "2"))])
    assert title(one, "teams", "GT").left == ()
    assert title(one, "teams", "LMP").left == (RemainingResult(2, "race"),)


def test_as_it_was_after_a_round() -> None:
    """Asked of an earlier round, the later ones are still to be run."""
    one = season(scored(finish("1", "2")), scored(finish("2", "1"), 2, round=2), rounds=2)
    assert title(one, "teams", "GT").left == ()
    assert title(one, "teams", "GT", after_round=1).left == (RemainingResult(2, "race"),)


def test_several_results_left_are_only_reported_where_that_is_exact() -> None:
    """With qualifying and a race left nobody is champion yet, nor can be in qualifying."""
    fight = title(two_cars(), "teams", "GT")
    assert standing(fight)[("#1",)] == "open"
    assert all(one.outlook is None and one.next_clinch is None for one in fight.contenders)


def test_the_end_of_a_season() -> None:
    """With nothing left, the first is champion; those who are equal share it."""
    one = season(scored(finish("1", "2")), rounds=1)
    assert standing(title(one, "teams", "GT")) == {("T1",): "clinched", ("T2",): "out"}
    crew = scored((row("1", 1, "Ann", "Art"), row("2", 2)))
    fight = title(season(crew, rounds=1), "drivers", "GT")
    assert standing(fight)[("Ann", "Art")] == "clinched_share"


# -- Before a race -------------------------------------------------------------------------


def test_before_the_last_race_anyone_may_come_or_stay_away() -> None:
    """The field is as large as the largest so far, and a contender may score nothing."""
    fight = title(two_cars_qualified(), "teams", "GT")
    outlook = of(fight, "#1").outlook
    assert fight.left == (RemainingResult(2, "race"),)
    assert outlook is not None
    assert (outlook.places, outlook.may_score_nothing) == ((1, 2, 3), True)
    assert outlook.outright.clinches_regardless_from == 2


def two_cars_qualified() -> Season:
    """#1 leads #2 by 33 points before the last race."""
    one = season(scored(finish("1", "2", "3")), qualified("1", "2"), rules=IMSA, rounds=2)
    assert one.totals(of="teams", car_class="GT")[0].points == 385
    return one


def test_who_has_never_scored_is_in_no_fight() -> None:
    """Before the first race of a season there is nobody to speak of."""
    assert title(season(rounds=2), "teams", "GT").contenders == ()


def test_a_title_that_is_not_given() -> None:
    """Nobody fights for it where the rules have no such championship in the class."""
    values = scored(finish("1", "2", manufacturer="ORECA"), car_class="LMP2")
    one = season(values, rules=IMSA, rounds=2, classes=("LMP2",))
    assert title(one, "manufacturers", "LMP2").contenders == ()
    assert title(one, "teams", "LMP2").contenders != ()


def test_a_class_that_there_is_not() -> None:
    """It is named, with those that there are."""
    with pytest.raises(UnknownClass, match="there are GT, LMP"):
        title(two_cars(), "teams", "GT3")


@pytest.mark.parametrize(
    ("changes", "contest", "rule"),
    [
        ([("drops = 0", "drops = 1")], "teams", "points.drops"),
        (
            [("[points.teams]", '[points.fastest_lap]\npoints = 1\nsource = "x"\n[points.teams]')],
            "drivers",
            "points.fastest_lap",
        ),
        ([("best_only = true", "best_only = false")], "manufacturers", "best_only"),
    ],
)
def test_rules_under_which_there_are_only_bounds(changes, contest, rule) -> None:
    """The rule is named, and every contender has its least and its most points."""
    one = two_cars().under(changed(IMSA, *changes))
    fight = title(one, contest, "GT")
    assert rule in (fight.note or "")
    assert all(one.least is not None and one.least <= one.most for one in fight.contenders)


# -- During a race -------------------------------------------------------------------------


def test_a_car_that_has_started_will_score() -> None:
    """Where whoever starts scores, the floor is the last place; a car that waits has none."""
    one = two_cars_qualified()
    story = race("1", "2")
    story.entry("3", team="T3")
    fight = title(one, "teams", "GT", live(story, one))
    first, third = of(fight, "#1").outlook, of(fight, "#3").outlook
    assert first is not None
    assert not first.may_score_nothing
    assert third is None or third.may_score_nothing
    assert fight.left == (RemainingResult(2, "race"),)


def test_a_retired_car_passes_nobody() -> None:
    """Each car that is out lifts the worst place of those that have gone further."""
    one = two_cars_qualified()
    story = race("2", "1", "3")
    before = of(title(one, "teams", "GT", live(story, one)), "#1")
    assert (before.outlook and before.outlook.places, before.status) == ((1, 2, 3), "alive")
    story.lap("1", 3, 181_000).lap("2", 3, 180_000)
    story.retired("3", 200_000)
    after = of(title(one, "teams", "GT", live(story, one)), "#1")
    assert (after.outlook and after.outlook.places, after.status) == ((1, 2), "clinched")


def test_nobody_is_out_of_a_race_that_has_not_begun() -> None:
    """As long as no car of the class was timed, whoever is not entered yet may still come."""
    one = two_cars_qualified()
    for story in (
        Story().opened(lines=("FL",), series="S", round=2),
        Story().opened(lines=("FL",), series="S", round=2).entry("2", team="T2"),
        Story().opened(lines=("FL",), series="S", round=2).entry("9", "LMP").lap("9", 1, 60_000),
    ):
        fight = title(one, "teams", "GT", live(story, one))
        assert fight.left == (RemainingResult(2, "race"),)
        assert {name: standing(fight)[name] for name in (("#1",), ("#2",))} == {
            ("#1",): "alive",
            ("#2",): "alive",
        }


def test_a_contender_who_is_not_there_scores_nothing() -> None:
    """Who has points but no car in the race keeps the points, and wins no place."""
    one = two_cars_qualified()
    fight = title(one, "teams", "GT", live(race("1", "3"), one))
    second = of(fight, "#2")
    assert (second.points, second.status) == (352, "out")
    assert of(fight, "#1").status == "clinched"


def test_a_car_sent_to_the_back_is_sure_of_nothing() -> None:
    """Laps and time no longer say where it will stand."""
    one = two_cars_qualified()
    story = race("1", "2", "3")
    story.retired("3", 200_000)
    story.add(PenaltyImposed, 210_000, penalty_id="p", car="1", kind="back_of_class")
    outlook = of(title(one, "teams", "GT", live(story, one)), "#1").outlook
    assert outlook is not None
    assert outlook.places == (1, 2, 3)


def test_a_disqualified_car_takes_no_place() -> None:
    """The others have one place less to lose, and it has nothing to win."""
    one = two_cars_qualified()
    story = race("1", "2", "3")
    story.add(PenaltyImposed, 210_000, penalty_id="p", car="2", kind="disqualification")
    fight = title(one, "teams", "GT", live(story, one))
    assert standing(fight)[("#1",)] == "clinched"
    assert standing(fight)[("#2",)] == "out"


def test_where_the_distance_counts_nobody_is_sure_of_points() -> None:
    """ALMS: a car that retires early scores nothing, whatever its place."""
    one = season(scored(finish("1", "2")), rounds=2)
    story = race("1", "2")
    outlook = of(title(one, "teams", "GT", live(story, one)), "T1").outlook
    assert outlook is not None
    assert outlook.may_score_nothing
    for lap in range(3, 11):
        story.lap("1", lap, lap * 60_000)
    story.retired("2", 601_000)
    fight = title(one, "teams", "GT", live(story, one))
    assert standing(fight) == {("T1",): "clinched", ("T2",): "out"}


def test_a_driver_short_of_the_minimum_may_get_nothing_though_the_car_scores() -> None:
    """ALMS: of one crew the one who has not driven long enough may yet be left without."""
    crew = scored((row("1", 1, "Ann", "Art"), row("2", 2)))
    one = season(crew, rounds=2)
    story = Story().opened(lines=("FL",), series="S", round=2)
    names = (Driver(number=1, name="Ann"), Driver(number=2, name="Art"))
    story.entry("1", team="T1", drivers=names)
    story.entry("2", team="T2", drivers=(Driver(number=1, name="D2"),))
    for lap in range(1, 61):
        story.lap("1", lap, lap * 60_000, driver="Ann")
        story.lap("2", lap, lap * 61_000, driver="D2")
    assert {("Ann",), ("Art",)} <= standing(title(one, "drivers", "GT", live(story, one))).keys()
    for lap in range(61, 120):
        story.lap("1", lap, lap * 60_000, driver="Art")
    fight = title(one, "drivers", "GT", live(story, one))
    assert ("Ann", "Art") in standing(fight)


def test_makes_that_are_closed_up_fight_as_one_each() -> None:
    """Of makes with several cars the best one counts, and places are those of makes."""
    one = two_cars_qualified()
    story = Story().opened(lines=("FL",), series="S", round=2)
    for place, (car, make) in enumerate((("1", "A"), ("2", "A"), ("3", "B"), ("4", "B"))):
        story.entry(car, manufacturer=make)
        for lap in (1, 2):
            story.lap(car, lap, lap * 60_000 + place * 1_000)
    story.retired("3", 200_000)
    outlook = of(title(one, "manufacturers", "GT", live(story, one)), "A").outlook
    assert outlook is not None
    assert outlook.places == (1, 2)
    story.retired("4", 201_000)
    outlook = of(title(one, "manufacturers", "GT", live(story, one)), "A").outlook
    assert outlook is not None
    assert outlook.places == (1,)


def test_guests_take_no_place_where_they_are_invisible() -> None:
    """An entry that is not eligible is no part of the field."""
    one = two_cars_qualified()
    story = race("1", "2")
    story.entry("9", championships=("another",))
    story.lap("9", 1, 59_000).lap("9", 2, 118_000)
    outlook = of(title(one, "teams", "GT", live(story, one)), "#1").outlook
    assert outlook is not None
    assert outlook.places == (1, 2)


def test_qualifying_that_runs_is_open_to_all() -> None:
    """Anyone may still go faster; the race is left behind it."""
    one = two_cars()
    story = race("1", "2", "3", kind="qualifying")
    fight = title(one, "teams", "GT", live(story, one))
    assert fight.left == (RemainingResult(2, "qualifying"), RemainingResult(2, "race"))


def test_a_session_that_has_ended_is_scored() -> None:
    """When nothing more is timed the result stands, and the season is decided."""
    one = two_cars_qualified()
    story = race("2", "1", "3").flag("chequered", 130_000)
    for place, car in enumerate(("2", "1", "3")):
        story.lap(car, 3, 181_000 + place * 1_000)
    story.ended(190_000)
    fight = title(one, "teams", "GT", live(story, one))
    assert fight.left == ()
    assert standing(fight)[("#1",)] == "clinched"


# -- When it was decided -------------------------------------------------------------------


def test_the_moment_at_which_a_title_is_won() -> None:
    """It is the first at which nobody can prevent it, with what happened then."""
    one = two_cars_qualified()
    story = race("2", "1", "3")
    story.lap("2", 3, 180_000).lap("1", 3, 181_000)
    story.retired("3", 200_000)
    story.lap("2", 4, 240_000)
    timeline = Timeline()
    timeline.add(story)
    found = decided(one, "teams", "GT", timeline, 2)
    assert found is not None
    assert (found.at, [event.type for event in found.events]) == (200_000, ["car_retired"])
    assert of(found.title, "#1").status == "clinched"


def test_a_title_that_was_not_decided() -> None:
    """As long as it is open there is no such moment."""
    one = two_cars_qualified()
    timeline = Timeline()
    timeline.add(race("2", "1", "3"))
    assert decided(one, "teams", "GT", timeline, 2) is None
    empty = Timeline()
    assert decided(one, "teams", "GT", empty, 2) is None


# -- What is said holds --------------------------------------------------------------------

CARS = ("1", "2", "3", "4")


@st.composite
def running(draw: st.DrawFn) -> Story:
    """A race some laps in, of which some cars have retired, and one may not have started."""
    story = Story().opened(lines=("FL",), series="S", round=2)
    for place, car in enumerate(CARS):
        story.entry(car, team=f"T{car}", drivers=(Driver(number=1, name=f"D{car}"),))
        laps = draw(st.integers(0, 4))
        for lap in range(1, laps + 1):
            story.lap(car, lap, lap * 60_000 + place)
        if draw(st.booleans()):
            story.retired(car, laps * 60_000 + 30_000 + place)
    return story


def to_the_end(story: Story, data: st.DataObject) -> Story:
    """One way in which the race may go on: laps, retirements, and the flag."""
    values = story.race()
    flag = 1_000_000
    for place, car in enumerate(CARS):
        if car in values.order.retired:
            continue
        done = values.order.laps.get(car, 0)
        more = data.draw(st.integers(0, 4), label=f"laps of {car}")
        for lap in range(done + 1, done + more + 1):
            story.lap(car, lap, lap * 60_000 + 20_000 + place)
        if data.draw(st.booleans(), label=f"{car} retires"):
            story.retired(car, 900_000 + place)
    story.flag("chequered", flag)
    values = story.race()
    for place in data.draw(st.permutations(range(len(CARS))), label="to the flag"):
        car = CARS[place]
        if car not in values.order.retired and car in values.order.passings:
            story.lap(car, values.order.laps[car] + 1, flag + 1 + len(story.events))
    return story.ended(flag + 100_000)


@settings(max_examples=examples(150))
@given(st.permutations(CARS), running(), st.sampled_from([IMSA, "alms-2007"]), st.data())
def test_a_champion_stays_one_and_who_is_out_stays_out(
    first: list[str], story: Story, rules: str, data: st.DataObject
) -> None:
    """However the race goes on, what was said of a contender comes true."""
    results = [scored(finish(*first)), scored(finish("1", "2"), 2, round=2, part="qualifying")]
    one = season(*results, rules=rules, rounds=2)
    before = title(one, "teams", "GT", live(story, one))
    then = {name: contender.status for contender in before.contenders for name in contender.names}
    end = title(one, "teams", "GT", live(to_the_end(story, data), one))
    assert end.left == ()
    champions = {name for one in end.contenders if one.status != "out" for name in one.names}
    for name, status in then.items():
        if status == "clinched":
            assert champions == {name}
        elif status == "clinched_share":
            assert name in champions
        elif status == "out":
            assert name not in champions
        elif status == "alive_share":
            assert champions != {name}
