"""What the analysis views have in common: session, moment, form, and a view made of the fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from projections.race import Race
from projections.results.provisional import own_pack
from projections.rules.packs import RegulationPack
from projections.views.rows import RowModel
from services.clocks import now_ms
from services.gateway.errors import RequestRefused
from services.gateway.live.query import DelayMs, split_names
from services.gateway.routes import examples
from services.gateway.routes.parameters import At, KnownAt, RowCount, RowFormat
from services.gateway.state import Gateway, TheGateway
from services.gateway.views.responses import view_response
from services.gateway.views.view_query import View, ViewQuery, known_upto, query_folded
from services.queries.race_cache import RaceMoment
from services.queries.sessions import in_any_log
from services.queries.tables import race_tables, sporting_tables
from services.queries.tables.columns import Row, Table

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
        sporting_tables.FORECAST,
        sporting_tables.POINTS_TABLE,
        sporting_tables.CHAMPIONSHIP,
        sporting_tables.CLINCH,
    )
}
"""The analysis views by their names."""


class _SeasonRow(RowModel):
    season: str | None


_SEASON = Table("season", "The season of the session.", _SeasonRow)


class ViewRequest:
    """A request for a view, with the parameters that every view has."""

    def __init__(
        self,
        request: Request,
        gateway: TheGateway,
        session: str,
        at: At = None,
        known_at: KnownAt = None,
        form: RowFormat = "json",
        rows: RowCount = None,
        delay_ms: DelayMs = 0,
    ) -> None:
        self.request = request
        self.gateway: Gateway = gateway
        self.session = session
        self.query = ViewQuery(at, known_at, delay_ms=delay_ms)
        self._form = form
        self._rows = rows

    def of_cars(self, car_class: str | None, cars: list[str] | None) -> ViewQuery:
        """The query for a class and cars."""
        query = self.query
        chosen = tuple(sorted(split_names(cars or ())))
        return ViewQuery(query.at, query.known_at, car_class, chosen, query.delay_ms)

    async def own_season(self) -> str | None:
        """The season that the session belongs to by its own account."""
        result = await query_folded(self.gateway, self.session, _SEASON, _own_season, self.query)
        found: str | None = result.rows[0]["season"]
        return found

    async def known_upto(self) -> str | None:
        """The position, valid in any log, up to which events are known; None for all."""
        if self.query.known_at is not None and await self.gateway.is_replay(self.session):
            return None  # the view of the replay refuses the parameter
        known = await known_upto(self.gateway, self.session, self.query)
        if known is None:
            return None
        return in_any_log(known if "-" in known else f"{known}-0")

    async def respond(
        self,
        name: str,
        view: View,
        *options: object,
        query: ViewQuery | None = None,
        recorded: bool = False,
    ) -> Response:
        """The view of that name; ``options`` are its own parameters, for the entity tag."""
        table = TABLES[name]

        def table_rows(moment: RaceMoment) -> Sequence[Row]:
            return [{member: row[member] for member in table.members} for row in view(moment)]

        result = await query_folded(
            self.gateway, self.session, table, table_rows, query or self.query, recorded=recorded
        )
        now = now_ms() - self.query.delay_ms
        return view_response(self.request, result, now, self._form, self._rows, *options)


def _own_season(moment: RaceMoment) -> Sequence[Row]:
    return [{"season": moment.race.session.opened.season}]


TheViewRequest = Annotated[ViewRequest, Depends()]


def route_of(name: str) -> dict[str, Any]:
    """The OpenAPI members of the route of an analysis view."""
    table = TABLES[name]
    return {
        "summary": table.about.split(".")[0],
        "description": table.about,
        "operation_id": f"view_{name.replace('-', '_')}",
        **examples.of_view(table),
    }


def required_pack(session: str, race: Race) -> RegulationPack:
    """The session's regulation pack. Raises RequestRefused unless it names a built-in one."""
    pack = own_pack(race)
    if pack is None:
        raise RequestRefused(404, f"session {session!r} names no regulation pack that is built in")
    return pack
