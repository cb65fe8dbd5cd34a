"""The 2007 American Le Mans Series: its log, and the tables that were published of it.

The finishing orders lie in ``alms_2007.toml``; the points follow from them and the pack
``alms-2007``. What the published tables say lies apart, in ``alms_2007_published.toml``:
nothing is scored from it, it is only held against the season.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from events import (
    Alias,
    AnyEvent,
    RoundScored,
    ScoredDriver,
    ScoredRow,
    SeasonOpened,
    SeasonRound,
)
from projections.championship.season import season_of
from replay.seasons.published import Contradiction, PublishedTable, contradictions_in, read_tables

SOURCE = "alms-2007-season"
MS_PER_MINUTE = 60_000
MS_PER_DAY = 86_400_000


@cache
def _data(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("replay.seasons").joinpath(file).read_text("utf-8"))


def alms_2007() -> list[AnyEvent]:
    """The season's own log. Its clock is 0 on the day of the first race; a round is scored
    on the evening of its day."""
    data = _data("alms_2007.toml")
    results = [_scored(number, result) for number, result in enumerate(data["results"], start=1)]
    return [_opened(data), *results]


def published() -> tuple[PublishedTable, ...]:
    """The tables of the season as they were published, each with its source."""
    return read_tables(_data("alms_2007_published.toml"))


def contradictions() -> list[Contradiction]:
    """Where the published tables contradict the finishing orders, which are the drivers'."""
    return contradictions_in(
        season_of(alms_2007()), published(), scored_from="S3, drivers' championship"
    )


def sources() -> dict[str, str]:
    """What the short names of the sources stand for."""
    return dict(_data("alms_2007.toml")["sources"])


def _opened(data: dict[str, Any]) -> SeasonOpened:
    season = data["season"]
    return SeasonOpened(
        at=0,
        source=SOURCE,
        source_seq=0,
        basis="published",
        title=season["title"],
        series=season["series"],
        rules=season["rules"],
        classes=tuple(season["classes"]),
        rounds=tuple(
            SeasonRound(
                name=each["name"],
                circuit=each["circuit"],
                date=each["date"].isoformat(),
                time_limit_ms=each["time_limit_minutes"] * MS_PER_MINUTE,
            )
            for each in data["rounds"]
        ),
        aliases=tuple(
            Alias(of=of, name=name, means=means)
            for of, names in data["aliases"].items()
            for name, means in names.items()
        ),
        provenance=season["provenance"],
    )


def _scored(number: int, result: dict[str, Any]) -> RoundScored:
    return RoundScored(
        at=_evening(result["round"]),
        source=SOURCE,
        source_seq=number,
        basis="published",
        round=result["round"],
        car_class=result["class"],
        rows=tuple(
            ScoredRow(
                position=position,
                car=row.get("car"),
                team=row["team"],
                manufacturer=row["manufacturer"],
                drivers=tuple(ScoredDriver(name=name) for name in row["drivers"]),
            )
            for position, row in enumerate(result["scorers"], start=1)
        ),
    )


def _evening(number: int) -> int:
    days: list[date] = [each["date"] for each in _data("alms_2007.toml")["rounds"]]
    return ((days[number - 1] - days[0]).days + 1) * MS_PER_DAY
