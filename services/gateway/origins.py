"""Whose pages may speak to this gateway.

A browser keeps what it reads from another site from a page, unless that site allows it
(CORS, which is closed here unless ``LAPSTREAM_ORIGINS`` opens it). WebSockets know no such
rule: any page may open one to any address, also to one on the machine or the network of
whoever looks at it. But the browser says whose page it is (``Origin``), and a page cannot
change that. So a handshake is refused whose origin is neither the gateway's own nor one of
those that are named. Programs send none, and are let in.

Nor does CORS help where a page makes its own name lead here (DNS rebinding): to the browser
it is one site then. Only the name tells (``Host``). A gateway that listens on this machine
alone is called by a name of this machine, or by that of an origin that is named, as behind a
proxy. One that listens beyond is called by names that it cannot know.

Pages that are opened from a disk have no origin of their own: browsers say ``null`` or
``file://``, as they do of any page that hides whose it is. They are refused, unless named.
The templates for CasparCG and SPX need none of that: what opens the WebSocket is the page
of the gateway, also within a frame.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.gateway.errors import FieldError, RequestRefused

ANY = "*"
FORBIDDEN = 403


class OriginMiddleware:
    """Refuses what pages of others ask for, before anything else looks at it."""

    def __init__(self, app: ASGIApp, origins: Collection[str], *, loopback: bool) -> None:
        self._app = app
        self._origins = frozenset(origin.lower() for origin in origins)
        self._hosts = frozenset(filter(None, map(_name_of, self._origins)))
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse it, or hand it on."""
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal.response())
        else:
            await refusal.response()(scope, receive, send)

    def _refusal(self, scope: Scope) -> RequestRefused | None:
        if scope["type"] not in ("http", "websocket"):
            return None
        headers = Headers(scope=scope)
        refusal = self._host_refused(headers)
        if refusal is None and scope["type"] == "websocket":
            refusal = self._origin_refused(headers)
        return refusal

    def _host_refused(self, headers: Headers) -> RequestRefused | None:
        host = headers.get("host")
        if host is None or not self._loopback or ANY in self._origins:
            return None
        name = _name_of(f"//{host}")
        if name is not None and (is_of_this_machine(name) or name in self._hosts):
            return None
        return _refused("Host", host, "this gateway listens on this machine alone")

    def _origin_refused(self, headers: Headers) -> RequestRefused | None:
        origin = headers.get("origin")
        if origin is None or ANY in self._origins or origin.lower() in self._origins:
            return None
        own = headers.get("host", "").lower()
        if own and origin.lower() in (f"http://{own}", f"https://{own}"):
            return None
        return _refused("Origin", origin, "a page of another origin")


def is_of_this_machine(name: str) -> bool:
    """Whether this is a name or an address of loopback, to every machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(url: str) -> str | None:
    """The host's name in an address, in lower case; None where there is none."""
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.removesuffix(".") if name else None


def _refused(header: str, value: str, reason: str) -> RequestRefused:
    detail = f"{reason}; whoever serves can name it in LAPSTREAM_ORIGINS"
    return RequestRefused(FORBIDDEN, detail, [FieldError(field=header, value=value, reason=reason)])
