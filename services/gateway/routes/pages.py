"""The pages: timing screen, desk, graphics, the HTTP interface's description, and their assets.

Their files are built from ``web/`` into ``services/screen`` and ship with the package. Without them
everything else works, and ``/`` says how to build them.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.types import Scope

FILES = Path(__file__).resolve().parents[2] / "screen"
"""The output folder of the build."""

PAGES = {
    "/": "index.html",
    "/desk": "desk.html",
    "/graphics": "graphics.html",
    "/docs": "docs.html",
}
"""The pages by their paths. Each file is built from the one of the same name in ``web/``."""

NOT_BUILT = "the timing screen was not built: `make screen` does it"

HEADERS = {
    # The names of assets change with their content, so only the page itself is revalidated.
    "Cache-Control": "no-cache",
    # A page must work without internet at the track, and send nothing elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
UNFRAMED = {
    # Against clickjacking of the desk. Graphics are embedded in frames on purpose.
    **HEADERS,
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; frame-ancestors 'none'",
}
REFERENCE = {
    # Swagger UI draws its signs from data: URLs in its style sheet.
    **UNFRAMED,
    "Content-Security-Policy": UNFRAMED["Content-Security-Policy"].replace(
        "img-src 'self'", "img-src 'self' data:"
    ),
}
PAGE_HEADERS = {"desk.html": UNFRAMED, "docs.html": REFERENCE}
"""The headers of pages other than ``HEADERS``."""

CODINGS: Mapping[str | None, str] = {"br": ".br", "gzip": ".gz"}
"""The endings of the compressed copies that the build writes (``web/compress.ts``), best first."""

IMMUTABLE = "public, max-age=31536000, immutable"


def built() -> bool:
    """Whether the pages were built."""
    return (FILES / "index.html").is_file()


class _Assets(StaticFiles):
    """Files with names that contain a hash of their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, compressed if the client accepts that, cacheable without revalidation."""
        coding = self._coding(path, scope)
        ending = CODINGS.get(coding, "")
        response = await super().get_response(path + ending, scope)
        if coding is not None and response.status_code == 200:
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
            charset = "; charset=utf-8" if kind.startswith("text/") else ""
            response.headers["Content-Type"] = kind + charset
        if coding is not None:
            response.headers["Content-Encoding"] = coding
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = IMMUTABLE
        response.headers["X-Content-Type-Options"] = "nosniff"
        if path.endswith(".woff2") and response.status_code == 200:
            response.headers["Content-Type"] = "font/woff2"  # mimetypes does not know it everywhere
        return response

    def _coding(self, path: str, scope: Scope) -> str | None:
        """The best content coding that the client accepts and that there is a file of."""
        accepted = accepted_codings(Headers(scope=scope).get("accept-encoding", ""))
        for coding, ending in CODINGS.items():
            if coding in accepted and self.lookup_path(path + ending)[1] is not None:
                return coding
        return None


def accepted_codings(header: str) -> set[str]:
    """The content codings that an ``Accept-Encoding`` header names and does not rule out."""
    codings = set()
    for part in header.split(","):
        name, *parameters = (text.strip().lower() for text in part.split(";"))
        if not any(re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters):
            codings.add(name)
    return codings


def install(app: FastAPI) -> None:
    """Serve the pages at the paths of ``PAGES``, and their assets under ``/assets``."""
    for path, file in PAGES.items():
        app.add_api_route(path, _page(file), methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/themes.json", _themes, methods=["GET"], include_in_schema=False)
    app.mount("/assets", _Assets(directory=FILES / "assets", check_dir=False))


async def _themes(request: Request) -> Response:
    """The operator's own themes (`GatewaySettings.themes`), which the pages put first."""
    themes = request.app.state.settings.themes
    return JSONResponse([one.model_dump(mode="json") for one in themes], headers=HEADERS)


def _page(file: str) -> Callable[[], Awaitable[Response]]:
    """A route that serves a page."""
    headers = PAGE_HEADERS.get(file, HEADERS)

    async def page() -> Response:
        if not built():
            return PlainTextResponse(f"{NOT_BUILT}\n", status_code=404)
        return FileResponse(FILES / file, headers=headers)

    return page
