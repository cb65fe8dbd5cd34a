"""Titles under rules that allow bounds only: held against every way in which seasons can end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events import RoundScored
from projections.championship.season import Season
from projections.championship.titles import Title, title
from projections.rules.packs import RegulationPack
from tests.profiles import examples
from tests.rules import changed
from tests.scoring import adjusted, finish, row, scored, season

CARS = ("1", "2", "3")
SCALE = {1: 20, 2: 16, 3: 13}
FASTEST = 2
BONUS = f'[points.fastest_lap]\npoints = {FASTEST}\nsource = "x"\n[points.teams]'
HALF = '[[points.reduced]]\nbelow_percent = 75\nfactor = 0.5\nsource = "x"\n[points.teams]'


def pack(drops: int = 0, *, bonus: bool = False) -> RegulationPack:
    """ALMS 2007 (20, 16, 13) with dropped rounds, and perhaps points for the fastest lap."""
    tables = [("[points.teams]", BONUS)] if bonus else []
    return changed("alms-2007", ("drops = 0", f"drops = {drops}"), *tables)


def result(number: int, order: str, fastest: str | None = None) -> RoundScored:
    """A race in this order."""
    rows = [row(car, place, fastest_lap=car == fastest) for place, car in enumerate(order, 1)]
    return scored(rows, number, round=number)


def fight(one: Season) -> Title:
    """The drivers' title."""
    return title(one, "drivers", "GT")


def races(*, bonus: bool) -> Iterator[dict[str, int]]:
    """Every way in which a race can end: the points of each car that finishes."""
    for count in range(len(CARS) + 1):
        for order in permutations(CARS, count):
            points = {car: SCALE[place] for place, car in enumerate(order, 1)}
            yield points
            for car in order if bonus else ():
                yield {**points, car: points[car] + FASTEST}


def endings(one: Season, *, drops: int, bonus: bool) -> Iterator[dict[str, float]]:
    """The final points of each driver in every way in which two races can end."""
    table = {total.name: total for total in one.totals(of="drivers", car_class="GT")}
    run = {f"D{car}": table[f"D{car}"].by_round[:2] for car in CARS if f"D{car}" in table}
    given_points = {event.name: event.points for event in one.adjusted}
    worths = {car: [points or 0 for points in run.get(f"D{car}", (0, 0))] for car in CARS}
    for car in CARS:  # an adjustment of round 1 is in that round's figure
        worths[car][0] -= given_points.get(f"D{car}", 0)
    for third, fourth in product(list(races(bonus=bonus)), repeat=2):
        ending = {}
        for car in CARS:
            scores = sorted([*worths[car], third.get(car, 0), fourth.get(car, 0)], reverse=True)
            ending[f"D{car}"] = sum(scores[: 4 - drops]) + given_points.get(f"D{car}", 0)
        yield ending


@settings(max_examples=examples(12))
@given(
    st.tuples(*[st.permutations(CARS)] * 2),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from([0, 24, 45, 60, 80]),
)
def test_against_trying_everything(
    orders: tuple[list[str], ...], drops: int, bonus: bool, given_points: int
) -> None:
    """With two races left, whoever is called champion or out is so in every ending, and only they.

    Pairwise the bounds are reached, so that nobody is champion in every ending without being
    called so; and no ending leaves a contender with fewer or more points than its bounds.
    """
    runs = [result(number, "".join(order)) for number, order in enumerate(orders, 1)]
    decision = adjusted("D1", given_points, 9, round=1, car_class="GT")
    rules = pack(drops, bonus=bonus)
    one = season(*runs, decision, rounds=4).under(rules)
    ends = list(endings(one, drops=drops, bonus=bonus))
    for contender in fight(one).contenders:
        (name,) = contender.names
        best = [max(points for other, points in end.items() if other != name) for end in ends]
        mine = [end[name] for end in ends]
        always = all(own > other for own, other in zip(mine, best, strict=True))
        shares = all(own >= other for own, other in zip(mine, best, strict=True))
        assert (contender.status == "clinched") == always
        assert (contender.status in ("clinched", "clinched_share")) == shares
        if contender.status == "out":
            assert all(own < other for own, other in zip(mine, best, strict=True))
        if contender.least is not None:
            assert contender.least <= min(mine)
            assert contender.most >= max(mine)


@pytest.mark.parametrize(
    ("drops", "bonus", "rounds", "points", "status", "needs"),
    [
        # 40 points against 32 with one of three races left: 20 + 2 reach 54 from 32 and 26.
        (0, True, 3, (40, 32, 26), "open", 2),
        # Best two of three: D1 keeps 40, D2 can make 16 + 20 = 36.
        (1, False, 3, (40, 32, 26), "clinched", None),
        # Best three of four, two left: D2 can make 16 + 20 + 20 = 56, 52 after a win of D1 (60).
        (1, False, 4, (40, 32, 26), "open", 1),
    ],
)
def test_the_leader(drops, bonus, rounds, points, status, needs) -> None:
    """What is certain of the leader, and the result that is enough in the next race."""
    one = season(result(1, "123"), result(2, "123"), rounds=rounds).under(pack(drops, bonus=bonus))
    found = fight(one)
    assert tuple(contender.points for contender in found.contenders) == points
    leader = found.contenders[0]
    assert leader.status == status
    assert (leader.next_clinch.outcome if leader.next_clinch else None) == needs


def test_both_cars_of_a_make_count() -> None:
    """M1 has 36 of each race with cars 1 and 2, M3 13: a race before the end it is champion."""
    rows = (*finish("1", "2", manufacturer="M1"), row("3", 3, manufacturer="M3"))
    rules = changed("alms-2007", ("best_only = true", "best_only = false"))
    one = season(scored(rows), scored(rows, 2, round=2), rounds=3).under(rules)
    found = title(one, "manufacturers", "GT")
    assert [(each.points, each.status) for each in found.contenders] == [
        (72, "clinched"),
        (26, "out"),
    ]
    assert found.contenders[0].most == 72 + 36


class TestShortenedRaces:
    """The next race may yet be scored on a reduced scale."""

    def test_a_lead_that_half_points_leave(self) -> None:
        """Full and half points agree on the leader; the results needed are for a full race."""
        one = season(result(1, "123"), result(2, "123"), rounds=3)
        one = one.under(changed("alms-2007", ("[points.teams]", HALF)))
        found = fight(one)
        assert found.bounded_by == ()
        assert "75 % is run" in (found.note or "")
        leader = found.contenders[0]
        assert leader.status == "alive"
        assert leader.outlook is not None
        assert leader.outlook.outright.clinches_regardless_from == 3

    def test_no_note_without_such_a_rule(self) -> None:
        """Without reduced points there is no note."""
        assert fight(season(result(1, "123"), rounds=2)).note is None
