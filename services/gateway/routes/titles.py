"""Views of the season that a session is a round of: the championship, and who can clinch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from events import Contest
from events.errors import (
    BadSessionId,
    NoSuchMoment,
    NotASeason,
    UnknownRound,
    UnknownRules,
    UnknownSession,
)
from projections.championship.scoring import before_session
from projections.championship.season import Season
from projections.championship.titles import LiveRound, title
from projections.race import Race
from projections.results.classification import Convention, classify
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.routes.view_request import TheViewRequest, ViewRequest, route_of
from services.gateway.state import TheGateway
from services.queries.listings import season_rows
from services.queries.race_cache import RaceMoment
from services.queries.seasons import as_it_stands, chosen_classes, read_season, round_of
from services.queries.tables.columns import Row
from services.queries.tables.sporting_tables import SeasonsRow
from services.queries.titles import clinch_rows, titles_length_note
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

ContestParam = Annotated[Contest, Query(description="Whose points.")]
SeasonName = Annotated[
    str | None,
    Query(max_length=64, description="The season; by default the one that the session names."),
]
SeasonClass = Annotated[
    str | None, Query(alias="class", max_length=200, description="Only this class.")
]


@router.get("/seasons", summary="List the seasons", responses=responses(401, 403, 429, 503))
async def seasons(gateway: TheGateway) -> list[SeasonsRow]:
    """List the seasons of the store, and those that are built in, by name."""
    return [SeasonsRow.model_validate(row) for row in await season_rows(gateway.log)]


class SeasonOfSession(NamedTuple):
    """A season for a session: the last position of its log, and the session's name in it."""

    season: Season
    position: str
    session: str

    def before(self, race: Race) -> tuple[Season, int]:
        """The season before the session, and the session's round. Raises RequestRefused."""
        try:
            number = round_of(self.season, race, session=self.session)
        except UnknownRound as error:
            raise RequestRefused(404, str(error)) from None
        return before_session(self.season, race, number, self.session), number


async def season_of(request: ViewRequest, name: str | None) -> SeasonOfSession:
    """The season of that name, else that of the session, as far as it was known.

    Raises RequestRefused if there is none, or was none then.
    """
    if name is None:
        name = await request.own_season()
        if name is None:
            detail = f"session {request.session!r} belongs to no season: name one with `season`"
            raise RequestRefused(404, detail, [FieldError(field="season", reason="none is named")])
    # The season has a log of its own, with positions of its own.
    known = await request.known_upto()
    try:
        season, events = await read_season(request.gateway.log, name, known)
    except (UnknownSession, NotASeason, BadSessionId, UnknownRules, NoSuchMoment) as error:
        fault = FieldError(field="season", value=name, reason="no such season")
        raise RequestRefused(404, str(error), [fault]) from None
    session = await request.gateway.scored_as(request.session)
    return SeasonOfSession(season, events[-1][0], session)


@router.get("/sessions/{session}/championship", **route_of("championship"))
async def championship(
    request: TheViewRequest,
    of: ContestParam = "drivers",
    season: SeasonName = None,
    car_class: SeasonClass = None,
) -> Response:
    """The championship if the session ended at this moment."""
    found = await season_of(request, season)
    classes = chosen_classes(found.season, car_class)

    def view(moment: RaceMoment) -> Sequence[Row]:
        before, number = found.before(moment.race)
        scored = as_it_stands(before, moment.race, number)
        return [
            row
            for name in classes
            for row in scored.standings(of=of, car_class=name, after_round=number)
        ]

    # The season's position is an option: a change of it makes another view of the same session.
    return await request.respond("championship", view, of, season, car_class, found.position)


@router.get("/sessions/{session}/clinch", **route_of("clinch"))
async def clinch(
    request: TheViewRequest,
    of: ContestParam = "drivers",
    season: SeasonName = None,
    car_class: SeasonClass = None,
) -> Response:
    """Who can still win the title, and which result each contender needs."""
    found = await season_of(request, season)
    classes = chosen_classes(found.season, car_class)

    def view(moment: RaceMoment) -> Sequence[Row]:
        race, pack = moment.race, found.season.pack
        rows = classify(race, Convention.of(pack))
        before, number = found.before(race)
        running = LiveRound(race, rows, number)
        titles = [title(before, of, name, running) for name in classes]
        note = titles_length_note(before, titles, running)
        return [row for one in titles for row in clinch_rows(one, note)]

    return await request.respond("clinch", view, of, season, car_class, found.position)
