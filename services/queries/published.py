"""Published tables of built-in seasons, where they differ from what was scored."""

from __future__ import annotations

from collections.abc import Collection

from events import Contest
from events.errors import NothingPublished
from services.queries.tables.columns import Row

PUBLISHED = ("alms-2007",)
"""The seasons with known published tables."""


def contradiction_rows(name: str) -> list[Row]:
    """A row for each published figure that differs from ours. Raises NothingPublished."""
    from replay.seasons import alms_2007

    if name not in PUBLISHED:
        raise NothingPublished(name, PUBLISHED)
    rows: list[Row] = []
    for one in alms_2007.contradictions():
        row = one._asdict()
        row["class"] = row.pop("car_class")
        rows.append(row)
    return rows


def published_sources() -> dict[str, str]:
    """The sources of the published figures, by their short names."""
    from replay.seasons import alms_2007

    return dict(alms_2007.sources())


def published_otherwise(name: str, of: Contest, classes: Collection[str]) -> list[str]:
    """A line for each figure in these tables that differs from the published one."""
    if name not in PUBLISHED:
        return []
    return [
        f"{one['name']}, {one['figure']}: {one['scored']} here, {one['published']} published "
        f"({one['source']}): `lapstream season contradictions {name}`"
        for one in contradiction_rows(name)
        if one["of"] == of and one["class"] in classes
    ]
