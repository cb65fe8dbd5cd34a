"""How the race of a car ended."""

from __future__ import annotations

from collections.abc import Iterator

from events.clock import format_clock
from projections.results.classification import taken_back_to
from projections.results.official_result import official_result
from projections.views.explain.case import Case
from projections.views.explain.statements import Statement, lap_count


def status(case: Case) -> Iterator[Statement]:
    """How its race ended, where there is something to say."""
    if not case.is_race:
        return
    race, row, rules = case.race, case.row, case.convention.classification
    flag, last = case.record.chequered, case.last_lap(case.car)
    official = official_result(race)
    if official is not None:
        text = f"No lap of it is known: it is as published, {official.rests_on}."
        yield Statement("status", text, last)
        return
    if row.status == "not_started":
        yield Statement("status", "It did not start.", case.record.entry, "classification.no_laps")
    elif row.status == "not_classified":
        yield _too_few_laps(case)
    elif case.car in race.order.finished:
        at = format_clock(race.order.finished[case.car])
        did = "took the chequered flag" if flag else "completed the distance"
        yield Statement("status", f"It {did} at {at}.", (*flag, *last))
    elif row.status == "retired":
        yield _retired(case)
    elif row.status == "running" and case.is_over:
        yield Statement("status", "It has yet to take the chequered flag.", flag)
    elif row.status == "classified" and race.track.ended_under_red_at is None:
        text = "It was not timed under the chequered flag, and is classified where it stood."
        yield Statement("status", text, last, "classification.must_take_flag")
    if taken_back_to(race, rules.red_flag_countback) is not None:
        laps = lap_count(rules.red_flag_countback)
        text = f"The race ended under the red flag: the result is taken back {laps}."
        yield Statement("status", text, (), "classification.red_flag_countback")


def _too_few_laps(case: Case) -> Statement:
    row, rules = case.row, case.convention.classification
    field = [one for one in case.rows if one.status != "disqualified"]
    if rules.reference == "class":
        field = [one for one in field if one.car_class == row.car_class]
    most = max(one.laps for one in field)
    needed = rules.required_laps(most, row.car_class)
    share = rules.minimum_distance_in.get(row.car_class or "", rules.minimum_distance)
    whose = "the class winner" if rules.reference == "class" else "the winner"
    text = (
        f"It took the chequered flag but is not classified: {lap_count(row.laps)}, where {needed} "
        f"are needed, {share * 100:g} % of the {most} of {whose}."
    )
    events = (*case.record.chequered, *case.last_lap(case.car))
    return Statement("status", text, events, "classification.minimum_distance")


def _retired(case: Case) -> Statement:
    retired = case.record.retired
    why = f" ({retired.reason})" if retired and retired.reason else ""
    place = "keeps its place on laps"
    if case.convention.classification.retirements == "after_finishers":
        place = "stands behind those that take the flag"
    text = f"It {'did not finish' if case.is_over else 'has retired'}{why}, and {place}."
    events = (retired.identity,) if retired else ()
    return Statement("status", text, events, "classification.retirements")
