"""Views with parameters of their own: gaps, lap chart, reasons, drive times, hypotheses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from events.errors import BadHypothesis, UnknownLap
from projections.results.classification import Convention
from projections.results.provisional import own_pack
from projections.results.time_lost import lost_on_road
from projections.results.whatif import (
    Hypothesis,
    effects_of,
    parse_penalty,
    parse_withdrawn,
    suppose,
)
from projections.views import gaps as gap_views
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused
from services.gateway.routes.parameters import CarClass, Cars
from services.gateway.routes.view_request import TheViewRequest, required_pack, route_of
from services.gateway.views.view_query import View
from services.queries import explanations
from services.queries.explanations import FORECAST, ClassificationPoints, statements_about
from services.queries.forecasts import forecast_rows
from services.queries.pit_wall import drive_time_ledger
from services.queries.race_cache import RaceMoment
from services.queries.tables.columns import Row
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

ReferenceCar = Annotated[
    str | None, Query(max_length=200, description="The car from which gaps are measured.")
]

# -- Between cars --------------------------------------------------------------------------


@router.get("/sessions/{session}/gaps", **route_of("gaps"))
async def gaps(
    request: TheViewRequest, to: ReferenceCar = None, car_class: CarClass = None, car: Cars = None
) -> Response:
    """The gap of every car to one of them."""
    query = request.of_cars(car_class, car)
    view: View = lambda moment: gap_views.gaps(moment.race, to)  # noqa: E731
    return await request.respond("gaps", view, to, car_class, query.cars, query=query)


@router.get("/sessions/{session}/chart", **route_of("chart"))
async def chart(
    request: TheViewRequest,
    to: ReferenceCar = None,
    since_ms: Annotated[
        int,
        Query(
            ge=0,
            le=2**53,
            description="Only laps of which something became known at or after this time on the "
            "session clock (ms), to continue from an earlier answer.",
        ),
    ] = 0,
    car_class: CarClass = None,
    car: Cars = None,
) -> Response:
    """Lap times, places and gaps, lap by lap."""
    query = request.of_cars(car_class, car)
    view: View = lambda moment: gap_views.chart(moment.race, to, since_ms)  # noqa: E731
    return await request.respond("chart", view, to, since_ms, car_class, query.cars, query=query)


# -- Of one car ----------------------------------------------------------------------------


@router.get("/sessions/{session}/explain", **route_of("explain"))
async def explain(
    request: TheViewRequest,
    car: Annotated[str, Query(min_length=1, max_length=200, description="The car.")],
    about: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Only statements about this, such as `gap`; `forecast`, which no other "
            "answer contains, says why a car has its odds.",
        ),
    ] = None,
) -> Response:
    """Why a car is where it is."""

    def view(moment: RaceMoment) -> Sequence[Row]:
        race, recorded = moment.race, moment.recorded
        return statements_about(race, recorded, car, own_pack(race), about)

    return await request.respond("explain", view, car, about, recorded=about != FORECAST)


@router.get("/sessions/{session}/drive-times", **route_of("drive-times"))
async def drive_time_rows(
    request: TheViewRequest, car_class: CarClass = None, car: Cars = None
) -> Response:
    """Drive times against the limits of the regulation pack."""
    query = request.of_cars(car_class, car)

    def view(moment: RaceMoment) -> Sequence[Row]:
        pack = required_pack(request.session, moment.race)
        return list(drive_time_ledger(moment.race, pack))

    return await request.respond("drive-times", view, car_class, query.cars, query=query)


@router.get("/sessions/{session}/forecast", **route_of("forecast"))
async def forecast(
    request: TheViewRequest, car_class: CarClass = None, car: Cars = None
) -> Response:
    """How each car may end: a forecast, never a result."""
    query = request.of_cars(car_class, car)

    def view(moment: RaceMoment) -> Sequence[Row]:
        return forecast_rows(moment.race)

    return await request.respond("forecast", view, car_class, query.cars, query=query)


# -- Hypotheses ----------------------------------------------------------------------------


@router.get("/sessions/{session}/whatif", **route_of("whatif"))
async def what_if(
    request: TheViewRequest,
    penalty: Annotated[
        list[str] | None,
        Query(
            max_length=50,
            description="A penalty, such as `66 time 30` or `7 drive_through`; may be repeated.",
            examples=[["66 time 30"]],
        ),
    ] = None,
    retire: Annotated[
        list[str] | None,
        Query(max_length=200, description="A car that retires; may be repeated."),
    ] = None,
    finish_now: Annotated[bool, Query(description="The race is stopped at this moment.")] = False,
    delete_time: Annotated[
        list[str] | None,
        Query(
            max_length=50,
            description="Car and lap whose time is withdrawn, such as `31 8`; may be repeated.",
            examples=[["31 8"]],
        ),
    ] = None,
    car_class: CarClass = None,
    car: Cars = None,
) -> Response:
    """The classification under a hypothesis; nothing is recorded."""
    with _refusing_bad_hypotheses():
        penalties = tuple(parse_penalty(text) for text in penalty or ())
    with _refusing_bad_hypotheses("delete_time"):
        withdrawn = tuple(parse_withdrawn(text) for text in delete_time or ())
    hypothesis = Hypothesis(penalties, tuple(retire or ()), finish_now, withdrawn)
    query = request.of_cars(car_class, car)

    def view(moment: RaceMoment) -> Sequence[Row]:
        race, pack = moment.race, own_pack(moment.race)
        with _refusing_bad_hypotheses():
            lost = lost_on_road(effects_of(race, hypothesis, Convention.of(pack)))
            then = ClassificationPoints.of(suppose(race, hypothesis), pack, lost)
        return explanations.changed_rows(ClassificationPoints.of(race, pack), then)

    return await request.respond("whatif", view, hypothesis, car_class, query.cars, query=query)


@contextlib.contextmanager
def _refusing_bad_hypotheses(otherwise: str = "penalty") -> Iterator[None]:
    """Turn BadHypothesis and UnknownLap into RequestRefused, with the parameter that has it."""
    try:
        yield
    except BadHypothesis as error:
        # The value begins with the command line's word for what is supposed.
        parameters = {"retire": "retire", "finish": "finish_now"}
        field = parameters.get(error.value.partition(" ")[0], otherwise)
        fault = FieldError(field=field, value=error.value, reason=error.reason)
        raise RequestRefused(422, str(error), [fault]) from None
    except UnknownLap as error:
        fault = FieldError(
            field="delete_time", value=f"{error.car} {error.lap}", reason="no such lap"
        )
        raise RequestRefused(404, str(error), [fault]) from None
