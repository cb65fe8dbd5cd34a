"""A made-up season under every rule of points at once, and the rules of dropping results."""

from __future__ import annotations

import pytest

from events import AnyEvent, RoundAmended, RoundScored, ScoredRow, SeasonRound
from projections.championship.season import Season, season_of
from projections.rules.packs import RegulationPack
from tests.rules import changed
from tests.scoring import SOURCE, adjusted, finish, opened, row, scored

HALF = '[[points.reduced]]\nbelow_percent = 75\nfactor = 0.5\nsource = "x"\n'
FASTEST = '[points.fastest_lap]\npoints = 2\nwithin = 3\npassed_on = "always"\nsource = "x"\n'
LED = '[points.most_laps_led]\npoints = 1\nsource = "x"\n'
PARTS = (
    '[[points.parts]]\nrounds = [1, 2, 3]\nbest = 2\nsource = "x"\n'
    '[[points.parts]]\nrounds = [4, 5, 6]\nbest = 2\nsource = "x"\n'
)


def pack(*rules: str, tables: str = "") -> RegulationPack:
    """ALMS 2007 (20, 16, 13, 10) with these rules of points, and these tables."""
    extra = "".join(f"{rule}\n" for rule in ("drops = 0", *rules))
    return changed(
        "alms-2007", ("drops = 0\n", extra), ("[points.teams]", f"{tables}[points.teams]")
    )


def result(number: int, order: str, **facts: object) -> RoundScored:
    """A race in this order of cars; ``best`` and ``led`` have the best lap and laps led by car."""
    best, led = facts.pop("best", {}), facts.pop("led", {})
    assert isinstance(best, dict)
    assert isinstance(led, dict)
    out = facts.pop("out", ())
    assert isinstance(out, tuple | str)
    rows: list[ScoredRow] = [
        row(
            car,
            place,
            status="disqualified" if car in out else "classified",
            best_lap_ms=best.get(car),
            best_lap_at=place,
            laps_led=led.get(car),
        )
        for place, car in enumerate(order, start=1)
    ]
    return scored(rows, number, round=number, **facts)


def totals(season: Season) -> dict[str, tuple[float, tuple[int, ...]]]:
    """Points and dropped rounds of each driver, best first."""
    found = sorted(season.totals(of="drivers", car_class="GT"), key=lambda one: -one.points)
    return {one.name: (one.points, one.dropped) for one in found}


class TestEveryRule:
    """Computed by hand.

    Scale 20, 16, 13, 10. Half points under 75 %. Two points for the fastest lap, to the fastest
    of the first three; one for most laps led. Of rounds 1 to 3 and of 4 to 6 the best two count;
    round 6 always does. Round 5 is cancelled.

    Round 1: A B C D. A fastest and led most: A 20 + 2 + 1 = 23, B 16, C 13, D 10.
    Round 2: B A D C. D fastest, B led most: B 20 + 1 = 21, A 16, D 13 + 2 = 15, C 10.
    Round 3, 60 % run: C D B, A disqualified. A fastest: to B, the next, within three. C led most:
    C 10 + 1 = 11, D 8, B 6.5 + 2 = 8.5, A none.
    Round 4: D C B A. A fastest, but fourth: to C, the next. D led most: D 20 + 1 = 21,
    C 16 + 2 = 18, B 13, A 10.
    Round 6: A B C D, no lap times, none led: A 20, B 16, C 13, D 10.
    A half point is given to C, and 1.5 are taken from D.

    A: 1st part 23 + 16; 2nd part 20 (round 6) + 10 = 69.
    B: 16 and 21 (8.5 of round 3 dropped); 16 + 13 = 66.
    C: 13 and 11 (10 of round 2 dropped); 13 + 18, and 0.5 = 55.5.
    D: 10 and 15 (8 of round 3 dropped); 10 + 21, less 1.5 = 54.5.
    """

    LOG = (
        result(1, "ABCD", best={"A": 60, "B": 61, "C": 62, "D": 63}, led={"A": 30, "B": 5}),
        result(2, "BADC", best={"A": 61, "B": 62, "C": 63, "D": 60}, led={"B": 20, "A": 15}),
        result(
            *(3, "CDBA"),
            best={"A": 60, "B": 61, "C": 62, "D": 63},
            led={"C": 20, "A": 15},
            out="A",
            percent_run=60,
        ),
        result(4, "DCBA", best={"A": 60, "B": 62, "C": 61, "D": 63}, led={"D": 20, "C": 15}),
        result(6, "ABCD"),
        adjusted("DC", 0, 7).model_copy(update={"points": 0.5, "car_class": "GT"}),
        adjusted("DD", 0, 8).model_copy(update={"points": -1.5, "car_class": "GT"}),
        RoundAmended(at=9, source=SOURCE, source_seq=9, round=5, cancelled=True),
    )

    def test_the_table(self) -> None:
        """Points and dropped rounds of all four."""
        rules = pack("must_count = [6]", tables=HALF + FASTEST + LED + PARTS)
        assert totals(season_of([opened(rounds=6), *self.LOG], rules)) == {
            "DA": (69, ()),
            "DB": (66, (3,)),
            "DC": (55.5, (2,)),
            "DD": (54.5, (3,)),
        }

    def test_any_order_of_arrival(self) -> None:
        """The table is that of the results, however they came."""
        rules = pack("must_count = [6]", tables=HALF + FASTEST + LED + PARTS)
        there = season_of([opened(rounds=6), *self.LOG], rules)
        back = season_of([*reversed(self.LOG), opened(rounds=6)], rules)
        assert totals(back) == totals(there)


ROUNDS = tuple(result(number, order) for number, order in enumerate(("AB", "BA", "AB", "BA"), 1))
"""A has 20, 16, 20, 16 and B 16, 20, 16, 20."""


@pytest.mark.parametrize(
    ("rules", "tables", "points", "dropped"),
    [
        (("best = 3",), "", 56, (4,)),
        (("best = 2", "must_count = [2]"), "", 36, (3, 4)),
        (("best = 1", "must_count = [2, 4]"), "", 32, (1, 3)),
        (("best = 9",), "", 72, ()),
        ((), PARTS.replace("[4, 5, 6]", "[4]").replace("best = 2", "best = 1"), 36, (2, 3)),
        ((), PARTS, 56, (2,)),
        (("best = 2",), PARTS, 40, (2, 4)),
    ],
)
def test_drops(
    rules: tuple[str, ...], tables: str, points: float, dropped: tuple[int, ...]
) -> None:
    """The best so many of all or of each part; rounds that must count take their share."""
    season = season_of([opened(rounds=4), *ROUNDS], pack(*rules, tables=tables))
    assert totals(season)["DA"] == (points, dropped)


def test_before_a_round_that_must_count() -> None:
    """It takes its share of the results that count once it was run, also of those who missed it."""
    rules = pack("best = 2", "must_count = [4]")
    assert totals(season_of([opened(rounds=4), *ROUNDS[:2]], rules))["DA"] == (36, ())
    missed = result(4, "BC")
    assert totals(season_of([opened(rounds=4), *ROUNDS[:3], missed], rules))["DA"] == (20, (2, 3))


def test_rounds_of_other_classes_are_no_drops() -> None:
    """Of four rounds with one dropped a class that runs three has two that count."""
    calendar = tuple(
        SeasonRound(name=f"R{number}", classes=("LMP",) if number == 2 else ())
        for number in range(1, 5)
    )
    begun = opened().model_copy(update={"rounds": calendar})
    log: list[AnyEvent] = [begun, *(one for one in ROUNDS if one.round != 2)]
    season = season_of(log, changed("alms-2007", ("drops = 0", "drops = 1")))
    assert totals(season)["DA"] == (40, (4,))
    assert totals(season)["DB"] == (36, (3,))


def test_equal_fastest_laps() -> None:
    """The earlier has the points, or each of them where the pack shares them."""
    order = zip(finish("A", "B", best_lap_ms=60_000), (9, 5), strict=True)
    laps = [one.model_copy(update={"best_lap_at": at}) for one, at in order]
    for shared, points in (("false", {"DA": 20, "DB": 18}), ("true", {"DA": 22, "DB": 18})):
        rules = pack(tables=FASTEST.replace("within = 3", f"shared = {shared}"))
        found = totals(season_of([opened(), scored(laps)], rules))
        assert {name: one for name, (one, _) in found.items()} == points


def test_equal_laps_led() -> None:
    """The better placed car has the point, and a disqualified one never."""
    rules = pack(tables=LED)
    one = season_of([opened(), result(1, "ABC", led={"B": 9, "C": 9})], rules)
    assert {name: points for name, (points, _) in totals(one).items()} == {
        "DA": 20,
        "DB": 17,
        "DC": 13,
    }
    out = season_of([opened(), result(1, "ABC", led={"B": 4, "C": 9}, out="C")], rules)
    assert totals(out)["DB"][0] == 17
