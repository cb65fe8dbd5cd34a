"""Explanations of a car's place as rows, and hypotheses compared with the present state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from events import AnyEvent, Contest
from projections.championship.season import Season
from projections.race import Race
from projections.results.classification import Classified, Convention, classify
from projections.results.official_result import official_result
from projections.results.provisional import points_by_car, rounds_scored
from projections.results.time_lost import road_order
from projections.results.whatif import changes
from projections.rules.packs import Number, RegulationPack
from projections.views.explain import Statement, explain
from services.queries.tables.columns import Row

ASSUMED = "assumed"


def statements(
    race: Race, events: Iterable[tuple[str, AnyEvent]], car: str, pack: RegulationPack | None
) -> Sequence[Row]:
    """The statements that explain a car's place, with the positions of the events behind them.

    ``events`` are all events with their positions, in the order of the log. Raises UnknownCar.
    """
    events = list(events)
    positions: dict[tuple[str, int], str] = {}
    for position, event in events:
        positions.setdefault(event.identity, position)
    found = explain(race, (event for _, event in events), car, pack)
    return [_row(one, positions, pack) for one in found]


FORECAST = "forecast"
"""The subject of statements about a forecast, which no others are mixed with."""


def statements_about(
    race: Race,
    events: Iterable[tuple[str, AnyEvent]],
    car: str,
    pack: RegulationPack | None,
    about: str | None,
) -> Sequence[Row]:
    """The statements about one subject; without one, all but those about the forecast.

    Raises UnknownCar and NoForecast.
    """
    if about == FORECAST:
        return forecast_statements(race, car)
    found = statements(race, events, car, pack)
    return [row for row in found if about is None or row["about"] == about]


def forecast_statements(race: Race, car: str) -> Sequence[Row]:
    """Why a car has its odds. Raises UnknownCar and NoForecast."""
    from projections.forecast.causes import explain_forecast
    from projections.forecast.race_forecast import situation_of_race

    found = explain_forecast(situation_of_race(race), car, race.session.opened.classes)
    return [_row(Statement(FORECAST, text), {}, None) for text in found]


def _row(
    statement: Statement,
    positions: Mapping[tuple[str, int], str],
    pack: RegulationPack | None,
) -> Row:
    rule = statement.rule
    return {
        "about": statement.about,
        "text": statement.text,
        "rule": rule,
        "rule_source": _source(rule, pack),
        "events": [
            {"position": positions.get(identity), "source": identity[0], "source_seq": identity[1]}
            for identity in statement.events
        ],
    }


def _source(rule: str | None, pack: RegulationPack | None) -> str | None:
    """The source of the pack's rule of that key; None for what is not a rule of a pack."""
    if rule is None or pack is None or not pack.has_rule(rule):
        return None
    return pack.source_of(rule) or ASSUMED


class ClassificationPoints(NamedTuple):
    """A classification, the points of its places, and the order on the road."""

    rows: Sequence[Classified]
    points: Mapping[str, Number]
    road: Sequence[str]

    @classmethod
    def of(
        cls, race: Race, pack: RegulationPack | None, lost: Mapping[str, int] | None = None
    ) -> ClassificationPoints:
        """The classification of a session under a pack.

        ``lost`` is the time (ms) that cars would lose on the road.
        """
        rows = classify(race, Convention.of(pack), lost=lost)
        points = points_by_car(race, rounds_scored(race, rows, pack=pack), pack)
        on_road = race.session.is_race and official_result(race) is None
        return cls(rows, points, road_order(race, lost or {}) if on_road else ())


def changed_rows(now: ClassificationPoints, then: ClassificationPoints) -> Sequence[Row]:
    """Every car as it is and as it would be, in the order it would have."""
    road_now = {car: place for place, car in enumerate(now.road, start=1)}
    road_then = {car: place for place, car in enumerate(then.road, start=1)}
    return [
        {
            "car": change.car,
            "class": change.car_class,
            "position_now": change.position_now,
            "position_then": change.position_then,
            "gained": change.gained,
            "class_position_now": change.class_position_now,
            "class_position_then": change.class_position_then,
            "laps_now": change.laps_now,
            "laps_then": change.laps_then,
            "total_ms_now": change.total_ms_now,
            "total_ms_then": change.total_ms_then,
            "status_now": change.status_now,
            "status_then": change.status_then,
            "points_now": now.points.get(change.car),
            "points_then": then.points.get(change.car),
            "road_position_now": road_now.get(change.car),
            "road_position_then": road_then.get(change.car),
            "best_lap_ms_now": change.best_lap_ms_now,
            "best_lap_ms_then": change.best_lap_ms_then,
        }
        for change in changes(now.rows, then.rows)
    ]


def differing_rows(now: ClassificationPoints, then: ClassificationPoints) -> Sequence[Row]:
    """The cars for which anything would be different."""
    differing = {one.car for one in changes(now.rows, then.rows) if one.changed}
    return [
        row
        for row in changed_rows(now, then)
        if row["car"] in differing
        or row["points_now"] != row["points_then"]
        or row["road_position_now"] != row["road_position_then"]
    ]


def titles_changed(
    now: Season, then: Season, of: Contest, classes: Sequence[str], after: int
) -> Sequence[Row]:
    """The championships after a round as they would be, with present ranks and points."""
    rows: list[Row] = []
    for name in classes:
        before = {
            row["name"]: row for row in now.standings(of=of, car_class=name, after_round=after)
        }
        for row in then.standings(of=of, car_class=name, after_round=after):
            was = before.get(row["name"])
            rows.append(
                {
                    "rank_then": row["rank"],
                    "rank_now": was["rank"] if was else None,
                    "name": row["name"],
                    "car": row["car"],
                    "class": name,
                    "points_then": row["points"],
                    "points_now": was["points"] if was else None,
                }
            )
    return rows
