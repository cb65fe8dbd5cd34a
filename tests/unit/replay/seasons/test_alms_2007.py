"""The 2007 season, to the point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events import Contest, RoundScored, SeasonOpened, decode, encode
from projections.championship.season import Row, Season, printed_rank, season_of
from projections.results.points import Award
from projections.rules.packs import builtin_pack
from replay.seasons.alms_2007 import SOURCE, alms_2007, contradictions, published, sources

GOLDEN: dict[str, dict[str, list[Row]]] = json.loads(
    (Path(__file__).resolve().parents[3] / "golden/alms_2007_tables.json").read_text("utf-8")
)
"""The published tables: contest, class, rows ``{rank, name, by_round, points}``."""

CLASSES = ("LMP1", "LMP2", "GT1", "GT2")
TABLES: list[tuple[Contest, str]] = [
    (contest, name) for contest in ("teams", "drivers") for name in CLASSES
]
AUTOCON = "Autocon Motorsports"
AUTOCON_PRINTED_TOO_MUCH = 2  # 16 in round 11, where its drivers have 14


@pytest.fixture(scope="module")
def season() -> Season:
    return season_of(alms_2007())


def scored(season: Season, contest: Contest, car_class: str, **query: Any) -> dict[str, Row]:
    rows = season.standings(of=contest, car_class=car_class, **query)
    return {row["name"]: row for row in rows}


def printed(season: Season, contest: Contest, car_class: str) -> list[Row]:
    """The published rows, with the names that the season has, and Autocon put right."""
    rows = [
        {**row, "name": season.name(contest, row["name"]), "by_round": list(row["by_round"])}
        for row in GOLDEN[contest][car_class]
    ]
    for row in rows:
        if row["name"] == AUTOCON:
            row["by_round"][10] -= AUTOCON_PRINTED_TOO_MUCH
            row["points"] -= AUTOCON_PRINTED_TOO_MUCH
    return rows


def test_there_are_158_rows() -> None:
    """33 rows of teams and 125 of drivers were published."""
    counts = {of: sum(map(len, tables.values())) for of, tables in GOLDEN.items()}
    assert counts == {"teams": 33, "drivers": 125}


@pytest.mark.parametrize(("contest", "car_class"), TABLES)
def test_every_published_row(season: Season, contest: Contest, car_class: str) -> None:
    """Ranks, shared ones included, totals and the points of every round are as published."""
    rows = scored(season, contest, car_class)
    assert {
        name: (printed_rank(row), row["points"], row["by_round"]) for name, row in rows.items()
    } == {
        row["name"]: (row["rank"], row["points"], row["by_round"])
        for row in printed(season, contest, car_class)
    }


@pytest.mark.parametrize(("contest", "car_class"), TABLES)
def test_after_every_round(season: Season, contest: Contest, car_class: str) -> None:
    """After each round the standings are the sums of the published columns so far."""
    for after in range(1, 13):
        rows = scored(season, contest, car_class, after_round=after)
        expected = {
            row["name"]: row["by_round"][:after]
            for row in printed(season, contest, car_class)
            if any(points is not None for points in row["by_round"][:after])
        }
        assert {name: row["by_round"] for name, row in rows.items()} == expected
        sums = {name: sum(points or 0 for points in cells) for name, cells in expected.items()}
        assert {name: row["points"] for name, row in rows.items()} == sums
        for row in rows.values():
            assert row["rank"] == 1 + sum(points > row["points"] for points in sums.values())


def test_lmp2_manufacturers_after_round_11(season: Season) -> None:
    """Each make scores its best car's place in the class: 228 and 153, as S0 has it."""
    rows = scored(season, "manufacturers", "LMP2", after_round=11)
    assert (rows["Porsche"]["points"], rows["Acura"]["points"]) == (228, 153)


def test_closed_up_acura_would_have_more(season: Season) -> None:
    """Scored by its place among the makes Acura had 192: the rule is not that."""
    rules = season.pack.points
    closed_up = rules.manufacturers.model_copy(update={"closed_up": True})
    pack = season.pack.model_copy(
        update={"points": rules.model_copy(update={"manufacturers": closed_up})}
    )
    rows = scored(season.under(pack), "manufacturers", "LMP2", after_round=11)
    assert rows["Acura"]["points"] == 192


def test_269_scoring_results(season: Season) -> None:
    """Twelve rounds of four classes have 269 cars in the points, without a hole."""
    results = list(season.scored.values())
    assert len(results) == 48
    assert sum(len(result.rows) for result in results) == 269
    for result in results:
        assert [row.position for row in result.rows] == list(range(1, len(result.rows) + 1))


@pytest.mark.parametrize(
    ("names", "points", "rank"),
    [
        (("Timo Bernhard", "Romain Dumas"), 216, 1),
        (("Sascha Maassen", "Ryan Briscoe"), 167, 3),
        (("Andy Wallace", "Butch Leitzinger"), 119, 5),
        (("David Brabham", "Stefan Johansson"), 115, 7),  # 113 in S0: that is Dyson and Smith
        (("Chris Dyson", "Guy Smith"), 113, 9),
    ],
)
def test_lmp2_drivers_after_round_11(
    season: Season, names: tuple[str, str], points: int, rank: int
) -> None:
    """After Petit Le Mans the standings of S0 hold, but for 113."""
    rows = scored(season, "drivers", "LMP2", after_round=11)
    for name in names:
        assert (rows[name]["points"], rows[name]["rank"], rows[name]["tied"]) == (
            points,
            rank,
            True,
        )


class TestContradictions:
    """Where the published tables contradict each other."""

    def test_all_there_are(self) -> None:
        """Autocon's round 11 and the 113 of Brabham and Johansson; nothing else of 168 rows."""
        assert [
            (c.of, c.car_class, c.name, c.figure, c.published, c.scored) for c in contradictions()
        ] == [
            ("teams", "LMP1", AUTOCON, "points of round 11", 16, 14),
            ("drivers", "LMP2", "David Brabham", "total after round 11", 113, 115),
            ("drivers", "LMP2", "Stefan Johansson", "total after round 11", 113, 115),
        ]

    def test_both_sources_are_named(self) -> None:
        """Each figure has its source, and every source is spelt out."""
        assert {(c.source, c.scored_from) for c in contradictions()} == {
            ("S3, teams' championship", "S3, drivers' championship"),
            ("S0", "S3, drivers' championship"),
        }
        for one in contradictions():
            assert {one.source[:2], one.scored_from[:2]} <= set(sources())

    def test_a_contradicted_figure_is_not_scored(self, season: Season) -> None:
        """Autocon has what its drivers have: 99, not the printed 101."""
        assert scored(season, "teams", "LMP1")[AUTOCON]["points"] == 99

    def test_the_tables_are_those_published(self) -> None:
        """The figures held against the season are the published ones, row by row."""
        found = {
            table.of: {
                other.car_class: other.rows
                for other in published()
                if other.of == table.of and other.after_round == 12
            }
            for table in published()
            if table.after_round == 12
        }
        for contest, tables in GOLDEN.items():
            for car_class, rows in tables.items():
                assert [
                    {"rank": r.rank, "name": r.name, "by_round": list(r.by_round or ())}
                    | {"points": r.points}
                    for r in found[contest][car_class]  # type: ignore[index]
                ] == rows


class TestLog:
    """The season's own log."""

    def test_can_be_stored(self) -> None:
        """Every event survives the log, and has an identity of its own."""
        log = alms_2007()
        assert [decode(encode(event)) for event in log] == log
        assert [event.source_seq for event in log] == list(range(49))
        assert {(event.source, event.basis) for event in log} == {(SOURCE, "published")}

    def test_runs_with_the_calendar(self) -> None:
        """A round is scored on its day; Petit Le Mans 203 days after Sebring."""
        opened, *results = alms_2007()
        assert isinstance(opened, SeasonOpened)
        assert [each.at for each in results] == sorted(each.at for each in results)
        days = {
            each.round: each.at // 86_400_000 for each in results if isinstance(each, RoundScored)
        }
        assert (days[1], days[11]) == (1, 204)
        assert opened.rounds[10].name == "Petit Le Mans"

    def test_holds_no_points(self, season: Season) -> None:
        """The points follow from the places: under another pack they are others."""
        other = season.under(builtin_pack("imsa-2020"))
        assert scored(other, "drivers", "GT1")["Oliver Gavin"]["points"] == 9 * 35 + 3 * 32

    def test_what_a_driver_scored_and_why(self, season: Season) -> None:
        """A driver who changed class scores in each; the long scale of Petit Le Mans is named."""
        assert len(awards_of(season, "GT1", "Didier Theys")) == 2
        assert len(awards_of(season, "LMP2", "Didier Theys")) == 1
        round_number, award = awards_of(season, "LMP2", "Jamie Bach")[-2]
        assert (round_number, award.place, award.points) == (11, 7, 10)
        assert award.why[0].rule == "points.scales.long.points"


def awards_of(season: Season, car_class: str, name: str) -> list[tuple[int, Award]]:
    """The rounds in which a driver of a class took part, each with its award."""
    return [
        (result.round, award)
        for result in sorted(season.scored)
        if result.car_class == car_class
        for award in season.awards(result)
        if award.contest == "drivers" and award.name == name
    ]
