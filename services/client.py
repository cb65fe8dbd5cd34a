"""A client of the gateway: the states of a session, as they come.

    async for shown in subscribe("http://127.0.0.1:8000", "petit-le-mans-2007"):
        print(shown.clock_at, shown.state["session"].get("leader"))

``subscribe_output`` is the same for a named output.

A connection that is lost is made again, and goes on from the last token: no change is
missed, and none is told twice. ``StateFollower`` is the same without a connection, for
messages that come another way (server-sent events).
"""

from __future__ import annotations

import asyncio
import contextlib
import random  # noqa: TID251 - clients that lost one gateway should not all come back at once
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from pydantic_core import from_json
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from events.errors import LapstreamError
from projections.views.frame import Token
from projections.views.merge_patch import State, apply_patch

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
LARGEST_MESSAGE = 1 << 26
SILENCE_SECONDS = 20.0
"""The gateway speaks every five seconds; after so long without a word it is gone."""

CLOSE_SECONDS = 1.0
"""Whoever leaves has nothing to lose, and what was sent meanwhile need not be read."""

GONE = 4404
"""The close code that says that there is nothing to come again for, as a 404 would."""

PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which it is worth coming again."""


class SubscriptionRefused(LapstreamError):
    """The gateway does not serve this subscription: 401, 403, 404 or 422."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(f"the subscription was refused ({status}): {detail}")


class BrokenStream(LapstreamError):
    """A message that follows nothing: what came before it was lost."""


class StateUpdate(NamedTuple):
    """What is shown of a session now.

    ``at`` is when the newest event in it was learned (ms since 1970), later by the delay
    where there is one; ``clock_at`` its session clock (ms), which ``clock_running`` since.
    ``reason`` says why a snapshot replaced what was shown; ``age_ms`` comes with a
    heartbeat, and so does ``silent``: the session has a live feed that is not heard.
    ``state`` is never changed in place.
    """

    kind: Literal["snapshot", "delta", "heartbeat"]
    token: Token
    at: int
    clock_at: int
    clock_running: bool
    state: State
    reason: str | None = None
    age_ms: int | None = None
    silent: bool = False


class StateFollower:
    """The state that follows from messages, and the token to go on from."""

    def __init__(self) -> None:
        self.shown: StateUpdate | None = None

    @property
    def token(self) -> Token | None:
        """Where it stands; None before the first message."""
        return self.shown.token if self.shown is not None else None

    def take(self, raw: bytes | str) -> StateUpdate:
        """Take in a message. Raises BrokenStream, after which it stands where it stood."""
        told: Mapping[str, Any] = from_json(raw)
        before, kind = self.shown, told["kind"]
        token = Token(told["epoch"], told["position"])
        if kind == "snapshot":
            state = told["data"]
        elif before is None or before.token.epoch != token.epoch:
            raise BrokenStream(f"the {kind} {token} follows no snapshot of its epoch")
        else:
            state = before.state if kind == "heartbeat" else apply_patch(before.state, told["data"])
        clock = told["clock"]
        self.shown = StateUpdate(
            kind,
            token,
            told["at"],
            clock["at"],
            clock["running"],
            state,
            told.get("reason"),
            told.get("age_ms"),
            told.get("silent", False),
        )
        return self.shown


async def subscribe(
    url: str,
    session: str,
    *,
    topics: Iterable[str] = (),
    classes: Iterable[str] = (),
    cars: Iterable[str] = (),
    max_hz: float | None = None,
    delay_ms: int = 0,
    token: str | None = None,
    heartbeats: bool = False,
) -> AsyncGenerator[StateUpdate, None]:
    """What is shown of a session, each time that it changes, for ever.

    ``url`` is the gateway's, ``token`` a bearer token where it wants one. With
    ``heartbeats`` signs of life come, too, with the age of the data. Raises
    SubscriptionRefused, also when a replay that is watched is ended; a gateway that is away
    is waited for.
    """
    address = stream_url(
        url,
        session,
        topics=topics,
        classes=classes,
        cars=cars,
        max_hz=max_hz,
        delay_ms=delay_ms,
    )
    async with contextlib.aclosing(_for_ever(address, token, heartbeats=heartbeats)) as showings:
        async for shown in showings:
            yield shown


async def subscribe_output(
    url: str,
    name: str,
    *,
    max_hz: float | None = None,
    token: str | None = None,
    heartbeats: bool = False,
) -> AsyncGenerator[StateUpdate, None]:
    """What a named output shows, each time that it changes, for ever: late and held as it is.

    Freezing and releasing it each begin an epoch, and ``reason`` says so. All else is as for
    ``subscribe``.
    """
    address = output_url(url, name, max_hz=max_hz)
    async with contextlib.aclosing(_for_ever(address, token, heartbeats=heartbeats)) as showings:
        async for shown in showings:
            yield shown


async def _for_ever(
    address: str, token: str | None, *, heartbeats: bool
) -> AsyncGenerator[StateUpdate, None]:
    """What comes from an address, over as many connections as it takes."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    following, pause = StateFollower(), FIRST_PAUSE
    while True:
        with contextlib.suppress(OSError, TimeoutError, ConnectionClosed, BrokenStream):
            try:
                connection = over_one_connection(address, headers, following)
                async with contextlib.aclosing(connection) as messages:
                    async for shown in messages:
                        pause = FIRST_PAUSE
                        if heartbeats or shown.kind != "heartbeat":
                            yield shown
            except InvalidStatus as error:
                status = error.response.status_code
                if status not in PASSING:
                    detail = bytes(error.response.body or b"").decode(errors="replace")
                    raise SubscriptionRefused(status, detail) from None
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == GONE:
                    raise SubscriptionRefused(404, error.rcvd.reason) from None
            except InvalidHandshake:
                pass  # a server that is on its way down, or up
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        pause = min(LONGEST_PAUSE, pause * 2)


async def over_one_connection(
    address: str, headers: Mapping[str, str], following: StateFollower
) -> AsyncGenerator[StateUpdate, None]:
    """What comes over one connection, from where ``following`` stands; it may end any time.

    Raises BrokenStream, OSError, TimeoutError and what websockets raises.
    """
    if following.token is not None:
        address += f"{'&' if '?' in address else '?'}from={quote(str(following.token))}"
    connection = await connect(
        address,
        additional_headers=headers,
        compression=None,
        max_size=LARGEST_MESSAGE,
        proxy=None,
        close_timeout=CLOSE_SECONDS,
    )
    async with connection:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                raw = await connection.recv()
            yield following.take(raw)


def stream_url(url: str, session: str, *, over: str = "live", **options: Any) -> str:
    """The address of a subscription: ``live`` for WebSocket, ``stream`` for SSE."""
    return _address(url, f"sessions/{quote(session)}/{over}", options, websocket=over == "live")


def output_url(url: str, name: str, *, websocket: bool = True, **options: Any) -> str:
    """The address of an output's subscription, for WebSocket or for SSE."""
    return _address(url, f"outputs/{quote(name)}/stream", options, websocket=websocket)


def _address(url: str, path: str, options: Mapping[str, Any], *, websocket: bool) -> str:
    parts = urlsplit(url)
    query: list[tuple[str, str]] = []
    for name, value in options.items():
        if value in (None, 0, ()):
            continue
        several = [value] if isinstance(value, str | int | float) else value
        query += [(name, str(one)) for one in several]
    kind = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    scheme = kind if websocket else parts.scheme
    return urlunsplit(
        (scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", urlencode(query), "")
    )
