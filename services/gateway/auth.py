"""Access control: bearer tokens and the roles that routes require."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from events.errors import LapstreamError, StoreError
from services.gateway.clients import note_client
from services.gateway.connections import connection_of
from services.gateway.errors import RequestRefused
from services.gateway.stored_tokens import StoredTokens
from services.roles import Grant, Role
from services.settings import GatewaySettings

_BEARER = HTTPBearer(auto_error=False, description="See `lapstream token`.")


def authorize(
    connection: HTTPConnection, required: Role, settings: GatewaySettings, *, anonymous: bool = True
) -> Grant | None:
    """The grant of the connection's token; None if none is required and none was sent.

    The token is sent in the header ``Authorization`` or as the query parameter ``access_token``.
    ``anonymous``: what a viewer may do needs no token, unless the gateway is private. Raises
    RequestRefused: 401 without a valid token, 403 for one of a lesser role, 429 without a token
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
    found = _grant(connection, token, settings) if token is not None else None
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
        raise RequestRefused(429, detail, headers={"Retry-After": "5"})


def _grant(connection: HTTPConnection, token: str, settings: GatewaySettings) -> Grant | None:
    stored: StoredTokens | None = getattr(connection.app.state, "stored_tokens", None)
    return settings.tokens.grant(token) or (stored.grant(token) if stored is not None else None)


async def check_scope(
    connection: HTTPConnection, grant: Grant | None, required: Role, *, in_body: bool = False
) -> None:
    """Raise RequestRefused (403) where the token is for other sessions. Raises StoreError.

    ``in_body``: the request names its session in the body, where the route checks it by
    ``require_covered``. What everybody may read, a token for other sessions may read, too.
    """
    connection.state.grant = grant
    if grant is None or not grant.sessions:
        return
    if required <= Role.VIEWER and not connection.app.state.settings.private:
        return
    names = await _sessions_of(connection)
    if any(map(grant.covers, names)) or (in_body and not names):
        return
    raise _not_covered(grant)


def require_covered(connection: HTTPConnection, session: str | None) -> None:
    """Raise RequestRefused (403) unless the request's token is for the session.

    None stands for any session: only a token without a scope is for that.
    """
    grant: Grant | None = connection.state.grant
    if grant is None or not grant.sessions:
        return
    if session is None or not grant.covers(session):
        raise _not_covered(grant)


def _not_covered(grant: Grant) -> RequestRefused:
    return RequestRefused(403, f"this token is for {', '.join(grant.sessions)} only")


async def _sessions_of(connection: HTTPConnection) -> list[str]:
    """The sessions that a request's path is about: a replay is about its source as well.

    Raises StoreError.
    """
    params, state = connection.path_params, connection.app.state
    names = [params[name] for name in ("session", "replay") if name in params]
    gateway = getattr(state, "gateway", None)
    if gateway is None:
        return names
    # The route's own path: that of the URL may begin with the prefix of a proxy.
    route_path = getattr(connection.scope.get("route"), "path", "")
    try:
        if route_path.startswith("/outputs/") and "name" in params:
            names = [(await state.outputs.stored(params["name"])).output.session]
        return [*names, *[await gateway.scored_as(name) for name in names]]
    except StoreError:
        raise  # what the path is about is not known
    except LapstreamError:
        return names


def requires(role: Role, *, in_body: bool = False) -> Callable[..., Awaitable[Grant | None]]:
    """A dependency that requires a token of this role or a greater one, for the session.

    ``in_body`` is as for ``check_scope``.
    """

    async def check(
        # Not used: it declares the security scheme in OpenAPI.
        connection: HTTPConnection,
        _: Annotated[object, Depends(_BEARER)],
    ) -> Grant | None:
        settings: GatewaySettings = connection.app.state.settings
        grant = authorize(connection, role, settings)
        await check_scope(connection, grant, role, in_body=in_body)
        return grant

    return check
