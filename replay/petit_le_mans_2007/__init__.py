"""The 2007 Petit Le Mans, told lap by lap from what was published about it.

``petit_le_mans_2007()`` gives the events. Facts (``facts``) and story (``story``) go in;
``field`` takes all cars round the track, ``timing`` reads the loops, ``telling`` makes
the events. How, and what is known at all: ``docs/petit-le-mans-2007.md``.
"""

from events import AnyEvent
from replay.petit_le_mans_2007.facts import SOURCE, published
from replay.petit_le_mans_2007.field import drive_field
from replay.petit_le_mans_2007.story import GRID, PLANS
from replay.petit_le_mans_2007.telling import TITLE, tell

__all__ = ["SOURCE", "TITLE", "petit_le_mans_2007"]


def petit_le_mans_2007() -> list[AnyEvent]:
    """The race's events in effective order, the same at every call.

    Each says by its ``basis`` whether its content is ``published`` or ``reconstructed``;
    the source is ``petit-le-mans-2007``, numbered from 0 without a gap.
    """
    known = published()
    classes = {entry.car: entry.car_class for entry in known.entries}
    return tell(known, drive_field(list(PLANS), classes, GRID))
