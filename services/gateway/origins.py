"""Which web pages may use this gateway.

CORS stops foreign pages from reading answers, unless ``LAPSTREAM_ORIGINS`` allows them. It does not
cover two cases, which are refused here:

- A WebSocket: a page may open one to any address, also on the viewer's machine or network. The
  browser sends the page's ``Origin``, and it must be the gateway's own or an allowed one. Programs
  send none, and are accepted.
- DNS rebinding: a page makes its own name resolve to this gateway, so that the browser takes both
  for one site. Only ``Host`` gives it away. A gateway that listens on this machine alone accepts
  names of this machine, and of allowed origins, as behind a proxy. One that listens beyond knows
  its names if ``LAPSTREAM_HOSTS`` has them.

Pages opened from a file have the origin ``null`` or ``file://``, as do pages that hide theirs. They
are refused unless allowed. The templates for CasparCG and SPX do not need that: the WebSocket is
opened by a page of the gateway, in a frame.
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
    """ASGI middleware that refuses foreign pages, before anything else reads the request."""

    def __init__(
        self,
        app: ASGIApp,
        origins: Collection[str],
        *,
        hosts: Collection[str] = (),
        loopback: bool,
    ) -> None:
        self._app = app
        self._origins = frozenset(origin.lower() for origin in origins)
        named = (_name_of(f"//{host.lower()}") for host in hosts)
        self._hosts = frozenset(filter(None, (*map(_name_of, self._origins), *named)))
        self._knows_hosts = loopback or bool(hosts)
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
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
        # Every browser sends Host; what does not (HTTP/1.0) is not a page.
        if host is None or not self._knows_hosts or ANY in self._origins:
            return None
        name = _name_of(f"//{host}")
        if name is not None and (is_of_this_machine(name) or name in self._hosts):
            return None
        if self._loopback:
            return _refused("Host", host, "this gateway listens on this machine alone")
        return _refused("Host", host, "this gateway has another name", "LAPSTREAM_HOSTS")

    def _origin_refused(self, headers: Headers) -> RequestRefused | None:
        origin = headers.get("origin")
        if origin is None or ANY in self._origins or origin.lower() in self._origins:
            return None
        # Either scheme: behind a proxy that ends TLS the page is https, the handshake is not.
        own = headers.get("host", "").lower()
        if own and origin.lower() in (f"http://{own}", f"https://{own}"):
            return None
        return _refused("Origin", origin, "a page of another origin")


def is_of_this_machine(name: str) -> bool:
    """Whether this is a name or an address of the loopback interface."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(url: str) -> str | None:
    """The host name of a URL in lower case; None if there is none."""
    try:
        name = urlsplit(url).hostname
    except ValueError:
        return None
    return name.removesuffix(".") if name else None  # "localhost." is the same host


def _refused(
    header: str, value: str, reason: str, setting: str = "LAPSTREAM_ORIGINS"
) -> RequestRefused:
    detail = f"{reason}; {setting} can allow it"
    return RequestRefused(FORBIDDEN, detail, [FieldError(field=header, value=value, reason=reason)])
