"""A season of a single session, for the points of that session alone."""

from __future__ import annotations

from collections.abc import Iterable

from events import RoundScored, SeasonOpened, SeasonRound
from projections.championship.season import Season
from projections.race import Race
from projections.results.provisional import SOURCE, adjustments
from projections.results.scheduled_length import scheduled_length
from projections.rules.packs import RegulationPack


def season_of_session(
    race: Race, rounds: Iterable[RoundScored], pack: RegulationPack, series: str | None = None
) -> Season:
    """Return a season with this session as its only scored round, under a pack.

    ``series`` is as for `place_awards`.
    """
    opened = race.session.opened
    series = series or opened.series
    rounds = [one if series else _open_to_all(one) for one in rounds]
    this = SeasonRound(name=opened.title, time_limit_ms=scheduled_length(race).ms)
    season = Season(pack)
    season.apply(
        SeasonOpened(
            at=0,
            source=SOURCE,
            source_seq=0,
            title=opened.title,
            series=series or pack.series,
            rules=pack.name,
            classes=opened.classes,
            rounds=(this,) * (opened.round or 1),
        )
    )
    return season.with_scored(rounds).with_adjusted(adjustments(race, rounds, pack))


def _open_to_all(scored: RoundScored) -> RoundScored:
    rows = tuple(row.model_copy(update={"championships": None}) for row in scored.rows)
    return scored.model_copy(update={"rows": rows})
