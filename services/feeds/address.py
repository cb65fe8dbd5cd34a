"""Where feeds are served, and the sessions that they go into."""

from __future__ import annotations

from typing import NamedTuple

from events.errors import LapstreamError
from events.formats.rmonitor_recorded import SOURCE
from replay.entries import check_session_id

LAST_RUN = 98
"""The last run whose session's name must be valid, counted from 0."""


class BadAddress(LapstreamError):
    """Not an address of a feed."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"{address!r} is not the address of a feed: write HOST:PORT")


class BadFeed(LapstreamError):
    """Not a feed and a session."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"{text!r} names no feed: write rmonitor:HOST:PORT=SESSION")


class Address(NamedTuple):
    """Where a feed is served."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """``timing.example:50000`` or ``[::1]:50000``. Raises BadAddress."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not (port.isascii() and port.isdigit()) or len(port) > 5:
            raise BadAddress(text)
        try:
            host.encode("idna")  # as the resolver will encode it
        except UnicodeError:
            raise BadAddress(text) from None
        if not 0 < int(port) < 65536:
            raise BadAddress(text)
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class FeedTarget(NamedTuple):
    """A feed, and the session that it goes into."""

    address: Address
    session: str

    @classmethod
    def parse(cls, text: str) -> FeedTarget:
        """``rmonitor:timing.example:50000=friday``.

        Raises BadFeed, BadAddress and BadSessionId.
        """
        kind, colon, rest = text.partition(":")
        address, equals, session = rest.rpartition("=")
        if kind != SOURCE or not colon or not equals:
            raise BadFeed(text)
        target = cls(Address.parse(address), check_session_id(session))
        run_session(session, LAST_RUN)
        return target

    def __str__(self) -> str:
        return f"{SOURCE} {self.address} into {self.session}"


def run_session(session: str, run: int) -> str:
    """The session of a feed's run, counted from 0. Raises BadSessionId."""
    return check_session_id(session if run == 0 else f"{session}-{run + 1}")
