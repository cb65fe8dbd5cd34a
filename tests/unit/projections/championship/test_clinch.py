"""Who can still win a title: published cases, and small fights tried out to the end."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import takewhile
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings

from events.formats.alkamel import CarLaps, parse_laps
from projections.championship.clinch import (
    Contender,
    DecidingRival,
    NextClinch,
    Outlook,
    Round,
    TitleNeeds,
    clinched_in_next,
    outlooks,
    with_rounds_left,
)
from projections.championship.reachable_places import OnTrack, field_now, open_field
from tests.data import DATA, needs_data
from tests.profiles import examples
from tests.unit.projections.championship.small_championships import (
    NO_SCORE,
    Fight,
    endings,
    fights,
    inseparable,
    verdict,
)

GOLDEN = Path(__file__).resolve().parents[3] / "golden"
CHECKS = json.loads((GOLDEN / "clinch_checks.json").read_text())

IMSA = (350, 320, 300, 280, 260, *range(250, 0, -10))
ALMS = (20, 16, 13, 10, 8, 6, 4, 3, 2, 1)
ALMS_FOUR_HOURS = (23, 19, 16, 13, 11, 9, 7, 6, 5, 4)

GTP_2024 = {"7": 2682, "6": 2549, "01": 2514}
GTD_PRO_2024 = {"77": 2922, "23": 2818}
GT2_FINISHES = {"Risi": (7, 1, 1, 1, 0, 1), "FL": (3, 6, 0, 0, 2), "Tafel": (0, 1, 4, 1, 2, 2)}


def each_with_a_car(points, finishes=None):
    """Contenders with one car each, of their own name."""
    return [
        Contender(name, have, (name,), (finishes or {}).get(name, ()))
        for name, have in points.items()
    ]


def outlooks_of(points, places, scale=IMSA, may_miss=False, finishes=None, countback=True):
    """The outlooks by name, where all cars may still finish anywhere."""
    race = Round(open_field(points, places, may_miss=may_miss), scale)
    found = outlooks(each_with_a_car(points, finishes), race, countback=countback)
    return {outlook.names[0]: outlook for outlook in found}


def as_golden(found):
    """Outlooks as the golden file tells them."""
    return {
        name: {
            "clinches_regardless_from": outlook.outright.clinches_regardless_from,
            "clinched_even_if_no_score": outlook.outright.clinched_even_if_no_score,
            "can_still_win_from": outlook.outright.can_still_win_from,
            "alive": outlook.outright.alive,
        }
        for name, outlook in found.items()
    }


def table(outlook, rival):
    """By the rival's place the worst place that ends above it, as the golden file tells it."""
    against = next(one for one in outlook.against if one.rival == (rival,))
    return {str(place): worst for place, worst in against.beats_from.items()}


@pytest.mark.parametrize(
    ("check", "places", "may_miss"),
    [
        ("GTP_N9", 9, False),
        ("GTP_N10", 10, False),
        ("GTP_N11", 11, False),
        ("GTP_with_DNS_N11", 11, True),
    ],
)
def test_gtp_before_petit_2024(check, places, may_miss):
    """#7, #6 and #01 after qualifying, by how many places there are."""
    assert as_golden(outlooks_of(GTP_2024, places, may_miss=may_miss)) == CHECKS[check]


def test_gtp_table():
    """The worst place with which #7 stays ahead of #6, by what #6 does."""
    assert table(outlooks_of(GTP_2024, 11)["7"], "6") == CHECKS["GTP_7_vs_6_N11"]


def test_ninth_makes_the_champion_and_tenth_may_not():
    """#7 needs 353 of its 133 points lead and 350: ninth; tenth is 2892 against 2899."""
    seven = outlooks_of(GTP_2024, 11)["7"]
    ninth, tenth = 2682 + IMSA[8], 2682 + IMSA[9]
    six_wins = 2549 + IMSA[0]
    assert (ninth, tenth, six_wins) == (2902, 2892, 2899)
    assert ninth - 2549 == 353
    assert seven.status == "alive"
    assert seven.outright.clinches_regardless_from == 9


def test_the_third_contender_is_out_once_the_leader_starts():
    """#01 reaches 2864 at most; eleven starters give #7 at least 200 and so 2882."""
    outlook = outlooks_of(GTP_2024, 11)["01"]
    assert (outlook.status, outlook.most) == ("out", 2864)
    assert outlook.deciding_rival == DecidingRival(("7",), 2682 + 200)
    assert outlooks_of(GTP_2024, 11, may_miss=True)["01"].status == "alive"


def test_gtd_pro_before_petit_2024():
    """#77 leads #23 by 104 among 14 cars."""
    found = outlooks_of(GTD_PRO_2024, 14)
    assert as_golden(found) == CHECKS["GTDPRO_N14"]
    assert table(found["77"], "23") == CHECKS["GTDPRO_vs_N14"]


def test_gtd_pro_was_won_by_four_points():
    """11th is enough for #77 against third (+4), and not against second (-16)."""
    beats_from = outlooks_of(GTD_PRO_2024, 14)["77"].against[0].beats_from
    margins = [2922 + IMSA[10] - (2818 + IMSA[place - 1]) for place in (3, 2)]
    assert margins == [4, -16]
    assert (beats_from[3], beats_from[2]) == (11, 9)


def test_gt2_drivers_before_the_last_round_of_2007():
    """Any of three GT2 crews may fail to score; the leaders need a single point."""
    found = outlooks_of(CHECKS["GT2_drivers_before_R12"], 10, ALMS_FOUR_HOURS, may_miss=True)
    assert as_golden(found) == CHECKS["GT2_drivers_R12"]


def test_gt2_teams_before_the_last_round_of_2007():
    """With ties counted back, eighth is enough for Risi against a second place."""
    points = CHECKS["GT2_teams_before_R12"]
    found = outlooks_of(points, 10, ALMS_FOUR_HOURS, may_miss=True, finishes=GT2_FINISHES)
    assert as_golden(found) == CHECKS["GT2_teams_R12"]
    placed = outlooks_of(points, 10, ALMS_FOUR_HOURS, finishes=GT2_FINISHES)
    assert table(placed["Risi"], "FL") == CHECKS["GT2_teams_vs"]


def test_a_tie_that_stays_is_a_shared_title():
    """Without a countback, eighth against second leaves Risi level with Flying Lizard."""
    points = CHECKS["GT2_teams_before_R12"]
    found = outlooks_of(points, 10, ALMS_FOUR_HOURS, may_miss=True, countback=False)
    risi, lizard = found["Risi"], found["FL"]
    assert (risi.against[0].beats_from[2], risi.against[0].ties_from[2]) == (7, 8)
    assert (lizard.outright.can_still_win_from, lizard.shared.can_still_win_from) == (3, 4)


# --- crews, teams and makes


def test_the_crew_of_one_car_stands_as_one():
    """Salo and Melo score together, so they can only win together."""
    contenders = [
        Contender("Salo", 179, ("62",)),
        Contender("Melo", 179, ("62",)),
        Contender("Bergmeister", 157, ("45",)),
        Contender("Third driver", 170, ("62",)),
    ]
    race = Round(open_field(["62", "45"], 10, may_miss=True), ALMS_FOUR_HOURS)
    crew, rival, third = outlooks(contenders, race)
    assert crew.names == ("Salo", "Melo")
    assert crew.outright.clinches_regardless_from == 10
    assert rival.outright.can_still_win_from == 1
    assert third.deciding_rival == DecidingRival(("Salo", "Melo"), 179, same_car=True)


def test_a_driver_short_of_drive_time_may_score_nothing():
    """Until both have driven long enough, one of a crew may still lose the other's points."""
    short = Contender("Melo", 179, ("62",), may_forfeit=True)
    race = Round(open_field(["62"], 10), ALMS_FOUR_HOURS)
    salo, melo = outlooks([Contender("Salo", 179, ("62",)), short], race)
    assert (salo.status, melo.status) == ("clinched_share", "alive_share")


def test_only_the_best_car_of_a_team_scores():
    """Two cars that must both be placed cannot both be last."""
    contenders = [Contender("Two", 10, ("1", "2")), Contender("One", 10, ("3",))]
    race = Round(open_field(["1", "2", "3"], 3), (6, 4, 1))
    two, one = outlooks(contenders, race)
    assert (two.places, one.places) == ((1, 2), (1, 2, 3))
    assert two.outright.clinches_regardless_from == 1
    assert one.outright.can_still_win_from == 1


def test_manufacturers_with_several_cars():
    """After round 11 of 2007 Porsche has the LMP2 title from Acura whatever its cars do."""
    contenders = [
        Contender("Porsche", 228, ("6", "7", "16", "20")),
        Contender("Acura", 153, ("9",)),
    ]
    field = open_field(["6", "7", "9", "16", "20"], 10, may_miss=True)
    porsche, acura = outlooks(contenders, Round(field, ALMS_FOUR_HOURS))
    assert (porsche.status, acura.status) == ("clinched", "out")
    assert porsche.outright.clinched_even_if_no_score


def test_who_does_not_take_part_scores_nothing():
    """A contender without a car in the race keeps its points."""
    contenders = [Contender("Home", 30, ()), Contender("Away", 10, ("9",))]
    home, away = outlooks(contenders, Round(open_field(["9"], 10), ALMS))
    assert (home.places, home.may_score_nothing, home.least, home.most) == ((), True, 30, 30)
    assert (home.status, away.status) == ("clinched_share", "alive_share")


def test_half_points():
    """A half-point lead is a lead."""
    contenders = [Contender("Half", 12.5, ("1",)), Contender("None", 12, ("2",))]
    ahead, behind = outlooks(contenders, Round(open_field("12", 2), (0.5, 0.5)))
    assert (ahead.status, behind.status, ahead.least) == ("clinched", "out", 13)


# --- during the race


def petit_2024(*settled):
    """The eleven GTP cars, some of them stopped after fewer laps than the others."""
    running = ["7", "6", "01", "24", "31", "5", "40", "63", "10"]
    cars = [OnTrack(car, 200, 1_000 * place) for place, car in enumerate(running)]
    cars += [OnTrack("25", 170, 900, "25" in settled), OnTrack("85", 160, 800, "85" in settled)]
    return Round(field_now(cars), IMSA)


@pytest.mark.parametrize(
    ("retired", "places", "status"),
    [((), 11, "alive"), (("85",), 10, "alive"), (("85", "25"), 9, "clinched")],
)
def test_retirements_decide_the_title_during_the_race(retired, places, status):
    """#7 is champion once two cars can no longer pass it: ninth is then its worst place."""
    seven, *_ = outlooks(each_with_a_car(GTP_2024), petit_2024(*retired))
    assert (len(seven.places), seven.status) == (places, status)
    if status == "clinched":
        assert seven.deciding_rival == DecidingRival(("6",), 2899)


def test_a_retired_car_passes_nobody():
    """Two retired rivals cannot change their order, wherever the others finish."""
    cars = [
        OnTrack("1", 50, 900, settled=True),
        OnTrack("2", 60, 950, settled=True),
        OnTrack("3", 70, 990),
    ]
    contenders = [Contender("1", 10, ("1",)), Contender("2", 10, ("2",))]
    behind, ahead = outlooks(contenders, Round(field_now(cars, places=5), ALMS))
    assert (behind.status, ahead.status) == ("out", "clinched")
    assert (behind.places, ahead.places) == ((3, 4, 5), (2, 3, 4))


def on_track(car: CarLaps, at: int) -> OnTrack:
    """How far a car has come; it is settled if it never completes another lap."""
    done = [time for time in car.completed_at if time <= at]
    return OnTrack(car.car, len(done), done[-1], settled=len(done) == len(car.completed_at))


@needs_data
def test_the_real_petit_2024_is_decided_when_the_second_car_stops():
    """With the laps of the race: open while #25 runs, decided once it has run its last."""
    path = DATA / "imsa/2024/19-road-atlanta/202410121210-race-laps.csv"
    laps = parse_laps(path.read_text(encoding="utf-8-sig"), path.name)
    gtp = [car for car in laps.cars if car.car_class == "GTP"]
    stopped = max(car.completed_at[-1] for car in gtp if car.car in ("85", "25"))
    contenders = each_with_a_car(GTP_2024)

    def standing(at):
        race = Round(field_now([on_track(car, at) for car in gtp]), IMSA)
        return [outlook.status for outlook in outlooks(contenders, race)]

    assert standing(stopped - 1) == ["alive", "alive", "out"]
    assert standing(stopped + 120_000) == ["clinched", "out", "out"]


# --- earlier in the season


PETIT = (26, 22, 19, 16, 14, 12, 10, 9, 8, 7)
SEASON_2007 = [PETIT, *[ALMS] * 6, ALMS_FOUR_HOURS, ALMS, ALMS, PETIT, ALMS_FOUR_HOURS]


@pytest.mark.parametrize(
    ("lead", "after_round", "expected"),
    [
        (127, 7, "clinched"),  # Corvette, GT1 teams: 112 left
        (94, 9, "clinched"),  # Audi, LMP1 teams: 69 left
        (85, 9, "clinched"),  # Penske, LMP2 teams
        (32, 11, "clinched"),  # Capello and McNish, LMP1 drivers: 23 left
        (49, 11, "clinched"),  # Dumas and Bernhard, LMP2 drivers
        (70, 9, "clinched"),
        (69, 9, "clinched_share"),
        (68, 9, "open"),
        (1, 12, "clinched"),
        (0, 12, "clinched_share"),
    ],
)
def test_titles_won_early_in_2007(lead, after_round, expected):
    """A title is won when no rival can gain the lead in all rounds that are left."""
    field = open_field(["1", "2"], 10, may_miss=True)
    contenders = [Contender("A", lead, ("1",)), Contender("B", 0, ("2",))]
    races = [Round(field, scale) for scale in SEASON_2007[after_round:]]
    assert with_rounds_left(contenders, races)["A"] == expected


def test_a_title_that_can_be_won_in_the_next_race():
    """2007, LMP2, before round 11: fifth for 14 is enough, sixth for 12 is level at worst."""
    field = open_field(["7", "6"], 10, may_miss=True)
    crew = [Contender(name, 190, ("7",)) for name in ("Dumas", "Bernhard")]
    fight = [*crew, Contender("Briscoe", 153, ("6",))]
    races = [Round(field, scale) for scale in SEASON_2007[10:]]
    found = NextClinch(5, ("Dumas", "Bernhard"))
    assert clinched_in_next(fight, races) == {"Dumas": found, "Bernhard": found}
    fight[2] = fight[2]._replace(points=190)
    assert clinched_in_next(fight, races) == {}


def test_a_countback_over_several_rounds():
    """What a rival can gain in wins counts too, where points can only become level."""
    field = open_field(["1", "2"], 10, may_miss=True)
    races = [Round(field, ALMS), Round(field, ALMS)]
    contenders = [Contender("A", 40, ("1",), (2,)), Contender("B", 0, ("2",), (1,))]
    assert with_rounds_left(contenders, races, countback=True)["A"] == "open"
    contenders[0] = contenders[0]._replace(finishes=(4,))
    assert with_rounds_left(contenders, races, countback=True)["A"] == "clinched"
    assert with_rounds_left(contenders, races, countback=True)["B"] == "out"


# --- what cannot be asked


@pytest.mark.parametrize(
    ("contenders", "scale", "reason"),
    [
        ([Contender("A", 0, ("1",))], (3, 4), "more points for a worse place"),
        ([Contender("A", 0, ("1",))], (3, -1), "more points for a worse place"),
        (
            [Contender("A", 0, ("1",)), Contender("A", 1, ("2",))],
            (1,),
            "a contender is named twice",
        ),
        ([Contender("A", 0, ("9",))], (1,), "car '9' of A is not in the field"),
    ],
)
def test_a_fight_that_makes_no_sense_is_refused(contenders, scale, reason):
    """A wrong scale, name or car is named in the error."""
    with pytest.raises(ValueError, match=reason):
        outlooks(contenders, Round(open_field(["1", "2"], 4), scale))


# --- everything tried out


def depth(outcome):
    """An outcome of a table as a number that grows as it gets worse; 0 for none."""
    return NO_SCORE if outcome == "no_score" else outcome or 0


def needed(wins: dict[int, set[bool]]) -> TitleNeeds:
    """The needs, from whether each possible outcome ever wins and ever does not."""
    without = wins.get(NO_SCORE)
    places = sorted(wins.keys() - {NO_SCORE})
    safe = list(takewhile(lambda place: wins[place] == {True}, places))
    return TitleNeeds(
        clinches_regardless_from=safe[-1] if safe else None,
        clinched_even_if_no_score=without == {True} if without else None,
        can_still_win_from=max((place for place in places if True in wins[place]), default=None),
        can_still_win_if_no_score=True in without if without else None,
        clinched=all(won == {True} for won in wins.values()),
    )


def check_needs(fight: Fight, me: Contender, outlook: Outlook, ends) -> None:
    """Hold the needs, places and points of one contender against all endings."""
    alone, shared = defaultdict(set), defaultdict(set)
    for ending in ends:
        (outcome,) = ending.outcomes[me.name]
        won = verdict(fight, me, ending)
        alone[outcome].add(won == "alone")
        shared[outcome].add(won != "lost")
    points = [ending.keys[me.name][0] for ending in ends]
    assert outlook.outright == needed(alone)
    assert outlook.shared == needed(shared)
    assert outlook.places == tuple(sorted(alone.keys() - {NO_SCORE}))
    assert outlook.may_score_nothing == (NO_SCORE in alone)
    assert (outlook.least, outlook.most) == (min(points), max(points))


def check_tables(fight: Fight, me: Contender, outlook: Outlook, ends) -> None:
    """Hold the tables against all endings; who has none must be beaten wherever it matters."""
    aim = outlook.outright if outlook.outright.alive else outlook.shared
    last = NO_SCORE if aim.can_still_win_if_no_score else aim.can_still_win_from or 0
    tables = {name: against for against in outlook.against for name in against.rival}
    rivals = [one.name for one in fight.contenders if not inseparable(fight, me, one)]
    for ending in ends:
        (mine,) = ending.outcomes[me.name]
        for rival in rivals:
            above = ending.keys[me.name] > ending.keys[rival]
            if against := tables.get(rival):
                (its,) = ending.outcomes[rival]
                row: int | Literal["no_score"] = "no_score" if its == NO_SCORE else its
                assert above == (mine <= depth(against.beats_from[row]))
                level = ending.keys[me.name] >= ending.keys[rival]
                assert level == (mine <= depth(against.ties_from[row]))
            elif mine <= last and not outlook.shared.clinched:
                assert above


def check_rival(outlook: Outlook, ends) -> None:
    """A foil's points are its most where the title is won, its fewest where it is lost."""
    if outlook.deciding_rival and not outlook.deciding_rival.same_car:
        points = [ending.keys[outlook.deciding_rival.rival[0]][0] for ending in ends]
        if outlook.shared.clinched:
            assert outlook.deciding_rival.points == max(points) <= outlook.least
        else:
            assert outlook.deciding_rival.points == min(points) >= outlook.most


@settings(max_examples=examples(2000), deadline=None)
@given(fights())
def test_every_answer_agrees_with_trying_everything(fight):
    """Needs, tables, points and foils of all contenders, against all endings of small races."""
    ends = endings(fight)
    rounds = fight.rounds()
    assert bool(rounds) == bool(ends)
    if not rounds:
        return
    found = {}
    for outlook in outlooks(fight.contenders, rounds[0], countback=fight.countback):
        found.update(dict.fromkeys(outlook.names, outlook))
    for me in fight.contenders:
        check_needs(fight, me, found[me.name], ends)
        check_tables(fight, me, found[me.name], ends)
        check_rival(found[me.name], ends)


@settings(max_examples=examples(500), deadline=None)
@given(fights(rounds=2, most_cars=3))
def test_clinching_early_agrees_with_trying_everything(fight):
    """Two rounds ahead: champions are found exactly, and nobody out could still be one."""
    rounds = fight.rounds()
    if not rounds:
        return
    found = with_rounds_left(fight.contenders, rounds, countback=fight.countback)
    ends = endings(fight)
    for me in fight.contenders:
        verdicts = {verdict(fight, me, ending) for ending in ends}
        assert (found[me.name] == "clinched") == (verdicts == {"alone"})
        assert (found[me.name] == "clinched_share") == (
            "lost" not in verdicts and "shared" in verdicts
        )
        assert found[me.name] != "out" or verdicts == {"lost"}
        soon = clinched_in_next(fight.contenders, rounds, countback=fight.countback)
        wins = defaultdict(set)
        for ending in ends:
            wins[ending.outcomes[me.name][0]].add(verdict(fight, me, ending) == "alone")
        safe = list(takewhile(lambda one: wins[one] == {True}, sorted(wins)))  # noqa: B023
        crew = {one.name for one in fight.contenders if inseparable(fight, me, one)}
        if not safe:
            assert me.name not in soon
        else:
            assert depth(soon[me.name].outcome) == safe[-1]
            assert set(soon[me.name].crew) == crew
