"""Reading the frames of a session.

    async for frame in frames(store, "petit-le-mans-2007"):
        client.apply(frame)

The first frame is the newest snapshot; each one after it is the next delta, or the snapshot
that begins another epoch. Only frames are read, and nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

from projections.views.frame import ClientState, Frame, Token
from projections.views.merge_patch import State
from replay.entries import parse_position
from services.storage.client import Store
from services.storage.frame_ids import TokenTooLarge, frame_id
from services.storage.keys import key

BATCH = 100
"""Frames that are read at a time."""

BLOCK_MS = 2000
DAMAGED_SECONDS = 0.5
"""How long to wait behind entries that are no frames."""
HISTORY_IS_GONE = "the frames since then are gone"
"""The reason of a snapshot where a subscriber could not resume from its token."""


class _StoredFrame(NamedTuple):
    follows: str
    frame: Frame


async def frames(
    store: Store, session: str, after: Token | None = None
) -> AsyncGenerator[Frame, None]:
    """The session's frames from the newest snapshot on, for ever, as they are committed.

    Those of a session that is projected in this process are handed over by the projector, without
    another way through the store (``services.storage.committed_frames``).
    With ``after``, those behind the frame of that token; if some of them were trimmed, the
    newest snapshot with the reason HISTORY_IS_GONE. Waits for the first frame of a session.
    Takes one connection. Raises BadSessionId and StoreError.
    """
    position: Token | None = None
    reason: str | None = None
    if after is not None:
        position = after if await _is_retained(store, session, after) else None
        reason = HISTORY_IS_GONE
    while True:
        if position is None:
            snapshot = await _snapshot_or_first(store, session)
            yield snapshot._replace(reason=reason) if reason else snapshot
            position = snapshot.token
        for stored in await _committed(store, session, position):
            if not _continues(stored, position):
                position, reason = None, HISTORY_IS_GONE
                break
            yield stored.frame
            position = stored.frame.token


async def _committed(store: Store, session: str, after: Token) -> Sequence[_StoredFrame]:
    """The next frames, waited for."""
    handed_over = await store.committed.behind(session, after)
    if handed_over is None:
        return await _read(store, session, after, block_ms=BLOCK_MS)
    # Decoded for each reader, as those from the store are: nobody shares what they contain.
    return [_StoredFrame(one.follows, Frame.decode(one.frame)) for one in handed_over]


async def published_state(store: Store, session: str) -> ClientState | None:
    """The session's published state; None before the first frame, or if frames are missing.

    Raises BadSessionId and StoreError.
    """
    snapshot = await _newest_snapshot(store, session)
    if snapshot is None or snapshot.kind != "snapshot":
        return None
    client = ClientState()
    client.apply(snapshot)
    token = snapshot.token
    while entries := await _read(store, session, token):
        for stored in entries:
            if not _continues(stored, token):
                return None
            client.apply(stored.frame)
            token = stored.frame.token
    return client


async def state_at(store: Store, session: str, token: Token) -> State | None:
    """The published state if it is that of the token; None where that cannot be known."""
    client = await published_state(store, session)
    if client is None or client.newest is None or client.newest.token != token:
        return None
    return client.state


def _continues(stored: _StoredFrame, position: Token) -> bool:
    """Whether no frame is missing between ``position`` and this one."""
    return stored.follows == str(position) or stored.frame.kind == "snapshot"


async def _is_retained(store: Store, session: str, token: Token) -> bool:
    """Whether all frames behind this token are in the stream."""
    try:
        own = frame_id(token)
    except TokenTooLarge:
        return False
    with store.translated_errors():
        if await store.redis.xrange(key(session, "frames"), own, own):
            return True
    behind = await _read(store, session, token)
    return bool(behind) and behind[0].follows == str(token)


async def _snapshot_or_first(store: Store, session: str) -> Frame:
    """The newest snapshot, waited for; without one, the first frame if that is a snapshot."""
    while True:
        snapshot = await _newest_snapshot(store, session)
        if snapshot is not None:
            return snapshot
        with store.translated_errors():
            first = await store.redis.xrange(key(session, "frames"), count=1)
        stored = _stored_frame(first[0]) if first else None
        if stored is not None and stored.frame.kind == "snapshot":
            return stored.frame
        await asyncio.sleep(0.1)


async def _newest_snapshot(store: Store, session: str) -> Frame | None:
    with store.translated_errors():
        raw: Any = await store.redis.get(key(session, "snapshot"))
    try:
        return _decoded(raw) if raw else None
    except ValueError:
        return None  # damaged: the projector writes another


async def _read(
    store: Store, session: str, after: Token, block_ms: int | None = None
) -> list[_StoredFrame]:
    """The next frames in the stream; ``block_ms``: how long to wait for one."""
    stream = key(session, "frames")
    with store.translated_errors():
        reply = await store.redis.xread({stream: frame_id(after)}, count=BATCH, block=block_ms)
    read = [entry for _, entries in dict(reply or {}).items() for entry in entries]
    stored = [frame for entry in read if (frame := _stored_frame(entry)) is not None]
    if read and not stored and block_ms is not None:
        await asyncio.sleep(DAMAGED_SECONDS)  # they would be read again without a pause
    return stored


def _stored_frame(entry: Any) -> _StoredFrame | None:
    """The frame of an entry; None for what is no frame, which another program added."""
    _, fields = entry
    try:
        return _StoredFrame(fields[b"follows"].decode(), _decoded(fields[b"frame"]))
    except (KeyError, ValueError):
        return None


def _decoded(raw: bytes) -> Frame:
    """The frame. Raises ValueError for what is none."""
    try:
        frame = Frame.decode(raw)
        parse_position(frame.token.position)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    if type(frame.token.epoch) is not int or not isinstance(frame.data, dict):
        raise ValueError("not a frame")
    return frame
