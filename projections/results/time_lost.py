"""Time that cars lose by penalties, put where it would be lost.

Rules:

- added time counts in the classification only. A running car with added time stands behind
  those that are on its lap and follow it on the road within that time, wherever on the lap they
  are; cars a lap behind stay behind, as laps count first;
- a penalty that is served in the pit lane costs the car that time on the road, as long as it
  runs: it comes back behind every car that follows within the cost, laps down or not. What it
  costs is measured in this race (`drive_through_cost`), else the pack's value of a penalty that
  was not served. A stop and go costs a drive-through and what the pack counts it more; a stop and
  hold the seconds of its hold besides;
- between two such cars the difference of their times counts;
- qualifying and practice are ordered by best lap, which neither time nor laps change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from events import AnyEvent, PenaltyConverted, PenaltyImposed
from events.stewards import PenaltyKind
from projections.folds.stewards import COUNTING, TO_SERVE
from projections.race import Race
from projections.results.official_result import official_row
from projections.results.rejoin import drive_through_cost
from projections.rules.packs import PenaltyRules
from projections.wording import penalty_noun


class Effect(NamedTuple):
    """What a penalty that is imposed now changes.

    ``order`` is the order that it changes: ``road`` and thereby the classification,
    ``classified`` only, or None. ``ms`` is the time lost, None where it is none or unknown;
    ``text`` says all that in a sentence.
    """

    car: str
    kind: str
    order: str | None
    ms: int | None
    text: str


def effects(
    race: Race, rules: PenaltyRules, penalties: Iterable[tuple[str, PenaltyKind, int | None]]
) -> list[Effect]:
    """Return the effects of penalties (car, kind, amount), in their order."""
    return [_effect(race, rules, *penalty) for penalty in penalties]


def penalties_in(
    race: Race, events: Iterable[AnyEvent]
) -> list[tuple[str, PenaltyKind, int | None]]:
    """Return the penalties (car, kind, amount) that decisions impose or convert to."""
    found: list[tuple[str, PenaltyKind, int | None]] = []
    for event in events:
        match event:
            case PenaltyImposed(car=car, kind=kind, amount=amount):
                found.append((car, kind, amount))
            case PenaltyConverted(penalty_id=name, kind=kind, amount=amount):
                penalty = race.stewards.penalties.get(name)
                if penalty is not None:
                    found.append((penalty.car, kind, amount))
            case _:
                pass
    return found


def lost_on_road(found: Iterable[Effect]) -> dict[str, int]:
    """Return the time (ms) that each car loses on the road by penalties it would serve."""
    lost: dict[str, int] = {}
    for one in found:
        if one.order == "road" and one.ms:
            lost[one.car] = lost.get(one.car, 0) + one.ms
    return lost


def _effect(
    race: Race, rules: PenaltyRules, car: str, kind: PenaltyKind, amount: int | None
) -> Effect:
    what = f"#{car}: {penalty_noun(kind, amount)}"
    if not race.session.is_race and kind in (*TO_SERVE, "time", "laps"):
        return Effect(car, kind, None, None, f"{what} changes no order of best laps")
    if kind in TO_SERVE:
        return _to_serve(race, rules, car, kind, amount, what)
    if kind not in COUNTING or kind == "points":
        return Effect(car, kind, None, None, f"{what} changes no order")
    ms = (amount or 0) * 1000 if kind == "time" else None
    text = f"{what}, which counts without being served: changes the classified order only"
    return Effect(car, kind, "classified", ms, text)


def _to_serve(
    race: Race, rules: PenaltyRules, car: str, kind: PenaltyKind, amount: int | None, what: str
) -> Effect:
    if not _runs(race, car):
        seconds: int = getattr(rules, f"{kind}_s")
        seconds += (amount or 0) if kind == "stop_and_hold" else 0
        text = f"{what}, which can no longer be served: "
        if not _has_finished(race, car) or not seconds:
            return Effect(car, kind, None, None, f"{text}changes no order")
        text += f"{seconds} s are added, which changes the classified order only"
        return Effect(car, kind, "classified", seconds * 1000, text)
    measured = drive_through_cost(race, race.session.car_class(car))
    through = rules.drive_through_s * 1000 if measured is None else measured.ms
    value: int = getattr(rules, f"{kind}_s")
    more = max(0, value - rules.drive_through_s)
    ms = through + 1000 * (more + ((amount or 0) if kind == "stop_and_hold" else 0))
    if not ms:
        text = f"{what}, to be served: how long that takes in this race is unknown"
        return Effect(car, kind, "road", None, text)
    source = "of the pack" if measured is None else _measured(measured.stops)
    text = (
        f"{what}, to be served: costs about {ms / 1000:.1f} s in the lane ({source}), and "
        "changes the order on the road, and so the classified one"
    )
    return Effect(car, kind, "road", ms, text)


def _measured(stops: int) -> str:
    if not stops:
        return "by the session's time for a drive-through"
    return f"measured, {stops} drive-through{'' if stops == 1 else 's'} of this race"


def _has_finished(race: Race, car: str) -> bool:
    official = official_row(race, car)
    return car in race.order.finished or (official is not None and official.status == "classified")


def _runs(race: Race, car: str) -> bool:
    """Whether the car may still serve a penalty."""
    order = race.order
    return not (car in order.finished or car in order.retired) and race.session.ended_at is None


# -- Orders --------------------------------------------------------------------------------


def road_order(race: Race, lost: Mapping[str, int]) -> list[str]:
    """Return the running order after these cars have lost so much time (ms) on the road."""

    def passes(ahead: str, behind: str) -> bool:
        gap = _behind_ms(race, ahead, behind)
        return gap is not None and gap < lost.get(ahead, 0) - lost.get(behind, 0)

    return moved_back(race.order.cars(), [car for car in lost if lost[car]], passes)


def within_lap_ms(race: Race, ahead: str, behind: str) -> int | None:
    """Return the gap (ms) to a car behind on the same lap; None for a lap or more.

    0 for a car that has passed on the road since the line.
    """
    theirs, ours = race.order.passings.get(ahead), race.order.passings.get(behind)
    if not theirs or not ours:
        return None
    if (-len(ours), ours[-1]) < (-len(theirs), theirs[-1]):
        return 0
    gap = race.order.gap(ahead, behind, race.at)
    return None if gap is None else gap.ms


def moved_back(
    order: Sequence[str], cars: Iterable[str], passes: Callable[[str, str], bool]
) -> list[str]:
    """Return the order with these cars moved behind the last one that ``passes`` them.

    ``passes(car, other)`` says whether the other, which follows, would be ahead. Cars at the
    back are moved first, so that each meets the others in their new places.
    """
    moved = list(order)
    there = [car for car in cars if car in moved]  # a safety car is in no order
    for car in sorted(there, key=moved.index, reverse=True):
        place = moved.index(car)
        last = max(
            (at for at in range(place + 1, len(moved)) if passes(car, moved[at])), default=place
        )
        moved.insert(last, moved.pop(place))
    return moved


def _behind_ms(race: Race, ahead: str, behind: str) -> int | None:
    """Return how long after a car another passed the line that it crossed last, laps included."""
    theirs, ours = race.order.passings.get(ahead), race.order.passings.get(behind)
    if not theirs or not ours or not _runs(race, behind):
        return None
    return max(0, ours[-1] - theirs[len(ours) - 1]) if len(theirs) >= len(ours) else None
