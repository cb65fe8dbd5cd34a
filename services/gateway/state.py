"""What the routes share: the gateway of this process, and who may come in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from events.errors import StoreUnfit, UnknownSession
from replay.entries import check_session_id
from services.gateway.errors import RequestRefused
from services.gateway.live.session_tail import SessionTail, TailPool, TooManySessions
from services.gateway.views.fold_cache import Folds
from services.queries.recordings import Playheads
from services.roles import Grant, Role
from services.settings import Settings
from services.storage.built_in import BUILT_IN, put_into_store
from services.storage.client import Store
from services.storage.event_log import Log
from services.storage.replay_store import Replays

_BEARER = HTTPBearer(auto_error=False, description="See `lapstream token`.")


class Gateway:
    """What one process knows of the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.log = Log(store)
        self.tail_pool = TailPool(store)
        self.folds = Folds(self.log)
        self.replays = Replays(store)
        self.playheads = Playheads(self.replays)
        self.subscribers = {"websocket": 0, "sse": 0}
        self.began = time.monotonic()
        self._existing: set[str] = set()
        self._bringing = asyncio.Lock()

    async def close(self) -> None:
        """End the tails."""
        await self.tail_pool.close()

    async def require(self, session: str) -> None:
        """Raise UnknownSession or BadSessionId unless there is such a session."""
        if session not in self._existing:
            if await self.replays.exists(session):
                return
            if not await self._exists(check_session_id(session)):
                summaries = await self.log.sessions()
                raise UnknownSession(session, tuple(one.session for one in summaries[:10]))
            self._existing.add(session)

    async def _exists(self, session: str) -> bool:
        """Whether there is such a session; a race that is built in is put in when it is asked for.

        Of all who ask at once, one does so. A store that takes no writes is left as it is.
        """
        if await self.log.exists(session):
            return True
        if session not in BUILT_IN:
            return False
        async with self._bringing:
            if not await self.log.exists(session):
                with contextlib.suppress(StoreUnfit):
                    await put_into_store(self.log, session)
        return await self.log.length(session) > 0

    async def is_replay(self, session: str) -> bool:
        """Whether this is a replay, of which nothing beyond the playhead may be told."""
        return session not in self._existing and await self.replays.exists(session)

    async def scored_as(self, session: str) -> str:
        """The session as seasons know it: of a replay the one that it plays.

        Raises NoSuchReplay where it was stopped just now.
        """
        if await self.is_replay(session):
            return (await self.replays.showing(session)).source
        return session

    async def tail(self, session: str) -> SessionTail:
        """The session's tail. Raises UnknownSession, BadSessionId, RequestRefused."""
        await self.require(session)
        try:
            return self.tail_pool.of(session, replay=session not in self._existing)
        except TooManySessions:
            raise RequestRefused(
                503, "too many sessions are watched here", headers={"Retry-After": "30"}
            ) from None

    def find_room(self) -> None:
        """Raise RequestRefused where there are as many subscribers as may be."""
        if sum(self.subscribers.values()) >= self.settings.connections:
            raise RequestRefused(503, "too many subscribers here", headers={"Retry-After": "10"})

    @contextlib.contextmanager
    def subscriber(self, over: str) -> Iterator[None]:
        """Count a subscriber in."""
        self.subscribers[over] += 1
        try:
            yield
        finally:
            self.subscribers[over] -= 1


def gateway_of(connection: HTTPConnection) -> Gateway:
    """The gateway of the application that was asked."""
    gateway: Gateway = connection.app.state.gateway
    return gateway


def grant(connection: HTTPConnection, needed: Role, settings: Settings) -> Grant | None:
    """What the connection's token allows; None where none is needed and none was sent.

    Raises RequestRefused: 401 without a token that counts, 403 for one of a lesser role.
    """
    scheme, _, sent = connection.headers.get("authorization", "").partition(" ")
    token = sent.strip() if scheme.lower() == "bearer" else None
    token = token or connection.query_params.get("access_token")
    if token is None and needed <= Role.VIEWER and not settings.private:
        return None
    found = settings.tokens.grant(token) if token is not None else None
    if found is None:
        detail = "a token is needed" if token is None else "this token is not known"
        raise RequestRefused(401, detail, headers={"WWW-Authenticate": "Bearer"})
    if found.role < needed:
        name, wanted = found.role.name.lower(), needed.name.lower()
        raise RequestRefused(403, f"a token of the role {wanted} is needed; this one has {name}")
    return found


def requires(role: Role) -> Callable[..., Awaitable[Grant | None]]:
    """A dependency: a token of this role, at least."""

    async def check(
        connection: HTTPConnection, _: Annotated[object, Depends(_BEARER)]
    ) -> Grant | None:
        settings: Settings = connection.app.state.settings
        return grant(connection, role, settings)

    return check


TheGateway = Annotated[Gateway, Depends(gateway_of)]
