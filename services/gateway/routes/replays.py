"""Replays: starting, controlling and ending them, and importing archives to replay.

A replay is read like a session, under its own name.
"""

from __future__ import annotations

import contextlib
import tempfile
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from events.errors import BadArchive
from replay.archive import ArchiveFile
from replay.steering import Command, Pace, Pause, Play, Seek, SetSpeed, Step
from services.gateway.auth import require_covered, requires
from services.gateway.errors import RequestRefused, responses
from services.gateway.state import Gateway, TheGateway
from services.roles import Role
from services.storage.replay_errors import NoReplayer

readable = APIRouter(tags=["replays"], dependencies=[Depends(requires(Role.VIEWER))])
controllable = APIRouter(
    tags=["replays"], dependencies=[Depends(requires(Role.CONTROL, in_body=True))]
)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        description="A request that is repeated with the same key takes effect once.",
    ),
]
WRITES = responses(401, 403, 404, 409, 422, 503)
LARGEST_ARCHIVE = 1 << 26
"""Bytes. A race of 24 hours has two million."""

LARGEST_LOG = 1 << 28
"""Bytes of an archive's entries, unpacked. A race of 24 hours has thirty million."""

SPOOLED = 1 << 20
"""Bytes of an archive that are kept in memory; the rest is on the disk until it is imported."""

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Accepted. No replayer runs at the moment; it is done once one does."}
}


class ReplayRequest(BaseModel):
    """A replay to start."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"source": "petit-le-mans-2007", "speed": 20, "from": "caution:9"}]
        },
    )

    source: str = Field(max_length=64, description="The session to replay.")
    speed: Pace = Field(default=1.0, description="Multiple of real time, or `max`.")
    begin: str | None = Field(
        default=None,
        alias="from",
        min_length=1,
        max_length=64,
        description="Where to start: `5:00:00`, `lap:100`, `caution:9`, `restart:9`, "
        "`lead-change:3`, `penalty:1`, `retirement:2`.",
    )
    as_shown: bool = Field(
        default=False,
        description="Play events in the order in which they were recorded, as screens showed them.",
    )
    playing: bool = True
    name: str | None = Field(default=None, max_length=64, description="Default: `replay-N`.")


class ReplayStatus(BaseModel):
    """The state of a replay. Nothing in it lies beyond the playhead."""

    replay: str
    source: str
    as_shown: bool
    playing: bool
    speed: Pace
    clock_ms: int | None = Field(description="Session clock at the playhead (ms).")
    ended: bool
    state: str = Field(
        description="`waiting` (for a replayer), `folding`, `stopped` or `unreadable`."
    )
    reason: str | None = Field(description="Why the replay is stopped or unreadable.")


class ImportedArchive(BaseModel):
    """The session that was imported."""

    session: str
    entries: int


@readable.get("/replays", summary="List the replays", responses=responses(401, 403, 429, 503))
async def replays(gateway: TheGateway) -> list[ReplayStatus]:
    """List the replays by name."""
    found = await gateway.replays.names()
    return [await _status(gateway, name) for name in found]


@readable.get(
    "/replays/{replay}", summary="Get a replay", responses=responses(401, 403, 404, 429, 503)
)
async def replay(gateway: TheGateway, replay: str) -> ReplayStatus:
    """Get the source, the speed and the clock of a replay."""
    return await _status(gateway, replay)


async def _status(gateway: Gateway, name: str) -> ReplayStatus:
    return ReplayStatus(**await gateway.replays.describe(name))


@controllable.post(
    "/replays", summary="Start a replay", status_code=201, responses={**ACCEPTED, **WRITES}
)
async def begin(
    connection: Request,
    gateway: TheGateway,
    request: ReplayRequest,
    response: Response,
    key: Key = None,
) -> ReplayStatus:
    """Start a replay of everything that is known of the session now. It is read as a session of its
    own name. A repeated request with the same key gives the replay that was started."""
    require_covered(connection, request.source)
    try:
        name = await gateway.replays.begin(
            request.source,
            name=request.name,
            speed=request.speed,
            begin=request.begin,
            as_shown=request.as_shown,
            playing=request.playing,
            # With the body: a key that is used again for another replay starts that one.
            idempotency_key=None if key is None else f"{key} {request.model_dump_json()}",
        )
    except NoReplayer as waiting:
        # The store has it; a replayer that starts later takes it up.
        name, response.status_code = waiting.replay, 202
    response.headers["Location"] = f"/replays/{name}"
    return await _status(gateway, name)


@controllable.post(
    "/archives",
    operation_id="bring_in_archives_post",
    summary="Import an archive",
    status_code=201,
    responses=responses(401, 403, 409, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_archive(gateway: TheGateway, request: Request) -> ImportedArchive:
    """Import a file written by `lapstream export`. Importing it again changes nothing. The response
    names the session, of which a replay can be started."""
    require_covered(request, None)
    with tempfile.SpooledTemporaryFile(SPOOLED) as file:
        async for piece in request.stream():
            file.write(piece)
        archive = ArchiveFile(file, "the archive", LARGEST_LOG)
        async with gateway.archive_turns:
            try:
                session, entries = await gateway.replays.bring_in(archive)
            except BadArchive as error:
                raise RequestRefused(422, str(error)) from None
    return ImportedArchive(session=session, entries=entries)


@controllable.delete(
    "/replays/{replay}", summary="End a replay", status_code=204, responses=responses(401, 403, 404)
)
async def stop(gateway: TheGateway, replay: str) -> None:
    """End a replay and delete its frames. Its subscribers are disconnected."""
    await gateway.replays.stop(replay)
    await gateway.tail_pool.end_replay(replay)


class SeekRequest(BaseModel):
    """A moment to go to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"to": "caution:9"}, {"to": "-0:30"}]}
    )

    to: str = Field(min_length=1, max_length=64)


class SpeedRequest(BaseModel):
    """A speed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"speed": 20}]})

    speed: Pace


class StepRequest(BaseModel):
    """The kind of step, and its direction."""

    model_config = ConfigDict(extra="forbid")

    to: Literal[
        "event",
        "lap",
        "caution",
        "restart",
        "lead_change",
        "flag",
        "local_flag",
        "penalty",
        "retirement",
    ] = "event"
    back: bool = False


async def _control(
    gateway: Gateway, replay: str, command: Command, key: str | None, response: Response
) -> ReplayStatus:
    with contextlib.suppress(NoReplayer):
        await gateway.replays.steer(replay, command, key)
        return await _status(gateway, replay)
    response.status_code = 202
    return await _status(gateway, replay)


@controllable.post("/replays/{replay}/play", summary="Play", responses={**ACCEPTED, **WRITES})
async def play(
    gateway: TheGateway, replay: str, response: Response, key: Key = None
) -> ReplayStatus:
    """Play from the playhead at the replay's speed."""
    return await _control(gateway, replay, Play(), key, response)


@controllable.post("/replays/{replay}/pause", summary="Pause", responses={**ACCEPTED, **WRITES})
async def pause(
    gateway: TheGateway, replay: str, response: Response, key: Key = None
) -> ReplayStatus:
    """Stop the playhead where it is."""
    return await _control(gateway, replay, Pause(), key, response)


@controllable.post(
    "/replays/{replay}/speed", summary="Change the speed", responses={**ACCEPTED, **WRITES}
)
async def speed(
    gateway: TheGateway, replay: str, request: SpeedRequest, response: Response, key: Key = None
) -> ReplayStatus:
    """Set the speed: 0.1 to 10000 times real time, or `max`."""
    return await _control(gateway, replay, SetSpeed(speed=request.speed), key, response)


@controllable.post("/replays/{replay}/seek", summary="Seek", responses={**ACCEPTED, **WRITES})
async def seek(
    gateway: TheGateway, replay: str, request: SeekRequest, response: Response, key: Key = None
) -> ReplayStatus:
    """Move the playhead to a moment. A new epoch begins with a snapshot and the reason."""
    return await _control(gateway, replay, Seek(to=request.to), key, response)


@controllable.post("/replays/{replay}/step", summary="Step", responses={**ACCEPTED, **WRITES})
async def step(
    gateway: TheGateway, replay: str, request: StepRequest, response: Response, key: Key = None
) -> ReplayStatus:
    """Pause, and move to the next event, lap or marker, or back to the previous one."""
    return await _control(gateway, replay, Step(to=request.to, back=request.back), key, response)


router = APIRouter()
router.include_router(readable)
router.include_router(controllable)
