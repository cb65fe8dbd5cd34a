"""The parts of a car's plan: stops, lost time, and goals. The plans are in ``car_plans``.

Places and lengths are in reference laps (see ``reference``), a deficit is how many of
them a car is behind the reference.
"""

from __future__ import annotations

from typing import NamedTuple


class Stop(NamedTuple):
    """A visit to the lane from reference lap ``at`` on, besides those for fuel.

    ``penalty`` names the penalty served in it.
    """

    at: float
    lane_s: float
    reason: str
    penalty: str | None = None


class Off(NamedTuple):
    """Time lost on the road: ``laps`` of deficit gathered from ``at`` on at walking pace."""

    at: float
    laps: float


class Reach(NamedTuple):
    """Be ``deficit`` behind the reference at reference lap ``at``, whatever pace that takes."""

    at: float
    deficit: float


Act = Stop | Off | Reach


class CarPlan(NamedTuple):
    """A car's race.

    ``laps`` is what it completes; ``retires`` the reason if it then stops for good.
    ``pace`` is the deficit it gathers in a green lap when it is left to itself, which it
    is up to green span ``free_until`` (``paces`` are spans in which it is another); from
    there on the pace is what leads to ``laps``. ``stint`` is how far a tank goes,
    ``skips`` are cautions it stays out in, ``tops`` those in which it fills up although
    its tank is fresh, ``slots`` its deficit to the leader at the restart from a caution,
    where that is known.
    ``seats`` is the order in which the crew drives, over and over.
    """

    car: str
    laps: int
    pace: float
    stint: float
    seats: tuple[int, ...] = (1, 2)
    free_until: int = 0
    paces: tuple[tuple[int, float], ...] = ()
    skips: tuple[int, ...] = ()
    tops: tuple[int, ...] = ()
    stops: tuple[Stop, ...] = ()
    offs: tuple[Off, ...] = ()
    reaches: tuple[Reach, ...] = ()
    slots: tuple[tuple[int, float], ...] = ()
    retires: str | None = None
