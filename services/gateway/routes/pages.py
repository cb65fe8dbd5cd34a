"""The pages: the timing screen at ``/``, those beside it, and what belongs to them.

Their files are built from ``web/`` into ``services/screen`` and ship with the package. Where
they were not built, everything else works, and ``/`` says how to build them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

FILES = Path(__file__).resolve().parents[2] / "screen"
"""Where the build puts the page."""

PAGES = {"/": "index.html", "/desk": "desk.html", "/graphics": "graphics.html"}
"""Where each page is served. Its file is built from the one of the same name in ``web/``."""

NOT_BUILT = "the timing screen was not built: `make screen` does it"

HEADERS = {
    # Names of what the page needs change with its content; the page itself is asked for anew.
    "Cache-Control": "no-cache",
    # There is often no internet at the track, and nothing is to leave it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
UNFRAMED = {
    # Nobody's page may lay itself over the desk and lead a click astray. Graphics are framed.
    **HEADERS,
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; frame-ancestors 'none'",
}
FOR_GOOD = "public, max-age=31536000, immutable"


def built() -> bool:
    """Whether there is a screen to show."""
    return (FILES / "index.html").is_file()


class _Assets(StaticFiles):
    """Files whose names tell their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, to be kept for good."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = FOR_GOOD
        response.headers["X-Content-Type-Options"] = "nosniff"
        if path.endswith(".woff2") and response.status_code == 200:
            response.headers["Content-Type"] = "font/woff2"  # which not every machine knows
        return response


def install(app: FastAPI) -> None:
    """Serve the screen. Of the paths it takes only those of ``PAGES`` and under ``/assets``."""
    for path, file in PAGES.items():
        app.add_api_route(path, _page(file), methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/assets", _Assets(directory=FILES / "assets", check_dir=False))


def _page(file: str) -> Callable[[], Awaitable[Response]]:
    """What answers with a page."""
    headers = UNFRAMED if file == "desk.html" else HEADERS

    async def page() -> Response:
        if not built():
            return PlainTextResponse(f"{NOT_BUILT}\n", status_code=404)
        return FileResponse(FILES / file, headers=headers)

    return page
