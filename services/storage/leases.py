"""Leases: keys with an expiry that say which process works on a session.

A lease saves double work only; what keeps the data right is the atomic commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.storage.client import Store, StoreCommand
from services.storage.keys import key
from services.storage.scripts import Script

_TAKE = """
local holder = redis.pcall('GET', KEYS[1])
if type(holder) == 'table' then holder = false end  -- no string: another program overwrote it
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# A release that arrives late must not end the next holder's lease.
_RELEASE = Script("""
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
""")


class Leases:
    """The leases of one process.

    ``holder`` identifies the process, ``lasts_ms`` is how long a lease lasts without being
    renewed, ``name`` the name of the key in each session. All methods raise StoreError.
    """

    def __init__(self, store: Store, holder: str, lasts_ms: int, name: str = "lease") -> None:
        self._store = store
        self._holder = holder
        self._lasts_ms = lasts_ms
        self._name = name

    async def take(self, session: str) -> bool:
        """Take the lease, or renew it. False where another process holds it."""
        with self._store.translated_errors():
            return bool(await self._take(session)(self._store.redis))

    async def renew(self, sessions: Sequence[str]) -> list[str]:
        """Renew the leases; the sessions whose lease another process holds.

        A session whose server does not answer is not among them.
        """
        with self._store.translated_errors():
            replies = await self._store.execute_each(
                self._store.redis, [self._take(session) for session in sessions]
            )
        return [session for session, taken in zip(sessions, replies, strict=True) if taken == 0]

    def _take(self, session: str) -> StoreCommand:
        # EVAL, not EVALSHA: a pipeline cannot fall back to the text where the hash is unknown.
        lease = key(session, self._name)
        return lambda client: client.eval(_TAKE, 1, lease, self._holder, self._lasts_ms)

    async def release(self, session: str) -> None:
        """Give up the lease, unless another process holds it."""
        with self._store.translated_errors():
            await _RELEASE(self._store.redis, [key(session, self._name)], [self._holder])
