"""Where a car stands, and its gaps to the cars around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from events.clock import format_clock, format_lap_time
from projections.folds.running_order import Gap
from projections.views.explain.case import Case
from projections.views.explain.statements import (
    BY_BEST_LAP,
    BY_LAPS,
    BY_LINES,
    Statement,
    gap_words,
    lap_count,
)
from projections.views.places import gap_between
from projections.wording import ordinal


def position(case: Case) -> Iterator[Statement]:
    """Its place, on the track and in the result."""
    if case.is_race and not case.is_over and case.car in case.race.order.passings:
        yield _on_track(case)
        yield _in_result(case)
    else:
        yield _classified(case)


def _on_track(case: Case) -> Statement:
    order = case.race.order.cars()
    of_class = [car for car in order if case.car_class(car) == case.row.car_class]
    place = case.places(order.index(case.car) + 1, of_class.index(case.car) + 1)
    lap = case.race.order.laps.get(case.car, 0)
    if case.car in case.race.order.retired:
        text = f"#{case.car} stands {place}, with {lap_count(lap)} completed."
    else:
        in_lane = case.race.pits.in_lane_since(case.car) is not None
        where = ", in the pit lane" if in_lane else ""
        text = f"#{case.car} runs {place}, on lap {lap + 1}{where}."
    return Statement("position", text, case.record.last_crossing(case.car), BY_LINES)


def _in_result(case: Case) -> Statement:
    place = case.places(case.row.position, case.row.class_position)
    text = f"If the race ended now it would be classified {place}{_done(case)}."
    return Statement("result", text, case.last_lap(case.car), BY_LAPS)


def _classified(case: Case) -> Statement:
    place = case.places(case.row.position, case.row.class_position)
    if not case.is_race:
        best = case.row.best_lap_ms
        done = f", with a best lap of {format_lap_time(best)}" if best else ": no time"
        text = f"#{case.car} is {place}{done}."
        return Statement("position", text, case.best_lap_event(case.car), BY_BEST_LAP)
    stands = f"#{case.car} is {place}"
    if case.row.status == "disqualified":
        stands = f"#{case.car} is disqualified and stands {place}"
    elif case.is_over and case.row.status == "classified" and _is_first(case):
        stands = _won(case)
    text = f"{stands}{_done(case)}."
    return Statement("position", text, case.last_lap(case.car), BY_LAPS)


def _is_first(case: Case) -> bool:
    place = case.row.class_position if case.row.car_class else case.row.position
    return place == 1


def _won(case: Case) -> str:
    car, name = case.car, case.row.car_class
    if case.row.position == 1:
        return f"#{car} is the winner, overall and in {name}" if name else f"#{car} is the winner"
    return f"#{car} is the winner of {name}, {ordinal(case.row.position)} overall"


def _done(case: Case) -> str:
    """``, with 10 laps in 0:10:05.000, 5 s of that added by the stewards``."""
    row = case.row
    if not row.laps or row.total_ms is None:
        return ", without a completed lap"
    added = f", {row.penalty_ms // 1000} s of that added by the stewards" if row.penalty_ms else ""
    taken = f" after {lap_count(row.penalty_laps)} taken away" if row.penalty_laps else ""
    return f", with {lap_count(row.laps)}{taken} in {format_clock(row.total_ms)}{added}"


def gaps(case: Case) -> Iterator[Statement]:
    """To the leaders, and to the cars directly ahead and behind, overall and in class."""
    running = case.is_race and not case.is_over
    order = case.race.order.cars() if running else [row.car for row in case.rows]
    if case.car not in order:  # in the result alone, as a car that was withdrawn
        return
    place = order.index(case.car)
    for other, who in _around(case, order).items():
        behind = order.index(other) < place
        ahead, after = (other, case.car) if behind else (case.car, other)
        gap = _gap_on_track(case, ahead, after) if running else _gap_in_result(case, ahead, after)
        side = "behind" if behind else "ahead of"
        text = f"It {f'is {gap}' if gap else 'stands'} {side} #{other}, {' and '.join(who)}"
        if gap is None and _is_behind(case, ahead, after):
            text += f", though {'ahead of' if behind else 'behind'} it on laps and time"
        rests_on = case.last_of(ahead, running) + case.last_of(after, running)
        yield Statement("gap", f"{text}.", tuple(dict.fromkeys(rests_on)))


def _around(case: Case, order: Sequence[str]) -> dict[str, list[str]]:
    """The cars that it is compared with, and what each of them is to it."""
    car_class = case.row.car_class
    scopes = {"overall": order}
    if car_class is not None:
        of_class = [car for car in order if case.car_class(car) == car_class]
        scopes[f"in {car_class}"] = of_class
    first = "the winner" if case.is_over else "which leads"
    found: dict[str, dict[str, list[str]]] = {}
    for scope, cars in scopes.items():
        place = cars.index(case.car)
        sides = {first if case.is_race else "the quickest": 0, "next ahead": place - 1}
        for what, index in {**sides, "next behind": place + 1}.items():
            if 0 <= index < len(cars) and index != place and (index or what != "next ahead"):
                found.setdefault(cars[index], {}).setdefault(what, []).append(scope)
    return {
        car: [_role(case, what, where) for what, where in roles.items()]
        for car, roles in found.items()
    }


def _role(case: Case, what: str, where: Sequence[str]) -> str:
    """``which leads overall and in GT``, ``which leads GT``, ``next ahead in GT``."""
    if what in ("which leads", "the winner") and "overall" not in where:
        return f"{what} {'of ' if what == 'the winner' else ''}{case.row.car_class}"
    return f"{what} {' and '.join(where)}"


def _gap_on_track(case: Case, ahead: str, behind: str) -> str | None:
    gap = gap_between(case.race, ahead, behind)
    return gap_words(gap) if gap else None


def _gap_in_result(case: Case, ahead: str, behind: str) -> str | None:
    first, then = case.row_of(ahead), case.row_of(behind)
    if not case.is_race:
        if not first.best_lap_ms or not then.best_lap_ms:
            return None
        return gap_words(Gap(None, then.best_lap_ms - first.best_lap_ms))
    laps, ms = first.laps - then.laps, (then.total_ms or 0) - (first.total_ms or 0)
    if not then.laps or laps < 0 or (laps == 0 and ms < 0) or then.status == "disqualified":
        return None
    return gap_words(Gap(laps, None) if laps else Gap(None, ms))


def _is_behind(case: Case, ahead: str, behind: str) -> bool:
    """Whether the car that stands ahead is behind on laps and time."""
    classified = {row.car: row for row in case.rows}
    if not {ahead, behind} <= classified.keys():  # known by an intermediate line alone
        return False
    first, then = classified[ahead], classified[behind]
    return (then.laps, -(then.total_ms or 0)) > (first.laps, -(first.total_ms or 0))
