"""The tokens of the store as this gateway knows them: read once a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from events.errors import StoreError
from services.clocks import now_ms
from services.fault_guard import logged_faults
from services.roles import Grant, Tokens
from services.storage.client import Store
from services.storage.token_store import TokenStore

READ_SECONDS = 1.0
"""How soon a token that was added or revoked is known."""

logger = structlog.get_logger(__name__)


class StoredTokens:
    """The tokens of a store. While it does not answer, those that were read last are valid."""

    def __init__(self, store: Store) -> None:
        self._store = TokenStore(store)
        self._tokens = Tokens()
        self._reading: asyncio.Task[None] | None = None
        self._watched: dict[asyncio.Timeout, Grant] = {}

    async def begin(self) -> None:
        """Read the tokens now, and from now on."""
        await self._read()
        self._reading = asyncio.create_task(self._keep_reading())

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def grant(self, token: str) -> Grant | None:
        """The grant of a token; None for one that is not known, or has ended."""
        found = self._tokens.grant(token)
        if found is not None and found.until_ms is not None and found.until_ms <= now_ms():
            return None
        return found

    @contextlib.asynccontextmanager
    async def while_valid(self, grant: Grant | None) -> AsyncIterator[None]:
        """Leave the context, without an error, once the token of a grant is revoked or ends.

        A grant that is not of the store stays.
        """
        if grant is None or grant.token_id is None:
            yield
            return
        try:
            async with asyncio.timeout(None) as until_revoked:
                self._watched[until_revoked] = grant
                try:
                    yield
                finally:
                    del self._watched[until_revoked]
        except TimeoutError:
            if not until_revoked.expired():
                raise

    def _end_revoked(self) -> None:
        now, loop = now_ms(), asyncio.get_running_loop()
        valid = {one for one in self._tokens.grants if one.until_ms is None or one.until_ms > now}
        for until_revoked, grant in list(self._watched.items()):
            if grant not in valid and until_revoked.when() is None:
                until_revoked.reschedule(loop.time())

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(READ_SECONDS)
            with logged_faults("the reading of tokens"):
                await self._read()
            with logged_faults("the end of revoked tokens"):
                self._end_revoked()

    async def _read(self) -> None:
        try:
            found = await self._store.all()
        except StoreError as error:
            logger.warning("tokens not read", reason=str(error))
            return
        self._tokens = Tokens.of_grants((bytes.fromhex(one.sha256), one.grant) for one in found)
