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
from projections.results.scheduled_length import length_note
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
    for award in session_awards(case.race, rounds, pack) if placed.place is not None else ():
        if award.contest == "drivers" and award.car == case.car and award.place is None:
            yield _of_points(f"No points for {award.name}", award.why[-1], rests_on)
    taken = points_taken(case.race).get(case.car)
    if taken:
        words = penalty_noun("points", taken)
        yield Statement(
            "points", f"Points for #{case.car}: {words} by the stewards.", _taking(case)
        )


def length(case: Case, pack: RegulationPack) -> Iterator[Statement]:
    """That the points depend on a length that is unknown, or reconstructed."""
    note = length_note(case.race, pack)
    if note and case.row.car_class is not None:
        yield Statement("points", f"{note[0].upper()}{note[1:]}.")


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
