"""The tokens of the store as this gateway knows them: read once a second."""

from __future__ import annotations

import asyncio

import structlog

from events.errors import StoreError
from services.clocks import now_ms
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

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(READ_SECONDS)
            await self._read()

    async def _read(self) -> None:
        try:
            found = await self._store.all()
        except StoreError as error:
            logger.warning("tokens not read", reason=str(error))
            return
        self._tokens = Tokens.of_grants((bytes.fromhex(one.sha256), one.grant) for one in found)
