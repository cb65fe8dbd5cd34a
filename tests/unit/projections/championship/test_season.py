"""The fold of a season: sums, ranks, corrections, decisions."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import Alias, AnyEvent, EventVoided, RoundScored, ScoredDriver
from events.errors import UnknownClass, UnknownRules
from projections.championship.season import Season, Total, printed_rank, ranked, season_of
from projections.results.points import CONTESTS
from projections.rules.packs import TieRules, builtin_pack
from tests.rules import changed
from tests.scoring import SOURCE, adjusted, finish, opened, row, scored, season


def table(one: Season, **query: str | int) -> dict[str, tuple[str, float]]:
    """The drivers' table: rank as printed and points by name, in order."""
    rows = one.standings(**{"car_class": "GT", **query})  # type: ignore[arg-type]
    return {row["name"]: (printed_rank(row), row["points"]) for row in rows}


class TestSums:
    """Points by round and in all."""

    THREE = (
        scored(finish("1", "2", "3")),
        scored(finish("2", "1"), 2, round=2),
        scored(finish("3", "1", "4"), 3, round=3),
    )

    def test_rows(self) -> None:
        """A row has the points of every round from the first on, None where it scored none."""
        rows = season(*self.THREE).standings(car_class="GT")
        assert rows == [
            self.standing(1, "1", 52, [20, 16, 16]),
            self.standing(2, "2", 36, [16, 20, None]),
            self.standing(3, "3", 33, [13, None, 20]),
            self.standing(4, "4", 13, [None, None, 13]),
        ]

    @staticmethod
    def standing(rank: int, car: str, points: int, by_round: list[int | None]) -> dict[str, object]:
        return {
            "rank": rank,
            "tied": False,
            "name": f"D{car}",
            "car": car,
            "class": "GT",
            "points": points,
            "by_round": by_round,
            "dropped": [],
            "length_note": None,
        }

    def test_rounds_of_unknown_length(self) -> None:
        """Where points depend on the length of a race, its standings say which is unknown."""
        log: list[AnyEvent] = [
            opened("wec-2024").model_copy(update={"rounds": ()}),
            scored(finish("1", "2")),
        ]
        note = season_of(log).length_note()
        assert note is not None
        assert "unknown of round 1:" in note
        assert season_of(log).standings()[0]["length_note"] == note
        assert season(*self.THREE).length_note() is None

    def test_after_a_round(self) -> None:
        """The standings after any round are those of the rounds up to it."""
        rows = season(*self.THREE).standings(car_class="GT", after_round=1)
        assert [(row["name"], row["by_round"]) for row in rows] == [
            ("D1", [20]),
            ("D2", [16]),
            ("D3", [13]),
        ]

    def test_before_the_first(self) -> None:
        """Before anything is scored the tables are empty."""
        assert season().standings(car_class="GT") == []
        assert season().last_round == 0

    def test_qualifying_counts_in_its_round(self) -> None:
        """Points for qualifying stand beside those of the race, and before it is run."""
        qualifying = scored(finish("2", "1"), 2, round=2, part="qualifying")
        before = season(scored(finish("1", "2")), qualifying, rules="imsa-2024")
        assert table(before) == {"D1": ("1", 382), "D2": ("2", 355)}
        assert before.standings(car_class="GT")[0]["by_round"] == [350, 32]

    def test_classes_are_apart(self) -> None:
        """A driver who changes class is another contender there; without a class all follow."""
        one = season(
            scored((row("1", 1, "A"),)), scored((row("2", 1, "A"),), 2, car_class="LMP", round=2)
        )
        rows = one.standings()
        assert [(row["class"], row["name"], row["points"]) for row in rows] == [
            ("GT", "A", 20),
            ("LMP", "A", 20),
        ]
        assert one.standings(car_class="LMP")[0]["by_round"] == [None, 20]

    def test_an_unknown_class(self) -> None:
        """A class that the season does not have is an error that lists those it has."""
        with pytest.raises(UnknownClass, match="no class 'GTX' in this season; there are GT, LMP"):
            season().standings(car_class="GTX")

    def test_an_unknown_pack(self) -> None:
        """A season whose pack is not built in can only be asked with one given."""
        log: list[AnyEvent] = [opened(rules="club"), scored(finish("1"))]
        with pytest.raises(UnknownRules, match="no regulation pack 'club'"):
            season_of(log).standings()
        assert table(season_of(log, builtin_pack("alms-2007"))) == {"D1": ("1", 20)}

    def test_aliases(self) -> None:
        """A name that some list writes otherwise is one contender under one name."""
        alias = Alias(of="drivers", name="James Bach", means="Jamie Bach")
        one = season(
            scored((row("8", 1, "James Bach"),)),
            scored((row("8", 1, "Jamie Bach"),), 2, round=2),
            aliases=(alias,),
        )
        assert table(one) == {"Jamie Bach": ("1", 40)}
        names = {award.name for result in one.scored for award in one.awards(result)}
        assert "Jamie Bach" in names
        assert "James Bach" not in names

    def test_all_cars_of_a_team(self) -> None:
        """Where all cars of a team score, the round is their sum."""
        pack = changed("alms-2007", ("best_only = true", "best_only = false"))
        rows = (row("1", 1, team="T"), row("2", 2, team="T"))
        one = season_of([opened(), scored(rows)], pack)
        assert one.standings(of="teams", car_class="GT")[0]["by_round"] == [36]

    def test_a_place_outside_the_points_is_zero(self) -> None:
        """Who finished eleventh is in the table with nothing, who was barred is not."""
        cars = [str(number) for number in range(1, 12)]
        short = ScoredDriver(name="short", drive_ms=0)
        one = season(scored((*finish(*cars), row("12", 12, short))))
        assert table(one)["D11"] == ("11", 0)
        assert "short" not in table(one)

    def test_each_car_is_shown_with_its_team(self) -> None:
        """Where cars are contenders the table prints number and team."""
        one = season(scored((row("7", 1, team="Porsche Penske"),)), rules="imsa-2024")
        (standing,) = one.standings(of="teams", car_class="GT")
        assert (standing["name"], standing["car"]) == ("#7 Porsche Penske", "7")

    def test_drops(self) -> None:
        """The worst rounds are dropped once more rounds are scored than count."""
        pack = changed("alms-2007", ("drops = 0", "drops = 1"))
        one = season_of([opened(), *self.THREE], pack)
        (first, *_) = one.totals(of="drivers", car_class="GT")
        assert (first.name, first.points, first.dropped) == ("D1", 36, (3,))
        assert first.by_round == (20, 16, 16)
        after_two = one.totals(of="drivers", car_class="GT", after_round=2)[0]
        assert (after_two.points, after_two.dropped) == (36, ())


class TestTies:
    """Equal points."""

    LEVEL = (  # 1: two thirds; 2: a first and a sixth; both 26
        scored((row("2", 1), row("1", 3))),
        scored((row("1", 3), row("2", 6)), 2, round=2),
        scored((row("3", 2),), 3, round=3),
    )

    def test_shared(self) -> None:
        """The tables of 2007 share a rank whatever the wins; the next rank is left out."""
        assert table(season(*self.LEVEL)) == {
            "D1": ("1=", 26),
            "D2": ("1=", 26),
            "D3": ("3", 16),
        }

    def test_counted_back(self) -> None:
        """Where the pack counts back, who has more wins goes first."""
        pack = changed("alms-2007", ("countback = false", "countback = true"))
        assert table(season_of([opened(), *self.LEVEL], pack)) == {
            "D2": ("1", 26),
            "D1": ("2", 26),
            "D3": ("3", 16),
        }

    def test_still_level(self) -> None:
        """A crew has the same places, and shares its rank even where they are counted."""
        crew = scored((row("7", 1, "B", "A"), row("8", 2, "C")))
        assert table(season(crew, rules="wec-2024")) == {
            "A": ("1=", 25),
            "B": ("1=", 25),
            "C": ("3", 18),
        }

    def test_qualifying_is_not_counted_back(self) -> None:
        """A pole is no win."""
        one = season(
            scored(finish("1", "2"), part="qualifying"), scored(finish("2"), 2), rules="imsa-2024"
        )
        assert {t.name: t.finishes for t in one.totals(of="drivers", car_class="GT")} == {
            "D1": (),
            "D2": (1,),
        }

    def test_dense_ranks(self) -> None:
        """A pack may number on after a shared rank."""
        pack = changed("alms-2007", ('"skip"', '"dense"'))
        assert table(season_of([opened(), *self.LEVEL], pack))["D3"] == ("2", 16)


class TestCorrections:
    """Results told again, voided, adjusted."""

    def test_an_amended_result_replaces_the_first(self) -> None:
        """After the race the order changes: what stood before does not count any more."""
        one = season(scored(finish("1", "2")), scored(finish("2", "1"), 2))
        assert table(one) == {"D2": ("1", 20), "D1": ("2", 16)}

    def test_a_voided_amendment(self) -> None:
        """A void takes the amendment back, and the first result counts again."""
        void = EventVoided(
            at=3, source="s", source_seq=0, voided_source=SOURCE, voided_seq=2, reason="appeal"
        )
        one = season(scored(finish("1", "2")), scored(finish("2", "1"), 2), void)
        assert table(one) == {"D1": ("1", 20), "D2": ("2", 16)}

    def test_an_event_counts_once(self) -> None:
        """Points told twice are not given twice."""
        one = season(scored(finish("1")), adjusted("D1", -5), adjusted("D1", -5))
        assert table(one) == {"D1": ("1", 15)}

    def test_points_by_decision(self) -> None:
        """Points taken in a round show in it; without a round only in the total."""
        one = season(
            scored(finish("1", "2")),
            adjusted("D1", -5, 1, round=1, car_class="GT"),
            adjusted("D2", 3, 2),
        )
        rows = one.standings(car_class="GT")
        assert [(row["name"], row["points"], row["by_round"]) for row in rows] == [
            ("D2", 19, [16]),
            ("D1", 15, [15]),
        ]

    def test_a_decision_of_a_later_round(self) -> None:
        """What was decided in round 2 is not in the standings after round 1."""
        one = season(
            scored(finish("1")), scored(finish("1"), 2, round=2), adjusted("D1", -5, round=2)
        )
        assert one.standings(car_class="GT", after_round=1)[0]["points"] == 20
        assert one.standings(car_class="GT")[0]["by_round"] == [20, 15]

    def test_a_decision_concerns_its_championship(self) -> None:
        """Points taken from a team leave its drivers theirs, and other classes alone."""
        one = season(
            scored(finish("1")),
            adjusted("T1", -7, championship="teams", car_class="GT"),
            adjusted("D1", -1, 2, car_class="LMP"),
        )
        assert table(one) == {"D1": ("1", 20)}
        assert table(one, of="teams") == {"T1": ("1", 13)}
        assert one.standings(car_class="LMP")[0]["points"] == -1

    def test_a_decision_about_nobody(self) -> None:
        """Without a class a decision concerns those who scored, and makes nobody a contender."""
        assert table(season(scored(finish("1")), adjusted("nobody", 3))) == {"D1": ("1", 20)}

    def test_never_dropped(self) -> None:
        """A round may be dropped, a decision about it never."""
        pack = changed("alms-2007", ("drops = 0", "drops = 4"))
        one = season_of([opened(), scored(finish("1")), adjusted("D1", -5, round=1)], pack)
        assert one.standings(car_class="GT")[0]["points"] == -5


class TestLive:
    """The title as it stands while a race is on."""

    def test_with_a_race_now_run(self) -> None:
        """The standings as they would be leave the season itself as it was."""
        before = season(scored(finish("1", "2")))
        live = before.with_scored([scored(finish("2", "1"), 2, round=2)])
        assert table(live) == {"D1": ("1=", 36), "D2": ("1=", 36)}
        assert table(before) == {"D1": ("1", 20), "D2": ("2", 16)}
        assert live.last_round == 2

    def test_under_another_pack(self) -> None:
        """The same results under other rules; the log is untouched."""
        one = season(scored(finish("1", "2")))
        assert table(one.under(builtin_pack("imsa-2024"))) == {"D1": ("1", 350), "D2": ("2", 320)}
        assert table(one) == {"D1": ("1", 20), "D2": ("2", 16)}


class TestAwards:
    """The points of each result, with the rules that gave them."""

    def test_every_step_with_its_source(self) -> None:
        """An award has its rule and sentence; the pack has the rule's source."""
        one = season(
            scored(finish("2", "1"), 2, round=2),
            scored(finish("1")),
            adjusted("D1", -5, round=1, by="The stewards"),
        )
        first, second = (
            next(award for award in one.awards(result) if award.name == "D1")
            for result in sorted(one.scored)
        )
        assert (first.place, first.points) == (1, 20)
        (why,) = first.why
        assert (why.rule, why.text) == ("points.scales.short.points", "1st in GT: 20 points")
        assert one.pack.source_of(why.rule) == (
            "Wikipedia, 2007 American Le Mans Series: most races"
        )
        assert (second.place, second.points) == (2, 16)
        (total,) = (
            total for total in one.totals(of="drivers", car_class="GT") if total.name == "D1"
        )
        assert total.by_round == (15, 16)

    def test_why_nothing(self) -> None:
        """A driver who is barred has an award of 0 that says by which rule."""
        short = ScoredDriver(name="short", drive_ms=60_000)
        one = season(scored((row("1", 1, short),)))
        (result,) = one.scored
        award = next(award for award in one.awards(result) if award.name == "short")
        assert (award.place, award.points) == (None, 0)
        assert award.why[0].text == "0:01:00 at the wheel, 0:45:00 needed for points"


def test_the_endurance_cup_stands_apart() -> None:
    """Segments count for the cup alone, the race for the championship alone."""
    one = season(
        scored(finish("1", "2")),
        scored(finish("2", "1"), 2, segment=1),
        scored(finish("2", "1"), 3, segment=2),
        rules="imsa-2024",
    )
    assert table(one) == {"D1": ("1", 350), "D2": ("2", 320)}
    assert table(one, cup="endurance") == {"D2": ("1", 10), "D1": ("2", 8)}


# -- Properties --------------------------------------------------------------------------


@st.composite
def logs(draw: st.DrawFn) -> list[AnyEvent]:
    """A season's log: results, some told again, decisions, some voided."""
    results = [
        scored(
            finish(*draw(st.lists(st.sampled_from("123456"), unique=True, max_size=6))),
            seq,
            at=draw(st.integers(0, 3)),
            round=draw(st.integers(1, 3)),
            car_class=draw(st.sampled_from(["GT", "LMP"])),
            part=draw(st.sampled_from(["race", "qualifying"])),
        )
        for seq in range(1, draw(st.integers(0, 8)))
    ]
    decisions = [
        adjusted(f"D{draw(st.integers(1, 6))}", draw(st.integers(-9, 9)), seq, car_class="GT")
        for seq in range(draw(st.integers(0, 3)))
    ]
    voids = [
        EventVoided(
            at=9,
            source="voids",
            source_seq=seq,
            voided_source=SOURCE,
            voided_seq=draw(st.integers(1, 8)),
            reason="a test",
        )
        for seq in range(draw(st.integers(0, 2)))
    ]
    return [opened("imsa-2024"), *results, *decisions, *voids]


def every_table(one: Season) -> list[object]:
    return [one.standings(of=contest) for contest in CONTESTS]


@given(logs(), st.randoms())
def test_any_order_of_arrival_gives_the_same_season(log: list[AnyEvent], chance: Random) -> None:
    """Repeats and order of arrival change nothing."""
    mixed = [*log, *chance.sample(log, k=len(log) // 2)]
    chance.shuffle(mixed)
    assert every_table(season_of(mixed)) == every_table(season_of(log))


@given(logs())
def test_a_total_is_the_sum_of_its_rounds_and_decisions(log: list[AnyEvent]) -> None:
    """Nothing is lost between the rounds and the total."""
    one = season_of(log)
    for total in one.totals(of="drivers", car_class="GT"):
        decided = sum(
            event.points for event in one.adjusted if one.name("drivers", event.name) == total.name
        )
        assert total.points == sum(points or 0 for points in total.by_round) + decided


@given(logs())
def test_the_standings_after_a_round_do_not_know_the_later_ones(log: list[AnyEvent]) -> None:
    """Asking back is the same as never having been told what came later."""
    until = [event for event in log if not isinstance(event, RoundScored) or event.round <= 2]
    for contest in CONTESTS:
        query = season_of(log).standings(of=contest, after_round=2)
        assert query == season_of(until).standings(of=contest, after_round=2)


TOTALS = st.lists(
    st.builds(
        Total,
        name=st.text("abc", min_size=1),
        printed_name=st.text("abc", min_size=1),
        car=st.none(),
        car_class=st.just("GT"),
        points=st.integers(0, 3),
        finishes=st.lists(st.integers(0, 2), max_size=3).map(tuple),
        by_round=st.just(()),
        dropped=st.just(()),
    ),
    max_size=8,
)


@given(TOTALS, st.booleans())
def test_a_rank_is_one_more_than_how_many_are_ahead(totals: list[Total], countback: bool) -> None:
    """Ranks count who is ahead, ties are marked on all who share, and points never rise."""
    rules = builtin_pack("alms-2007").ties.model_copy(update={"countback": countback})
    in_order = ranked(totals, rules)
    for one in in_order:
        ahead = [o for o in in_order if worth(o.total, rules) > worth(one.total, rules)]
        level = [o for o in in_order if worth(o.total, rules) == worth(one.total, rules)]
        assert one.rank == 1 + len(ahead)
        assert one.tied == (len(level) > 1)
    assert all(a.total.points >= b.total.points for a, b in pairwise(in_order))


def worth(total: Total, ties: TieRules) -> tuple[float, tuple[int, ...]]:
    return total.points, total.finishes if ties.countback else ()
