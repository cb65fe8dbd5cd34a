"""What a finishing order is worth, to whom, and why."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import RoundScored, ScoredDriver, ScoredRow
from events.errors import BadRules
from projections.results.points import Award, Why, score
from projections.rules.packs import MS_PER_HOUR, RegulationPack, builtin_pack, parse_pack
from tests.rules import changed
from tests.scoring import finish, points_of, row, scored

ALMS = builtin_pack("alms-2007")
ALMS_2012 = builtin_pack("alms-2012")
IMSA = builtin_pack("imsa-2024")
WEC = builtin_pack("wec-2024")
F1_FILE = Path(__file__).resolve().parents[3] / "golden/f1-2022.toml"
F1 = parse_pack(F1_FILE.read_text(encoding="utf-8"), F1_FILE.name)

CARS = tuple(str(number) for number in range(1, 41))
SERIES = "American Le Mans Series"


def scale_of(pack: RegulationPack, hours: float, part: str = "race", cars: int = 32) -> list[float]:
    """What each place is worth in a race of so many hours, or in its qualifying."""
    result = scored(finish(*CARS[:cars]), part=part)
    awards = score(pack, result, time_limit_ms=round(hours * MS_PER_HOUR))
    return [award.points for award in awards if award.contest == "drivers"]


def award_of(awards: list[Award], name: str, contest: str = "drivers") -> Award:
    (found,) = (each for each in awards if each.name == name and each.contest == contest)
    return found


class TestScales:
    """The scales of the series, by place."""

    @pytest.mark.parametrize(
        ("pack", "hours", "points"),
        [
            (ALMS, 2.75, [20, 16, 13, 10, 8, 6, 4, 3, 2, 1]),
            (ALMS, 4, [23, 19, 16, 13, 11, 9, 7, 6, 5, 4]),
            (ALMS, 12, [26, 22, 19, 16, 14, 12, 10, 9, 8, 7]),
            (ALMS_2012, 10, [24, 20, 17, 14, 12, 10, 8, 7, 6, 5]),
            (WEC, 6, [25, 18, 15, 12, 10, 8, 6, 4, 2, 1]),
            (WEC, 8, [38, 27, 23, 18, 15, 12, 9, 6, 3, 2]),
            (WEC, 24, [50, 36, 30, 24, 20, 16, 12, 8, 4, 2]),
            (F1, 2, [25, 18, 15, 12, 10, 8, 6, 4, 2, 1]),
        ],
    )
    def test_ten_score(self, pack: RegulationPack, hours: float, points: list[float]) -> None:
        """Ten score, on the scale for a race of that length; the eleventh gets nothing."""
        assert scale_of(pack, hours) == points + [0] * 22

    def test_imsa(self) -> None:
        """350 to the winner, ten less a place from sixth on, and ten from thirtieth on."""
        points = scale_of(IMSA, 10)
        assert points[:6] == [350, 320, 300, 280, 260, 250]
        assert {better - worse for better, worse in pairwise(points[5:30])} == {10}
        assert points[29:] == [10, 10, 10]

    def test_imsa_to_2020(self) -> None:
        """A tenth of what it is today, and nothing for qualifying."""
        old = builtin_pack("imsa-2020")
        assert [points * 10 for points in scale_of(old, 10)] == scale_of(IMSA, 10)
        assert scale_of(old, 10, "qualifying") == []

    def test_imsa_qualifying(self) -> None:
        """Qualifying is worth a tenth of the race."""
        assert [points * 10 for points in scale_of(IMSA, 10, "qualifying")] == scale_of(IMSA, 10)

    def test_wec_pole(self) -> None:
        """A point for the pole, to all the drivers of the car."""
        rows = (row("7", 1, "A", "B", "C"), row("8", 2))
        awards = score(WEC, scored(rows, part="qualifying"))
        assert points_of(awards) == {"A": 1, "B": 1, "C": 1, "D8": 0}

    def test_no_points_for_qualifying(self) -> None:
        """A series without points for qualifying has no awards for it."""
        assert score(ALMS, scored(finish("1", "2"), part="qualifying")) == []

    def test_a_scale_by_name(self) -> None:
        """A result may name a scale of the pack that the length would not choose."""
        awards = score(ALMS, scored(finish("1"), scale="long"))
        assert points_of(awards) == {"D1": 26}

    def test_a_scale_that_is_not_there(self) -> None:
        """A scale that the pack does not have is an error that lists those there are."""
        with pytest.raises(BadRules, match="no scale 'double'; there are short, four_hour, long"):
            score(ALMS, scored(finish("1"), scale="double"))


class TestShortened:
    """Races cut short."""

    def test_half_points(self) -> None:
        """Under three quarters of the time half the points, and halves stay halves."""
        awards = score(WEC, scored(finish("1", "2", "3", "4"), percent_run=74))
        assert list(points_of(awards).values()) == [12.5, 9, 7.5, 6]
        assert [type(points) for points in points_of(awards).values()] == [float, int, float, int]

    def test_full_points(self) -> None:
        """From three quarters on they are whole."""
        awards = score(WEC, scored(finish("1", "2"), percent_run=75))
        assert points_of(awards) == {"D1": 25, "D2": 18}

    @pytest.mark.parametrize(("percent", "points"), [(24, 6), (25, 13), (50, 19), (75, 25)])
    def test_tiers(self, percent: int, points: int) -> None:
        """A pack may have a scale for each tier; the strictest that holds is used."""
        awards = score(F1, scored(finish("1"), percent_run=percent))
        assert points_of(awards) == {"D1": points}

    def test_the_reduction_is_explained(self) -> None:
        """The trail says how much was run, by the rule that counts it."""
        (why, _) = award_of(score(WEC, scored(finish("1"), percent_run=60)), "D1").why
        assert why == Why("points.reduced.0.below_percent", "60 % run, less than 75 %")


class TestConditions:
    """What keeps a car or a driver from scoring."""

    def test_minimum_distance(self) -> None:
        """Under 70 per cent of the overall winner's laps a car of any class gets nothing."""
        rows = (row("71", 1, laps=276), row("8", 2, laps=275, status="retired"))
        awards = score(ALMS, scored(rows, overall_laps=394))
        assert points_of(awards) == {"D71": 20, "D8": 0}
        short = award_of(awards, "D8")
        assert (short.place, short.why) == (
            None,
            (Why("points.minimum_distance", "275 laps, 276 needed for points"),),
        )

    def test_minimum_distance_of_a_class(self) -> None:
        """The challenge classes of 2012 needed half the distance."""
        rows = (row("52", 1, laps=197), row("18", 2, laps=196))
        awards = score(ALMS_2012, scored(rows, car_class="GTC", overall_laps=394))
        assert points_of(awards) == {"D52": 20, "D18": 0}

    def test_minimum_distance_of_the_class_winner(self) -> None:
        """Where the pack says so the distance is that of the class winner."""
        pack = changed("alms-2007", ('reference = "overall"', 'reference = "class"'))
        rows = (row("1", 1, laps=100), row("2", 2, laps=70), row("3", 3, laps=69))
        awards = score(pack, scored(rows, overall_laps=394))
        assert points_of(awards) == {"D1": 20, "D2": 16, "D3": 0}

    def test_laps_that_are_not_known(self) -> None:
        """A published order without laps scores in full."""
        assert points_of(score(ALMS, scored(finish("1", "2")))) == {"D1": 20, "D2": 16}

    def test_a_retirement_scores_on_its_laps(self) -> None:
        """In ALMS #8 stopped and scored all the same; in WEC it would not be classified."""
        rows = (row("1"), row("8", 2, status="retired"))
        assert points_of(score(ALMS, scored(rows)))["D8"] == 16
        assert points_of(score(WEC, scored(rows)))["D8"] == 0

    @pytest.mark.parametrize("status", ["not_started", "disqualified", "withdrawn"])
    @pytest.mark.parametrize("pack", [ALMS, IMSA, WEC, F1], ids=lambda pack: pack.name)
    def test_who_never_scores(self, pack: RegulationPack, status: str) -> None:
        """Who did not start, or was thrown out, scores nowhere, nor in qualifying."""
        rows = (row("1"), row("2", 2, status=status))
        for part in ("race", "qualifying"):
            awards = score(pack, scored(rows, part=part))
            assert points_of(awards).get("D2", 0) == 0

    def test_minimum_drive_time(self) -> None:
        """Forty-five minutes at the wheel, to the second; the crew and the team score."""
        crew = (
            ScoredDriver(name="A", drive_ms=2_700_000),
            ScoredDriver(name="B", drive_ms=2_699_999),
            ScoredDriver(name="C"),
        )
        awards = score(ALMS, scored((row("7", 1, *crew),)))
        assert points_of(awards) == {"A": 20, "B": 0, "C": 20}
        assert points_of(awards, "teams") == {"T7": 20}
        assert award_of(awards, "B").why == (
            Why("drive_time.limits.0.minimum_s", "0:44:59 at the wheel, 0:45:00 needed for points"),
        )

    def test_minimum_drive_time_at_long_beach(self) -> None:
        """Thirty minutes were enough in round 3."""
        crew = ScoredDriver(name="A", drive_ms=1_800_000)
        assert points_of(score(ALMS, scored((row("7", 1, crew),), round=3))) == {"A": 20}
        assert points_of(score(ALMS, scored((row("7", 1, crew),), round=4))) == {"A": 0}

    def test_drive_time_with_another_consequence(self) -> None:
        """Where too little drive time moves the car back, the points follow the place."""
        pack = changed("alms-2007", ('"no_driver_points"', '"back_of_class"'))
        crew = ScoredDriver(name="A", drive_ms=0)
        assert points_of(score(pack, scored((row("7", 1, crew),)))) == {"A": 20}


class TestGuests:
    """Entries that are not eligible."""

    REBELLION = row("12", 1, championships=("FIA World Endurance Championship",))

    def test_a_guest_winner_is_outside_the_points(self) -> None:
        """Petit Le Mans 2012: a guest wins and scores nothing; the cars behind move up."""
        rows = (self.REBELLION, row("16", 2), row("6", 3, championships=(SERIES,)))
        awards = score(ALMS_2012, scored(rows), series=SERIES, time_limit_ms=10 * MS_PER_HOUR)
        assert points_of(awards) == {"D12": 0, "D16": 24, "D6": 20}
        assert points_of(awards, "teams") == {"T12": 0, "T16": 24, "T6": 20}
        assert award_of(awards, "D12").why == (
            Why("points.ineligible", f"not eligible for {SERIES} drivers"),
        )
        assert [why.text for why in award_of(awards, "D16").why] == [
            "2nd on the road, but 1 ahead not eligible",
            "1st in GT: 24 points",
        ]

    def test_a_guest_that_keeps_its_place(self) -> None:
        """Where the pack says so its points are nobody's."""
        pack = changed("alms-2012", ('"invisible"', '"keep_place"'))
        awards = score(pack, scored((self.REBELLION, row("16", 2))), series=SERIES)
        assert points_of(awards) == {"D12": 0, "D16": 16}

    def test_a_race_of_two_series(self) -> None:
        """Cars of two series share a race; each scores its own, and a car of both in both."""
        rows = (
            row("1", 1, championships=("ELMS",)),
            row("2", 2, championships=("ALMS", "ELMS")),
            row("3", 3, championships=("ALMS",)),
        )
        alms = points_of(score(ALMS_2012, scored(rows), series="ALMS"))
        elms = points_of(score(ALMS_2012, scored(rows), series="ELMS"))
        assert alms == {"D1": 0, "D2": 20, "D3": 16}
        assert elms == {"D1": 20, "D2": 16, "D3": 0}

    def test_eligible_for_one_contest(self) -> None:
        """A part-season team may be out of the teams' championship, its drivers in theirs."""
        rows = (row("1", 1, championships=("ALMS drivers",)), row("2", 2))
        awards = score(ALMS_2012, scored(rows), series="ALMS")
        assert points_of(awards) == {"D1": 20, "D2": 16}
        assert points_of(awards, "teams") == {"T1": 0, "T2": 20}


class TestEntrants:
    """Teams and manufacturers."""

    ROWS = (
        row("7", 1, team="Penske", manufacturer="Porsche"),
        row("20", 2, team="Dyson", manufacturer="Porsche"),
        row("6", 3, team="Penske", manufacturer="Porsche"),
        row("9", 4, team="Highcroft", manufacturer="Acura"),
        row("x", 5, team=None),
    )

    def test_best_car_only(self) -> None:
        """A team scores with its best car alone, at that car's place in the class."""
        awards = score(ALMS, scored(self.ROWS))
        assert points_of(awards, "teams") == {"Penske": 20, "Dyson": 16, "Highcroft": 10}
        assert award_of(awards, "Penske", "teams").why == (
            Why("points.teams.best_only", "#7, its best placed of 2"),
            Why("points.scales.short.points", "1st in GT: 20 points"),
        )

    def test_the_best_car_that_scores(self) -> None:
        """Where the better car is out of the points the other one scores."""
        rows = (row("1", 1, status="disqualified", team="T"), row("2", 2, team="T"))
        assert points_of(score(ALMS, scored(rows)), "teams") == {"T": 16}

    def test_ranks_not_closed_up(self) -> None:
        """In ALMS a make scores its place in the class, whoever is between."""
        awards = score(ALMS, scored(self.ROWS))
        assert points_of(awards, "manufacturers") == {"Porsche": 20, "Acura": 10}

    def test_ranks_closed_up(self) -> None:
        """Closed up it scores its place among the makes."""
        awards = score(IMSA, scored(self.ROWS))
        assert points_of(awards, "manufacturers") == {"Porsche": 350, "Acura": 320}
        assert award_of(awards, "Acura", "manufacturers").why[0] == (
            Why("points.manufacturers.closed_up", "2nd of the manufacturers")
        )

    def test_a_class_without_a_championship_of_makes(self) -> None:
        """IMSA has none in LMP2: teams and drivers score, and no make does."""
        awards = score(IMSA, scored(finish("1", "2", manufacturer="ORECA"), car_class="LMP2"))
        assert {award.contest for award in awards} == {"drivers", "teams"}

    def test_each_car_a_contender(self) -> None:
        """In IMSA the cars of a team are contenders of their own, by number."""
        awards = [a for a in score(IMSA, scored(self.ROWS)) if a.contest == "teams"]
        assert {(award.name, award.printed_name, award.points) for award in awards} == {
            ("#7", "#7 Penske", 350),
            ("#20", "#20 Dyson", 320),
            ("#6", "#6 Penske", 300),
            ("#9", "#9 Highcroft", 280),
            ("#x", "#x", 260),
        }

    def test_all_cars_score(self) -> None:
        """Where all cars of a contender score each is an award."""
        awards = [a for a in score(F1, scored(self.ROWS)) if a.contest == "teams"]
        assert [(award.name, award.points) for award in awards] == [
            ("Penske", 25),
            ("Dyson", 18),
            ("Penske", 15),
            ("Highcroft", 12),
        ]


class TestBeyond:
    """Fastest laps, cups, drivers of two cars."""

    @pytest.mark.parametrize(("place", "points"), [(1, 26), (10, 2), (11, 0)])
    def test_fastest_lap(self, place: int, points: int) -> None:
        """A point for the fastest lap, to a car in the first ten."""
        rows = [row(car, at, fastest_lap=at == place) for at, car in enumerate(CARS[:11], 1)]
        awards = score(F1, scored(rows))
        assert points_of(awards)[f"D{place}"] == points

    def test_a_segment_of_a_cup(self) -> None:
        """The endurance cup gives 5, 4, 3 and then 2, and counts apart."""
        awards = score(IMSA, scored(finish(*CARS[:5]), segment=1))
        assert {award.cup for award in awards} == {"endurance"}
        assert list(points_of(awards).values()) == [5, 4, 3, 2, 2]
        assert award_of(awards, "D4").why == (
            Why("points.cups.endurance.points", "4th in GT, segment 1: 2 points"),
        )

    def test_a_segment_without_a_cup(self) -> None:
        """A series without a cup scores nothing for a segment."""
        assert score(ALMS, scored(finish("1"), segment=1)) == []

    def test_a_driver_of_two_cars(self) -> None:
        """Who drove two cars scores with the better of them."""
        rows = (row("1", 1, "A", status="retired"), row("2", 2, "A"), row("3", 3, "A"))
        assert points_of(score(WEC, scored(rows))) == {"A": 18}

    def test_words(self) -> None:
        """The sentence of an award can be read out, and its rule has a source."""
        award = award_of(score(ALMS, scored(finish(*CARS[:12]))), "D10")
        (why,) = award.why
        assert why.text == "10th in GT: 1 point"
        assert ALMS.source_of(why.rule) == "Wikipedia, 2007 American Le Mans Series: most races"
        eleventh = award_of(score(IMSA, scored(finish(*CARS[:22]))), "D11")
        assert eleventh.why[0].text == "11th in GT: 200 points"
        assert award_of(score(IMSA, scored(finish(*CARS[:22]))), "D22").why[0].text[:4] == "22nd"


# -- Properties --------------------------------------------------------------------------

PACKS = st.sampled_from([ALMS, ALMS_2012, IMSA, WEC, F1])
TEAMS = st.sampled_from("ABCD")


@st.composite
def orders(draw: st.DrawFn) -> tuple[ScoredRow, ...]:
    """A finishing order of cars with a driver each, in a few teams, some of them guests."""
    cars = draw(st.lists(st.sampled_from(CARS), unique=True, max_size=35))
    return tuple(
        row(
            car,
            place,
            team=draw(TEAMS),
            manufacturer=draw(TEAMS),
            championships=draw(st.sampled_from([None, None, ("S",), ("other",)])),
        )
        for place, car in enumerate(cars, start=1)
    )


def of_race(pack: RegulationPack, rows: tuple[ScoredRow, ...]) -> list[Award]:
    return score(pack, scored(rows), series="S")


@given(PACKS, orders())
def test_points_are_conserved(pack: RegulationPack, rows: tuple[ScoredRow, ...]) -> None:
    """The drivers share the scale's points for as many places as eligible cars finished."""
    eligible = [row for row in rows if row.championships != ("other",)]
    scale = pack.points.scales[0]
    places = (
        range(1, len(eligible) + 1)
        if pack.points.ineligible == "invisible"
        else [row.position for row in eligible]
    )
    total = sum(points_of(of_race(pack, rows)).values())
    assert total == sum(scale.at(place) for place in places)


@given(PACKS, orders(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(
    pack: RegulationPack, rows: tuple[ScoredRow, ...], chance: Random
) -> None:
    """Places are what rows say, not where they stand."""
    mixed = list(rows)
    chance.shuffle(mixed)
    assert of_race(pack, tuple(mixed)) == of_race(pack, rows)


@given(st.sampled_from([ALMS, ALMS_2012, IMSA, WEC]), orders())
def test_guests_are_invisible(pack: RegulationPack, rows: tuple[ScoredRow, ...]) -> None:
    """The others score what they would have scored without the guests."""
    eligible = [row for row in rows if row.championships != ("other",)]
    alone = tuple(
        row.model_copy(update={"position": place}) for place, row in enumerate(eligible, start=1)
    )
    with_guests = [award for award in of_race(pack, rows) if award.place is not None]
    without = [award for award in of_race(pack, alone) if award.place is not None]
    assert [award[:6] for award in with_guests] == [award[:6] for award in without]


@given(PACKS, orders())
def test_a_better_place_never_scores_less(
    pack: RegulationPack, rows: tuple[ScoredRow, ...]
) -> None:
    """Nobody behind another has more points, and only who is placed has any."""
    for contest in ("drivers", "teams", "manufacturers"):
        awards = [award for award in of_race(pack, rows) if award.contest == contest]
        placed = [award for award in awards if award.place is not None]
        assert all(a.points >= b.points for a, b in pairwise(placed))
        assert all(award.points == 0 for award in awards if award.place is None)


def test_scored_again_under_another_pack() -> None:
    """One and the same result has other points under other rules."""
    result: RoundScored = scored(finish("1", "2"))
    assert points_of(score(ALMS, result)) == {"D1": 20, "D2": 16}
    assert points_of(score(IMSA, result)) == {"D1": 350, "D2": 320}
