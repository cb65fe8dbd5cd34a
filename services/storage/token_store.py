"""Tokens in the store: added, listed and revoked while gateways run.

- ``lapstream:tokens``  a hash: by id, a ``StoredToken`` as JSON. Of the token itself only the
  SHA-256 is kept; the id is its beginning;
- ``lapstream:audit``   a stream of what was done with tokens, by whom.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events.errors import LapstreamError
from replay.entries import parse_position
from services.roles import Grant, Role, hash_of, new_token
from services.storage.client import Store

TOKENS = "lapstream:tokens"
AUDIT = "lapstream:audit"
RETAINED_AUDIT = 100_000
ID_DIGITS = 12

LATEST_MS = 253_370_764_800_000
"""The beginning of the year 9999: a later time is none that can be written."""

_PATTERN = re.compile(r"[a-z0-9*?-]{1,64}")
_NAME = re.compile(r"\S{1,100}")


class BadToken(LapstreamError):
    """A token that cannot be made as it is wanted, or that there is not."""


TimeMs = Annotated[int, Field(ge=0, le=LATEST_MS)]


class StoredToken(BaseModel):
    """A token without its secret. Times are in ms since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    role: Literal["viewer", "output", "control", "admin"]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    sessions: tuple[str, ...] = ()
    until_ms: TimeMs | None = None
    added_ms: TimeMs
    added_by: str

    @property
    def id(self) -> str:
        """What identifies it in commands."""
        return self.sha256[:ID_DIGITS]

    @property
    def grant(self) -> Grant:
        """What it grants."""
        role = Role[self.role.upper()]
        return Grant(self.name, role, self.sessions, self.until_ms, self.id)


class TokenChange(NamedTuple):
    """What was done with a token, when (ms since 1970) and by whom."""

    at_ms: int
    action: str
    token: str
    by: str


class Revocation(NamedTuple):
    """The tokens that were revoked, by their ids; None for one that could not be read.

    ``namesakes`` has the ids of others, whose name is the id of the one that was revoked.
    """

    revoked: dict[str, StoredToken | None]
    namesakes: list[str]


class TokenStore:
    """The tokens of a store. All methods raise StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    async def all(self) -> list[StoredToken]:
        """The tokens that were not revoked, also those that ended, by name.

        One that cannot be read, such as of a newer version, grants nothing, and is left out.
        """
        tokens = [token for token in (await self._read()).values() if token is not None]
        return sorted(tokens, key=lambda one: (one.name, one.added_ms))

    async def _read(self) -> dict[str, StoredToken | None]:
        """The tokens by their ids, None for one that cannot be read."""
        with self._store.translated_errors():
            found: Any = await cast("Any", self._redis).hgetall(TOKENS)
        return {field.decode(errors="replace"): _read_token(text) for field, text in found.items()}

    async def add(
        self,
        name: str,
        role: Role,
        *,
        by: str,
        sessions: Sequence[str] = (),
        until_ms: int | None = None,
    ) -> tuple[str, StoredToken]:
        """Add a token; its secret, which is kept nowhere, and what is kept. Raises BadToken."""
        if not _NAME.fullmatch(name):
            raise BadToken(f"{name!r} is no name of a token: up to 100 characters without blanks")
        for pattern in sessions:
            if not _PATTERN.fullmatch(pattern):
                raise BadToken(f"{pattern!r} is no session or pattern: a-z, 0-9, -, * and ?")
        now = await self._now_ms()
        if until_ms is not None and until_ms <= now:
            raise BadToken("the end of the token has passed already")
        if until_ms is not None and until_ms > LATEST_MS:
            raise BadToken("the end of the token is after the year 9998; leave it out for none")
        secret, _ = new_token(name, role)
        token = StoredToken(
            name=name,
            role=role.name.lower(),
            sha256=hash_of(secret).hex(),
            sessions=tuple(sessions),
            until_ms=until_ms,
            added_ms=now,
            added_by=by,
        )
        with self._store.translated_errors():
            await self._redis.hset(TOKENS, token.id, token.model_dump_json())
        await self._note("added", _described(token, token.id), by)
        return secret, token

    async def revoke(self, wanted: str, *, by: str) -> Revocation:
        """Revoke the token of an id, or else all of a name. Raises BadToken if there is none.

        By its id also one that cannot be read.
        """
        tokens = await self._read()
        named: dict[str, StoredToken | None] = {
            one: token for one, token in tokens.items() if token and token.name == wanted
        }
        revoked = {wanted: tokens[wanted]} if wanted in tokens else named
        if not revoked:
            raise BadToken(f"no token has the id or the name {wanted!r}: see lapstream token list")
        for token_id, token in revoked.items():
            with self._store.translated_errors():
                await self._redis.hdel(TOKENS, token_id)
            await self._note("revoked", _described(token, token_id), by)
        return Revocation(revoked, [one for one in named if one not in revoked])

    async def changes(self, count: int = RETAINED_AUDIT) -> list[TokenChange]:
        """What was done with tokens, the newest last."""
        with self._store.translated_errors():
            found: Any = await self._redis.xrevrange(AUDIT, count=count)
        return [
            TokenChange(
                parse_position(position.decode())[0],
                *(
                    fields.get(name, b"").decode(errors="replace")
                    for name in (b"action", b"token", b"by")
                ),
            )
            for position, fields in reversed(found)
        ]

    async def _note(self, action: str, token: str, by: str) -> None:
        fields: Any = {"action": action, "token": token, "by": by}
        with self._store.translated_errors():
            await self._redis.xadd(AUDIT, fields, maxlen=RETAINED_AUDIT)

    async def _now_ms(self) -> int:
        with self._store.translated_errors():
            seconds, micro = await self._redis.time()
        return int(seconds) * 1000 + int(micro) // 1000


def _read_token(text: bytes) -> StoredToken | None:
    try:
        return StoredToken.model_validate_json(text)
    except ValidationError:
        return None


def _described(token: StoredToken | None, token_id: str) -> str:
    if token is None:
        return f"{token_id}, which could not be read"
    scope = f" for {', '.join(token.sessions)}" if token.sessions else ""
    return f"{token.role} {token.name} {token_id}{scope}"
