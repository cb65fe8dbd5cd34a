"""Query parameters that several routes share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from services.gateway.views.flat_rows import MAX_ROWS
from services.gateway.views.responses import Format

At = Annotated[
    str | None,
    Query(
        max_length=40,
        description="The state at a moment of the session: `5:00:00` on the session clock, "
        "`lap:372` (when the leader completes that lap) or `caution:9` (its start).",
        examples=["lap:372"],
    ),
]
KnownAt = Annotated[
    str | None,
    Query(
        max_length=60,
        description="Only what was known then: up to a log position, or a wall-clock time with its "
        "zone, such as `2024-10-12T15:04:05-04:00`; or `at`: when the session clock came to the "
        "moment `at`, which gives what screens showed then.",
    ),
]
CarClass = Annotated[
    str | None, Query(alias="class", max_length=200, description="Only cars of this class.")
]
Cars = Annotated[
    list[str] | None,
    Query(alias="car", max_length=200, description="Only this car; may be repeated."),
]
RowFormat = Annotated[Format, Query(alias="format", description="JSON, or CSV of flat rows.")]
RowCount = Annotated[
    int | None,
    Query(
        alias="rows",
        ge=1,
        le=MAX_ROWS,
        description="Exactly so many flat rows of text with stable keys, those beyond the field "
        "empty, for programs such as vMix. The JSON is then a plain array.",
    ),
]
