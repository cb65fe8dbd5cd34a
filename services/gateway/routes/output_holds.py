"""Freezing and releasing outputs. Both are recorded as events in the session's log."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends

from events import AnyEvent, OutputFrozen, OutputReleased
from events.errors import IdentityTaken, LapstreamError
from services.gateway.auth import requires
from services.gateway.errors import RequestRefused, responses
from services.gateway.outputs.content import OutputContent, frame_of
from services.gateway.outputs.live_outputs import LiveOutputs
from services.gateway.routes.output_models import (
    HoldReason,
    OutputName,
    OutputStatus,
    TheOutputs,
    live_output,
    output_content,
    output_status,
    stored_output,
)
from services.gateway.state import Gateway, TheGateway
from services.gateway.views.view_query import FIRST_SNAPSHOT_SECONDS
from services.roles import Grant, Role
from services.storage.output_store import Hold, StoredOutput, UnreadableOutput

SOURCE = "outputs"
"""The source of the events."""

router = APIRouter(tags=["outputs"])
logger = structlog.get_logger(__name__)

Operator = Annotated[Grant, Depends(requires(Role.OUTPUT))]


@router.post(
    "/outputs/{name}/freeze",
    summary="Freeze an output",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def freeze(
    gateway: TheGateway,
    outputs: TheOutputs,
    name: OutputName,
    operator: Operator,
    why: HoldReason | None = None,
) -> OutputStatus:
    """Keep the rows and the subscriptions of an output as they are until it is released. Freezing
    a frozen output changes nothing. It is recorded as an event in the session's log."""
    if await output_content(outputs, name) is None:
        raise RequestRefused(409, f"output {name!r} has not shown anything yet")
    live = await live_output(outputs, name)
    with live.paused():  # nothing later is shown than what is stored
        stored = await _newest(outputs, name)
        content = live.content(outputs.store_lost)
        if stored.frozen is None and content is not None:
            hold = await _hold(gateway, content, operator.name, why)
            stored = await outputs.store.freeze(name, hold, frame_of(content.snapshot))
            outputs.update(name, stored)
    if stored.frozen is None:
        raise RequestRefused(409, f"output {name!r} was changed meanwhile")
    hold = stored.frozen.hold
    # The log ignores an event that it has. So one that could not be appended is by the next
    # freeze or release.
    await _record(gateway, hold, [_frozen_event(hold)])
    logger.info("output frozen", output=name, session=hold.output.session, by=hold.by)
    return await output_status(outputs, stored)


@router.post(
    "/outputs/{name}/release",
    summary="Release an output",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def release(
    gateway: TheGateway,
    outputs: TheOutputs,
    name: OutputName,
    operator: Operator,
    why: HoldReason | None = None,
) -> OutputStatus:
    """Let a frozen output follow its session again. Releasing one that is not frozen changes
    nothing. It is recorded as an event in the session's log."""
    stored = await _newest(outputs, name)
    if stored.frozen is not None:
        hold = stored.frozen.hold
        at = await _session_clock(gateway, hold.output.session, hold.at)
        released = _released_event(hold, at, operator.name, why)
        await _record(gateway, hold, [_frozen_event(hold), released])
        stored = await outputs.store.release(name, stored.frozen)
        outputs.update(name, stored)
        logger.info("output released", output=name, session=hold.output.session, by=operator.name)
    return await output_status(outputs, stored)


async def _newest(outputs: LiveOutputs, name: str) -> StoredOutput:
    """The output as the store has it now: another gateway may have changed it."""
    try:
        stored = await outputs.store.get(name)
    except UnreadableOutput as error:
        outputs.update(name, error)
        raise
    outputs.update(name, stored)
    return stored if stored is not None else await stored_output(outputs, name)


async def _hold(gateway: Gateway, content: OutputContent, by: str, why: HoldReason | None) -> Hold:
    session = content.output.session
    has_log = await gateway.log.exists(session)
    return Hold(
        by=by,
        reason=why.reason if why else None,
        since_ms=int(content.at),
        moment=int(content.moment),
        stale=content.stale,
        at=await _session_clock(gateway, session, content.snapshot.clock_at),
        # Two numbers: this event's, and the release's.
        number=await gateway.log.next_number(session, SOURCE, 2) if has_log else None,
        output=content.output,
    )


async def _session_clock(gateway: Gateway, session: str, default: int) -> int:
    """The session clock (ms) of the newest event, not of the moment that a delay shows."""
    with contextlib.suppress(LapstreamError, RequestRefused):
        newest = await (await gateway.tail(session)).snapshot(FIRST_SNAPSHOT_SECONDS)
        if newest is not None:
            return newest.clock_at
    return default


async def _record(gateway: Gateway, hold: Hold, events: Sequence[AnyEvent]) -> None:
    """Append the events to the session's log; a replay has none."""
    if hold.number is None:
        return
    for event in events:
        # A release that was recorded before the output's own key was written is recorded with
        # another clock when it is repeated: the first counts.
        with contextlib.suppress(IdentityTaken):
            await gateway.log.append(hold.output.session, [event])


def _frozen_event(hold: Hold) -> OutputFrozen:
    return OutputFrozen(
        at=hold.at,
        source=SOURCE,
        source_seq=hold.number or 0,
        by=hold.by,
        output=hold.output.name,
        reason=hold.reason,
    )


def _released_event(hold: Hold, at: int, by: str, why: HoldReason | None) -> OutputReleased:
    return OutputReleased(
        at=at,
        source=SOURCE,
        source_seq=(hold.number or 0) + 1,
        by=by,
        output=hold.output.name,
        reason=why.reason if why else None,
    )
