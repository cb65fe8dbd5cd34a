"""What the stewards decided, and which places that changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile

from events import AnyEvent, PenaltyConverted, PenaltyImposed, PenaltyServed
from projections.folds.stewards import COUNTING, TO_SERVE, Penalty, as_imposed
from projections.results.classification import NOT_SERVED, Classified, classify
from projections.views.explain.case import Case
from projections.views.explain.statements import Statement, clock_words, join_words
from projections.wording import penalty_given, penalty_noun

MOVING = frozenset({*TO_SERVE, *COUNTING} - {"points"})
"""The kinds that can move a car in the result."""


def penalties(case: Case) -> Iterator[Statement]:
    """Each penalty, what became of it, and what it changes."""
    imposed = case.race.stewards.penalties.values()
    for penalty in sorted(imposed, key=as_imposed):
        if penalty.car == case.car:
            yield _penalty(case, penalty)


def _penalty(case: Case, penalty: Penalty) -> Statement:
    history = case.record.penalties.get(penalty.penalty_id, [])
    sentences = [_step(case, penalty, event) for event in history]
    owed, rule, counts = _owed(case, penalty)
    if owed:
        sentences.append(owed)
    if counts:
        effect = _without(case, {penalty.penalty_id})
        sentences.append(f"Without it it would be {effect}." if effect else "It changes no place.")
    events = tuple(event.identity for event in history)
    return Statement("penalty", " ".join(sentences), events, rule)


def _step(case: Case, penalty: Penalty, event: AnyEvent) -> str:
    when = _when(case, event.at)
    reason = getattr(event, "reason", None)
    why = f" ({reason})" if reason else ""
    match event:
        case PenaltyImposed():
            given = penalty_given(event.kind, event.amount)
            return f"#{penalty.car} {given} {when}{why}."
        case PenaltyConverted():
            return f"That became {penalty_noun(event.kind, event.amount)} {when}{why}."
        case PenaltyServed():
            return f"It was served {when}."
        case _:
            return f"It was rescinded {when}{why}, and counts no more."


def _owed(case: Case, penalty: Penalty) -> tuple[str, str | None, bool]:
    """What is still open of it, by which rule, and whether it counts in the result."""
    status, rules = case.row.status, case.convention.penalties
    if penalty.status not in NOT_SERVED or penalty.kind not in MOVING:
        return "", None, False
    if penalty.kind in TO_SERVE:
        if status in ("classified", "not_classified"):
            seconds: int = getattr(rules, f"{penalty.kind}_s")
            seconds += (penalty.amount or 0) if penalty.kind == "stop_and_hold" else 0
            text = f"It was not served: {seconds} s are added to its time instead."
            return text, f"penalties.{penalty.kind}_s", True
        if status == "running":
            return "It is still to be served.", None, False
        return "It was never served.", None, False
    if penalty.kind == "time" and status == "retired":
        none = "" if rules.time_to_retired else "No time is added to a retired car."
        return none, "penalties.time_to_retired", rules.time_to_retired
    rule = f"penalties.{penalty.kind}"
    return "", rule if penalty.kind in ("back_of_class", "places") else None, True


def penalties_of_others(case: Case) -> Iterator[Statement]:
    """The places that it has by what others were given."""
    others = {
        one.penalty_id: one.car
        for one in sorted(case.race.stewards.penalties.values(), key=as_imposed)
        if one.car != case.car and one.status in NOT_SERVED and one.kind in MOVING
    }
    effect = _without(case, others)
    if not others or not effect:
        return
    without = _ahead_of(case.car, classify(case.race, case.convention, others))
    now = _ahead_of(case.car, case.rows)
    passed = [name for name, car in others.items() if (car in without) != (car in now)]
    cars = list(dict.fromkeys(others[name] for name in passed or others))
    what = "penalty" if len(passed or others) == 1 else "penalties"
    text = f"Without the {what} of {join_words([f'#{car}' for car in cars])} it would be {effect}."
    events = [event.identity for name in passed for event in case.record.penalties.get(name, ())]
    yield Statement("penalty", text, tuple(events))


def _ahead_of(car: str, rows: Iterable[Classified]) -> set[str]:
    """The cars ahead of one; those that the convention does not list are not."""
    return {row.car for row in takewhile(lambda row: row.car != car, rows)}


def _without(case: Case, penalties: Collection[str]) -> str | None:
    """The place that the car would have without these; None where it is the same."""
    rows = classify(case.race, case.convention, penalties)
    would = next(row for row in rows if row.car == case.car)
    places = (would.position, would.class_position)
    if places == (case.row.position, case.row.class_position):
        return None
    return case.places(*places)


def _when(case: Case, at: int) -> str:
    flag = case.race.finish.chequered_at
    return "after the flag" if flag is not None and at >= flag else f"at {clock_words(at)}"
