"""The routes of replays: sessions that are played again, shared by all who watch them.

A replay is watched like a session, under its own name; these begin, steer and end it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events.errors import BadArchive
from projections.race import Race
from projections.views.markers import all_markers
from projections.views.rows import RowModel
from replay.archive import unpack
from replay.edit_list import RATES, NoWallClock, TooManyEvents, cmx3600, csv_list
from replay.steering import Command, Pace, Pause, Play, Seek, SetSpeed, Step
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.query import DelayMs
from services.gateway.routes.sessions import At, KnownAt
from services.gateway.state import Gateway, TheGateway
from services.gateway.views.view_query import ViewQuery, folded
from services.queries.tables.columns import Table
from services.roles import Role
from services.storage.replay_errors import NoReplayer

watching = APIRouter(tags=["replays"], dependencies=[Depends(requires(Role.VIEWER))])
steering = APIRouter(tags=["replays"], dependencies=[Depends(requires(Role.CONTROL))])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=100,
        description="A command that is sent again with its key is obeyed once.",
    ),
]
WRITES = responses(401, 403, 404, 409, 422, 503)
LARGEST_ARCHIVE = 1 << 26
"""Bytes; a race of a day takes two million."""

LARGEST_LOG = 1 << 28
"""Bytes of an archive's entries; a race of a day has thirty million."""

ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "It will be done once a replayer comes to it; none has so far."}
}


class Begin(BaseModel):
    """A replay to begin."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"source": "petit-le-mans-2007", "speed": 20, "from": "caution:9"}]
        },
    )

    source: str = Field(max_length=64, description="The session that is played again.")
    speed: Pace = Field(default=1.0, description="Times real time, or `max`.")
    begin: str | None = Field(
        default=None,
        alias="from",
        min_length=1,
        max_length=64,
        description="`5:00:00`, `lap:100`, `caution:9`, `restart:9`, `lead-change:3`, "
        "`penalty:1`, `retirement:2`.",
    )
    as_shown: bool = Field(
        default=False, description="By when things were learned, as screens showed them."
    )
    playing: bool = True
    name: str | None = Field(default=None, max_length=64, description="Default: `replay-N`.")


class Replay(BaseModel):
    """How a replay stands. Nothing in it lies beyond the playhead."""

    replay: str
    source: str
    as_shown: bool
    playing: bool
    speed: Pace
    clock_ms: int | None = Field(description="The session clock (ms) at the playhead.")
    ended: bool
    state: str = Field(description="`waiting` for a replayer, `folding`, or `stopped`.")
    reason: str | None = Field(description="Why it is stopped.")


class Archive(BaseModel):
    """What was brought in."""

    session: str
    entries: int


@watching.get("/replays", summary="The replays that there are", responses=responses(401, 403, 503))
async def replays(gateway: TheGateway) -> list[Replay]:
    """Every replay, in the order of their names."""
    found = await gateway.replays.names()
    return [await _described(gateway, name) for name in found]


@watching.get(
    "/replays/{replay}", summary="How a replay stands", responses=responses(401, 403, 404, 503)
)
async def replay(gateway: TheGateway, replay: str) -> Replay:
    """Its source, its speed, and where its clock is."""
    return await _described(gateway, replay)


async def _described(gateway: Gateway, name: str) -> Replay:
    return Replay(**await gateway.replays.describe(name))


@steering.post(
    "/replays", summary="Begin a replay", status_code=201, responses={**ACCEPTED, **WRITES}
)
async def begin(gateway: TheGateway, wanted: Begin, response: Response, key: Key = None) -> Replay:
    """It plays what is known of the session now, and is watched as a session of its name. Sent
    again with its key, it is the replay that was begun."""
    try:
        name = await gateway.replays.begin(
            wanted.source,
            name=wanted.name,
            speed=wanted.speed,
            begin=wanted.begin,
            as_shown=wanted.as_shown,
            playing=wanted.playing,
            idempotency_key=None if key is None else f"{key} {wanted.model_dump_json()}",
        )
    except NoReplayer as waiting:
        name, response.status_code = waiting.replay, 202
    response.headers["Location"] = f"/replays/{name}"
    return await _described(gateway, name)


@steering.post(
    "/archives",
    summary="Bring in an archive, to play it again",
    status_code=201,
    responses=responses(401, 403, 409, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def bring_in(gateway: TheGateway, request: Request) -> Archive:
    """The body is what `lapstream export` wrote. Sent again, it changes nothing. The answer
    names the session, to begin a replay of."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_ARCHIVE:
            raise RequestRefused(413, f"the archive is larger than {LARGEST_ARCHIVE} bytes")
    try:
        manifest, entries = await asyncio.to_thread(unpack, bytes(body), "the archive", LARGEST_LOG)
    except BadArchive as error:
        raise RequestRefused(422, str(error)) from None
    await gateway.replays.bring_in(manifest.session, entries)
    return Archive(session=manifest.session, entries=len(entries))


@steering.delete(
    "/replays/{replay}", summary="End a replay", status_code=204, responses=responses(401, 403, 404)
)
async def stop(gateway: TheGateway, replay: str) -> None:
    """It is forgotten, and its frames with it; who watches it is told so."""
    await gateway.replays.stop(replay)
    await gateway.tail_pool.end_replay(replay)


class To(BaseModel):
    """Where to go."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"to": "caution:9"}, {"to": "-0:30"}]}
    )

    to: str = Field(min_length=1, max_length=64)


class Speed(BaseModel):
    """How fast."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"speed": 20}]})

    speed: Pace


class Stepping(BaseModel):
    """What to go on to."""

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


async def _steer(
    gateway: Gateway, replay: str, command: Command, key: str | None, response: Response
) -> Replay:
    with contextlib.suppress(NoReplayer):
        await gateway.replays.steer(replay, command, key)
        return await _described(gateway, replay)
    response.status_code = 202
    return await _described(gateway, replay)


@steering.post("/replays/{replay}/play", summary="Go on", responses={**ACCEPTED, **WRITES})
async def play(gateway: TheGateway, replay: str, response: Response, key: Key = None) -> Replay:
    """From where it is, at its speed."""
    return await _steer(gateway, replay, Play(), key, response)


@steering.post("/replays/{replay}/pause", summary="Stand still", responses={**ACCEPTED, **WRITES})
async def pause(gateway: TheGateway, replay: str, response: Response, key: Key = None) -> Replay:
    """Where it is."""
    return await _steer(gateway, replay, Pause(), key, response)


@steering.post("/replays/{replay}/speed", summary="Change speed", responses={**ACCEPTED, **WRITES})
async def speed(
    gateway: TheGateway, replay: str, wanted: Speed, response: Response, key: Key = None
) -> Replay:
    """0.1 to 10000 times real time, or `max`."""
    return await _steer(gateway, replay, SetSpeed(speed=wanted.speed), key, response)


@steering.post("/replays/{replay}/seek", summary="Go to a moment", responses={**ACCEPTED, **WRITES})
async def seek(
    gateway: TheGateway, replay: str, wanted: To, response: Response, key: Key = None
) -> Replay:
    """Ahead or back; a new epoch begins with a snapshot, and says why."""
    return await _steer(gateway, replay, Seek(to=wanted.to), key, response)


@steering.post("/replays/{replay}/step", summary="Go a step", responses={**ACCEPTED, **WRITES})
async def step(
    gateway: TheGateway, replay: str, wanted: Stepping, response: Response, key: Key = None
) -> Replay:
    """Pause, and go to the next event, lap or marker, or back to the one before."""
    return await _steer(gateway, replay, Step(to=wanted.to, back=wanted.back), key, response)


# -- Edit lists ----------------------------------------------------------------------------


_EDIT_LIST = Table("edit-list", "The markers of a session as an edit list.", RowModel)

StartsAt = Annotated[
    AwareDatetime | None,
    Query(
        description="The time of day of clock 0 with its zone, for a session that does not say "
        "when it began.",
        examples=["2007-10-06T11:15:00-04:00"],
    ),
]


@watching.get(
    "/sessions/{session}/edit-list",
    summary="The markers as an edit list",
    responses={
        200: {
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        },
        **responses(401, 403, 404, 422, 503),
    },
    response_class=Response,
)
async def edit_list(
    gateway: TheGateway,
    session: str,
    form: Annotated[Literal["edl", "csv"], Query(alias="format")] = "edl",
    fps: Annotated[
        Literal["24", "25", "29.97", "30", "50", "59.94", "60"],
        Query(description="Frame rate; 29.97 and 59.94 are drop frame."),
    ] = "25",
    starts_at: StartsAt = None,
    at: At = None,
    known_at: KnownAt = None,
    delay_ms: DelayMs = 0,
) -> Response:
    """Cautions, restarts, lead changes, flags, penalties and retirements with wall-clock
    timecodes, as CMX3600 or CSV."""

    def listed(race: Race) -> str:
        began, found = starts_at or race.session.opened.starts_at, all_markers(race)
        if form == "csv":
            return csv_list(found, began, RATES[fps]) + "\n"
        return cmx3600(race.session.opened.title, found, began, RATES[fps]) + "\n"

    ask = ViewQuery(at, known_at, delay_ms=delay_ms)
    try:
        told = await folded(
            gateway, session, _EDIT_LIST, lambda stand: [{"text": listed(stand.race)}], ask
        )
    except NoWallClock:
        reason = "the session does not say when it began: give the time of day of its clock 0"
        raise RequestRefused(422, reason, [FieldError(field="starts_at", reason=reason)]) from None
    except OverflowError:
        reason = "no time of day has a place so far from it"
        raise RequestRefused(422, reason, [FieldError(field="starts_at", reason=reason)]) from None
    except TooManyEvents as error:
        reason = f"{error.count} markers are more than a CMX3600 list can hold: ask for csv"
        raise RequestRefused(
            422, reason, [FieldError(field="format", value=form, reason=reason)]
        ) from None
    media = "text/csv" if form == "csv" else "text/plain"
    return Response(told.rows[0]["text"], media_type=f"{media}; charset=utf-8")


router = APIRouter()
router.include_router(watching)
router.include_router(steering)
