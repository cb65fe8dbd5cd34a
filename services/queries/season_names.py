"""Near-equal names of a season as rows, each with the command that joins the two."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from projections.championship.season import Season
from projections.championship.similar_names import similar_names
from services.queries.tables.columns import Row


def similar_name_rows(season: Season, name: str) -> Iterator[Row]:
    """A row for each pair of names that may be one contender's; ``name`` is the season's id."""
    for pair in similar_names(season):
        alias = f"{pair.of}:{pair.name}={pair.meant}"
        joins = pair.name != pair.meant and "=" not in pair.name
        command = f"lapstream season alias {name} {shlex.quote(alias)}" if joins else ""
        yield {**pair._asdict(), "command": command}
