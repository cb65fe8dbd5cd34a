"""Topics of outputs that frames do not have: battles, the championship as it stands, a forecast.

All are made from the race, and the championship from its season too. The result is one more topic
of the snapshot, derived for the snapshot's position, so delay, hold and memory apply to it as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

from pydantic_core import from_json

from events.errors import BadMoment, NoForecast
from projections.championship.scoring import before_session
from projections.championship.season import Season
from projections.championship.single_session import season_of_session
from projections.folds.running_order import Gap
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.provisional import own_pack, rounds_scored
from projections.results.session_order import session_order
from projections.views.merge_patch import State
from projections.views.places import GapsBetween
from projections.views.published import dense
from services.gateway.live.filters import casefolded
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.state import Gateway
from services.queries.forecasts import ForecastTask, forecast_task
from services.queries.seasons import as_it_stands, read_season, round_of
from services.storage.output_store import Output
from services.storage.output_views import OutputView

T = TypeVar("T")

SEASON_SECONDS = 5.0
"""How often a season is read again: it changes by decisions, which are rare."""


class _SeasonRead(NamedTuple):
    season: Season
    at: float


class TopicDeriver:
    """Derives the topic of an output with a view in ``DERIVED``."""

    def __init__(self, gateway: Gateway, output: Output) -> None:
        self._gateway = gateway
        self._output = output
        self._read: _SeasonRead | None = None

    async def __call__(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the topic.

        Raises the errors of reading and folding, and UnknownRound for a session that is not a round
        of the season.
        """
        topic = await DERIVED[self._output.view](self, snapshot)
        return snapshot._replace(state={**snapshot.state, self._output.view: topic}, patch=None)

    async def battle(self, snapshot: Snapshot) -> State:
        """The battle of the output's cars."""
        return await self._view_of_race(snapshot, partial(battle, cars=self._output.cars))

    async def forecast(self, snapshot: Snapshot) -> State:
        """How the race may end, computed in the process for forecasts."""
        task = await self._view_of_race(snapshot, _forecast_task)
        if isinstance(task, str):
            return {"reason": task, "rows": {}}
        return forecast(from_json(await self._gateway.compute_forecast(task)), self._output)

    async def championship(self, snapshot: Snapshot) -> State:
        """The championship of the output's season, as known at the moment shown.

        Raises the errors of reading the season.
        """
        session = await self._gateway.scored_as(self._output.session)
        output = self._output.model_copy(update={"session": session})
        view = partial(championship, season=await self._season(), output=output)
        return await self._view_of_race(snapshot, view)

    async def _view_of_race(self, snapshot: Snapshot, view: Callable[[Race], T]) -> T:
        """The view of the race at the snapshot."""
        gateway, session = self._gateway, self._output.session
        if await gateway.is_replay(session):
            race = await gateway.replayed.race(session, snapshot.token, snapshot.clock_at)
            return await asyncio.to_thread(view, race)
        found = await gateway.races.ask(
            session,
            view,
            upto=snapshot.token.position,
            kept_as=f"outputs delayed by {self._output.delay_ms}",
        )
        return found.answer

    async def _season(self) -> Season | None:
        """The season as known at the moment that is shown; None if the output names none."""
        output, now = self._output, time.time()
        if output.season is None:
            return None
        if self._read is None or now - self._read.at >= SEASON_SECONDS:
            known_at = f"{int(now * 1000) - output.delay_ms}-0" if output.delay_ms else None
            try:
                season, _ = await read_season(self._gateway.log, output.season, known_at)
            except BadMoment:  # the season is younger than the delay
                season = Season()
            self._read = _SeasonRead(season, now)
        return self._read.season


DERIVED: Mapping[OutputView, Callable[[TopicDeriver, Snapshot], Awaitable[State]]] = {
    "battle": TopicDeriver.battle,
    "championship": TopicDeriver.championship,
    "forecast": TopicDeriver.forecast,
}
"""The views with a derived topic, and what makes it."""

# -- Forecasts -----------------------------------------------------------------------------

FORECAST_MEMBERS = (
    *("car", "class", "class_position", "net_position", "expected_place"),
    *("place_p10", "place_p90", "win", "podium", "stops_left"),
)


def _forecast_task(race: Race) -> ForecastTask | str:
    """The task of the race's forecast, or why there is none."""
    if race.finish.over:
        return "the race is over"
    try:
        return forecast_task(race)
    except NoForecast as error:
        return str(error)


def forecast(topic: Mapping[str, Any], output: Output) -> State:
    """The forecast of the output's classes and cars: ``{at_ms, laps_to_go, last_lap, rows}``."""
    classes, cars = casefolded(output.classes), casefolded(output.cars)
    rows = {
        car: dense({name: row[name] for name in FORECAST_MEMBERS})
        for car, row in topic["cars"].items()
        if (not cars or car.casefold() in cars)
        and (not classes or (row["class"] or "").casefold() in classes)
    }
    return {**{name: topic[name] for name in ("at_ms", "laps_to_go", "last_lap")}, "rows": rows}


# -- Battles -------------------------------------------------------------------------------


def battle(race: Race, cars: tuple[str, ...]) -> State:
    """The chosen cars in the order of the session, by car: place among them, gap and interval.

    ``gap`` is to the first of them, ``interval`` to the one directly ahead. Both are absent for the
    first, and before a crossing.
    """
    wanted = casefolded(cars)
    chosen = [car for car in session_order(race) if car.casefold() in wanted]
    rows: State = {}
    gaps = GapsBetween(race)
    for place, car in enumerate(chosen):
        row: State = {"position": place + 1}
        if place:
            row["gap"] = _gap(gaps.between(chosen[0], car))
            row["interval"] = _gap(gaps.between(chosen[place - 1], car))
        rows[car] = row
    return rows


def _gap(gap: Gap | None) -> State:
    return (
        {name: value for name, value in gap._asdict().items() if value is not None} if gap else {}
    )


# -- The championship ----------------------------------------------------------------------


def championship(race: Race, season: Season | None, output: Output) -> State:
    """The championship if the session ended now: ``{title, of, rows}``.

    A row has its rank before the session as ``before`` (absent for none, or unknown), and the
    points ``gained`` since. Without a season these are the points of the session alone; without a
    regulation pack there are no rows.
    """
    if season is None:
        pack = own_pack(race)
        if pack is None:
            return {"of": output.of, "rows": {}}
        rounds = rounds_scored(race, classify(race, Convention.of(pack)), pack=pack)
        return _topic(season_of_session(race, rounds, pack), None, output)
    if season.opened is None:
        return {"of": output.of, "rows": {}}
    number = round_of(season, race, session=output.session)
    before = before_session(season, race, number, output.session)
    return _topic(as_it_stands(before, race, number), before, output)


def _topic(now: Season, before: Season | None, output: Output) -> State:
    rows: State = {}
    wanted = casefolded(output.classes)
    for car_class in now.classes:
        if wanted and car_class.casefold() not in wanted:
            continue
        known = {row["name"]: row for row in _standing(before, output, car_class)}
        for row in _standing(now, output, car_class):
            was = known.get(row["name"], {"points": 0})
            members: dict[str, Any] = {
                "position": len(rows) + 1,
                **{name: row[name] for name in ("rank", "tied", "name", "car", "class", "points")},
                "before": was.get("rank"),
                "gained": row["points"] - was["points"] if before is not None else None,
            }
            rows[f"{car_class}:{row['name']}"] = {
                name: value for name, value in members.items() if value is not None
            }
    title = now.opened.title if now.opened else ""
    return {"title": title, "of": output.of, "rows": rows}


def _standing(season: Season | None, output: Output, car_class: str) -> list[dict[str, Any]]:
    if season is None or car_class not in season.classes:
        return []
    return season.standings(of=output.of, car_class=car_class)
