"""The moments of a race that people go to: cautions, restarts, lead changes, flags, penalties,
retirements.

Rules: a caution and the restart after it share their number, as in the ledger; the other
kinds are counted each for itself, from 1. Under a caution that ends with the chequered
flag there is no restart. Flags are those for the whole track that begin or end a caution,
and the chequered flag; a local flag lasts until it is cleared, as in ``projections.folds.track``.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter
from typing import Annotated, Literal, NamedTuple, get_args

from projections.folds.stewards import Penalty, as_imposed
from projections.folds.track import Caution
from projections.race import Race
from projections.views.rows import Heading, MomentMs, Row, RowModel
from projections.wording import flag_name, penalty_name

MarkerKind = Literal[
    "caution", "restart", "lead_change", "flag", "local_flag", "penalty", "retirement"
]
KINDS: tuple[MarkerKind, ...] = get_args(MarkerKind)


class Marker(NamedTuple):
    """A moment: its kind, its number among those, and its time (ms on the session clock).

    ``end_ms`` is None for what has no length, or lasts still. ``lap`` is the lap that the
    overall leader had completed last. ``label`` says in words what it is.
    """

    kind: MarkerKind
    number: int
    at_ms: int
    end_ms: int | None
    lap: int
    car: str | None
    label: str


class MarkersRow(RowModel):
    """A marker; the wall-clock times are times of day with their offset from UTC."""

    kind: Annotated[MarkerKind, Heading("Kind")]
    number: Annotated[int, Heading("No.")]
    at_ms: Annotated[MomentMs, Heading("At")]
    end_ms: Annotated[MomentMs | None, Heading("End")]
    lap: Annotated[int, Heading("Lap")]
    car: str | None
    label: Annotated[str, Heading("What")]
    wall_clock: Annotated[str | None, Heading("Wall clock", rank=1)]
    end_wall_clock: str | None


Found = tuple[int, int | None, str | None, str]
"""Of a marker its ``at_ms``, ``end_ms``, ``car`` and ``label``."""


def markers(race: Race) -> list[Row]:
    """Every marker until now as a row, in the order of time.

    ``wall_clock`` and ``end_wall_clock`` are its times of day with their offset from UTC,
    None where the session does not say when it began.
    """
    starts_at = race.session.opened.starts_at

    return [
        {
            **marker._asdict(),
            "wall_clock": wall_clock(starts_at, marker.at_ms),
            "end_wall_clock": wall_clock(starts_at, marker.end_ms),
        }
        for marker in all_markers(race)
    ]


def moment(starts_at: datetime | None, at: int | None) -> datetime | None:
    """The time of day of a session time (ms); None where unknown or beyond the calendar."""
    if at is None or starts_at is None:
        return None
    try:
        return starts_at + timedelta(milliseconds=at)
    except OverflowError:  # before the year 1 or after 9999
        return None


def wall_clock(starts_at: datetime | None, at: int | None) -> str | None:
    """The same in ISO 8601, with its offset from UTC."""
    then = moment(starts_at, at)
    return None if then is None else then.isoformat(timespec="milliseconds")


def all_markers(race: Race) -> list[Marker]:
    """Every marker until now, in the order of time, those of one moment in that of KINDS."""
    found = chain.from_iterable(markers_of(race, kind) for kind in KINDS)
    return sorted(found, key=attrgetter("at_ms"))


def markers_of(race: Race, kind: MarkerKind) -> list[Marker]:
    """The markers of one kind, in the order of their numbers."""
    leaders = race.chart.leaders
    times = [led.at for led in leaders]

    def marker(number: int, found: Found) -> Marker:
        at, end, car, label = found
        passed = bisect_right(times, at)
        lap = leaders[passed - 1].lap if passed else 0
        return Marker(kind, number, at, end, lap, car, label)

    if kind == "caution":
        return [marker(number, found) for number, found in _cautions(race)]
    if kind == "restart":
        return [marker(number, found) for number, found in _restarts(race)]
    return [marker(number, found) for number, found in enumerate(_COUNTED[kind](race), start=1)]


def _ledger(race: Race) -> Iterator[tuple[int, list[Caution]]]:
    """The rows of each caution, by its number."""
    for number, kinds in groupby(race.track.cautions(), attrgetter("number")):
        yield number, list(kinds)


def _cautions(race: Race) -> Iterator[tuple[int, Found]]:
    for number, kinds in _ledger(race):
        kinds_text = ", then ".join(flag_name(caution.kind) for caution in kinds)
        yield number, (kinds[0].start_ms, kinds[-1].end_ms, None, f"Caution {number}: {kinds_text}")


def _restarts(race: Race) -> Iterator[tuple[int, Found]]:
    for number, kinds in _ledger(race):
        end = kinds[-1].end_ms
        if end is not None and end != race.finish.chequered_at:
            yield number, (end, None, kinds[-1].leader_after, f"Restart after caution {number}")


def _lead_changes(race: Race) -> Iterator[Found]:
    for led in race.chart.lead_changes():
        yield led.at, None, led.car, f"Car {led.car} leads lap {led.lap}"


def _flags(race: Race) -> Iterator[Found]:
    for _, kinds in _ledger(race):
        for caution in kinds:
            yield caution.start_ms, caution.end_ms, None, f"Flag: {flag_name(caution.kind)}"
        end = kinds[-1].end_ms
        if end is not None and end != race.finish.chequered_at:
            yield end, None, None, "Flag: green"
    if race.finish.chequered_at is not None:
        yield race.finish.chequered_at, None, None, "Flag: chequered"


def _local_flags(race: Race) -> Iterator[Found]:
    spells = [*race.track.cleared, *race.track.local.values()]
    for one in sorted(spells, key=lambda one: (one.start_ms, one.sector)):
        yield one.start_ms, one.end_ms, None, f"Sector {one.sector}: {flag_name(one.flag)}"


def _penalties(race: Race) -> Iterator[Found]:
    book = race.stewards.penalties.values()
    for one in sorted(book, key=as_imposed):
        yield one.imposed_at, None, one.car, _penalty(one)


def _penalty(penalty: Penalty) -> str:
    reason = f": {penalty.reason}" if penalty.reason else ""
    return f"Penalty for car {penalty.car}, {penalty_name(penalty.kind, penalty.amount)}{reason}"


def _retirements(race: Race) -> Iterator[Found]:
    for at, car in race.order.retirements():
        yield at, None, car, f"Car {car} retires"


_COUNTED: dict[MarkerKind, Callable[[Race], Iterator[Found]]] = {
    "lead_change": _lead_changes,
    "flag": _flags,
    "local_flag": _local_flags,
    "penalty": _penalties,
    "retirement": _retirements,
}
