"""Why a car is where it is: every figure with the events and the rule it rests on.

An explanation is a list of statements, each a sentence that could be read out on air,
with the identities of the events behind it and, where a rule decides, the rule. Nothing
is worked out here that the classification, the running order and the points do not use.

While a race runs, position and gaps are those on screen, and the result is what it would be
if the race ended there; from the flag on, position and gaps are those of the result.
"""

from __future__ import annotations

from collections.abc import Iterable

from events import AnyEvent
from events.errors import UnknownCar
from projections.folds.running_order import natural
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.rules.packs import RegulationPack
from projections.views.explain import corrections, order, outcome, penalties, points
from projections.views.explain.case import Case
from projections.views.explain.record import Record
from projections.views.explain.statements import Statement
from projections.wording import plain

__all__ = ["Statement", "explain"]


def explain(
    race: Race, events: Iterable[AnyEvent], car: str, pack: RegulationPack | None = None
) -> list[Statement]:
    """Why ``car`` has its place, its gaps, its result and, under a pack, its points.

    ``events`` are all that were recorded, corrections included, later ones too. Raises
    UnknownCar. Costs O(events), and a classification for each penalty of the car.
    """
    convention = Convention.of(pack)
    rows = classify(race, convention)
    row = next((one for one in rows if one.car == car), None)
    if row is None:
        return _not_listed(race, events, car)
    case = Case(race, rows, row, convention, Record(race, events, car))
    return [
        *(points.length(case, pack) if pack else ()),
        *order.position(case),
        *order.gaps(case),
        *outcome.status(case),
        *penalties.penalties(case),
        *penalties.penalties_of_others(case),
        *corrections.best_lap(case),
        *corrections.corrections(case),
        *(points.points(case, pack) if pack else ()),
    ]


def _not_listed(race: Race, events: Iterable[AnyEvent], car: str) -> list[Statement]:
    """Of a car that the result leaves out. Raises UnknownCar for one that is not entered."""
    if car not in race.session.entries:
        known = sorted({*race.session.entries, *race.order.passings}, key=natural)
        raise UnknownCar(car, tuple(known))
    text = f"#{car} has completed no lap, and is not listed in the result."
    if car in race.session.apart:
        role = plain(race.session.apart[car])
        text = f"#{car} is a {role}, no competitor, and is in no result."
    entry = Record(race, events, car).entry
    return [Statement("status", text, entry, "classification.no_laps")]
