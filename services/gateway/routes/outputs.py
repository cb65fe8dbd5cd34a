"""The routes of named outputs: what graphics show, and who holds it.

Rows, pushes and what an operator is told all come from the output's own buffer
(``services.gateway.outputs.channel``), so that delay and hold are the same for all of them.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from events import AnyEvent, Contest, OutputFrozen, OutputReleased
from events.base import CarNumber, Name, Text
from events.errors import (
    BadSessionId,
    LapstreamError,
    NotASeason,
    UnknownCar,
    UnknownClass,
    UnknownSession,
)
from services.gateway.auth import authorize, requires
from services.gateway.errors import FieldError, RequestRefused, as_refusal, responses
from services.gateway.live.entry_names import resolve_names
from services.gateway.live.filters import Filter
from services.gateway.live.query import MAX_DELAY_MS, OutputQuery, parse_query, valid_event_id
from services.gateway.live.session_tail import now_ms
from services.gateway.live.subscription import Subscription
from services.gateway.live.transport import serve_websocket, sse_body
from services.gateway.outputs.channel import OutputChannels, OutputContent, clock_of, frame_of
from services.gateway.outputs.rows import OUTPUT_VIEWS
from services.gateway.routes.sessions import Format
from services.gateway.routes.streams import EVENT_STREAM
from services.gateway.state import Gateway, TheGateway, gateway_of
from services.gateway.views import live_rows as pictured
from services.gateway.views.view_query import (
    FIRST_PICTURE_SECONDS,
    LARGEST_ROWS,
    ViewResult,
    flat,
    flat_keys,
    of_flat,
    weak_etag,
)
from services.queries.seasons import read_season
from services.roles import Grant, Role
from services.storage.output_store import Hold, NoSuchOutput, Output, OutputIsFrozen, StoredOutput
from services.storage.output_views import OutputView

SOURCE = "outputs"
"""The source of the audit events."""

FEWEST_IN_BATTLE = 2
OF_NO_CAR: tuple[OutputView, ...] = ("flag", "cautions", "championship")
"""Views whose rows no choice of cars could thin out."""

router = APIRouter(tags=["outputs"])
logger = structlog.get_logger(__name__)


def _on_airs(request: Request) -> OutputChannels:
    on_airs: OutputChannels = request.app.state.outputs
    return on_airs


TheOutputs = Annotated[OutputChannels, Depends(_on_airs)]
PathName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", examples=["tower"])]
Viewer = Depends(requires(Role.VIEWER))
Operator = Annotated[Grant, Depends(requires(Role.OUTPUT))]


# -- What is sent and told -----------------------------------------------------------------

_EXAMPLE: JsonDict = {
    "session": "petit-le-mans-2007",
    "view": "standings",
    "classes": ["LMP2"],
    "delay_ms": 5000,
    "rows": 10,
}


class Wanted(BaseModel):
    """What an output is to show."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    session: str = Field(max_length=64, description="The session, or the replay.")
    view: OutputView = "standings"
    classes: tuple[Name, ...] = Field(
        default=(),
        max_length=50,
        description="Only these classes, in whatever case. One that the session does not have is "
        "refused once it has entries.",
    )
    cars: tuple[CarNumber, ...] = Field(
        default=(),
        max_length=200,
        description="Only these cars, as for classes; of the fastest laps those that they hold. "
        "RequestRefused for a view whose rows are of no car: flag, cautions, championship.",
    )
    delay_ms: int = Field(
        default=0, ge=0, le=MAX_DELAY_MS, description="Show everything so much later (ms)."
    )
    rows: int = Field(
        default=20, ge=1, le=LARGEST_ROWS, description="So many rows always, the rest empty."
    )
    season: str | None = Field(
        default=None,
        max_length=64,
        description="For the championship: the season that the session is a round of. Without "
        "one it is the session's own points.",
    )
    of: Contest = Field(default="drivers", description="Whose championship.")


class HoldTold(BaseModel):
    """Who froze an output, and when (ms since 1970)."""

    by: str
    since_ms: int
    reason: str | None


class OutputTold(Wanted):
    """An output, and how it stands."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "tower", **_EXAMPLE, "hold": None, "position": None}]
        },
    )

    name: str
    hold: HoldTold | None = Field(description="Who froze it; null while it follows its session.")
    position: str | None = Field(description="The log position that it shows; null: none yet.")
    age_ms: int | None = Field(description="How long ago that came on air.")
    stale: bool | None = Field(description="Whether the source is gone or silent.")


class Reason(BaseModel):
    """Why an output is frozen or released."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "timing loop is being checked"}]}
    )

    reason: Text | None = None


def _told(kept: StoredOutput, showing: OutputContent | None) -> OutputTold:
    held = kept.frozen.hold if kept.frozen else None
    return OutputTold(
        **kept.output.model_dump(),
        hold=held and HoldTold(by=held.by, since_ms=held.since_ms, reason=held.reason),
        position=showing and showing.snapshot.token.position,
        age_ms=showing and showing.age_ms,
        stale=showing and showing.stale,
    )


# -- Arranging them ------------------------------------------------------------------------


@router.get(
    "/outputs",
    summary="The outputs that there are",
    dependencies=[Viewer],
    responses=responses(401, 403, 503),
)
async def outputs(on_airs: TheOutputs) -> list[OutputTold]:
    """Each with what it is to show, who holds it, and how old its picture is."""
    return [await _standing(on_airs, kept) for kept in (await on_airs.known()).values()]


@router.get(
    "/outputs/{name}",
    summary="How an output stands",
    dependencies=[Viewer],
    responses=responses(401, 403, 404, 422, 503),
)
async def output(on_airs: TheOutputs, name: PathName) -> OutputTold:
    """What it is to show, who holds it, and how old its picture is."""
    return await _standing(on_airs, await _kept(on_airs, name))


async def _standing(on_airs: OutputChannels, kept: StoredOutput) -> OutputTold:
    on_air = await on_airs.on_air(kept.output.name)
    return _told(kept, on_air.shown(on_airs.lost))


@router.put(
    "/outputs/{name}",
    summary="Create or change an output",
    dependencies=[Depends(requires(Role.OUTPUT))],
    responses=responses(401, 403, 404, 422, 503),
)
async def put(
    gateway: TheGateway, on_airs: TheOutputs, name: PathName, wanted: Wanted
) -> OutputTold:
    """A frozen output stays as it is on air; what is changed shows once it is released."""
    try:
        await gateway.require(wanted.session)
    except (UnknownSession, BadSessionId) as error:
        fault = FieldError(field="session", value=wanted.session, reason=str(error))
        raise RequestRefused(404, str(error), [fault]) from None
    wanted = await _spelled(gateway, wanted, await _season_classes(gateway, wanted.season))
    _require_whole(wanted)
    kept = await on_airs.outputs.put(Output(name=name, **wanted.model_dump()))
    on_airs.take(name, kept)
    return await _standing(on_airs, kept)


async def _season_classes(gateway: Gateway, season: str | None) -> Sequence[str]:
    """The classes of the season that is named. Raises RequestRefused where there is no such."""
    if season is None:
        return ()
    try:
        found, _ = await read_season(gateway.log, season)
    except (UnknownSession, BadSessionId, NotASeason) as error:
        fault = FieldError(field="season", value=season, reason=str(error))
        raise RequestRefused(404, str(error), [fault]) from None
    return found.classes


async def _spelled(gateway: Gateway, wanted: Wanted, also: Sequence[str]) -> Wanted:
    """With classes and cars as the session spells them. Raises RequestRefused."""
    try:
        classes, cars = await resolve_names(
            gateway, wanted.session, wanted.classes, wanted.cars, also
        )
    except UnknownClass as error:
        fault = FieldError(field="classes", value=error.name, reason="no such class")
        raise RequestRefused(404, str(error), [fault]) from None
    except UnknownCar as error:
        fault = FieldError(field="cars", value=error.car, reason="no such car")
        raise RequestRefused(404, str(error), [fault]) from None
    return wanted.model_copy(update={"classes": tuple(classes), "cars": tuple(cars)})


def _require_whole(wanted: Wanted) -> None:
    """Raise RequestRefused where the view lacks the cars that it is made of, or is of none."""
    reason = None
    if wanted.view in OF_NO_CAR and wanted.cars:
        reason = f"the rows of {wanted.view!r} are of no car"
    if wanted.view == "battle" and len(set(wanted.cars)) < FEWEST_IN_BATTLE:
        reason = "a battle is one of two cars or more"
    if reason is not None:
        fault = FieldError(field="cars", value=", ".join(wanted.cars), reason=reason)
        raise RequestRefused(422, reason, [fault])


@router.delete(
    "/outputs/{name}",
    summary="Remove an output",
    status_code=204,
    dependencies=[Depends(requires(Role.OUTPUT))],
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def remove(on_airs: TheOutputs, name: PathName) -> None:
    """A frozen one has to be released first."""
    await _kept(on_airs, name)
    try:
        await on_airs.outputs.remove(name)
    except OutputIsFrozen as error:
        raise RequestRefused(409, str(error)) from None
    on_airs.take(name, None)


async def _showing(on_airs: OutputChannels, name: str) -> OutputContent | None:
    try:
        return await on_airs.showing(name)
    except NoSuchOutput as error:
        raise _unknown(error) from None


async def _kept(on_airs: OutputChannels, name: str) -> StoredOutput:
    try:
        return await on_airs.kept(name)
    except NoSuchOutput as error:
        raise _unknown(error) from None


def _unknown(error: NoSuchOutput) -> RequestRefused:
    fault = FieldError(field="name", value=error.output, reason="no such output")
    return RequestRefused(404, str(error), [fault])


# -- Holding them --------------------------------------------------------------------------


@router.post(
    "/outputs/{name}/freeze",
    summary="Freeze an output",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def freeze(
    gateway: TheGateway,
    on_airs: TheOutputs,
    name: PathName,
    operator: Operator,
    why: Reason | None = None,
) -> OutputTold:
    """Its rows and pushes stay as they are now, until it is released. One that is frozen
    already stays as it is. Freezing is an event in the session's log."""
    if await _showing(on_airs, name) is None:
        raise RequestRefused(409, f"output {name!r} has not shown anything yet")
    on_air = await on_airs.on_air(name)
    with on_air.paused():  # nobody is shown more than what is frozen, while the store is told
        kept = await _fresh(on_airs, name)
        showing = on_air.shown(on_airs.lost)
        if kept.frozen is None and showing is not None:
            hold = await _hold(gateway, showing, operator.name, why)
            kept = await on_airs.outputs.freeze(name, hold, frame_of(showing.snapshot))
            on_airs.take(name, kept)
    if kept.frozen is None:
        raise RequestRefused(409, f"output {name!r} was changed meanwhile")
    hold = kept.frozen.hold
    # Sent again it is there already; so one that failed here is made good the next time.
    await _audit(gateway, hold, [_frozen(hold)])
    logger.info("frozen", output=name, session=hold.output.session, by=hold.by)
    return await _standing(on_airs, kept)


@router.post(
    "/outputs/{name}/release",
    summary="Release an output",
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def release(
    gateway: TheGateway,
    on_airs: TheOutputs,
    name: PathName,
    operator: Operator,
    why: Reason | None = None,
) -> OutputTold:
    """It follows its session again; one that is not frozen stays as it is. Releasing is an
    event in the session's log."""
    kept = await _fresh(on_airs, name)
    if kept.frozen is not None:
        hold = kept.frozen.hold
        at = await _session_clock(gateway, hold.output.session, hold.at)
        await _audit(gateway, hold, [_frozen(hold), _released(hold, at, operator.name, why)])
        kept = await on_airs.outputs.release(name, kept.frozen)
        on_airs.take(name, kept)
        logger.info("released", output=name, session=hold.output.session, by=operator.name)
    return await _standing(on_airs, kept)


async def _fresh(on_airs: OutputChannels, name: str) -> StoredOutput:
    """The output as the store has it at this moment."""
    kept = await on_airs.outputs.get(name)
    on_airs.take(name, kept)
    return kept if kept is not None else await _kept(on_airs, name)


async def _hold(gateway: Gateway, showing: OutputContent, by: str, why: Reason | None) -> Hold:
    session = showing.output.session
    has_log = await gateway.log.exists(session)
    return Hold(
        by=by,
        reason=why.reason if why else None,
        since_ms=int(showing.at),
        moment=int(showing.moment),
        stale=showing.stale,
        at=await _session_clock(gateway, session, showing.snapshot.clock_at),
        number=await gateway.log.next_number(session, SOURCE, 2) if has_log else None,
        output=showing.output,
    )


async def _session_clock(gateway: Gateway, session: str, otherwise: int) -> int:
    """The session clock (ms) of the newest event: a decision is never ahead of the race."""
    with contextlib.suppress(LapstreamError, RequestRefused):
        newest = await (await gateway.tail(session)).snapshot(FIRST_PICTURE_SECONDS)
        if newest is not None:
            return newest.clock_at
    return otherwise


async def _audit(gateway: Gateway, hold: Hold, events: Sequence[AnyEvent]) -> None:
    """Append the events of a hold that the log does not have; a replay has no log."""
    if hold.number is not None:
        await gateway.log.append(hold.output.session, events)


def _frozen(hold: Hold) -> OutputFrozen:
    return OutputFrozen(
        at=hold.at,
        source=SOURCE,
        source_seq=hold.number or 0,
        by=hold.by,
        output=hold.output.name,
        reason=hold.reason,
    )


def _released(hold: Hold, at: int, by: str, why: Reason | None) -> OutputReleased:
    return OutputReleased(
        at=at,
        source=SOURCE,
        source_seq=(hold.number or 0) + 1,
        by=by,
        output=hold.output.name,
        reason=why.reason if why else None,
    )


# -- On air --------------------------------------------------------------------------------

ROWS_TOLD: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Flat rows of text with stable keys: those of the view, and "
        "`session_...` in each. As many as the output has, those beyond the field empty.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "example": [
                    {
                        "position": "1",
                        "car": "7",
                        "class": "LMP2",
                        "laps": "372",
                        "session_clock": "8:45:00",
                        "session_age_ms": "120",
                        "session_stale": "false",
                    }
                ],
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "position,car,class,laps,session_clock\n1,7,LMP2,372,8:45:00\n",
            },
        },
    },
    **responses(304, 401, 403, 404, 422, 503),
}


@router.get(
    "/outputs/{name}/rows",
    summary="The rows of an output",
    dependencies=[Viewer],
    responses=ROWS_TOLD,
    response_model=None,
)
async def rows(
    request: Request,
    on_airs: TheOutputs,
    name: PathName,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """For a program that polls, such as vMix. What was once there is never blanked: whatever
    becomes of the source, the last good picture stays, and its rows say how old it is."""
    showing = await _showing(on_airs, name)
    if showing is None:
        detail = f"output {name!r} has not shown anything yet"
        raise RequestRefused(503, detail, headers={"Retry-After": "1"})
    keys, lines = flat_rows(showing)
    headers = {
        "ETag": etag(lines, form),
        "Cache-Control": "no-cache",
        "Lapstream-Position": showing.snapshot.token.position,
        "Lapstream-Age-Ms": str(showing.age_ms),
    }
    known = request.headers.get("if-none-match", "")
    if headers["ETag"] in (one.strip() for one in known.split(",")):
        return Response(status_code=304, headers=headers)
    if form == "csv":
        return Response(csv_text(keys, lines), headers=headers, media_type="text/csv")
    return JSONResponse(lines, headers=headers)


def flat_rows(showing: OutputContent) -> tuple[list[str], list[dict[str, str]]]:
    """The keys of an output's rows, and the rows: always as many as it has."""
    output, snapshot = showing.output, showing.snapshot
    table, view = OUTPUT_VIEWS[output.view]
    chosen = Filter(classes=frozenset(output.classes), cars=frozenset(output.cars))
    shown = snapshot._replace(state=chosen.choose(snapshot.state))
    told = ViewResult(
        table,
        pictured.session_line(snapshot),
        snapshot.clock_running,
        view(shown, clock_of(snapshot, showing.moment)),
        snapshot.token.position,
        snapshot.at,
    )
    lines = flat(told, showing.moment, output.rows)
    age = {"session_age_ms": str(showing.age_ms), "session_stale": str(showing.stale).lower()}
    return flat_keys(table), [{**line, **age} for line in lines]


def etag(lines: Sequence[Mapping[str, str]], form: str) -> str:
    """The same for the same picture; weak, since the age of the data is another."""
    return weak_etag(form.encode() + of_flat(lines))


def csv_text(keys: Sequence[str], lines: Sequence[Mapping[str, str]]) -> str:
    """The rows as CSV, with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, keys, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


@router.get(
    "/outputs/{name}/stream",
    summary="Subscribe to an output by server-sent events",
    dependencies=[Viewer],
    response_class=StreamingResponse,
    responses={200: EVENT_STREAM, **responses(401, 403, 404, 422, 503)},
)
async def stream(
    gateway: TheGateway,
    on_airs: TheOutputs,
    name: PathName,
    query: Annotated[OutputQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """The output's view and the session line: a snapshot, then what changes. Freezing and
    releasing each begin an epoch, and say so. A WebSocket at this address is sent the same."""
    options = query.options(valid_event_id(last_event_id))
    await _kept(on_airs, name)
    on_air = await on_airs.on_air(name)
    gateway.check_capacity()
    subscription = Subscription(on_air.buffer, on_air.channel(), options, now_ms())

    async def body() -> AsyncIterator[bytes]:
        with gateway.subscriber("sse"):
            async for message in sse_body(on_air, subscription):
                yield message

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body(), headers=headers, media_type="text/event-stream")


@router.websocket("/outputs/{name}/stream")
async def live(websocket: WebSocket, name: PathName) -> None:
    """Subscribe by WebSocket: a snapshot, then what changes."""
    gateway = gateway_of(websocket)
    on_airs: OutputChannels = websocket.app.state.outputs
    try:
        authorize(websocket, Role.VIEWER, gateway.settings)
        options = parse_query(websocket, OutputQuery).options()
        await _kept(on_airs, name)
        on_air = await on_airs.on_air(name)
        gateway.check_capacity()
    except RequestRefused as error:
        await websocket.send_denial_response(error.response())
        return
    except LapstreamError as error:
        await websocket.send_denial_response(as_refusal(error).response())
        return
    with gateway.subscriber("websocket"):
        await websocket.accept()
        subscription = Subscription(on_air.buffer, on_air.channel(), options, now_ms())
        await serve_websocket(websocket, on_air, subscription)
