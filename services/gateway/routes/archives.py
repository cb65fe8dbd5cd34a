"""Taking a session out of the store: its archive, and its removal."""

from __future__ import annotations

import asyncio
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from replay.archive import pack
from services.gateway.auth import requires
from services.gateway.errors import RequestRefused, check_expected, responses
from services.gateway.state import TheGateway
from services.roles import Grant, Role
from services.storage.session_removal import SessionInUse, remove_session, uses_of

router = APIRouter(tags=["operations"])
logger = structlog.get_logger(__name__)


class RemovedSession(BaseModel):
    """A session that is no longer in the store."""

    session: str
    position: str = Field(description="Where its log ended.")
    entries: int = Field(description="How many entries the log had.")
    keys: int = Field(description="How many keys were deleted.")


@router.get(
    "/sessions/{session}/archive",
    summary="Export a session's archive",
    dependencies=[Depends(requires(Role.CONTROL))],
    response_class=Response,
    responses={
        200: {
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
            "headers": {
                "Lapstream-Position": {
                    "description": "The last position of the archive.",
                    "schema": {"type": "string"},
                }
            },
        },
        **responses(401, 403, 404, 409, 422, 503),
    },
)
async def archive(gateway: TheGateway, session: str) -> Response:
    """The whole log as a file, as `lapstream export` writes it. `POST /archives` imports it. To
    archive a session, keep the file and then remove the session at the position of the header
    `Lapstream-Position`."""
    await gateway.require_log(session)
    async with gateway.archive_turns:
        entries = [entry async for batch in gateway.log.read(session) for entry in batch]
        if not entries:
            raise RequestRefused(409, f"the log of {session!r} is empty: nothing to archive")
        packed = await asyncio.to_thread(pack, session, entries)
    return Response(
        packed,
        media_type="application/gzip",
        headers={
            "Lapstream-Position": entries[-1].position,
            "Content-Disposition": f'attachment; filename="{session}.jsonl.gz"',
            "Cache-Control": "no-store",
        },
    )


@router.delete(
    "/sessions/{session}",
    summary="Remove a session",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def remove(
    gateway: TheGateway,
    session: str,
    remover: Annotated[Grant, Depends(requires(Role.ADMIN))],
    position: Annotated[
        str,
        Query(
            max_length=41,
            description="The last position of its log: nothing is removed if it has a later one.",
        ),
    ],
    force: Annotated[
        bool, Query(description="Also where a replay, an output or a season rests on it.")
    ] = False,
) -> RemovedSession:
    """Remove a session for good, with its log and everything derived from it. What it was is in an
    archive only, if one was kept."""
    await gateway.require_log(session)
    check_expected(position, "position")
    entries = await gateway.log.length(session)
    if not force and (uses := await uses_of(gateway.log, session)):
        raise RequestRefused(409, str(SessionInUse(session, uses, "; force=true removes it")))
    try:
        keys = await remove_session(gateway.log, session, position)
    except SessionInUse as error:  # a feed is followed into it
        raise RequestRefused(409, str(error)) from None
    await gateway.forget(session)
    logger.info("session removed", session=session, by=remover.name, entries=entries)
    return RemovedSession(session=session, position=position, entries=entries, keys=keys)
