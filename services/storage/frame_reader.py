"""Reading the frames of a session, as every screen does.

    async for frame in frames(store, "petit-le-mans-2007"):
        picture.show(frame)

The first frame is the newest snapshot; each one after it is the next delta, or the
snapshot that begins another epoch. Nothing but frames is read, and nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from projections.views.frame import Frame, Picture, Token
from services.storage.client import Store
from services.storage.projection_store import CannotTell, frame_id, key

BATCH = 100
"""Frames that are read at a time."""

BLOCK_MS = 2000
HISTORY_IS_GONE = "the frames since then are gone"


class _Entry(NamedTuple):
    follows: str
    frame: Frame


async def frames(store: Store, session: str, after: Token | None = None) -> AsyncIterator[Frame]:
    """The session's frames from the newest snapshot on, for ever, as they come.

    With ``after``, those behind the frame of that token; where they are not to be had any
    more, the newest snapshot, which gives that as its reason. A session without frames
    is waited for. Takes one connection. Raises BadSessionId and StoreError.
    """
    shown: Token | None = None
    reason: str | None = None
    if after is not None:
        shown = after if await _is_known(store, session, after) else None
        reason = HISTORY_IS_GONE
    while True:
        if shown is None:
            snapshot = await _snapshot_or_first(store, session)
            yield snapshot._replace(reason=reason) if reason else snapshot
            shown = snapshot.token
        for entry in await _read(store, session, shown, block_ms=BLOCK_MS):
            if not _goes_on(entry, shown):
                shown, reason = None, HISTORY_IS_GONE
                break
            yield entry.frame
            shown = entry.frame.token


async def picture(store: Store, session: str) -> Picture | None:
    """What screens show of the session now; None where nothing was told, or not all is there.

    Raises BadSessionId and StoreError.
    """
    snapshot = await _newest_snapshot(store, session)
    if snapshot is None:
        return None
    shown = Picture()
    shown.show(snapshot)
    token = snapshot.token
    while entries := await _read(store, session, token):
        for entry in entries:
            if not _goes_on(entry, token):
                return None
            shown.show(entry.frame)
            token = entry.frame.token
    return shown


def _goes_on(entry: _Entry, shown: Token) -> bool:
    """Whether nothing is missing between what is shown and this frame."""
    return entry.follows == str(shown) or entry.frame.kind == "snapshot"


async def _is_known(store: Store, session: str, token: Token) -> bool:
    """Whether the frames behind this token are all there."""
    try:
        own = frame_id(token)
    except CannotTell:
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
        if first and (entry := _entry(first[0])).frame.kind == "snapshot":
            return entry.frame
        await asyncio.sleep(0.1)


async def _newest_snapshot(store: Store, session: str) -> Frame | None:
    with store.translated_errors():
        raw: Any = await store.redis.get(key(session, "snapshot"))
    return Frame.decode(raw) if raw else None


async def _read(
    store: Store, session: str, after: Token, block_ms: int | None = None
) -> list[_Entry]:
    """The next frames in the stream, waited for where ``block_ms`` says so."""
    stream = key(session, "frames")
    with store.translated_errors():
        reply = await store.redis.xread({stream: frame_id(after)}, count=BATCH, block=block_ms)
    return [_entry(entry) for _, entries in dict(reply or {}).items() for entry in entries]


def _entry(entry: Any) -> _Entry:
    _, fields = entry
    return _Entry(fields[b"follows"].decode(), Frame.decode(fields[b"frame"]))
