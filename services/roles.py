"""Roles, and the bearer tokens that grant them.

Only the SHA-256 of a token is stored: tokens are random, so no slower hash is needed. Token
lines come from a file (``LAPSTREAM_TOKENS_FILE``), a line each, or from the environment
(``LAPSTREAM_TOKENS``), separated by commas:

    race-control control sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

that is a name, a role, and the hash. ``lapstream token control --name race-control``
makes one. Tokens of the store (``services.storage.token_store``) may be for some sessions only, and
may end. Without any token, nothing can be written.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from pathlib import Path

from events.errors import LapstreamError


class Role(IntEnum):
    """Each role includes those before it: read, hold outputs, append events, everything."""

    VIEWER = 1
    OUTPUT = 2
    CONTROL = 3
    ADMIN = 4


class BadTokens(LapstreamError):
    """A token line that is malformed, or a file that cannot be read."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The holder of a token, and the role that it grants.

    ``sessions`` are patterns (as in ``spa-*``) of the sessions that it is for; all without any.
    ``until_ms`` is when it ends (ms since 1970). ``token_id`` identifies a token of the store.
    """

    name: str
    role: Role
    sessions: tuple[str, ...] = ()
    until_ms: int | None = None
    token_id: str | None = None

    def covers(self, session: str) -> bool:
        """Whether it is for the session."""
        return not self.sessions or any(fnmatchcase(session, one) for one in self.sessions)


_LINE = re.compile(r"(\S{1,100}) (viewer|output|control|admin) sha256:([0-9a-f]{64})")


class Tokens:
    """The valid tokens."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._grants: list[tuple[bytes, Grant]] = []
        for number, line in enumerate(lines, start=1):
            text = " ".join(line.split())
            if not text or text.startswith("#"):
                continue
            found = _LINE.fullmatch(text)
            if found is None:
                raise BadTokens(
                    f"token {number} is not written as NAME ROLE sha256:HASH, with one of the "
                    "roles viewer, output, control, admin: make one with lapstream token"
                )
            grant = Grant(found[1], Role[found[2].upper()])
            self._grants.append((bytes.fromhex(found[3]), grant))

    def __len__(self) -> int:
        return len(self._grants)

    @property
    def grants(self) -> list[Grant]:
        """What they grant."""
        return [grant for _, grant in self._grants]

    def __add__(self, other: Tokens) -> Tokens:
        both = Tokens()
        both._grants = [*self._grants, *other._grants]
        return both

    @classmethod
    def parse(cls, text: str) -> Tokens:
        """The tokens of a text, separated by commas. Raises BadTokens."""
        return cls(text.split(","))

    @classmethod
    def of_file(cls, file: str) -> Tokens:
        """The tokens of a file, a line each. Raises BadTokens."""
        try:
            return cls(Path(file).read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise BadTokens(f"the tokens of {file} cannot be read: {error}") from None

    @classmethod
    def of_grants(cls, grants: Iterable[tuple[bytes, Grant]]) -> Tokens:
        """The tokens of hashes with their grants."""
        tokens = cls()
        tokens._grants = list(grants)
        return tokens

    def grant(self, token: str) -> Grant | None:
        """The grant of a token, None for an invalid one. Takes the same time for any token."""
        digest = hash_of(token)
        granted = None
        for known, grant in self._grants:
            if hmac.compare_digest(known, digest):
                granted = grant
        return granted


def hash_of(token: str) -> bytes:
    """The hash that is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token(name: str, role: Role) -> tuple[str, str]:
    """A new token, and the line to store for it."""
    token = secrets.token_urlsafe(32)
    return token, f"{name} {role.name.lower()} sha256:{hash_of(token).hex()}"
