"""A view as an HTTP response: JSON, flat rows or CSV, with an entity tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import Response

from replay.csv_text import csv_text
from services.gateway.views.flat_rows import etag_content, flat_keys, flat_rows
from services.gateway.views.http_cache import conditional_response, data_headers
from services.gateway.views.view_query import ViewResult

Format = Literal["json", "csv"]


def view_response(
    request: Request,
    result: ViewResult,
    now: float,
    form: Format,
    count: int | None,
    *options: object,
) -> Response:
    """The view in the requested form.

    ``now`` is the wall-clock time less the delay, ``count`` the number of flat rows. ``options``
    are the other parameters that make a different view of the same session.
    """
    options = (*options, form, count)
    if form == "json" and count is None:
        body = lambda: {"session": result.session(now), "rows": result.rows}  # noqa: E731
        return result_response(request, result, now, options, body)
    rows = flat_rows(result, now, count)
    # The clocks in flat rows run on while the position stays the same.
    options = (*options, etag_content(rows))
    return result_response(
        request,
        result,
        now,
        options,
        lambda: (
            csv_text(flat_keys(result.table), (row.values() for row in rows))
            if form == "csv"
            else rows
        ),
    )


def result_response(
    request: Request,
    result: ViewResult,
    now: float,
    options: tuple[object, ...],
    body: Callable[[], Any],
) -> Response:
    """A body made of the result; 304 to a client that has it."""
    return conditional_response(
        request,
        # Data can become stale without a new event.
        result.etag(*options, result.freshness(now)),
        body,
        data_headers(result.position, result.age_ms(now)),
    )
