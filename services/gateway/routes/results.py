"""Views of a session's results: revisions, the differences between them, points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from events import Contest
from events.errors import UnknownRevision
from projections.championship.single_session import season_of_session
from projections.results.classification import Convention, classify
from projections.results.provisional import own_pack, rounds_scored
from projections.results.revisions import Revision, revisions
from projections.results.scheduled_length import length_note
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused
from services.gateway.routes.parameters import CarClass
from services.gateway.routes.view_request import TheViewRequest, required_pack, route_of
from services.gateway.views.view_query import View
from services.queries.race_cache import RaceMoment
from services.queries.results import changed_rows, revision_row
from services.queries.sessions import class_named
from services.queries.tables.columns import Row
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

RevisionNumber = Annotated[int, Query(ge=1, le=10_000, description="The number of a revision.")]


@router.get("/sessions/{session}/revisions", **route_of("revisions"))
async def list_revisions(request: TheViewRequest) -> Response:
    """The successive results of the session."""

    def view(moment: RaceMoment) -> Sequence[Row]:
        return [revision_row(one) for one in _revisions(moment)]

    return await request.respond("revisions", _until_moment(view), recorded=True)


@router.get("/sessions/{session}/differences", **route_of("differences"))
async def differences(
    request: TheViewRequest, before: RevisionNumber, after: RevisionNumber
) -> Response:
    """What changed between two revisions of the result."""

    def view(moment: RaceMoment) -> Sequence[Row]:
        found = _revisions(moment)
        for name, number in (("before", before), ("after", after)):
            if number > len(found):
                detail = str(UnknownRevision(number, len(found)))
                fault = FieldError(field=name, value=str(number), reason=detail)
                raise RequestRefused(404, detail, [fault])
        pack = own_pack(moment.race)
        return changed_rows(moment.recorded, found[before - 1], found[after - 1], pack)

    return await request.respond("differences", _until_moment(view), before, after, recorded=True)


def _revisions(moment: RaceMoment) -> Sequence[Revision]:
    """The revisions; before there is a result none, without reading the recorded events."""
    race = moment.race
    over = race.finish.over
    if not over and not race.session.declared:
        return []
    return revisions(moment.recorded, Convention.of(own_pack(race)))


def _until_moment(view: View) -> View:
    """The view of the events up to the moment; a later correction has a later session time."""

    def until(moment: RaceMoment) -> Sequence[Row]:
        events = [
            (position, event) for position, event in moment.recorded if event.at <= moment.race.at
        ]
        return view(RaceMoment(moment.race, events))

    return until


@router.get("/sessions/{session}/points", **route_of("points"))
async def points(
    request: TheViewRequest,
    of: Annotated[Contest, Query(description="Whose points.")] = "drivers",
    car_class: CarClass = None,
) -> Response:
    """The points of the session at the moment."""

    def view(moment: RaceMoment) -> Sequence[Row]:
        race = moment.race
        pack = required_pack(request.session, race)
        name = class_named(race, car_class) if car_class else None
        rounds = rounds_scored(race, classify(race, Convention.of(pack)), pack=pack)
        note = length_note(race, pack)
        standings = season_of_session(race, rounds, pack).standings(of=of, car_class=name)
        return [{**row, "length_note": note} for row in standings]

    return await request.respond("points", view, of, car_class)
