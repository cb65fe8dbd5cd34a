"""Title fights: published answers, agreement with trying everything, and the real 2024 finale."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.clinch import Contender, Round, outlooks, with_rounds_left
from projections.placing import Car, Field, OnTrack, field_now, open_field

CHECKS = json.loads((Path(__file__).resolve().parents[2] / "golden/clinch_checks.json").read_text())
IMSA = (350, 320, 300, 280, 260, *range(250, 0, -10))
ALMS_FOUR_HOURS = (23, 19, 16, 13, 11, 9, 7, 6, 5, 4)

GTP = {"7": 2682, "6": 2549, "01": 2514}
GTD_PRO = {"77": 2922, "23": 2818}
GT2_TEAMS = {"Risi": (7, 1, 1, 1, 0, 1), "FL": (3, 6, 0, 0, 2), "Tafel": (0, 1, 4, 1, 2, 2)}


def fight(points, places, scale=IMSA, may_miss=False, field=None, ties="countback", finishes=None):
    """Outlooks by name: every contender has one car, by its own name."""
    finishes = finishes or {}
    contenders = [Contender(name, p, (name,), finishes.get(name, ())) for name, p in points.items()]
    field = field or open_field(points, places, may_miss=may_miss)
    return {o.names[0]: o for o in outlooks(contenders, Round(field, scale), ties)}


def answers(outlook):
    """An outlook as the golden file tells it."""
    needs = outlook.outright
    return {
        "clinches_regardless_from": needs.clinches_regardless_from,
        "clinched_even_if_no_score": needs.clinched_even_if_no_score,
        "can_still_win_from": needs.can_still_win_from,
        "alive": needs.alive,
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
    """#7, #6 and #01 after qualifying, by how many cars are classified."""
    found = fight(GTP, places, may_miss=may_miss)
    assert {name: answers(outlook) for name, outlook in found.items()} == CHECKS[check]


def test_gtp_table():
    """By what #6 does, the worst place with which #7 stays ahead of it."""
    assert table(fight(GTP, 11)["7"], "6") == CHECKS["GTP_7_vs_6_N11"]


def test_gtd_pro_before_petit_2024():
    """#77 leads #23 by 104 points among 14 cars: places needed, and the table."""
    found = fight(GTD_PRO, 14)
    assert {name: answers(outlook) for name, outlook in found.items()} == CHECKS["GTDPRO_N14"]
    assert table(found["77"], "23") == CHECKS["GTDPRO_vs_N14"]


def test_gt2_drivers_before_the_last_round_of_2007():
    """Drivers of three GT2 cars, of whom any may fail to score."""
    found = fight(CHECKS["GT2_drivers_before_R12"], 10, ALMS_FOUR_HOURS, may_miss=True)
    assert {name: answers(outlook) for name, outlook in found.items()} == CHECKS["GT2_drivers_R12"]


def test_gt2_teams_before_the_last_round_of_2007():
    """GT2 teams with ties counted back: eighth is enough for Risi against a second place."""
    points = CHECKS["GT2_teams_before_R12"]
    found = fight(points, 10, ALMS_FOUR_HOURS, may_miss=True, finishes=GT2_TEAMS)
    assert {name: answers(outlook) for name, outlook in found.items()} == CHECKS["GT2_teams_R12"]
    placed = fight(points, 10, ALMS_FOUR_HOURS, finishes=GT2_TEAMS)
    assert table(placed["Risi"], "FL") == CHECKS["GT2_teams_vs"]


# --- everything, tried out


def worlds(race, cars, contenders):
    """Every outcome of a race: by contender its place, or None for no score."""
    places = range(1, race.field.places + 1)
    choices = [
        [
            *(p for p in places if car.best <= p <= (car.worst or race.field.places)),
            *([None] if car.may_miss else []),
        ]
        for car in cars
    ]
    found = set()
    for chosen in product(*choices):
        place = dict(zip((car.number for car in cars), chosen, strict=True))
        taken = [p for p in chosen if p]
        if len(set(taken)) < len(taken) or not ordered(cars, place):
            continue
        scored = [
            min((place[number] for number in one.cars if place[number]), default=None)
            for one in contenders
        ]
        found.update(
            product(
                *(
                    (p, None) if one.may_forfeit else (p,)
                    for one, p in zip(contenders, scored, strict=True)
                )
            )
        )
    return found


def ordered(cars, place):
    """Whether all cars that are placed stand in the order that is sure, at first or second hand."""
    ahead_of = {car.number: set(car.ahead_of) for car in cars}
    for middle, first in product(ahead_of, ahead_of):
        if middle in ahead_of[first]:
            ahead_of[first] |= ahead_of[middle]
    return not any(
        place[behind] and place[car] and place[behind] < place[car]
        for car, after in ahead_of.items()
        for behind in after
    )


def final_key(contender, races, finished, ties):
    """A contender's points and finishes after these places in these races."""
    points, counts = contender.points, [*contender.finishes, *[0] * 9][:9]
    for race, place in zip(races, finished, strict=True):
        if place:
            points += race.scale[place - 1] if place <= len(race.scale) else 0
            counts[place - 1] += 1
    return (points, *counts) if ties == "countback" else (points,)


def together(one, other, ties):
    """Whether two contenders, or one and itself, can never be separated."""
    if one is other:
        return True
    same = set(one.cars) == set(other.cars) and not one.may_forfeit and not other.may_forfeit
    return same and final_key(one, [], [], ties) == final_key(other, [], [], ties)


@st.composite
def fields(draw, cars=None):
    """A field of up to four cars, some bound by places or by an order, that can be placed."""
    count = draw(st.integers(1, 4)) if cars is None else cars
    places = draw(st.integers(max(1, count - 1), 5))
    bound = draw(st.booleans())
    found = []
    for i in range(count):
        best = draw(st.integers(1, places)) if bound and draw(st.booleans()) else 1
        worst = draw(st.integers(best, places)) if bound and draw(st.booleans()) else None
        later = [str(j) for j in range(i + 1, count)]
        behind = draw(st.sets(st.sampled_from(later), max_size=2)) if bound and later else set()
        may_miss = draw(st.booleans())
        found.append(Car(str(i), best, worst, may_miss, frozenset(behind)))
    return draw(st.permutations(found)), places


scales = st.lists(st.integers(0, 6), max_size=5).map(lambda points: sorted(points, reverse=True))


@st.composite
def fights(draw):
    """A race that decides a title: its cars, the race, the contenders and how ties are settled."""
    cars, places = draw(fields())
    numbers = [car.number for car in cars]
    contenders = [
        Contender(
            name,
            draw(st.integers(0, 7)),
            tuple(draw(st.sets(st.sampled_from(numbers), max_size=2))),
            tuple(draw(st.lists(st.integers(0, 2), max_size=3))),
            draw(st.integers(0, 4)) == 0,
        )
        for name in "ABCD"[: draw(st.integers(1, 4))]
    ]
    return (
        cars,
        places,
        tuple(draw(scales)),
        contenders,
        draw(st.sampled_from(["none", "countback"])),
    )


def best_first(outcome):
    """A place as a number, no score after every place, None before any."""
    return 99 if outcome == "no_score" else outcome or 0


def expected(by_outcome):
    """The needs, from whether each possible outcome (99: no score) always and ever wins."""
    places = sorted(outcome for outcome in by_outcome if outcome < 99)
    regardless = None
    for place in places:
        if not all(by_outcome[place]):
            break
        regardless = place
    without = by_outcome.get(99)
    return (
        regardless,
        all(without) if without else None,
        max((place for place in places if any(by_outcome[place])), default=None),
        any(without) if without else None,
        all(all(won) for won in by_outcome.values()),
    )


@settings(max_examples=1500, deadline=None)
@given(fights())
def test_every_answer_agrees_with_trying_everything(drawn):
    """Needs, tables and points of every contender, from all possible outcomes of small races."""
    cars, places, scale, contenders, ties = drawn
    try:
        race = Round(Field(cars, places), scale)
    except ValueError:
        field = open_field([], places)
        assert not worlds(Round(field, scale), cars, contenders)
        return
    found = {name: o for o in outlooks(contenders, race, ties) for name in o.names}
    outcomes = worlds(race, cars, contenders)
    ends = [
        [final_key(one, [race], [p], ties) for one, p in zip(contenders, world, strict=True)]
        for world in outcomes
    ]
    for mine, me in enumerate(contenders):
        outlook = found[me.name]
        rivals = [i for i, one in enumerate(contenders) if not together(me, one, ties)]
        outright, shared = {}, {}
        for world, keys in zip(outcomes, ends, strict=True):
            outcome = world[mine] or 99
            rival_keys = [keys[i] for i in rivals]
            outright.setdefault(outcome, []).append(all(keys[mine] > key for key in rival_keys))
            shared.setdefault(outcome, []).append(all(keys[mine] >= key for key in rival_keys))
        assert outlook.outright == expected(outright)
        assert outlook.shared == expected(shared)
        assert outlook.places == tuple(sorted(outright.keys() - {99}))
        assert outlook.may_score_nothing == (99 in outright)
        assert (outlook.least, outlook.most) == (
            min(keys[mine][0] for keys in ends),
            max(keys[mine][0] for keys in ends),
        )
        tables = {name: against for against in outlook.against for name in against.rival}
        alive = outlook.outright if outlook.outright.alive else outlook.shared
        last = 99 if alive.can_still_win_if_no_score else alive.can_still_win_from or 0
        for other in rivals:
            against = tables.get(contenders[other].name)
            for world, keys in zip(outcomes, ends, strict=True):
                outcome = world[mine] or 99
                if against:
                    row = world[other] or "no_score"
                    above, level = against.beats_from[row], against.ties_from[row]
                    assert (keys[mine] > keys[other]) == (outcome <= best_first(above))
                    assert (keys[mine] >= keys[other]) == (outcome <= best_first(level))
                elif outcome <= last and not outlook.shared.clinched:
                    assert keys[mine] > keys[other]


@st.composite
def seasons(draw):
    """Two rounds, the contenders before them, and how ties are settled."""
    races = []
    for _ in range(2):
        cars, places = draw(fields(cars=3))
        races.append((cars, places, tuple(draw(scales))))
    contenders = [
        Contender(
            name,
            draw(st.integers(0, 12)),
            tuple(draw(st.sets(st.sampled_from("012"), min_size=1, max_size=2))),
            tuple(draw(st.lists(st.integers(0, 2), max_size=3))),
            draw(st.integers(0, 4)) == 0,
        )
        for name in "ABC"[: draw(st.integers(1, 3))]
    ]
    return races, contenders, draw(st.sampled_from(["none", "countback"]))


@settings(max_examples=600, deadline=None)
@given(seasons())
def test_clinching_early_agrees_with_trying_everything(drawn):
    """Two rounds ahead: who is champion is found exactly, and nobody out could still be one."""
    drawn_races, contenders, ties = drawn
    try:
        races = [Round(Field(cars, places), scale) for cars, places, scale in drawn_races]
    except ValueError:
        return
    found = with_rounds_left(contenders, races, ties)
    each = [
        worlds(race, cars, contenders)
        for race, (cars, _, _) in zip(races, drawn_races, strict=True)
    ]
    won = {one.name: set() for one in contenders}
    for world in product(*each):
        keys = [
            final_key(one, races, finished, ties)
            for one, finished in zip(contenders, zip(*world, strict=True), strict=True)
        ]
        for me, key in zip(contenders, keys, strict=True):
            rivals = [
                rival_key
                for one, rival_key in zip(contenders, keys, strict=True)
                if not together(me, one, ties)
            ]
            won[me.name].add(
                "outright"
                if all(key > rival for rival in rivals)
                else "shared"
                if all(key >= rival for rival in rivals)
                else "lost"
            )
    for name, ends in won.items():
        assert (found[name] == "clinched") == (ends == {"outright"})
        assert (found[name] == "clinched_share") == ("lost" not in ends and "shared" in ends)
        assert found[name] != "out" or ends == {"lost"}
