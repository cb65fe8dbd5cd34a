"""What views answer, as models for OpenAPI.

They are made from the models of rows, and only described: answers are plain dicts.
"""

from __future__ import annotations

import keyword
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from projections.views import SessionRow
from projections.views.freshness import Freshness
from projections.views.rows import RowModel
from services.gateway.views.flat_rows import flat_keys
from services.queries.tables.columns import Table

_OPEN = ConfigDict(extra="ignore")
"""A member that is added later breaks no client that validates what it reads."""


class SessionLine(SessionRow):
    """The facts that accompany every answer: the state of the session, and the age of the data."""

    model_config = _OPEN

    clock_running: Annotated[bool, Field(description="Whether the clock has run on since.")]
    position: Annotated[str, Field(description="Log position of the newest event.")]
    learned_at_ms: Annotated[int, Field(description="Recorded time of that event (ms since 1970).")]
    age_ms: Annotated[int, Field(description="Time since then, less the delay (ms).")]
    freshness: Annotated[
        Freshness,
        Field(
            description="`quiet` if there was no event for ten seconds while the clock runs; "
            "`stale` if there was none for longer than the field can be silent, or if the live "
            "feed of the session is not heard."
        ),
    ]
    stale: Annotated[bool, Field(description="Whether `freshness` is `stale`.")]


class _OpenModel(RowModel):
    model_config = _OPEN


def view_model(table: Table) -> type[BaseModel]:
    """The answer of a view: ``Standings`` of ``StandingsRow``."""
    rows: Any = list[table.row]  # type: ignore[name-defined]
    return create_model(
        table.row.__name__.removesuffix("Row"),
        __base__=_OpenModel,
        __doc__=table.about,
        session=(SessionLine, ...),
        rows=(rows, ...),
    )


def flat_row_model(table: Table) -> type[BaseModel]:
    """A row of a view as text, with the session line in it."""
    fields: dict[str, Any] = {
        f"{key}_" if keyword.iskeyword(key) else key: (str, Field(alias=key))
        for key in flat_keys(table)
    }
    return create_model(
        f"{table.row.__name__.removesuffix('Row')}FlatRow",
        __base__=_OpenModel,
        __doc__="A row as text by stable keys, with the session line; empty beyond the field.",
        **fields,
    )
