"""The 2007 Petit Le Mans, reconstructed lap by lap from published facts.

``petit_le_mans_2007()`` returns the events. Its inputs are the published facts (``facts``)
and a plan for each car (``car_plans``); ``field`` simulates all cars, ``timing`` derives
the crossings, and ``race_events`` the events. Method and sources:
``docs/petit-le-mans-2007.md``.
"""

from events import AnyEvent
from replay.petit_le_mans_2007.car_plans import GRID, PLANS
from replay.petit_le_mans_2007.facts import SOURCE, published
from replay.petit_le_mans_2007.field import drive_field
from replay.petit_le_mans_2007.race_events import TITLE, race_events

__all__ = ["SOURCE", "TITLE", "petit_le_mans_2007"]


def petit_le_mans_2007() -> list[AnyEvent]:
    """Return the race's events in effective order, the same at every call.

    The ``basis`` of each says whether its content is ``published`` or ``reconstructed``. The
    source is ``petit-le-mans-2007``, numbered from 0 without a gap.
    """
    known = published()
    classes = {entry.car: entry.car_class for entry in known.entries}
    return race_events(known, drive_field(list(PLANS), classes, GRID))
