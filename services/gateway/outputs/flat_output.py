"""The flat rows of an output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.gateway.live.filters import Filter
from services.gateway.outputs.content import OutputContent, clock_of
from services.gateway.outputs.rows import OUTPUT_VIEWS
from services.gateway.views import live_rows
from services.gateway.views.flat_rows import etag_content, flat_keys, flat_rows
from services.gateway.views.http_cache import weak_etag
from services.gateway.views.view_query import ViewResult


def output_rows(content: OutputContent) -> tuple[list[str], list[dict[str, str]]]:
    """The keys and the rows of an output: always as many rows as its settings say."""
    output, snapshot = content.output, content.snapshot
    table, view = OUTPUT_VIEWS[output.view]
    wanted = Filter(classes=frozenset(output.classes), cars=frozenset(output.cars))
    filtered = snapshot._replace(state=wanted.choose(snapshot.state))
    result = ViewResult(
        table,
        live_rows.session_line(snapshot),
        snapshot.clock_running,
        view(filtered, clock_of(snapshot, content.moment)),
        snapshot.token.position,
        snapshot.at,
        known_at=snapshot.since,
    )
    rows = flat_rows(result, content.moment, output.rows)
    # At the moment that is shown the data is fresh; the age is that of the request.
    age = {"session_age_ms": str(content.age_ms), "session_stale": str(content.stale).lower()}
    return flat_keys(table), [{**row, **age} for row in rows]


def rows_etag(rows: Sequence[Mapping[str, str]], form: str) -> str:
    """The entity tag of the rows in a form; the age of the data may differ."""
    return weak_etag(form.encode() + etag_content(rows))
