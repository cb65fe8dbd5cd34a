"""Sessions and seasons read from the store that a command's options name.

A warning on stderr says that a session differs from the built-in race of its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from events.errors import WrongSeries
from services.cli.console import echo
from services.cli.shell import with_log
from services.queries.sessions import FoldedSession, SessionQuestion, race_at, read_session

if TYPE_CHECKING:
    from projections.race import Race
    from services.queries.seasons import SeasonAnswer, SeasonQuestion
    from services.storage.event_log import Log

DIFFERS = (
    "differs from the one built into this version: the store holds an older version's or one "
    "of your own. A new --data folder gets the newest"
)


def query_race(
    question: SessionQuestion, store: str | None, data: Path | None
) -> tuple[Race, FoldedSession]:
    """The race at the moment of the question, and its folded log.

    Raises what `read_session` raises.
    """
    recorded = query_session(question, store, data)
    race = recorded.timeline.race
    if question.at is not None:
        race = race_at(recorded.timeline, question.at)
    return race, recorded


def query_session(question: SessionQuestion, store: str | None, data: Path | None) -> FoldedSession:
    """The folded log of the session. Raises what `read_session` raises."""
    return with_log(store, data, lambda log: read_with_warning(log, question))


async def read_with_warning(log: Log, question: SessionQuestion) -> FoldedSession:
    """As `read_session`, with the warning on stderr."""
    recorded = await read_session(log, question)
    if recorded.differs_from_built_in:
        _warn(question.session)
    return recorded


def query_season(question: SeasonQuestion, store: str | None, data: Path | None) -> SeasonAnswer:
    """The season, and the live session if one is named.

    Raises what `answer_season` raises, and BadParameter for a session of another series.
    """
    from services.queries.seasons import answer_season

    try:
        answer = with_log(store, data, lambda log: answer_season(log, question))
    except WrongSeries as error:
        raise typer.BadParameter(str(error)) from None
    if answer.differs_from_built_in:
        _warn(question.season)
    if answer.recorded is not None and answer.recorded.differs_from_built_in and question.live:
        _warn(question.live)
    return answer


def _warn(name: str) -> None:
    """Warn that a session or season is not the built-in one of its name."""
    echo(f"lapstream: {name} {DIFFERS}", err=True)
