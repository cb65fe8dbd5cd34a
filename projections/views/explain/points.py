"""What the place is worth."""

from __future__ import annotations

from collections.abc import Iterator

from projections.results.classification import NOT_SERVED
from projections.results.points import Why
from projections.results.provisional import (
    place_awards,
    points_taken,
    rounds_scored,
    session_awards,
)
from projections.rules.packs import RegulationPack
from projections.views.explain.case import Case
from projections.views.explain.statements import Identity, Statement
from projections.wording import penalty_noun


def points(case: Case, pack: RegulationPack) -> Iterator[Statement]:
    """What the place is worth, who gets less than that, and what the stewards took."""
    rounds = rounds_scored(case.race, case.rows, pack=pack)
    placed = place_awards(case.race, rounds, pack).get(case.car)
    if placed is None:
        return
    rests_on = case.last_lap(case.car) or case.best_lap_event(case.car)
    now = "" if case.is_over else " as it stands"
    what = "No points" if placed.place is None else "Points"
    for why in placed.why:
        events = case.record.entry if why.rule == "points.ineligible" else rests_on
        yield _of_points(f"{what} for #{case.car}{now}", why, events)
    if _length_matters(case, pack):
        text = "How long the race was to be is not known: points as for a short one."
        yield Statement("points", text)
    for award in session_awards(case.race, rounds, pack) if placed.place is not None else ():
        if award.contest == "drivers" and award.car == case.car and award.place is None:
            yield _of_points(f"No points for {award.name}", award.why[-1], rests_on)
    taken = points_taken(case.race).get(case.car)
    if taken:
        words = penalty_noun("points", taken)
        yield Statement(
            "points", f"Points for #{case.car}: {words} by the stewards.", _taking(case)
        )


def _length_matters(case: Case, pack: RegulationPack) -> bool:
    """Whether other points would be due for another length, and the length is not known."""
    by_length = (one.from_hours or one.over_hours for one in pack.points.scales)
    return case.is_race and case.race.session.opened.time_limit_ms is None and any(by_length)


def _taking(case: Case) -> tuple[Identity, ...]:
    """The events by which the stewards took points."""
    return tuple(
        event.identity
        for penalty in case.race.stewards.penalties.values()
        if penalty.car == case.car and penalty.kind == "points" and penalty.status in NOT_SERVED
        for event in case.record.penalties.get(penalty.penalty_id, ())
    )


def _of_points(name: str, why: Why, events: tuple[Identity, ...]) -> Statement:
    text = why.text.removesuffix(": no points").replace(": ", ", ")
    return Statement("points", f"{name}: {text}.", events, why.rule)
