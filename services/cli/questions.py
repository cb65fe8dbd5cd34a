"""Questions as commands ask them: the store is opened, the log read, doubts said on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from events.errors import WrongSeries
from services.cli.shell import with_log
from services.queries.sessions import Question, Recorded, race_at, read

if TYPE_CHECKING:
    from projections.race import Race
    from services.queries.seasons import Asked, SeasonQuestion
    from services.storage.event_log import Log

DIFFERS = (
    "differs from the race that this version has built in: the store holds an older version's "
    "or one of your own. A new --data folder has the newest"
)


def ask(question: Question, store: str | None, data: Path | None) -> tuple[Race, Recorded]:
    """The race as it stood, and the log it is folded from. Raises what `read` raises."""
    recorded = ask_recorded(question, store, data)
    race = recorded.timeline.race
    if question.at is not None:
        race = race_at(recorded.timeline, question.at)
    return race, recorded


def ask_recorded(question: Question, store: str | None, data: Path | None) -> Recorded:
    """The log of the session, read. Raises what `read` raises."""
    return with_log(store, data, lambda log: read_recorded(log, question))


async def read_recorded(log: Log, question: Question) -> Recorded:
    """As `sessions.read`; warns on stderr where the log differs from a built-in race."""
    recorded = await read(log, question)
    if recorded.differs_from_built_in:
        _warn(question.session)
    return recorded


def ask_season(question: SeasonQuestion, store: str | None, data: Path | None) -> Asked:
    """The season, and the live session beside it if one is named.

    Raises what `read_asked` raises, and BadParameter for a session of another series.
    """
    from services.queries.seasons import read_asked

    try:
        asked = with_log(store, data, lambda log: read_asked(log, question))
    except WrongSeries as error:
        raise typer.BadParameter(str(error)) from None
    if asked.differs_from_built_in:
        _warn(question.season)
    if asked.recorded is not None and asked.recorded.differs_from_built_in and question.live:
        _warn(question.live)
    return asked


def _warn(name: str) -> None:
    """Say that a session is not what is built in, so that nobody takes it for that race."""
    typer.echo(f"lapstream: {name} {DIFFERS}", err=True)
