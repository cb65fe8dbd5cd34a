"""The routes that give views with a question of their own: between which cars, of which car,
why, what if, between which results, for whom.

Like the other views they have ``at``, ``known_at``, JSON and CSV, and entity tags.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from events import Contest
from events.errors import (
    BadHypothesis,
    BadSessionId,
    NoSuchMoment,
    NotASeason,
    Undecidable,
    UnknownRevision,
    UnknownRound,
    UnknownRules,
    UnknownSession,
)
from projections.championship.scoring import before_session
from projections.championship.season import Season
from projections.championship.single_session import season_of_session
from projections.championship.titles import Live, title
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.drive_time import drive_times
from projections.results.provisional import own_pack, rounds_scored
from projections.results.revisions import Revision as Revised
from projections.results.revisions import revisions
from projections.results.whatif import Hypothesis, parse_penalty, suppose
from projections.rules.packs import RegulationPack
from projections.views import gaps as gap_views
from projections.views.rows import RowModel
from services.gateway.auth import requires
from services.gateway.errors import FieldError, RequestRefused, responses
from services.gateway.live.query import DelayMs, split_names
from services.gateway.live.session_tail import now_ms
from services.gateway.routes import examples
from services.gateway.routes.sessions import (
    AskedFormat,
    At,
    CarClass,
    Cars,
    Count,
    KnownAt,
    respond,
)
from services.gateway.state import Gateway, TheGateway
from services.gateway.views.view_query import View, ViewQuery, folded, known_upto
from services.queries import explanations
from services.queries.explanations import Standing, statements
from services.queries.pit_wall import drive_time_row
from services.queries.race_cache import RaceMoment
from services.queries.results import changed_rows, revision_row
from services.queries.seasons import as_it_stands, chosen_classes, read_season, round_of
from services.queries.sessions import class_named, in_any_log
from services.queries.tables import race_tables, sporting_tables
from services.queries.tables.columns import Row, Table
from services.queries.titles import clinch_rows
from services.roles import Role

router = APIRouter(tags=["views"], dependencies=[Depends(requires(Role.VIEWER))])

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        race_tables.GAPS,
        race_tables.CHART,
        sporting_tables.EXPLAIN,
        sporting_tables.WHATIF,
        sporting_tables.REVISIONS,
        sporting_tables.DIFFERENCES,
        sporting_tables.DRIVE_TIMES,
        sporting_tables.POINTS_TABLE,
        sporting_tables.CHAMPIONSHIP,
        sporting_tables.CLINCH,
    )
}
"""These views by their names."""

To = Annotated[str | None, Query(max_length=200, description="The car that it is measured from.")]
Whose = Annotated[Contest, Query(description="Whose points.")]


class ViewRequest:
    """What every view is asked: the session, the moment, the form."""

    def __init__(
        self,
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        form: AskedFormat = "json",
        rows: Count = None,
        delay_ms: DelayMs = 0,
    ) -> None:
        self.request = request
        self.gateway: Gateway = gateway
        self.session = session
        self.ask = ViewQuery(at, known_at, delay_ms=delay_ms)
        self._form = form
        self._rows = rows

    async def own_season(self) -> str | None:
        """The season that the session says it is a round of."""
        told = await folded(self.gateway, self.session, _SEASON, _own_season, self.ask)
        found: str | None = told.rows[0]["season"]
        return found

    async def known_upto(self) -> str | None:
        """The position, in any log, up to which was known what is asked for; None: all is."""
        ask = self.ask
        if ask.known_at is not None and await self.gateway.is_replay(self.session):
            return None  # which is refused as the replay is asked
        known = await known_upto(self.gateway, self.session, ask)
        if known is None:
            return None
        return in_any_log(known if "-" in known else f"{known}-0")

    async def answer(
        self,
        name: str,
        view: View,
        *of: object,
        ask: ViewQuery | None = None,
        recorded: bool = False,
    ) -> Response:
        """The view of that name; ``of`` is what else was asked."""
        table = TABLES[name]
        members = table.members

        def trimmed(stand: RaceMoment) -> Sequence[Row]:
            return [{one: row[one] for one in members} for row in view(stand)]

        told = await folded(
            self.gateway, self.session, table, trimmed, ask or self.ask, recorded=recorded
        )
        now = now_ms() - self.ask.delay_ms
        return respond(self.request, told, now, self._form, self._rows, *of)


class _OwnSeasonRow(RowModel):
    season: str | None


_SEASON = Table("season", "The season of the session.", _OwnSeasonRow)


def _own_season(stand: RaceMoment) -> Sequence[Row]:
    return [{"season": stand.race.session.opened.season}]


TheViewRequest = Annotated[ViewRequest, Depends()]


def described(name: str) -> dict[str, Any]:
    """What OpenAPI says of one of these views."""
    table = TABLES[name]
    return {
        "summary": table.about.split(".")[0],
        "description": table.about,
        "operation_id": f"view_{name.replace('-', '_')}",
        "response_model": None,
        "responses": {
            200: examples.of_view(table),
            **responses(304, 401, 403, 404, 422, 503),
        },
    }


# -- Between cars --------------------------------------------------------------------------


@router.get("/sessions/{session}/gaps", **described("gaps"))
async def gaps(
    asked: TheViewRequest, to: To = None, car_class: CarClass = None, car: Cars = None
) -> Response:
    """From any car to any car, now."""
    ask = _of_cars(asked.ask, car_class, car)
    view: View = lambda stand: gap_views.gaps(stand.race, to)  # noqa: E731
    return await asked.answer("gaps", view, to, car_class, ask.cars, ask=ask)


@router.get("/sessions/{session}/chart", **described("chart"))
async def chart(
    asked: TheViewRequest,
    to: To = None,
    since_ms: Annotated[
        int,
        Query(
            ge=0,
            le=2**53,
            description="Only laps of which something became known at or after this time on "
            "the session clock (ms), to go on with what was read before.",
        ),
    ] = 0,
    car_class: CarClass = None,
    car: Cars = None,
) -> Response:
    """Lap by lap: times, places, gaps."""
    ask = _of_cars(asked.ask, car_class, car)
    view: View = lambda stand: gap_views.chart(stand.race, to, since_ms)  # noqa: E731
    return await asked.answer("chart", view, to, since_ms, car_class, ask.cars, ask=ask)


def _of_cars(ask: ViewQuery, car_class: str | None, cars: list[str] | None) -> ViewQuery:
    chosen = tuple(sorted(split_names(cars or ())))
    return ViewQuery(ask.at, ask.known_at, car_class, chosen, ask.delay_ms)


# -- Of one car ----------------------------------------------------------------------------


@router.get("/sessions/{session}/explain", **described("explain"))
async def explain(
    asked: TheViewRequest,
    car: Annotated[str, Query(min_length=1, max_length=200, description="The car.")],
) -> Response:
    """Why a car is where it is."""

    def view(stand: RaceMoment) -> Sequence[Row]:
        return statements(stand.race, stand.recorded, car, own_pack(stand.race))

    return await asked.answer("explain", view, car, recorded=True)


@router.get("/sessions/{session}/drive-times", **described("drive-times"))
async def drive_time(
    asked: TheViewRequest, car_class: CarClass = None, car: Cars = None
) -> Response:
    """Time at the wheel against the limits of the pack."""
    ask = _of_cars(asked.ask, car_class, car)

    def view(stand: RaceMoment) -> Sequence[Row]:
        pack = required(asked.session, stand.race)
        return [drive_time_row(one) for one in drive_times(stand.race, pack)]

    return await asked.answer("drive-times", view, car_class, ask.cars, ask=ask)


def required(session: str, race: Race) -> RegulationPack:
    """The session's pack. Raises RequestRefused where it names none that is built in."""
    pack = own_pack(race)
    if pack is None:
        raise RequestRefused(404, f"session {session!r} names no regulation pack that is built in")
    return pack


# -- What would be -------------------------------------------------------------------------


@router.get("/sessions/{session}/whatif", **described("whatif"))
async def what_if(
    asked: TheViewRequest,
    penalty: Annotated[
        list[str] | None,
        Query(
            max_length=50,
            description="A penalty, such as `66 time 30` or `7 drive_through`; may be given "
            "several times.",
            examples=[["66 time 30"]],
        ),
    ] = None,
    retire: Annotated[
        list[str] | None,
        Query(max_length=200, description="A car that retires; may be given several times."),
    ] = None,
    finish_now: Annotated[bool, Query(description="The race is stopped here and now.")] = False,
    car_class: CarClass = None,
    car: Cars = None,
) -> Response:
    """The classification as it would be; nothing is recorded."""
    with _naming_the_hypothesis():
        supposed = tuple(parse_penalty(one) for one in penalty or ())
    hypothesis = Hypothesis(supposed, tuple(retire or ()), finish_now)
    ask = _of_cars(asked.ask, car_class, car)

    def view(stand: RaceMoment) -> Sequence[Row]:
        race, pack = stand.race, own_pack(stand.race)
        with _naming_the_hypothesis():
            then = Standing.of(suppose(race, hypothesis), pack)
        return explanations.changed_rows(Standing.of(race, pack), then)

    return await asked.answer("whatif", view, hypothesis, car_class, ask.cars, ask=ask)


@contextlib.contextmanager
def _naming_the_hypothesis() -> Iterator[None]:
    """Have what cannot be supposed refused, with what was asked."""
    try:
        yield
    except BadHypothesis as error:
        asked = {"retire": "retire", "finish": "finish_now"}
        field = asked.get(error.value.partition(" ")[0], "penalty")
        fault = FieldError(field=field, value=error.value, reason=error.reason)
        raise RequestRefused(422, str(error), [fault]) from None


# -- Results -------------------------------------------------------------------------------


@router.get("/sessions/{session}/revisions", **described("revisions"))
async def results_so_far(asked: TheViewRequest) -> Response:
    """The results as they followed each other."""

    def view(stand: RaceMoment) -> Sequence[Row]:
        return [revision_row(one) for one in _revisions(stand)]

    return await asked.answer("revisions", _until_then(view), recorded=True)


Revision = Annotated[int, Query(ge=1, le=10_000, description="The number of a revision.")]


@router.get("/sessions/{session}/differences", **described("differences"))
async def differences(asked: TheViewRequest, before: Revision, after: Revision) -> Response:
    """What changed from one revision of the result to another."""

    def view(stand: RaceMoment) -> Sequence[Row]:
        found = _revisions(stand)
        for name, number in (("before", before), ("after", after)):
            if number > len(found):
                detail = str(UnknownRevision(number, len(found)))
                raise RequestRefused(
                    404, detail, [FieldError(field=name, value=str(number), reason=detail)]
                )
        pack = own_pack(stand.race)
        return changed_rows(stand.recorded, found[before - 1], found[after - 1], pack)

    return await asked.answer("differences", _until_then(view), before, after, recorded=True)


def _revisions(stand: RaceMoment) -> Sequence[Revised]:
    """None before there is a result, which is known without looking at what was told."""
    race = stand.race
    over = race.order.chequered_at is not None or race.session.ended_at is not None
    if not over and not race.session.declared:
        return []
    return revisions(stand.recorded, Convention.of(own_pack(race)))


def _until_then(view: View) -> View:
    """With what had happened at the moment that is asked for; corrections are told later."""

    def then(stand: RaceMoment) -> Sequence[Row]:
        told = [
            (position, event) for position, event in stand.recorded if event.at <= stand.race.at
        ]
        return view(RaceMoment(stand.race, told))

    return then


# -- Points --------------------------------------------------------------------------------


@router.get("/sessions/{session}/points", **described("points"))
async def points(
    asked: TheViewRequest, of: Whose = "drivers", car_class: CarClass = None
) -> Response:
    """What the session is worth as it stands."""

    def view(stand: RaceMoment) -> Sequence[Row]:
        race = stand.race
        pack = required(asked.session, race)
        name = class_named(race, car_class) if car_class else None
        rounds = rounds_scored(race, classify(race, Convention.of(pack)))
        return season_of_session(race, rounds, pack).standings(of=of, car_class=name)

    return await asked.answer("points", view, of, car_class)


# -- Titles --------------------------------------------------------------------------------

SeasonName = Annotated[
    str | None,
    Query(max_length=64, description="The season's name; else the one that the session names."),
]
SeasonClass = Annotated[
    str | None, Query(alias="class", max_length=200, description="Only this class.")
]


class Fought(NamedTuple):
    """A season with the last position of its log, for the session that is asked about, by the
    name that the season has for it."""

    season: Season
    position: str
    session: str


async def season_of(asked: ViewRequest, name: str | None) -> Fought:
    """The season of that name, else that of the session, with what was known then.

    Raises RequestRefused where there is none, or was none then.
    """
    if name is None:
        name = await asked.own_season()
        if name is None:
            detail = f"session {asked.session!r} belongs to no season: ask for one by its name"
            raise RequestRefused(404, detail, [FieldError(field="season", reason="none is named")])
    known = await asked.known_upto()
    try:
        season, told = await read_season(asked.gateway.log, name, known)
    except (UnknownSession, NotASeason, BadSessionId, UnknownRules, NoSuchMoment) as error:
        raise RequestRefused(
            404, str(error), [FieldError(field="season", value=name, reason="no such season")]
        ) from None
    return Fought(season, told[-1][0], await asked.gateway.scored_as(asked.session))


def _before(fought: Fought, race: Race) -> tuple[Season, int]:
    """The season as it was before the session, and which round that is."""
    try:
        number = round_of(fought.season, race, session=fought.session)
    except UnknownRound as error:
        raise RequestRefused(404, str(error)) from None
    return before_session(fought.season, race, number, fought.session), number


@router.get("/sessions/{session}/championship", **described("championship"))
async def championship(
    asked: TheViewRequest,
    of: Whose = "drivers",
    season: SeasonName = None,
    car_class: SeasonClass = None,
) -> Response:
    """The championship as it would be if the session ended as it stands."""
    fought = await season_of(asked, season)
    classes = chosen_classes(fought.season, car_class)

    def view(stand: RaceMoment) -> Sequence[Row]:
        before, number = _before(fought, stand.race)
        scored = as_it_stands(before, stand.race, number)
        return [
            row
            for name in classes
            for row in scored.standings(of=of, car_class=name, after_round=number)
        ]

    return await asked.answer("championship", view, of, season, car_class, fought.position)


@router.get("/sessions/{session}/clinch", **described("clinch"))
async def clinch(
    asked: TheViewRequest,
    of: Whose = "drivers",
    season: SeasonName = None,
    car_class: SeasonClass = None,
) -> Response:
    """Who can still win the title, and what each needs, as the session stands."""
    fought = await season_of(asked, season)
    classes = chosen_classes(fought.season, car_class)

    def view(stand: RaceMoment) -> Sequence[Row]:
        race, pack = stand.race, fought.season.pack
        rows = classify(race, Convention.of(pack))
        before, number = _before(fought, race)
        running = Live(race, rows, number)
        try:
            return [
                row for name in classes for row in clinch_rows(title(before, of, name, running))
            ]
        except Undecidable as error:
            raise RequestRefused(404, str(error)) from None

    return await asked.answer("clinch", view, of, season, car_class, fought.position)
