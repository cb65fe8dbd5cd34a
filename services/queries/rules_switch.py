"""Switches of regulation packs: what one changes in a season, and which is in force."""

from __future__ import annotations

from collections.abc import Iterator

from events import Contest, EventVoided, RulesSwitched
from projections.championship.season import Season
from projections.results.points import CONTESTS
from services.queries.sessions import PositionedEvents
from services.queries.tables.columns import Row


def switch_rows(now: Season, then: Season) -> Iterator[Row]:
    """A row for each contender of any championship whose rank or points differ."""
    for of in CONTESTS:
        for car_class in then.classes:
            yield from _changes(now, then, of, car_class)


def _changes(now: Season, then: Season, of: Contest, car_class: str) -> Iterator[Row]:
    before, after = (
        {row["name"]: row for row in season.standings(of=of, car_class=car_class)}
        for season in (now, then)
    )
    for name in dict.fromkeys([*after, *before]):
        was, now_is = before.get(name, {}), after.get(name, {})
        if (was.get("rank"), was.get("points")) != (now_is.get("rank"), now_is.get("points")):
            yield {
                "of": of,
                "class": car_class,
                "name": name,
                "rank_now": was.get("rank"),
                "rank_then": now_is.get("rank"),
                "points_now": was.get("points"),
                "points_then": now_is.get("points"),
            }


def switch_in_force(events: PositionedEvents) -> RulesSwitched | None:
    """The last switch of a log that is not voided; None without one."""
    voided = {
        (event.voided_source, event.voided_seq)
        for _, event in events
        if isinstance(event, EventVoided)
    }
    switches = [
        event
        for _, event in events
        if isinstance(event, RulesSwitched) and event.identity not in voided
    ]
    return switches[-1] if switches else None
