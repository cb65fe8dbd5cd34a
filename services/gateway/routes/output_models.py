"""What the routes of outputs share: request and response models, and dependencies."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from starlette.requests import HTTPConnection

from events import Contest
from events.base import CarNumber, Name, Text
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused
from services.gateway.live.query import MAX_DELAY_MS
from services.gateway.outputs.content import OutputContent
from services.gateway.outputs.live_output import LiveOutput
from services.gateway.outputs.live_outputs import LiveOutputs
from services.gateway.views.flat_rows import MAX_ROWS
from services.roles import Role
from services.storage.output_store import NoSuchOutput, StoredOutput
from services.storage.output_views import OutputView

# -- Dependencies --------------------------------------------------------------------------


def live_outputs(connection: HTTPConnection) -> LiveOutputs:
    """The outputs of the application."""
    outputs: LiveOutputs = connection.app.state.outputs
    return outputs


TheOutputs = Annotated[LiveOutputs, Depends(live_outputs)]
OutputName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", examples=["tower"])]
Viewer = Depends(requires(Role.VIEWER))


async def stored_output(outputs: LiveOutputs, name: str) -> StoredOutput:
    """The output of a name. Raises RequestRefused if there is none."""
    with _refused():
        return await outputs.stored(name)


async def live_output(outputs: LiveOutputs, name: str) -> LiveOutput:
    """The live output of that name. Raises RequestRefused if there is none."""
    with _refused():
        return await outputs.live_output(name)


async def output_content(outputs: LiveOutputs, name: str) -> OutputContent | None:
    """What an output shows. Raises RequestRefused if there is none of that name."""
    with _refused():
        return await outputs.content(name)


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """Refuse an output that is not there."""
    try:
        yield
    except NoSuchOutput as error:
        fault = FieldError(field="name", value=error.output, reason="no such output")
        raise RequestRefused(404, str(error), [fault]) from None


# -- Models --------------------------------------------------------------------------------

_EXAMPLE: JsonDict = {
    "session": "petit-le-mans-2007",
    "view": "standings",
    "classes": ["LMP2"],
    "delay_ms": 5000,
    "rows": 10,
}


class OutputSettings(BaseModel):
    """What an output shows."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    session: str = Field(max_length=64, description="The session or replay.")
    view: OutputView = "standings"
    classes: tuple[Name, ...] = Field(
        default=(),
        max_length=50,
        description="Only these classes, whatever the case. A class that the session does not have "
        "is refused once it has entries.",
    )
    cars: tuple[CarNumber, ...] = Field(
        default=(),
        max_length=200,
        description="Only these cars, as for `classes`; of the fastest laps those that they hold. "
        "Refused for views with rows of no car: flag, cautions, championship.",
    )
    delay_ms: int = Field(
        default=0,
        ge=0,
        le=MAX_DELAY_MS,
        description="Delay everything by so many milliseconds.",
    )
    rows: int = Field(
        default=20,
        ge=1,
        le=MAX_ROWS,
        description="The number of rows, those beyond the field empty.",
    )
    season: str | None = Field(
        default=None,
        max_length=64,
        description="For the championship: the season that the session is a round of. Without "
        "one, the points of the session itself.",
    )
    of: Contest = Field(default="drivers", description="Whose championship.")


class HoldStatus(BaseModel):
    """Who froze an output, and when (ms since 1970)."""

    by: str
    since_ms: int
    reason: str | None


class OutputStatus(OutputSettings):
    """The settings of an output, and its state."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "tower", **_EXAMPLE, "hold": None, "position": None}]
        },
    )

    name: str
    hold: HoldStatus | None = Field(
        description="Who froze the output; null while it follows its session."
    )
    position: str | None = Field(
        description="The log position that is shown; null before there is one."
    )
    age_ms: int | None = Field(description="The age of the data, less the delay.")
    stale: bool | None = Field(description="Whether the source is gone or silent.")


class UnreadableOutputStatus(BaseModel):
    """An output whose settings cannot be read. It can be set anew or removed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    error: str


class HoldReason(BaseModel):
    """Why an output is frozen or released."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "timing loop is being checked"}]}
    )

    reason: Text | None = None


async def output_status(outputs: LiveOutputs, stored: StoredOutput) -> OutputStatus:
    """The status of an output."""
    live = await outputs.live_output(stored.output.name)
    content = live.content(outputs.store_lost)
    hold = stored.frozen.hold if stored.frozen else None
    return OutputStatus(
        **stored.output.model_dump(),
        hold=hold and HoldStatus(by=hold.by, since_ms=hold.since_ms, reason=hold.reason),
        position=content and content.snapshot.token.position,
        age_ms=content and content.age_ms,
        stale=content and content.stale,
    )
