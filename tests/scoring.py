"""Seasons and results with defaults, so that a test shows only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events import AnyEvent, PointsAdjusted, RoundScored, ScoredDriver, ScoredRow, SeasonOpened
from events import SeasonRound as Round
from projections.championship.season import Season, season_of
from projections.results.points import Award

SOURCE = "test-season"


def row(car: str, position: int = 1, *drivers: str | ScoredDriver, **members: Any) -> ScoredRow:
    """A car's place; its team is ``T<car>`` and its only driver ``D<car>`` unless told."""
    crew = tuple(
        driver if isinstance(driver, ScoredDriver) else ScoredDriver(name=driver)
        for driver in drivers or (f"D{car}",)
    )
    return ScoredRow(position=position, car=car, drivers=crew, **{"team": f"T{car}", **members})


def finish(*cars: str, **members: Any) -> tuple[ScoredRow, ...]:
    """These cars in this order."""
    return tuple(row(car, place, **members) for place, car in enumerate(cars, start=1))


def scored(rows: Iterable[ScoredRow], seq: int = 1, **members: Any) -> RoundScored:
    """A result of class GT in round 1; of two, that with the higher ``seq`` is the later."""
    found = {"at": seq, "source": SOURCE, "source_seq": seq, "round": 1, "car_class": "GT"}
    return RoundScored(rows=tuple(rows), **{**found, **members})


def opened(rules: str = "alms-2007", rounds: int = 3, **members: Any) -> SeasonOpened:
    """A season of classes GT and LMP, with rounds of two and three quarter hours."""
    found = {"title": "A season", "series": "S", "classes": ("GT", "LMP"), **members}
    calendar = tuple(Round(name=f"R{n}", time_limit_ms=9_900_000) for n in range(1, rounds + 1))
    return SeasonOpened(
        at=0, source=SOURCE, source_seq=0, rules=rules, **{"rounds": calendar, **found}
    )


def adjusted(name: str, points: int, seq: int = 1, **members: Any) -> PointsAdjusted:
    """Points given or taken from a driver."""
    found = {"at": seq, "source": "stewards", "source_seq": seq, "championship": "drivers"}
    return PointsAdjusted(name=name, points=points, reason="a decision", **{**found, **members})


def season(*events: AnyEvent, rules: str = "alms-2007", **members: Any) -> Season:
    """The season of these events, opened before them."""
    return season_of([opened(rules, **members), *events])


def points_of(awards: Iterable[Award], contest: str = "drivers") -> dict[str, float]:
    """The points of each contender."""
    return {award.name: award.points for award in awards if award.contest == contest}
