"""Access control: bearer tokens and the roles that routes require."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from services.gateway.clients import note_client
from services.gateway.connections import connection_of
from services.gateway.errors import RequestRefused
from services.roles import Grant, Role
from services.settings import GatewaySettings

_BEARER = HTTPBearer(auto_error=False, description="See `lapstream token`.")


def authorize(
    connection: HTTPConnection, required: Role, settings: GatewaySettings, *, anonymous: bool = True
) -> Grant | None:
    """The grant of the connection's token; None if none is required and none was sent.

    The token is sent in the header ``Authorization`` or as the query parameter ``access_token``.
    ``anonymous``: what a viewer may do needs no token, unless the gateway is private. Raises
    RequestRefused: 401 without a valid token, 403 for one of a lesser role, 503 without a token
    where clients without one have as many connections as they may.
    """
    scheme, _, sent = connection.headers.get("authorization", "").partition(" ")
    token = sent.strip() if scheme.lower() == "bearer" else None
    # Browsers cannot set headers for WebSockets and event streams.
    token = token or connection.query_params.get("access_token")
    if token is None and anonymous and required <= Role.VIEWER and not settings.private:
        _admit(connection, known=False)
        note_client(known=False)
        return None
    found = settings.tokens.grant(token) if token is not None else None
    if found is None:
        detail = "a token is needed" if token is None else "this token is not known"
        raise RequestRefused(401, detail, headers={"WWW-Authenticate": "Bearer"})
    _admit(connection, known=True)
    note_client(known=True)
    if found.role < required:
        name, wanted = found.role.name.lower(), required.name.lower()
        raise RequestRefused(403, f"a token of the role {wanted} is needed; this one has {name}")
    return found


def _admit(connection: HTTPConnection, *, known: bool) -> None:
    counted = connection_of(connection.scope)
    if counted is not None and not counted.admit(known=known):
        detail = "as many connections as are allowed without a token; try again, or send one"
        raise RequestRefused(503, detail, headers={"Retry-After": "5"})


def requires(role: Role) -> Callable[..., Awaitable[Grant | None]]:
    """A dependency that requires a token of this role or a greater one."""

    async def check(
        # Not used: it declares the security scheme in OpenAPI.
        connection: HTTPConnection,
        _: Annotated[object, Depends(_BEARER)],
    ) -> Grant | None:
        settings: GatewaySettings = connection.app.state.settings
        return authorize(connection, role, settings)

    return check
