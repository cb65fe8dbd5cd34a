"""Conditional requests (RFC 9110, 13.1.2): entity tags, and 304 to those who have the newest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response


def weak_etag(content: bytes) -> str:
    """An entity tag; weak, since what changes with every answer (the age) is left out of it."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:24]}"'


def has_etag(request: Request, etag: str) -> bool:
    """Whether the client has the answer with this entity tag."""
    return etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(","))


def conditional_response(
    request: Request,
    etag: str,
    body: Callable[[], Any],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The body as CSV (a ``str``) or JSON; 304 without one to a client that has it already."""
    # no-cache: it may be stored, but every use of it asks first.
    headers = {"ETag": etag, "Cache-Control": "no-cache", **(headers or {})}
    if has_etag(request, etag):
        return Response(status_code=304, headers=headers)
    content = body()
    if isinstance(content, str):
        return Response(content, headers=headers, media_type="text/csv; charset=utf-8")
    return JSONResponse(content, headers=headers)


def data_headers(position: str, age_ms: int) -> dict[str, str]:
    """The headers with the log position of the data, and its age."""
    return {"Lapstream-Position": position, "Lapstream-Age-Ms": str(age_ms)}
