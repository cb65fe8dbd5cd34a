"""Championship tables as they were published, held against a season that was scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from events import Contest
from projections.championship.season import Row, Season, printed_rank
from projections.rules.packs import Number


class PublishedRow(NamedTuple):
    """A printed row; ``rank`` and ``by_round`` are None where they were not printed."""

    name: str
    points: int
    rank: str | None
    by_round: tuple[int | None, ...] | None


class PublishedTable(NamedTuple):
    """A printed table of one championship, as it stood after a round."""

    of: Contest
    car_class: str
    after_round: int
    source: str
    rows: tuple[PublishedRow, ...]


class Contradiction(NamedTuple):
    """A printed figure that is not the one scored.

    ``figure`` is ``points of round 11``, ``total after round 11`` or ``rank after round
    11``; ``scored`` is None for a contender that scored nothing.
    """

    of: Contest
    car_class: str
    name: str
    figure: str
    published: Number | str | None
    source: str
    scored: Number | str | None
    scored_from: str


def read_tables(data: Mapping[str, Any]) -> tuple[PublishedTable, ...]:
    """The tables of a parsed file: ``tables`` with rows whose ``by_round`` is a line of text."""
    return tuple(
        PublishedTable(
            cast("Contest", table["of"]),
            table["class"],
            table["after_round"],
            table["source"],
            tuple(_row(row) for row in table["rows"]),
        )
        for table in data["tables"]
    )


def _row(row: Mapping[str, Any]) -> PublishedRow:
    cells = row.get("by_round")
    by_round = None if cells is None else tuple(map(_cell, cells.split()))
    return PublishedRow(row["name"], row["points"], row.get("rank"), by_round)


def _cell(text: str) -> int | None:
    return None if text == "-" else int(text)


def contradictions_in(
    season: Season, tables: Iterable[PublishedTable], scored_from: str
) -> list[Contradiction]:
    """Every printed figure that differs from the season's, ``scored_from`` its source.

    A total is not listed again where it differs by no more than its own cells do.
    """
    return [
        Contradiction(
            table.of, table.car_class, row.name, figure, printed, table.source, ours, scored_from
        )
        for table in tables
        for row, scored in _paired(season, table)
        for figure, printed, ours in _differing(table, row, scored)
    ]


def _paired(season: Season, table: PublishedTable) -> Iterator[tuple[PublishedRow, Row | None]]:
    standings = season.standings(
        of=table.of, car_class=table.car_class, after_round=table.after_round
    )
    by_name = {row["name"]: row for row in standings}
    for row in table.rows:
        yield row, by_name.get(season.name(table.of, row.name))


def _differing(
    table: PublishedTable, row: PublishedRow, scored: Row | None
) -> Iterator[tuple[str, Number | str | None, Number | str | None]]:
    points = scored["points"] if scored else 0
    cells = scored["by_round"] if scored else [None] * table.after_round
    explained = 0
    for number, (printed, ours) in enumerate(zip(row.by_round or cells, cells, strict=True), 1):
        if printed != ours:
            explained += (printed or 0) - (ours or 0)
            yield f"points of round {number}", printed, ours
    if row.points - points != explained:
        yield f"total after round {table.after_round}", row.points, points
    rank = printed_rank(scored) if scored else None
    if row.rank is not None and row.rank != rank:
        yield f"rank after round {table.after_round}", row.rank, rank
