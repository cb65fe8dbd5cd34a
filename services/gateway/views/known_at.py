"""The ``known_at`` of a query, and its delay: how far the log is folded."""

from __future__ import annotations

from events.errors import BadMoment
from projections.views.moments import moment_of
from replay.entries import parse_position
from replay.recording import NotAsShown, ShownTimes
from services.clocks import wall_ms
from services.gateway.errors import FieldError, RequestRefused
from services.gateway.state import Gateway
from services.queries.race_cache import RaceMoment
from services.queries.sessions import log_position

AT_MOMENT = "at"
"""The ``known_at`` for what was known when the session clock came to the moment ``at``."""


async def known_at_moment(gateway: Gateway, session: str, moment: str | None) -> tuple[int, int]:
    """A moment on the session clock (ms), and the wall-clock time (ms) when the clock showed it.

    Raises RequestRefused.
    """
    if moment is None:
        raise bad_known_at(AT_MOMENT, "`at` here needs the parameter `at`")

    def times(folded: RaceMoment) -> tuple[int, int]:
        happened = [event.at for _, event in folded.recorded]
        recorded = [parse_position(position)[0] for position, _ in folded.recorded]
        at = moment_of(moment, folded.race)
        return at, ShownTimes(session, happened, recorded).place_at_clock(at)

    try:
        return (await gateway.races.ask_moment(session, times)).answer
    except NotAsShown:
        reason = "the log was imported in one go: when its states were shown is unknown"
        raise bad_known_at(AT_MOMENT, reason) from None


def known_position(known_at: str | None) -> str | None:
    """The log position or time of ``known_at``; None for all. Raises RequestRefused."""
    if known_at is None:
        return None
    try:
        return log_position(known_at)
    # OverflowError and OSError: a year for which the machine has no clock, such as 9999.
    except (BadMoment, ValueError, OverflowError, OSError) as error:
        reason = error.reason if isinstance(error, BadMoment) else "no time of a log"
        raise bad_known_at(known_at, reason) from None


def bad_known_at(value: str, reason: str) -> RequestRefused:
    """The refusal of a ``known_at``."""
    fault = FieldError(field="known_at", value=value, reason=reason)
    return RequestRefused(422, f"known_at: {reason}", [fault])


def fold_limit(known: str | None, delay_ms: int) -> tuple[str | None, str | None]:
    """The log position or time up to which to fold, and the name to keep the fold under.

    The fold for a delay is kept under one name, for its end only moves forward.
    """
    if not delay_ms:
        return known, None
    delayed = int(wall_ms() - delay_ms)
    if known is not None and _time_of(known) <= delayed:
        return known, None
    return str(delayed), f"delayed by {delay_ms}"


def _time_of(known: str) -> int:
    return parse_position(known)[0] if "-" in known else int(known)
