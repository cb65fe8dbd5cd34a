"""What graphics show that a session's frames do not tell: battles, and the points as they stand.

Both need the race itself, and the championship its season besides. What comes of it is one
more topic of the picture, made for the position that the picture stands at; so delay, hold and
memory are the same for it as for all else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from events.errors import BadMoment
from projections.championship.scoring import before_session
from projections.championship.season import Season
from projections.championship.single_session import season_of_session
from projections.folds.running_order import Gap
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.provisional import own_pack, rounds_scored
from projections.views.merge_patch import State
from services.gateway.live.filters import casefolded
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.state import Gateway
from services.queries.seasons import as_it_stands, read_season, round_of
from services.storage.output_store import Output

DERIVED = ("battle", "championship")
"""The views that are made here."""

SEASON_SECONDS = 5.0
"""How often a season is read anew: it changes by decisions, and those are rare."""


class _Read(NamedTuple):
    season: Season
    at: float


class TopicDeriver:
    """Makes one output's topic, where its view is one of ``DERIVED``."""

    def __init__(self, gateway: Gateway, output: Output) -> None:
        self._gateway = gateway
        self._output = output
        self._read: _Read | None = None

    async def __call__(self, snapshot: Snapshot) -> Snapshot:
        """The picture with the topic.

        Raises what reading and folding raise, and UnknownRound for a session that is no
        round of its season.
        """
        topic = await self._of_race(snapshot, await self._view())
        return snapshot._replace(state={**snapshot.state, self._output.view: topic}, patch=None)

    async def _view(self) -> Callable[[Race], State]:
        if self._output.view == "battle":
            return partial(battle, cars=self._output.cars)
        session = await self._gateway.scored_as(self._output.session)
        output = self._output.model_copy(update={"session": session})
        return partial(championship, season=await self._season(), output=output)

    async def _of_race(self, snapshot: Snapshot, view: Callable[[Race], State]) -> State:
        """What a view says of the race as the picture shows it."""
        gateway, session = self._gateway, self._output.session
        if await gateway.is_replay(session):
            return view(await gateway.replayed.race(session, snapshot.token, snapshot.clock_at))
        found = await gateway.races.ask(
            session,
            view,
            upto=snapshot.token.position,
            kept_as=f"outputs delayed by {self._output.delay_ms}",
        )
        return found.answer

    async def _season(self) -> Season | None:
        """The season as it was known at the moment that is shown; None where none is named."""
        output, now = self._output, time.time()
        if output.season is None:
            return None
        if self._read is None or now - self._read.at >= SEASON_SECONDS:
            known_at = f"{int(now * 1000) - output.delay_ms}-0" if output.delay_ms else None
            try:
                season, _ = await read_season(self._gateway.log, output.season, known_at)
            except BadMoment:  # it is younger than the delay
                season = Season()
            self._read = _Read(season, now)
        return self._read.season


# -- Battles -------------------------------------------------------------------------------


def battle(race: Race, cars: tuple[str, ...]) -> State:
    """The chosen cars in the running order, by car: place, and gaps among themselves.

    ``gap`` is to the first of them, ``interval`` to the one of them ahead, as the running
    order has it between any two cars. Absent for the first, and before a crossing.
    """
    wanted = casefolded(cars)
    chosen = [car for car in race.order.cars() if car.casefold() in wanted]
    rows: State = {}
    for place, car in enumerate(chosen):
        row: State = {"position": place + 1}
        if place:
            row["gap"] = _told(race.order.gap(chosen[0], car, race.at))
            row["interval"] = _told(race.order.gap(chosen[place - 1], car, race.at))
        rows[car] = row
    return rows


def _told(gap: Gap | None) -> State:
    return (
        {name: value for name, value in gap._asdict().items() if value is not None} if gap else {}
    )


# -- The championship ----------------------------------------------------------------------


def championship(race: Race, season: Season | None, output: Output) -> State:
    """The championship as it would stand if the session ended now: ``{title, of, rows}``.

    A row has its place before the session as ``before`` (absent: none, or not known), and
    what it has ``gained`` since. Without a season it is this session's points alone; without
    rules nothing can be said, and there are no rows.
    """
    if season is None:
        pack = own_pack(race)
        if pack is None:
            return {"of": output.of, "rows": {}}
        rounds = rounds_scored(race, classify(race, Convention.of(pack)))
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
            told: dict[str, Any] = {
                "position": len(rows) + 1,
                **{name: row[name] for name in ("rank", "tied", "name", "car", "class", "points")},
                "before": was.get("rank"),
                "gained": row["points"] - was["points"] if before is not None else None,
            }
            rows[f"{car_class}:{row['name']}"] = {
                name: value for name, value in told.items() if value is not None
            }
    title = now.opened.title if now.opened else ""
    return {"title": title, "of": output.of, "rows": rows}


def _standing(season: Season | None, output: Output, car_class: str) -> list[dict[str, Any]]:
    if season is None or car_class not in season.classes:
        return []
    return season.standings(of=output.of, car_class=car_class)
