"""The 2007 Petit Le Mans, told lap by lap, scores what round 11 of the season scored."""

from __future__ import annotations

import pytest

from projections.championship.season import season_of
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.points import CONTESTS
from projections.results.provisional import rounds_scored
from tests.races import alms_2007, petit_le_mans_2007_timeline

ROUND = 11


@pytest.fixture(scope="module")
def race() -> Race:
    return petit_le_mans_2007_timeline().race


def test_scores_as_published(race: Race) -> None:
    """Drivers, teams and makes of every class have the points that the season gives them.

    That takes the scale of a ten-hour race, the minimum distance and the time at the wheel
    of every driver, as the race has them.
    """
    season = season_of(alms_2007())
    rows = classify(race, Convention.of(season.pack))
    found = season.with_scored(rounds_scored(race, rows))
    for contest in CONTESTS:
        published = season.standings(of=contest, after_round=ROUND)
        scored = found.standings(of=contest, after_round=ROUND)
        assert points(scored) == points(published)


def points(standings: list[dict[str, object]]) -> dict[tuple[object, object], object]:
    """By round; published tables have nobody who took part without ever scoring."""
    return {
        (row["class"], row["name"]): row["by_round"]
        for row in standings
        if isinstance(row["by_round"], list) and any(row["by_round"])
    }
