"""Instants of a race as people name them: ``5:00:00``, ``lap:372``, ``caution:9``."""

from __future__ import annotations

from events.clock import format_clock, parse_clock
from events.errors import BadMoment, NoSuchMoment
from projections.race import Race
from projections.views.markers import KINDS, MarkerKind, markers_of
from projections.wording import plain


def moment_of(text: str, race: Race) -> int:
    """The session clock (ms) of an instant.

    ``H:MM:SS[.mmm]`` is that time; ``lap:N`` the instant the overall leader of a race
    completes lap N; ``caution:N`` the start of caution N, and so for every kind of marker
    (``restart:9``, ``lead-change:3``, ``penalty:1``). ``race`` is the whole race. Raises
    BadMoment where the text names no instant, and NoSuchMoment for one that the race never
    reached.
    """
    kind, colon, number = text.partition(":")
    marked = next((one for one in KINDS if one == kind.replace("-", "_")), None)
    if colon and (marked or kind == "lap"):
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise BadMoment(text, f"{kind}: takes a number, as in {kind}:9")
        if marked is None:
            return _lap(text, int(number), race)
        return _marker(text, marked, int(number), race)
    try:
        at = parse_clock(text)
    except ValueError:
        raise BadMoment(
            text, "not an instant; write 5:00:00, 5:00:00.250, lap:372 or caution:9"
        ) from None
    if at > race.at:
        raise NoSuchMoment(text, f"the session has come to {format_clock(race.at)}, not so far")
    return at


def _lap(text: str, lap: int, race: Race) -> int:
    if not race.session.is_race:
        kind = race.session.opened.kind
        raise NoSuchMoment(text, f"{kind} has no leader's laps; write a time such as 0:15:00")
    for led in race.chart.leaders:
        if led.lap == lap:
            return led.at
    last = race.chart.leader_lap()
    raise NoSuchMoment(text, f"no leader completed that lap; the last was lap {last}")


def _marker(text: str, kind: MarkerKind, number: int, race: Race) -> int:
    there = markers_of(race, kind)
    for marker in there:
        if marker.number == number:
            return marker.at_ms
    name = plain(kind)
    last = f"the last was {name} {there[-1].number}" if there else "there was none"
    raise NoSuchMoment(text, f"no such {name}; until {format_clock(race.at)} {last}")
