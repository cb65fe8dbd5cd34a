"""Named outputs: their settings."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request

from events.errors import BadSessionId, NotASeason, UnknownCar, UnknownClass, UnknownSession
from services.gateway.auth import require_covered, requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.entry_names import resolve_names
from services.gateway.routes.output_models import (
    OutputName,
    OutputSettings,
    OutputStatus,
    TheOutputs,
    UnreadableOutputStatus,
    Viewer,
    output_status,
    stored_output,
)
from services.gateway.state import Gateway, TheGateway
from services.queries.seasons import read_season
from services.roles import Role
from services.storage.output_store import Output, OutputIsFrozen
from services.storage.output_views import OutputView

MIN_CARS_IN_BATTLE = 2
WITHOUT_CARS: tuple[OutputView, ...] = ("flag", "cautions", "championship")
"""Views with rows of no car."""

router = APIRouter(tags=["outputs"])


@router.get(
    "/outputs",
    operation_id="outputs_outputs_get",
    summary="List the outputs",
    dependencies=[Viewer],
    responses=responses(401, 403, 429, 503),
)
async def list_outputs(outputs: TheOutputs) -> list[OutputStatus | UnreadableOutputStatus]:
    """List the outputs with their settings, holds and the age of their data; of one whose settings
    cannot be read, such as of a newer version, the name and why."""
    readable = [await output_status(outputs, stored) for stored in (await outputs.all()).values()]
    unreadable = [
        UnreadableOutputStatus(name=name, error=str(error))
        for name, error in sorted(outputs.unreadable.items())
    ]
    return [*readable, *unreadable]


@router.get(
    "/outputs/{name}",
    operation_id="output_outputs__name__get",
    summary="Get an output",
    dependencies=[Viewer],
    responses=responses(401, 403, 404, 422, 429, 503),
)
async def get_output(outputs: TheOutputs, name: OutputName) -> OutputStatus:
    """Get the settings of an output, its hold and the age of its data."""
    return await output_status(outputs, await stored_output(outputs, name))


@router.put(
    "/outputs/{name}",
    operation_id="put_outputs__name__put",
    summary="Create or change an output",
    dependencies=[Depends(requires(Role.OUTPUT, in_body=True))],
    responses=responses(401, 403, 404, 422, 429, 503),
)
async def put_output(
    request: Request,
    gateway: TheGateway,
    outputs: TheOutputs,
    name: OutputName,
    settings: OutputSettings,
) -> OutputStatus:
    """Create or change an output. What a frozen output shows changes once it is released."""
    require_covered(request, settings.session)
    await outputs.all()
    if name in outputs.unreadable:  # whose it is cannot be known
        require_covered(request, None)
    try:
        await gateway.require(settings.session)
    except (UnknownSession, BadSessionId) as error:
        fault = FieldError(field="session", value=settings.session, reason=str(error))
        raise RequestRefused(404, str(error), [fault]) from None
    season_classes = await _season_classes(gateway, settings.season)
    settings = await _resolve_names(gateway, settings, season_classes)
    _check_cars(settings)
    stored = await outputs.store.put(Output(name=name, **settings.model_dump()))
    outputs.update(name, stored)
    return await output_status(outputs, stored)


async def _season_classes(gateway: Gateway, season: str | None) -> Sequence[str]:
    """The classes of the season. Raises RequestRefused if there is no such season."""
    if season is None:
        return ()
    try:
        found, _ = await read_season(gateway.log, season)
    except (UnknownSession, BadSessionId, NotASeason) as error:
        fault = FieldError(field="season", value=season, reason=str(error))
        raise RequestRefused(404, str(error), [fault]) from None
    return found.classes


async def _resolve_names(
    gateway: Gateway, settings: OutputSettings, season_classes: Sequence[str]
) -> OutputSettings:
    """The settings with names as the session spells them. Raises RequestRefused."""
    try:
        classes, cars = await resolve_names(
            gateway, settings.session, settings.classes, settings.cars, season_classes
        )
    except UnknownClass as error:
        fault = FieldError(field="classes", value=error.name, reason="no such class")
        raise RequestRefused(404, str(error), [fault]) from None
    except UnknownCar as error:
        fault = FieldError(field="cars", value=error.car, reason="no such car")
        raise RequestRefused(404, str(error), [fault]) from None
    return settings.model_copy(update={"classes": tuple(classes), "cars": tuple(cars)})


def _check_cars(settings: OutputSettings) -> None:
    """Raise RequestRefused if the view needs cars and has too few, or takes none."""
    reason = None
    if settings.view in WITHOUT_CARS and settings.cars:
        reason = f"the view {settings.view!r} has no rows by car"
    if settings.view == "battle" and len(set(settings.cars)) < MIN_CARS_IN_BATTLE:
        reason = "a battle needs two cars or more"
    if reason is not None:
        fault = FieldError(field="cars", value=", ".join(settings.cars), reason=reason)
        raise RequestRefused(422, reason, [fault])


@router.delete(
    "/outputs/{name}",
    operation_id="remove_outputs__name__delete",
    summary="Remove an output",
    status_code=204,
    dependencies=[Depends(requires(Role.OUTPUT))],
    responses=responses(401, 403, 404, 409, 422, 503),
)
async def remove_output(outputs: TheOutputs, name: OutputName) -> None:
    """Remove an output. A frozen one must be released first."""
    await outputs.all()
    if name not in outputs.unreadable:
        await stored_output(outputs, name)
    try:
        await outputs.store.remove(name)
    except OutputIsFrozen as error:
        raise RequestRefused(409, str(error)) from None
    outputs.update(name, None)
