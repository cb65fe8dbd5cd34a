"""A client of the gateway: the states of a session as they change.

    async for update in subscribe("http://127.0.0.1:8000", "petit-le-mans-2007"):
        print(update.clock_at, update.state["session"].get("leader"))

``next_number`` asks with which number a source continues. ``subscribe_output`` does the same as
``subscribe`` for a named output. A lost connection is reopened, and resumes
with the last token: no change is missed or repeated. ``StateFollower`` is the same without a
connection, for messages that arrive another way (server-sent events).
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import random  # noqa: TID251 - clients of a lost gateway should not all reconnect at once
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Literal, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener

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
"""The gateway sends a heartbeat every five seconds; without one for so long it is gone."""

CLOSE_SECONDS = 1.0
"""How long closing waits; messages that arrive meanwhile need not be read."""

NOT_FOUND = 4404
"""The close code on which a client does not reconnect; it stands for a 404."""

TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the client tries again."""


class SubscriptionRefused(LapstreamError):
    """The gateway refuses the subscription: 401, 403, 404 or 422."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(f"the subscription was refused ({status}): {detail}")


class NumberRefused(LapstreamError):
    """The gateway does not say with which number a source continues: 401, 403, 404, 422 or 503."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(f"the number was refused ({status}): {detail}")


class BrokenStream(LapstreamError):
    """A message that does not follow from the state: the ones before it were lost."""


class StateUpdate(NamedTuple):
    """The state of a session after a message.

    ``at`` is the recorded time of the newest event (ms since 1970), with the delay added.
    ``clock_at`` is the session clock (ms), and ``clock_running`` whether it has run on since.
    ``reason`` says why a snapshot replaced the state. Heartbeats have ``age_ms``, and ``silent`` if
    the session has a live feed that is not heard. ``forecast`` is the newest one, which is no part
    of the state, for subscribers of that topic; ``reason`` says why there is none. ``state`` is
    never changed in place.
    """

    kind: Literal["snapshot", "delta", "heartbeat", "forecast"]
    token: Token
    at: int
    clock_at: int
    clock_running: bool
    state: State
    reason: str | None = None
    age_ms: int | None = None
    silent: bool = False
    forecast: Mapping[str, Any] | None = None


class StateFollower:
    """The state that results from messages, and the token to resume from."""

    def __init__(self) -> None:
        self.latest: StateUpdate | None = None

    @property
    def token(self) -> Token | None:
        """The token of the last message; None before the first."""
        return self.latest.token if self.latest is not None else None

    def apply(self, raw: bytes | str) -> StateUpdate:
        """Apply a message. Raises BrokenStream, and keeps the state then."""
        message: Mapping[str, Any] = from_json(raw)
        before, kind = self.latest, message["kind"]
        token = Token(message["epoch"], message["position"])
        if kind == "snapshot":
            state = message["data"]
        elif before is None or before.token.epoch != token.epoch:
            raise BrokenStream(f"the {kind} {token} follows no snapshot of its epoch")
        else:
            state = apply_patch(before.state, message["data"]) if kind == "delta" else before.state
        clock = message["clock"]
        self.latest = StateUpdate(
            kind,
            token,
            message["at"],
            clock["at"],
            clock["running"],
            state,
            message.get("reason"),
            message.get("age_ms"),
            message.get("silent", False),
            self._forecast(message),
        )
        return self.latest

    def _forecast(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The newest forecast; a new epoch begins without one."""
        if message["kind"] == "forecast":
            data: Mapping[str, Any] | None = message["data"]
            return data
        same = self.latest is not None and message["kind"] != "snapshot"
        return self.latest.forecast if same and self.latest is not None else None


async def subscribe(  # noqa: PLR0913 (options, by keyword)
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
    """Yield the state of a session each time that it changes, without end.

    ``url`` is the gateway's, ``token`` a bearer token if it requires one. With ``heartbeats``
    heartbeats are yielded too, with the age of the data. Raises SubscriptionRefused, also when the
    replay is ended. A gateway that is away is waited for.
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
    async with contextlib.aclosing(_updates(address, token, heartbeats=heartbeats)) as updates:
        async for update in updates:
            yield update


async def subscribe_output(
    url: str,
    name: str,
    *,
    max_hz: float | None = None,
    token: str | None = None,
    heartbeats: bool = False,
) -> AsyncGenerator[StateUpdate, None]:
    """Yield what a named output shows each time that it changes, without end.

    A freeze and a release each begin an epoch, with a ``reason``. Otherwise like ``subscribe``.
    """
    address = output_url(url, name, max_hz=max_hz)
    async with contextlib.aclosing(_updates(address, token, heartbeats=heartbeats)) as updates:
        async for update in updates:
            yield update


async def next_number(url: str, session: str, source: str, *, token: str | None = None) -> int:
    """Return the ``source_seq`` with which a source continues in a session.

    For a program that lost its counter: the number follows all of the source's events, and is 0
    for a source without any. Nothing is reserved. ``url`` is the gateway's, ``token`` a bearer
    token of the role control. Raises NumberRefused, and OSError if the gateway does not answer.
    """
    return await asyncio.to_thread(_next_number, url, session, source, token)


def _next_number(url: str, session: str, source: str, token: str | None) -> int:
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/sessions/{quote(session)}/next-number"
    address = urlunsplit((parts.scheme, parts.netloc, path, urlencode({"source": source}), ""))
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is not a gateway's address such as http://127.0.0.1:8000")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # Not the environment's proxy, which a gateway on this machine could not be reached by.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(address, headers=headers), timeout=SILENCE_SECONDS) as answer:  # noqa: S310 (scheme checked)
            return int(json.load(answer)["next_seq"])
    except HTTPError as error:
        detail = error.read().decode(errors="replace")
        raise NumberRefused(error.code, detail) from None
    except http.client.HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from None


async def _updates(
    address: str, token: str | None, *, heartbeats: bool
) -> AsyncGenerator[StateUpdate, None]:
    """The updates from an address, over as many connections as it takes."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    follower, pause = StateFollower(), FIRST_PAUSE
    while True:
        with contextlib.suppress(OSError, TimeoutError, ConnectionClosed, BrokenStream):
            try:
                connection = over_one_connection(address, headers, follower)
                async with contextlib.aclosing(connection) as messages:
                    async for update in messages:
                        pause = FIRST_PAUSE
                        if heartbeats or update.kind != "heartbeat":
                            yield update
            except InvalidStatus as error:
                status = error.response.status_code
                if status not in TRANSIENT:
                    detail = bytes(error.response.body or b"").decode(errors="replace")
                    raise SubscriptionRefused(status, detail) from None
            except ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code == NOT_FOUND:
                    raise SubscriptionRefused(404, error.rcvd.reason) from None
            except InvalidHandshake:
                pass  # a server that is shutting down or starting
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        pause = min(LONGEST_PAUSE, pause * 2)


async def over_one_connection(
    address: str, headers: Mapping[str, str], follower: StateFollower
) -> AsyncGenerator[StateUpdate, None]:
    """The updates over one connection, resuming from the follower's token.

    Raises BrokenStream, OSError, TimeoutError and the errors of websockets.
    """
    if follower.token is not None:
        address += f"{'&' if '?' in address else '?'}from={quote(str(follower.token))}"
    connection = await connect(
        address,
        additional_headers=headers,
        compression=None,  # frames are shared, which compression would prevent
        max_size=LARGEST_MESSAGE,
        proxy=None,  # not the environment's, which websockets would use
        close_timeout=CLOSE_SECONDS,
    )
    async with connection:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                raw = await connection.recv()
            yield follower.apply(raw)


def stream_url(url: str, session: str, *, over: str = "live", **options: Any) -> str:
    """The address of a subscription: ``live`` for WebSocket, ``stream`` for server-sent events."""
    return _address(url, f"sessions/{quote(session)}/{over}", options, websocket=over == "live")


def output_url(url: str, name: str, *, websocket: bool = True, **options: Any) -> str:
    """The address of an output's subscription, for WebSocket or server-sent events."""
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
