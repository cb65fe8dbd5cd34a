"""Why a car is where it is, in rows; and what would be if, beside what is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from events import AnyEvent, Contest
from projections.championship.season import Season
from projections.race import Race
from projections.results.classification import Classified, Convention, classify
from projections.results.provisional import points_by_car, rounds_scored
from projections.results.whatif import changes
from projections.rules.packs import Number, RegulationPack
from projections.views.explain import Statement, explain
from services.queries.tables.columns import Row

ASSUMED = "assumed"


def statements(
    race: Race, told: Iterable[tuple[str, AnyEvent]], car: str, pack: RegulationPack | None
) -> Sequence[Row]:
    """What is to be said of a car as it stood, with the log's positions. Raises UnknownCar.

    ``told`` are all events with their positions, in the order of the log.
    """
    told = list(told)
    said = explain(race, (event for _, event in told), car, pack)
    positions: dict[tuple[str, int], str] = {}
    for position, event in told:
        positions.setdefault(event.identity, position)
    return [_row(one, positions, pack) for one in said]


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
    """Where the pack has the rule of that key from; None for what is no rule of a pack."""
    if rule is None or pack is None or not pack.has_rule(rule):
        return None
    return pack.source_of(rule) or ASSUMED


class Standing(NamedTuple):
    """A classification and what its places are worth."""

    rows: Sequence[Classified]
    points: Mapping[str, Number]

    @classmethod
    def of(cls, race: Race, pack: RegulationPack | None) -> Standing:
        """A session as it stands under a pack."""
        rows = classify(race, Convention.of(pack))
        return cls(rows, points_by_car(race, rounds_scored(race, rows), pack))


def changed_rows(now: Standing, then: Standing) -> Sequence[Row]:
    """Every car now and then, in the order it would be."""
    return [
        {
            "class": change.car_class,
            **change._asdict(),
            "points_now": now.points.get(change.car),
            "points_then": then.points.get(change.car),
        }
        for change in changes(now.rows, then.rows)
    ]


def differing_rows(now: Standing, then: Standing) -> Sequence[Row]:
    """The cars of which anything is other than now."""
    differing = {one.car for one in changes(now.rows, then.rows) if one.changed}
    return [
        row
        for row in changed_rows(now, then)
        if row["car"] in differing or row["points_now"] != row["points_then"]
    ]


def titles_changed(
    now: Season, then: Season, of: Contest, classes: Sequence[str], after: int
) -> Sequence[Row]:
    """The championships as they would stand after a round, with each one's rank and points now."""
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
